"""Where the blocks of an iteration begin, if each iteration takes only some of them."""


def offset(iteration: int, step: int) -> tuple[int, int]:
    """Return the first row and column of a grid of `step` pixels, elsewhere in each iteration.

    In ``step^2`` iterations the grids begin everywhere; a wide step is then as good as a small one.

    Examples
    --------
    >>> [offset(iteration, 2) for iteration in range(4)]
    [(0, 0), (1, 0), (0, 1), (1, 1)]
    """
    return iteration % step, (2 * iteration + iteration // step) % step
