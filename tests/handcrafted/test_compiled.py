"""Compiled loops."""

import importlib
import subprocess
import sys

import pytest
from numba.core import event

from priorlab_handcrafted.shared import compiled
from priorlab_handcrafted.shared.compiled import kernel


@pytest.fixture
def notice(monkeypatch):
    """A notice that has said nothing yet."""
    fresh = compiled._Notice()
    monkeypatch.setattr(compiled, "_notice", fresh)
    event.register("numba:compile", fresh)
    yield fresh
    event.unregister("numba:compile", fresh)


def test_the_first_use_says_once_that_it_compiles(tmp_path, monkeypatch, caplog, notice):
    monkeypatch.syspath_prepend(tmp_path)
    text = "from priorlab_handcrafted.shared.compiled import kernel\n"
    text += "@kernel\ndef once(x):\n    return x + 1\n@kernel\ndef twice(x):\n    return 2 * x\n"
    (tmp_path / "loops_of_a_test.py").write_text(text)
    loops = importlib.import_module("loops_of_a_test")
    assert (loops.once(1), loops.twice(2)) == (2, 4)
    assert caplog.messages == ["compiling loops for this processor, once; it takes some seconds"]
    notice.__init__()
    loops = importlib.reload(loops)  # as the next process does
    assert (loops.once(1), loops.twice(2)) == (2, 4)
    assert len(caplog.messages) == 1
    assert loops.once(1.5) == 2.5  # a new type
    assert len(caplog.messages) == 2


def test_loops_compile_where_nothing_can_be_kept(caplog, notice):
    names = {"kernel": kernel}
    exec("@kernel\ndef twice(x):\n    return 2 * x\n", names)  # from no file: no place beside it
    assert names["twice"](21) == 42
    assert "as in every process" in caplog.text


EVERY_LOOP = """
import torch
from priorlab import plugins
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity

registry = plugins.load()
specs = "tv:kind=isotropic|condat,huber-tv,tgv,wavelet,dct,nlm,bilateral,bm3d,wnnm"
for prior in registry.build_priors(specs):
    y = torch.rand(1, 1, 24, 24)
    prior.prepare(torch.device("cpu"), 1)
    prior.restore(Measurement(y, Identity(), Gaussian(0.1), y.shape))
"""


@pytest.mark.slow
def test_another_process_finds_every_loop_on_disk():
    """A loop whose key on disk changes with the process would be compiled by each of them."""
    for _ in range(2):  # the first one may have to compile them
        command = [sys.executable, "-c", EVERY_LOOP]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert "compiling" not in done.stderr
