"""Compile the loops that several tests need and `priorlab plugins compile` leaves out.

``python tests/compile_loops.py`` does so once, where each of the processes that run the tests would
wait for them. It uses two processes.
"""

from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch

from priorlab_handcrafted.adaptive_median import repair
from priorlab_handcrafted.blocks import eigenvectors
from priorlab_handcrafted.bm3d import BM3D
from priorlab_handcrafted.nonlocal_means import NonLocalMeans
from priorlab_handcrafted.total_generalized_variation import TotalGeneralizedVariation
from priorlab_handcrafted.total_variation import TotalVariation
from priorlab_handcrafted.wavelet_shrinkage import Wavelet
from priorlab_handcrafted.wnnm import WNNM

PICTURE = torch.zeros(1, 1, 32, 32)


def compile_other_settings() -> None:
    for step in (3, 6):
        WNNM(step=step).denoise(PICTURE, 0.1)
    values, vectors = np.empty(8, np.float32), np.empty((8, 8), np.float32)
    eigenvectors.leading(np.eye(8, dtype=np.float32), 0.5, values, vectors)
    for name in ("haar", "sym4", "sym8"):
        Wavelet(filter=name).denoise(PICTURE, 0.1)


def compile_double_precision() -> None:
    for prior in (TotalVariation(), TotalVariation(kind="condat"), TotalGeneralizedVariation()):
        prior.prox(PICTURE.double(), 0.1)
    repair(np.zeros((3, 3)), np.eye(3, dtype=np.bool_), 1)
    for step in (4, 6, 8):
        BM3D(step=step).denoise(PICTURE, 0.1)
    for patch in (5, 7, 9):
        NonLocalMeans(patch=patch).denoise(PICTURE, 0.1)


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as processes:
        works = (compile_other_settings, compile_double_precision)
        for compiled in [processes.submit(work) for work in works]:
            compiled.result()
