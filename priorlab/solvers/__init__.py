"""How each form of a prior is turned into a method that restores a measurement.

Solvers take functions and settings, and know no prior:

- `priorlab.solvers.image_space` minimises an explicit energy over the image;
- `priorlab.solvers.plug_and_play` takes steps towards the data and denoises in turn;
- `priorlab.solvers.parameter_space` fits a network to the measurement.
"""
