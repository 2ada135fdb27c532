"""Products of tall matrices, in pieces so small that each is computed by one thread.

Libraries give a larger product to as many threads as there are cores, for which each waits: on a
busy machine that takes many times as long as the product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

ROWS = 256
"""Rows of a piece; OpenBLAS begins with threads at about 400 of 25 numbers, for their squares."""


def gram(rows: Matrix) -> Matrix:
    """Return ``rows.T @ rows``, of shape (M, M), of a matrix (N, M).

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(1000, 5))
    >>> bool(np.allclose(gram(rows), rows.T @ rows))
    True
    """
    whole = len(rows) // ROWS * ROWS
    pieces, rest = rows[:whole].reshape(-1, ROWS, rows.shape[1]), rows[whole:]
    return np.asarray(np.matmul(pieces.transpose(0, 2, 1), pieces).sum(0) + rest.T @ rest)


def times(rows: Matrix, matrix: Matrix) -> Matrix:
    """Return ``rows @ matrix``, of shape (N, K), of matrices (N, M) and (M, K).

    Examples
    --------
    >>> rows = np.random.default_rng(0).normal(size=(1000, 5))
    >>> bool(np.allclose(times(rows, rows[:5]), rows @ rows[:5]))
    True
    """
    whole = len(rows) // ROWS * ROWS
    pieces = rows[:whole].reshape(-1, ROWS, rows.shape[1])
    products = np.matmul(pieces, matrix).reshape(whole, matrix.shape[1])
    return np.concatenate([products, rows[whole:] @ matrix])
