"""One cell, one clean process: how a prior is kept from the truth, and from the next prior."""
