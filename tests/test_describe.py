"""What `priorlab show NAME` explains."""

import re

import pytest

from priorlab import plugins
from priorlab.describe import describe
from priorlab.errors import UsageError
from priorlab.hookspecs import KINDS

ODD = """
import dataclasses
from priorlab import Denoiser, hookimpl, parameter

@dataclasses.dataclass(frozen=True, kw_only=True)
class Odd(Denoiser):
    name = "odd"
    side: int = parameter(3, "rows of the window", choices=(1, 3, 5))

    def denoise(self, v, sigma):
        return v

@hookimpl
def priorlab_priors():
    return [Odd]
"""


@pytest.fixture(scope="module")
def registry():
    return plugins.load()


def row(text, name):
    (line,) = (line for line in text.splitlines() if line.strip().startswith(f"{name}="))
    return line.split()


def test_parameters_are_shown_on_the_scale_of_the_user(registry):
    text = describe("denoise", registry)
    assert text.startswith("denoise: a task of priorlab (the core)")
    assert row(text, "sigma")[:2] == ["sigma=25", "float"]
    assert "(0-255, at least 0, at most 255)" in text


def test_a_parameter_that_is_a_component_is_shown_by_its_form(registry):
    text = describe("dip", registry)
    assert row(text, "red")[:2] == ["red=none", "denoiser"]
    assert row(text, "stop")[1].startswith("auto|")


def test_everything_can_be_shown(registry):
    for kind in KINDS:
        for name in getattr(registry, kind):
            assert re.search(rf"(?m)^{name}: an? {kind[:-1]} of ", describe(name, registry))


def test_an_unknown_name_gets_a_suggestion(registry):
    with pytest.raises(UsageError, match="unknown name 'dipp'; did you mean 'dip'"):
        describe("dipp", registry)


def test_choices_may_be_numbers(tmp_path):
    file = tmp_path / "odd.py"
    file.write_text(ODD)
    registry = plugins.load([file])
    assert "1|3|5" in describe("odd", registry)
    with pytest.raises(UsageError, match="is not one of 1, 3, 5"):
        registry.build_priors("odd:side=2")


def test_parameters_are_not_asked_for(registry):
    with pytest.raises(UsageError, match=r"tv:weight=9: only the name is asked for, tv; it shows"):
        describe("tv:weight=9", registry)
    with pytest.raises(UsageError, match="unknown name 'tvv:weight=9'"):
        describe("tvv:weight=9", registry)
