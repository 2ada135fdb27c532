"""Helpers of `epll`: its mixture of Gaussians, how it cleans patches, how it was trained."""
