"""Loops are compiled ahead: priors are prepared once, in processes of their own."""
