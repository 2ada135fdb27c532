"""Helpers of `bm3d` and `sliding_dct`: transforms of 8x8 blocks, and their compiled loops."""
