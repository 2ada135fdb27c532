"""Keys: they change with what a result depends on, and with nothing else."""

import dataclasses
import json
from importlib import metadata
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mostly_slow import slow_where

from priorlab import plugins
from priorlab.errors import UsageError
from priorlab.ground import precision
from priorlab.harness.run import grid, keys
from priorlab.harness.run.keys import canonical, cell_key

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


KEY = "45d54a49d1570123f6837df65a727cb351365e9eca49e91558830765e0acc5be"


def keys_of(registry, dataset, priors="good", tasks="denoise:sigma=25", seeds=(0,)):
    cells = grid.cells(
        registry.build_priors(priors),
        registry.build_tasks(tasks),
        dataset.images,
        seeds,
        registry=registry,
        device="cpu",
    )
    return [cell.key for cell in cells]


def test_keys_depend_on_the_cell_and_its_parameters(registry, dataset):
    before = keys_of(registry, dataset)
    assert keys_of(registry, dataset) == before
    assert keys_of(registry, dataset, tasks="denoise") == before, "a default typed is a default"
    moved = [dataclasses.replace(image, name="x", path="/x") for image in dataset.images]
    assert keys_of(registry, dataclasses.replace(dataset, images=moved)) == before

    changed = [
        keys_of(registry, dataset, priors="nan"),
        keys_of(registry, dataset, tasks="denoise:sigma=26"),
        keys_of(registry, dataset, seeds=[1]),
    ]
    flat = sum(changed, before)
    assert len(set(flat)) == len(flat)


@pytest.mark.parametrize("name", ["numpy", "scipy", "pillow", "numba", "scikit-image", "torch"])
def test_keys_depend_on_the_libraries_that_compute(monkeypatch, name):
    real = metadata.version
    before = keys.setting("cpu")
    patch = ".".join([*real(name).split(".")[:2], "999+cpu"])
    monkeypatch.setattr(metadata, "version", lambda n: patch if n == name else real(n))
    assert keys.setting("cpu") == before
    monkeypatch.setattr(metadata, "version", lambda n: "999.0" if n == name else real(n))
    assert keys.setting("cpu") != before


@pytest.mark.parametrize("units", [{"amx"}, {"avx512_bf16"}, {"amx", "avx512_bf16"}])
def test_keys_depend_on_the_number_format_and_on_what_decides_it(monkeypatch, units):
    def pretend(found):
        for unit, question in {
            "amx": "_is_amx_tile_supported",
            "avx512_bf16": "_is_avx512_bf16_supported",
        }.items():
            monkeypatch.setattr(torch.cpu, question, lambda there=unit in found: there)

    pretend(set())
    without = keys.setting("cpu")
    assert without["format"] == "float32" and not precision.bf16_is_fast(torch.device("cpu"))
    pretend(units)
    given = keys.setting("cpu")
    assert given["format"] == "bfloat16" and precision.bf16_is_fast(torch.device("cpu"))
    assert set(given["hardware"]) == units
    assert canonical(given) != canonical(without)


@pytest.fixture
def edit(monkeypatch):
    """Pretend that something was appended to a file: to one of the core's or of a plugin's."""
    real = Path.read_bytes

    def pretend(name, text):
        def read(path):
            return real(path) + (text if path.as_posix().endswith(name) else b"")

        monkeypatch.setattr(Path, "read_bytes", read)

    return pretend


@pytest.mark.parametrize(
    ("name", "text", "changes"),
    [
        ("priorlab/forward/noise.py", b"\nX = 1\n", True),
        ("priorlab/solvers/plug_and_play/hqs.py", b"\nX = 1\n", True),
        ("priorlab/forward/noise.py", b"\n# X = 1\n", False),
        ("priorlab/metrics.py", b"\nX = 1\n", False),
        ("priorlab/harness/run/scorer.py", b"\nX = 1\n", False),
        ("priorlab/__init__.py", b"\nX = 1\n", False),
    ],
)
def test_keys_depend_on_the_code_that_restores(edit, name, text, changes):
    before = keys.setting("cpu")
    edit(name, text)
    assert (keys.setting("cpu") != before) == changes


@pytest.mark.parametrize(
    ("edited", "stale"),
    slow_where(
        lambda edited, stale: edited in ("tv", "dip"),
        [
            ("bm3d", {"bm3d", "dip:red=bm3d"}),
            ("tv", {"tv"}),
            ("dip", {"dip", "dip:red=bm3d"}),
            ("unet", set()),
        ],
    ),
)
def test_a_change_of_one_prior_leaves_the_others_known(edit, registry, dataset, edited, stale):
    priors = ("tv", "bm3d", "dip", "dip:red=bm3d")
    before = {prior: keys_of(registry, dataset, prior) for prior in priors}
    edit(registry.priors[edited].__module__.replace(".", "/") + ".py", b"\nX = 1\n")
    after = {prior: keys_of(registry, dataset, prior) for prior in priors}
    assert {prior for prior in priors if before[prior] != after[prior]} == stale


def test_weights_count_for_the_prior_that_has_them(edit, registry, dataset):
    before = {prior: keys_of(registry, dataset, prior) for prior in ("unet", "tv")}
    edit("weights/unet_gray.safetensors", b"1")
    assert keys_of(registry, dataset, "unet") != before["unet"]
    assert keys_of(registry, dataset, "tv") == before["tv"]


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
def test_a_device_that_is_not_there_is_refused(device):
    with pytest.raises(UsageError, match=device):
        keys.setting(device)


PLUGIN = """
from dataclasses import dataclass

from priorlab import Denoiser, hookimpl, parameter


@dataclass(frozen=True, kw_only=True)
class Inner(Denoiser):
    name = "inner"
    factor: float = parameter(0.5, "a factor")

    def denoise(self, v, sigma):
        return v * self.factor


@hookimpl
def priorlab_priors():
    return [Inner]
"""


@pytest.mark.slow
def test_a_component_within_a_prior_counts_with_its_parameters_and_its_code(tmp_path, dataset):
    plugin = tmp_path / "inner.py"

    def value(priors):
        return keys_of(plugins.load([plugin]), dataset, priors)[0]

    plugin.write_text(PLUGIN)
    before = {prior: value(prior) for prior in ("dip", "dip:red=inner", "inner")}
    assert len({*before.values(), value('dip:red="inner:factor=0.25"')}) == 4
    assert value('dip:red="inner:factor=0.5"') == before["dip:red=inner"]
    plugin.write_text(PLUGIN.replace("v * self.factor", "self.factor * v"))
    assert value("dip") == before["dip"]
    assert value("dip:red=inner") != before["dip:red=inner"]
    assert value("inner") != before["inner"]
