"""The few greatest eigenvalues of a small symmetric matrix, several times faster than all of them.

The matrix is made tridiagonal by Householder reflections; eigenvalues are found by bisection and
eigenvectors by twisted factorisations (I. S. Dhillon, B. N. Parlett: Multiple representations to
compute orthogonal eigenvectors of symmetric tridiagonal matrices, Linear Algebra and its
Applications 387, 2004).
"""

import numpy as np
from numpy.typing import NDArray

from priorlab_handcrafted.shared.compiled import kernel

Array = NDArray[np.float32]

SHIFTS = 16
"""Numbers at which eigenvalues are counted at a time."""

PASSES = 6
"""Each narrows the interval around an eigenvalue by one more than `SHIFTS`."""

FEW = 0.3
"""Up to this share of all eigenvalues, this is faster than LAPACK."""

LEAST_NORM = 0.5
"""What is left of an eigenvector without its part along those before it; less is a failure."""

TINY = np.float32(1e-30)


@kernel
def leading(matrix: Array, bound: float, values: Array, vectors: Array) -> int:
    """Find the eigenvalues of a symmetric matrix above `bound`, and their eigenvectors.

    Parameters
    ----------
    matrix : (n, n)
        Symmetric, positive semidefinite.
    bound : float
        Greater than zero.
    values : (n,)
        Its first entries are set to the eigenvalues above `bound`, greatest first.
    vectors : (n, n)
        Its first rows are set to their eigenvectors, orthonormal.

    Returns
    -------
    int
        How many there are.
    """
    n = len(matrix)
    reflectors = matrix.copy()
    diagonal, beside, scales = np.empty((3, n), np.float32)
    _tridiagonalise(reflectors, diagonal, beside, scales)
    squares = beside * beside
    count = _bisect(diagonal, squares, bound, values)
    done = 0
    while done < count <= FEW * n:
        vector = vectors[done]
        _twist(diagonal, beside, squares, values[done], vector)
        if not _is_new(vector, vectors[:done]):
            break
        done += 1
    if done < count:
        return _all(matrix, bound, values, vectors)
    for j in range(count):
        vector = vectors[j]
        for k in range(1, n):
            row, dot = reflectors[k], np.float32(0)
            for i in range(k):
                dot += row[i] * vector[i]
            dot *= scales[k]
            for i in range(k):
                vector[i] -= dot * row[i]
    return count


@kernel
def _all(matrix: Array, bound: float, values: Array, vectors: Array) -> int:
    """Do what `leading` does by LAPACK."""
    ascending, columns = np.linalg.eigh(matrix)
    count = 0
    for k in range(len(matrix) - 1, -1, -1):
        if ascending[k] <= bound:
            break
        values[count] = ascending[k]
        vectors[count] = columns[:, k]
        count += 1
    return count


@kernel
def _tridiagonalise(a: Array, diagonal: Array, beside: Array, scales: Array) -> None:
    """Reflect `a` to a tridiagonal matrix with `beside` next to its `diagonal`.

    Row k of `a` is left with the vector v of the reflection ``1 - scales[k] v v^T``, in its first
    k entries; that of the last row is the first that was applied.
    """
    work = np.empty(len(a), np.float32)
    for k in range(len(a) - 1, -1, -1):
        row, square = a[k], np.float32(0)
        diagonal[k] = row[k]
        beside[k] = scales[k] = 0
        for j in range(k):
            square += row[j] * row[j]
        if square <= TINY:
            continue
        beside[k] = -np.sqrt(square) if row[k - 1] > 0 else np.sqrt(square)
        scale = np.float32(1) / (square - beside[k] * row[k - 1])
        row[k - 1] -= beside[k]
        scales[k] = scale
        share = np.float32(0)
        for i in range(k):
            other, dot = a[i], np.float32(0)
            for j in range(k):
                dot += other[j] * row[j]
            work[i] = scale * dot
            share += work[i] * row[i]
        share *= scale / np.float32(2)
        for i in range(k):
            work[i] -= share * row[i]
        for i in range(k):
            other, left, right = a[i], row[i], work[i]
            for j in range(k):
                other[j] -= left * work[j] + right * row[j]


