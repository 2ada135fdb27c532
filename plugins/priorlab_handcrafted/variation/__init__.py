"""Helpers of the variational priors: their iterative proxes, and the cosine transform."""
