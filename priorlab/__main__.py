"""``python -m priorlab`` is ``priorlab``."""

from priorlab.cli import run

if __name__ == "__main__":
    run()
