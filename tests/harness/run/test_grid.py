"""Keys: they change with what a result depends on, and with nothing else."""

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlab.harness.run import grid
from priorlab.harness.run.grid import canonical, cell_key, safe_name

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
PARAMETERS = st.dictionaries(st.text(min_size=1), SCALARS, max_size=4)
IDENTITY = st.fixed_dictionaries({"name": st.text(), "parameters": PARAMETERS, "code": st.text()})
PARTS = st.tuples(IDENTITY, IDENTITY, st.text(), st.integers(min_value=0), PARAMETERS)


@given(PARTS, PARTS)
def test_keys_are_equal_for_equal_parts_only(one, other):
    equal = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (cell_key(*one) == cell_key(*other)) == equal


@given(PARAMETERS)
def test_canonical_text_does_not_depend_on_the_order(parameters):
    turned = dict(reversed(parameters.items()))
    assert canonical(parameters) == canonical(turned)
    assert canonical(parameters).isascii()
    assert json.loads(canonical(parameters)) == parameters


def test_canonical_text_stays_what_it_is():
    value = {"b": [1, 2.5, True, None], "a": "é"}
    assert canonical(value) == '{"a":"\\u00e9","b":[1,2.5,true,null]}'
    key = cell_key({"name": "tv"}, {"name": "denoise"}, "00", 0, {"device": "cpu"})
    assert key == KEY, "all results that users have stored would be forgotten"


KEY = "5611f9812e210ff53ea435d956ef7278407d00833394428333dcb8deedad3dd4"


def keys(registry, dataset, priors="good", tasks="denoise:sigma=25", seeds=(0,)):
    cells = grid.cells(
        registry.build_priors(priors),
        registry.build_tasks(tasks),
        dataset.images,
        seeds,
        registry=registry,
        device="cpu",
    )
    return [cell.key for cell in cells]


def test_keys_depend_on_what_results_depend_on(registry, dataset, monkeypatch):
    before = keys(registry, dataset)
    assert keys(registry, dataset) == before
    assert keys(registry, dataset, tasks="denoise") == before, "a default typed is a default"
    moved = [dataclasses.replace(image, name="x", path="/x") for image in dataset.images]
    assert keys(registry, dataclasses.replace(dataset, images=moved)) == before

    changed = [
        keys(registry, dataset, priors="nan"),
        keys(registry, dataset, tasks="denoise:sigma=26"),
        keys(registry, dataset, seeds=[1]),
    ]
    monkeypatch.setitem(
        registry.owners,
        ("priors", "good"),
        dataclasses.replace(registry.owners["priors", "good"], digest="another code"),
    )
    changed.append(keys(registry, dataset))
    monkeypatch.setattr(grid.plugins, "core_digest", lambda: "another core")
    changed.append(keys(registry, dataset))
    flat = sum(changed, before)
    assert len(set(flat)) == len(flat)


def test_cells_are_in_the_order_of_the_tables(registry, dataset):
    cells = grid.cells(
        registry.build_priors("nan,good"),
        registry.build_tasks("denoise:sigma=25|10"),
        dataset.images[:1],
        [1, 0],
        registry=registry,
        device="cpu",
    )
    labels = [(*cell.labels.values(),) for cell in cells]
    assert labels[:4] == [
        ("nan", "denoise:sigma=25", "tiny0", 1),
        ("nan", "denoise:sigma=25", "tiny0", 0),
        ("good", "denoise:sigma=25", "tiny0", 1),
        ("good", "denoise:sigma=25", "tiny0", 0),
    ]
    assert [label[1] for label in labels[4:]] == ["denoise:sigma=10"] * 4


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("inpaint:missing=0.5", "inpaint-missing=0.5"),
        ("dip:network=unet,iterations=3000", "dip-network=unet,iterations=3000"),
        ("Föto 01 (gray)", "Föto 01 (gray)"),
    ],
)
def test_safe_names_stay_readable(text, name):
    assert safe_name(text) == name


@given(st.text(), st.text())
def test_safe_names_are_safe_and_distinct(one, other):
    for text in (one, other):
        name = safe_name(text)
        assert name
        assert len(name.encode()) <= 200
        assert not set(name) & set('/\\:*?"<>|\0\n')
        assert not name.startswith((".", " "))
        assert not name.endswith((".", " "))
    plain = one.replace(":", "-", 1) == other.replace(":", "-", 1)
    assert plain or (safe_name(one) == safe_name(other)) == (one == other)
