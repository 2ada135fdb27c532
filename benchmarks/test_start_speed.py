"""How long the command line takes to answer what needs no torch, and to find a mistake.

python -m pytest benchmarks/test_start_speed.py --benchmark-enable
"""

import subprocess
import sys

import pytest

COMMANDS = {
    "--help": ["--help"],
    "list": ["list"],
    "show": ["show", "dip"],
    "typo": ["restore", "a.png", "--prior", "tvv", "-o", "b.png"],
}


@pytest.mark.benchmark(group="start, whole process", warmup=True, min_rounds=10)
@pytest.mark.parametrize("command", COMMANDS)
def test_start(benchmark, command):
    def run():
        typed = [sys.executable, "-m", "priorlab", *COMMANDS[command]]
        return subprocess.run(typed, capture_output=True).returncode

    assert benchmark(run) == (2 if command == "typo" else 0)
