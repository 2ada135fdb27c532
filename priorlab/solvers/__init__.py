"""How each form of a prior is turned into a method that restores a measurement."""
