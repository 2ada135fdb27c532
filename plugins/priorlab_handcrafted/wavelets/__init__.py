"""Helpers of `wavelet_shrinkage`: filters, transforms, thresholds and compiled loops."""
