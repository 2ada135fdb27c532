"""How long the threads of torch stay awake between its loops: only as long as the next is near.

By default those of GNU's OpenMP, which torch comes with, spin for milliseconds, on cores that
compiled loops need in the meantime: with two threads these were no faster than with one. Asleep at
once, as with ``OMP_WAIT_POLICY=PASSIVE``, they must be woken for each of the many short operations
of torch, which then take longer with two threads than with one. `benchmarks/idle_threads.py`
measures it.
"""

import os

SPINS = "2000"
"""Some 50 microseconds."""
MILLISECONDS = "1"
"""For the OpenMP of LLVM and Intel, which counts no less."""


def doze() -> None:
    """Set it for this process, unless torch is loaded already, and for the processes it starts.

    What the user has set about it stays.

    Examples
    --------
    >>> doze()
    >>> "GOMP_SPINCOUNT" in os.environ or "OMP_WAIT_POLICY" in os.environ
    True
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
        os.environ.setdefault("KMP_BLOCKTIME", MILLISECONDS)
