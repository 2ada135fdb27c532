"""``python -m priorlab`` is ``priorlab``."""

import sys

from priorlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
