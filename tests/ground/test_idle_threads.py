"""Threads of torch that have nothing to do stay awake briefly, unless the user says otherwise."""

import os
import subprocess
import sys

import pytest

SEEN_BY_TORCH = "import os, priorlab; print(os.environ.get('GOMP_SPINCOUNT'))"


def printed(code, **variables):
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
    }
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, env=clean | variables, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize(
    ("said", "is_set"),
    [
        ({}, "2000"),
        ({"GOMP_SPINCOUNT": "7"}, "7"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "None"),
    ],
)
def test_what_the_user_says_about_waiting_stays(said, is_set):
    assert printed(SEEN_BY_TORCH, **said) == is_set
