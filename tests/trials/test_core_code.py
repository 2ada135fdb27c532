"""A plugin that puts something in place of the core's own is refused, and it is put back."""

import pytest
from mostly_slow import mostly_slow

from priorlab import metrics, plugins, restoration
from priorlab.candidates import Candidate
from priorlab.forward.operators import Identity

PLUGIN = """
from priorlab import Denoiser, hookimpl, metrics, restoration
from priorlab.forward.operators import Identity

{before}

class Own(Denoiser):
    "Nothing."
    name = "own"
    def denoise(self, v, sigma):
        return v

@hookimpl
def priorlab_priors():
    {within}
    return [Own]
"""

CHANGES = {
    "priorlab.metrics.psnr": "metrics.psnr = lambda restored, clean: 99.0",
    "priorlab.restoration.LONGEST_REASON": "restoration.LONGEST_REASON = 3",
    "priorlab.forward.operators.Identity.forward": "Identity.forward = lambda self, x: 0 * x",
    "priorlab.restoration._checked": "restoration._checked.__code__ = (lambda a, b: a).__code__",
}


def state():
    return (
        metrics.psnr,
        restoration.LONGEST_REASON,
        Identity.forward,
        restoration._checked.__code__,
    )


@pytest.mark.parametrize("place", mostly_slow(["before", "within"], "within"))
@pytest.mark.parametrize("name", CHANGES)
def test_what_replaces_code_of_the_core_is_refused(tmp_path, name, place):
    file = tmp_path / "own.py"
    file.write_text(PLUGIN.format(**{"before": "", "within": "", place: CHANGES[name]}))
    before = state()
    for _ in range(2):  # when it is tried, and when that is known
        registry = plugins.load(files=[file])
        (plugin,) = registry.problems
        assert plugin.problem.startswith(f"TypeError: its import replaces {name}, which all")
        assert "own" not in registry.priors
        assert state() == before


def test_what_is_replaced_by_a_plugin_that_fails_is_put_back_too(tmp_path):
    file, before = tmp_path / "own.py", state()
    change = next(iter(CHANGES.values()))
    file.write_text(PLUGIN.format(before="", within=f"{change}; return 7"))
    module = Candidate(file.name, str(file)).module
    (plugin,) = plugins.load(files=[file], only=[module]).problems  # in this process at once
    assert "must return a list, not 7" in plugin.problem
    assert state() == before


def test_what_adds_to_the_core_is_not(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(PLUGIN.format(before="import priorlab.explain.charts", within="pass"))
    assert not plugins.load(files=[file]).problems
