"""Helpers of the learned priors: their networks, and the files that hold the weights."""
