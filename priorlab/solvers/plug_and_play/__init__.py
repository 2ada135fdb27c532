"""Plug-and-play: any Gaussian denoiser solves any linear inverse problem.

`restore` turns a denoiser and a measurement into an image; `settings` has what users choose. One
file holds one algorithm, with its defaults for each kind of degradation:

- splitting: `hqs` (half-quadratic), `admm`, `drs` (Douglas-Rachford), `red`;
- forward-backward: `pgd` (proximal gradient), `fista`;
- sampling: `diffpir`, `ascent` (stochastic), `ula` (Langevin; the posterior mean, with its
  uncertainty).

They share a `problem`: the `fidelity` to the data, falling noise `levels`, the weight of the
prior. `catalogue` knows all algorithms by name.
"""