@kernel
def _bisect(diagonal: Array, squares: Array, bound: float, values: Array) -> int:
    """Set `values` to the eigenvalues above `bound`, greatest first, and return their number."""
    n = len(diagonal)
    shifts = np.empty(SHIFTS, np.float32)
    counts = np.empty(SHIFTS, np.int32)
    pivots = np.empty(SHIFTS, np.float32)
    highest = np.float32(bound)
    for i in range(n):
        reach = np.sqrt(squares[i]) + (np.sqrt(squares[i + 1]) if i + 1 < n else np.float32(0))
        highest = max(highest, diagonal[i] + reach)
    shifts[:] = bound
    _count(diagonal, squares, shifts, pivots, counts)
    found = counts[0]
    for j in range(found):
        low, high = np.float32(bound), highest
        for _ in range(PASSES):
            width = (high - low) / np.float32(SHIFTS + 1)
            for s in range(SHIFTS):
                shifts[s] = low + np.float32(s + 1) * width
            _count(diagonal, squares, shifts, pivots, counts)
            above = 0
            while above < SHIFTS and counts[above] > j:
                above += 1
            if above < SHIFTS:
                high = shifts[above]
            if above > 0:
                low = shifts[above - 1]
        values[j] = (low + high) / np.float32(2)
    return found


@kernel
def _count(
    diagonal: Array, squares: Array, shifts: Array, pivots: Array, counts: NDArray[np.int32]
) -> None:
    """Set `counts` to the numbers of eigenvalues above each of `shifts`."""
    for s in range(SHIFTS):
        counts[s] = 0
        pivots[s] = 1
    for i in range(len(diagonal)):
        for s in range(SHIFTS):
            pivot = (diagonal[i] - shifts[s]) - squares[i] / pivots[s]
            pivot = pivot if abs(pivot) > TINY else -TINY
            counts[s] += 1 if pivot > 0 else 0
            pivots[s] = pivot


@kernel
def _twist(diagonal: Array, beside: Array, squares: Array, value: float, vector: Array) -> None:
    """Set `vector` to the eigenvector of the eigenvalue `value`, at any length.

    The factorisations from above and from below meet in the row where they leave least.
    """
    n = len(diagonal)
    downward, upward = np.empty((2, n), np.float32)
    pivot = np.float32(1)
    for i in range(n):
        pivot = (diagonal[i] - value) - squares[i] / pivot
        pivot = pivot if abs(pivot) > TINY else -TINY
        downward[i] = pivot
    pivot, below = np.float32(1), np.float32(0)
    twist, least = 0, np.float32(np.inf)
    for i in range(n - 1, -1, -1):
        rest = abs(downward[i] - below / pivot)
        if rest < least:
            twist, least = i, rest
        pivot = (diagonal[i] - value) - below / pivot
        pivot = pivot if abs(pivot) > TINY else -TINY
        upward[i] = pivot
        below = squares[i]
    vector[twist] = 1
    for i in range(twist, 0, -1):
        vector[i - 1] = -beside[i] * vector[i] / downward[i - 1]
    for i in range(twist + 1, n):
        vector[i] = -beside[i] * vector[i - 1] / upward[i]


@kernel
def _is_new(vector: Array, others: Array) -> bool:
    """Make `vector` orthogonal to `others` and of length one; say whether that was possible."""
    n = len(vector)
    before = np.float32(0)
    for i in range(n):
        before += vector[i] * vector[i]
    for other in others:
        dot = np.float32(0)
        for i in range(n):
            dot += other[i] * vector[i]
        for i in range(n):
            vector[i] -= dot * other[i]
    after = np.float32(0)
    for i in range(n):
        after += vector[i] * vector[i]
    if not after > LEAST_NORM**2 * before or not after < np.inf:
        return False
    scale = np.float32(1) / np.sqrt(after)
    for i in range(n):
        vector[i] *= scale
    return True
