"""Standard streams that a prior closes are open again for the next picture."""

import subprocess
import sys

import pytest

CLOSING = """
import os, sys
from priorlab.trials.surroundings import streams_kept

for _ in range(2):
    with streams_kept():
        print("during")
        sys.stdout.close()
        sys.stdin = None
        os.close(1)
    print("after\\udcff")
print(sys.stdin.read())
"""


@pytest.mark.slow
def test_streams_that_are_closed_are_opened_again():
    done = subprocess.run(
        [sys.executable, "-c", CLOSING], input="typed", capture_output=True, text=True, timeout=100
    )
    assert (done.stdout, done.stderr) == (2 * "during\nafter\\udcff\n" + "typed\n", "")
