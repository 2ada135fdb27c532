"""Specs: what is printed can be typed again, and what is mistyped is explained."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from priorlab.components import PER_GRAY_LEVEL, Component, description, from_description, parameter
from priorlab.errors import UsageError, unknown
from priorlab.specs import build, split
from priorlab.tasks.builtin import BUILTIN_TASKS, Denoise, DenoisePoisson, Inpaint

TASKS = {task.name: task for task in BUILTIN_TASKS}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Everything(Component):
    """A component with a field of every kind.

    More lines.
    """

    name: ClassVar[str] = "everything"
    sigma: float = parameter(
        25 * PER_GRAY_LEVEL, "noise", unit="0-255", low=0, high=1, scale=PER_GRAY_LEVEL, shown=True
    )
    weight: float = parameter(1 / 30, "weight", low=-1, high=1e6)
    steps: int = parameter(100, "steps", low=1)
    fast: bool = parameter(False, "fast")
    mode: str = parameter("soft", "mode", choices=("soft", "hard"))
    title: str = parameter("", "any text")
    weights: str = parameter("", "file", file=True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Outer(Component):
    """A component with another one inside."""

    name: ClassVar[str] = "outer"
    inner: Everything | None = parameter(None, "another component", component="tasks")
    deeper: Component | None = parameter(None, "any other component", component="tasks")


KNOWN: dict[str, Any] = {"everything": Everything, "outer": Outer, **TASKS}


def find(kind: str, name: str) -> type[Component]:
    if name not in KNOWN:
        raise unknown(kind.removesuffix("s"), name, KNOWN)
    found: type[Component] = KNOWN[name]
    return found


def one(text: str) -> Any:
    (component,) = build(text, "tasks", find)
    return component


EXCLUDING = ("only", "either", "tells", "needs", "multiple", "red=", "must be odd")
"""In the messages on fields that exclude each other, or that another prior must answer for."""


def values_of(kind: type[Component]) -> st.SearchStrategy[Any]:
    """Return components of a kind with any allowed values, as a Python user builds them."""
    types = typing.get_type_hints(kind)
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for field in dataclasses.fields(kind):
        facts = field.metadata
        low, high = facts.get("low"), facts.get("high")
        if facts.get("choices"):
            fields[field.name] = st.sampled_from(facts["choices"])
        elif types[field.name] is bool:
            fields[field.name] = st.booleans()
        elif types[field.name] is int:
            fields[field.name] = st.integers(low, high or 10**6)
        elif types[field.name] is float:
            fields[field.name] = st.floats(
                low if low is not None else -1e9, high if high is not None else 1e9
            )
        elif facts.get("component"):
            nested = values_of(Everything)
            if field.name == "deeper":
                nested |= st.deferred(lambda: values_of(Outer))
            fields[field.name] = st.none() | nested
        else:
            alphabet = st.characters(blacklist_categories=("Cs", "Cc"))
            fields[field.name] = st.text(alphabet, max_size=12)

    def make(given: dict[str, Any]) -> Component:
        try:
            return kind(**given)
        except UsageError as error:  # fields that exclude each other
            assume(not any(word in str(error) for word in EXCLUDING))
            raise

    return st.fixed_dictionaries({}, optional=fields).map(make)


@given(st.one_of([values_of(kind) for kind in KNOWN.values()]))
def test_what_is_printed_can_be_typed(component: Component) -> None:
    assert one(component.spec()) == component
    assert one(component.spec()).spec() == component.spec()


@given(st.lists(st.one_of([values_of(kind) for kind in TASKS.values()]), min_size=1, max_size=5))
def test_a_list_of_specs_is_a_list_of_components(components: list[Component]) -> None:
    text = ",".join(component.spec() for component in components)
    assert build(text, "tasks", find) == list(dict.fromkeys(components))


@given(values_of(Everything))
def test_equal_components_have_equal_fingerprints(component: Component) -> None:
    assume(not component.weights)  # type: ignore[attr-defined]
    assert one(component.spec()).fingerprint() == component.fingerprint()
    json.dumps(component.fingerprint(), allow_nan=False)


@pytest.mark.parametrize(
    ("text", "specs"),
    [
        ("denoise:sigma=15|25|50", ["denoise:sigma=15", "denoise:sigma=25", "denoise:sigma=50"]),
        ("denoise,inpaint:missing=0.8", ["denoise:sigma=25", "inpaint:missing=0.8"]),
        ("denoise:sigma=25,denoise", ["denoise:sigma=25"]),
        (" denoise : sigma = 15 , inpaint ", ["denoise:sigma=15", "inpaint:missing=0.5"]),
        ("inpaint:kind=text", ["inpaint:kind=text"]),
        ('inpaint:mask="missing=0.5,a.png"', ['inpaint:mask="missing=0.5,a.png"']),
        (
            "superres:factor=2|4,kernel=lanczos|bicubic",
            [
                "superres:factor=2",
                "superres:factor=2,kernel=bicubic",
                "superres:factor=4",
                "superres:factor=4,kernel=bicubic",
            ],
        ),
        ('everything:title="a,b|c"', ['everything:sigma=25,title="a,b|c"']),
        (
            'everything:title="a,b"|d',
            ['everything:sigma=25,title="a,b"', "everything:sigma=25,title=d"],
        ),
        ('everything:title=dir/"a,b".png', ['everything:sigma=25,title="dir/a,b.png"']),
        ("everything:title=a=b:c", ["everything:sigma=25,title=a=b:c"]),
        ("everything:fast=yes,weight=1e-3", ["everything:sigma=25,weight=0.001,fast=true"]),
        ("everything:weight=0.0333333333", ["everything:sigma=25"]),
    ],
)
def test_grammar(text: str, specs: list[str]) -> None:
    assert [component.spec() for component in build(text, "tasks", find)] == specs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one name"),
        (" , ", "a name before"),
        ("denoise,,inpaint", "a name before"),
        ("sigma=25", "needs a name before it"),
        ("denoise:", "name:key=value"),
        ("denoise:sigma", "name:key=value"),
        ("denoise:sigma=", "empty value"),
        ("denoise:sigma=25|", "empty value"),
        ("denoise:sigma=1,sigma=2", "'sigma' twice"),
        ('everything:title="a', "never closed"),
        ("denois", "did you mean 'denoise'"),
        ("suppres", "did you mean 'superres'"),
        ("denoise:sigm=25", "unknown field of denoise 'sigm'; did you mean 'sigma'"),
        ("denoise:sigma=-1", "sigma=-1 is too small; the least is 0"),
        ("denoise:sigma=256", "sigma=256 is too large; the most is 255"),
        ("denoise:sigma=much", "sigma=much is not a number"),
        ("denoise:sigma=nan", "not a finite number"),
        ("denoise:sigma=1e999", "not a finite number"),
        ("superres:factor=2.5", "factor=2.5 is not a whole number"),
        ("superres:factor=1", "the least is 2"),
        ("superres:factor=9", "the most is 8"),
        ("superres:kernel=box", "kernel=box is not one of lanczos, bicubic, gaussian"),
        ("everything:fast=perhaps", "fast=perhaps is not true or false"),
        ("everything:fast=0.5", "not true or false"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        build(text, "tasks", find)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_of_the_wrong_type_from_python() -> None:
    for make in (
        lambda: Denoise(sigma="25"),  # type: ignore[arg-type]
        lambda: Denoise(sigma=True),
        lambda: Everything(steps=2.5),  # type: ignore[arg-type]
        lambda: Everything(mode=3),  # type: ignore[arg-type]
        lambda: Inpaint(mask=Path("mask.png")),  # type: ignore[arg-type]
    ):
        with pytest.raises(UsageError, match="of type"):
            make()


def test_a_number_larger_than_any_float_is_refused_or_kept() -> None:
    with pytest.raises(UsageError, match="not a finite number"):
        Denoise(sigma=10**400)
    with pytest.raises(UsageError, match="too small"):
        Everything(steps=-(10**400))
    assert Everything(steps=10**400).steps == one("everything:steps=1" + 400 * "0").steps


def test_numbers_of_other_types_are_the_same_component() -> None:
    for peak in (30, 30.0, np.float64(30), np.float32(30), np.int64(30)):
        task = DenoisePoisson(peak=peak)
        assert task == DenoisePoisson() and json.dumps(task.fingerprint()) == json.dumps(
            DenoisePoisson().fingerprint()
        )
    assert Denoise(sigma=15 / 255) == one("denoise:sigma=15")
    assert type(Everything(steps=np.int64(3)).steps) is int  # type: ignore[arg-type]


def test_a_file_counts_by_its_content(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("a.png", "b.png", "c.png"))
    first.write_bytes(b"same"), second.write_bytes(b"same"), other.write_bytes(b"other")
    prints = [Inpaint(mask=str(path)).fingerprint() for path in (first, second, other)]
    assert prints[0] == prints[1] != prints[2]
    with pytest.raises(UsageError, match=r"inpaint: mask: cannot read .*none\.png: No such file"):
        Inpaint(mask=str(tmp_path / "none.png")).fingerprint()
    with pytest.raises(UsageError, match="inpaint: mask: "):
        Inpaint(mask=str(tmp_path)).fingerprint()


def test_summary_is_the_first_line() -> None:
    assert Everything.summary() == "A component with a field of every kind."


def test_split_keeps_the_alternatives_as_texts() -> None:
    (spec,) = split("denoise:sigma=15|25")
    assert spec.name == "denoise" and spec.fields == {"sigma": ("15", "25")}
    assert list(spec.expand()) == [{"sigma": "15"}, {"sigma": "25"}]


def test_a_component_can_be_a_parameter() -> None:
    outer = one('outer:inner="everything:sigma=15,mode=hard"')
    assert outer.inner == Everything(sigma=15 / 255, mode="hard")
    assert outer.spec() == 'outer:inner="everything:sigma=15,mode=hard"'
    assert outer.components() == {"inner": outer.inner}
    assert outer.fingerprint()["parameters"]["inner"] == outer.inner.fingerprint()
    assert one("outer:inner=none") == one("outer") == Outer()
    assert [
        each.inner.steps
        for each in build('outer:inner="everything:steps=1"|"everything"', "tasks", find)
    ] == [1, 100]
    for component in (outer, one("outer"), Outer(deeper=outer)):
        facts = json.loads(json.dumps(description(component)))
        assert from_description(facts, "tasks", find) == component


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("outer:inner=everythin", "outer: inner=everythin: unknown task 'everythin'; did you mean"),
        ("outer:inner=denoise", "outer: inner=denoise:sigma=25 is not a Everything"),
        ('outer:inner="everything:steps=0"', "steps=0 is too small"),
        ('outer:inner="everything:steps=1|2"', "expected one of the tasks, not 2"),
    ],
)
def test_what_is_wrong_with_a_component_in_a_component(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        one(text)
