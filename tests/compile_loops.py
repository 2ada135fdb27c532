"""Compile the loops that several tests need and `priorlab plugins compile` leaves out.

``python tests/compile_loops.py`` does so once, where each of the processes that run the tests would
wait for them.
"""

import torch

from priorlab_handcrafted.wnnm import WNNM

if __name__ == "__main__":
    for prior in (WNNM(), WNNM(step=6)):
        prior.prepare(torch.device("cpu"), 1)
