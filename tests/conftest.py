"""What all tests share."""

import compileall
import os
import shutil
import signal
import sys
from collections.abc import Iterator

# Before torch is imported: idle threads are to sleep, not to spin on cores that others need.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Before numpy is: the threads of its products of small matrices wait for each other for longer
# than they work, where there are as many workers as cores.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import forked_slots
import hypothesis
import pytest
import torch
from hypothesis import HealthCheck
from sample_pictures import picture, save

from priorlab import plugins, remembered
from priorlab.ground import garbage
from priorlab.ground.extras import prepare_torchvision
from priorlab.harness.run import child
from priorlab.trials import trial

BEGIN = child.begin

# Under `nohup` this is ignored, and commands rightly leave it so.
if "PYTEST_XDIST_WORKER" in os.environ and hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

torch.set_num_threads(1)
prepare_torchvision()

# A busy machine is slow: no example fails for the time that it takes. Under CI the examples are
# the same in every run; elsewhere each run tries new ones.
UNTIMED = hypothesis.settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis.settings.register_profile("local", UNTIMED)
hypothesis.settings.register_profile("ci", UNTIMED, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """Import the tests at the least cost, in this worker and in the processes that it starts.

    The bytecode of them and of priorlab is kept, even where nothing else is to be: to make it takes
    longer than to import it. And no garbage is looked for in all that there is from now on.
    """
    if not hasattr(session.config, "workerinput"):
        for folder in ("priorlab", "plugins"):
            compileall.compile_dir(session.config.rootpath / folder, quiet=2)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    try:
        with garbage.awaited():
            return (yield)
    finally:
        garbage.freeze()
        sys.dont_write_bytecode = before


class _TorchRandom:
    """Torch's global generator, as hypothesis wants it to seed it for each example.

    `torch.manual_seed` would take milliseconds, for devices that are not there.
    """

    seed = staticmethod(torch.default_generator.manual_seed)
    getstate = staticmethod(torch.get_rng_state)
    setstate = staticmethod(torch.set_rng_state)


TORCH_RANDOM = _TorchRandom()  # hypothesis itself keeps a weak reference only
hypothesis.register_random(TORCH_RANDOM)


@pytest.fixture(autouse=True, scope="session")
def _copied():
    """Try plugins in copies of this process: a new one for each would take minutes in all.

    The threads that pytest-xdist and earlier tests have left only wait.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trial, "_can_fork", lambda: True)
        yield


@pytest.fixture(autouse=True, scope="session")
def _slots_forked():
    """Fork the processes of slots from one in which no test has run."""
    with pytest.MonkeyPatch.context() as patch:
        if sys.platform == "linux":
            patch.setattr(child, "begin", forked_slots.Server().begin)
        yield


@pytest.fixture(scope="module")
def new_slots():
    """Start the processes of slots as users do, where what they have imported matters."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(child, "begin", BEGIN)
        yield


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory, _copied):
    """Keep what is remembered away from the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        # No file has just changed, however long the tests take.
        patch.setattr(remembered, "_STARTED", 2**63)
        plugins.load()
        yield remembered.place("tried")


@pytest.fixture
def own_cache(_cache, tmp_path, monkeypatch):
    """A cache of this test alone, whatever others write meanwhile; only plugins are tried."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
    remembered.place("tried").parent.mkdir(parents=True)
    shutil.copy(_cache, remembered.place("tried"))
    return folder


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    """Have each test draw the same numbers, whichever tests ran before it."""
    with torch.random.fork_rng(devices=[]):
        TORCH_RANDOM.seed(0)
        yield


@pytest.fixture
def python_handles_sigint():
    """A shell that starts the tests with `&` has SIGINT ignored, and a run rightly leaves it so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def photo(tmp_path):
    """A colour PNG of 40 x 32 pixels."""
    return save(tmp_path / "photo.png", picture(32, 40, 3))
