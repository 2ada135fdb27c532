"""Helpers of `bm3d`, `sliding_dct` and `wnnm`: blocks that are alike, and what is made of them."""
