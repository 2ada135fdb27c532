"""How an untrained network fits a picture before its noise: fits, curves, sentences."""
