"""What outlives a cell, or comes before it: drivers that are killed, logs, priors never ready."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import campaign
import faultkit
import pytest

from priorlab.harness.isolation import nursery
from priorlab.harness.isolation.setup import Setup

PART = "Around the cells"
DRIVER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import campaign
folder = Path(sys.argv[1])
files = [campaign.PLUGINS / "hangs.py"]
campaign.compare("hangs-in-many", files, folder, timeout_s=1000, slots=1)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_driver_leaves_nothing_behind(tmp_path, line, monkeypatch):
    folder = tmp_path / "run"
    line(
        PART,
        "killed-driver",
        "kill -9 of the driver while a cell has eight processes",
        "none is left",
        "none is left",
    )
    monkeypatch.setenv("FAULTS_SCRATCH", str(tmp_path / "run-scratch"))
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, folder, Path(__file__).parent], start_new_session=True
    )
    try:
        wait_for(lambda: len(faultkit.alive("hangs-in-many")) == 8)
        driver.send_signal(signal.SIGKILL)
        wait_for(lambda: not faultkit.alive("hangs-in-many"), seconds=30)
    finally:
        driver.kill()
        driver.wait()
        for pid in faultkit.alive("hangs-in-many"):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


def wait_for(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_of_a_gigabyte_of_output_the_ends_are_kept(seen, folder_of, line):
    seen("long", "prints-a-gigabyte")
    logs = list((folder_of("long") / "out").rglob("logs/*.log"))
    line(
        PART,
        "logs",
        "1 GB was printed",
        "less than 1 MB in all logs, with both ends",
        f"{sum(log.stat().st_size for log in logs) / 1e6:.1f} MB",
    )
    texts = [log.read_text() for log in logs]
    assert any("the beginning" in text and "the end" in text for text in texts)
    assert sum(map(len, texts)) < 1_000_000


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_prior_that_is_never_prepared_is_waited_for_once(monkeypatch, line):
    """It would take a quarter of an hour for each of its cells."""
    line(
        PART,
        "never-prepared",
        "hangs while it is prepared",
        "crashed, and not tried again",
        "crashed, and not tried again",
    )
    monkeypatch.setattr(nursery, "PREPARE_TIMEOUT", 20.0)
    plugin = str(campaign.PLUGINS / "never.py")
    cells = nursery.Nursery(Setup(plugin_files=(plugin,)), None, print)
    prior = {"name": "never", "parameters": {}}
    with pytest.raises(nursery.Unborn, match="not prepared within 20 s"):
        cells.start(prior, 1, "job 1")
    start = time.monotonic()
    with pytest.raises(nursery.Unborn, match="not prepared within 20 s"):
        cells.start(prior, 1, "job 2")
    assert time.monotonic() - start < 5
