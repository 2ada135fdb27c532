"""The grid of a comparison, and the names that are made from it."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from priorlab.errors import UsageError
from priorlab.harness.results.names import safe_name
from priorlab.harness.run import grid
from priorlab.priors import Denoiser


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stranger(Denoiser):
    """A prior that no plugin provides, under the name of one."""

    name = "bm3d"

    def denoise(self, v, sigma):
        return v


@pytest.mark.parametrize("inside", [False, True])
def test_a_component_that_no_plugin_provides_is_refused(registry, dataset, inside):
    prior = registry.priors["dip"](red=Stranger()) if inside else Stranger()
    with pytest.raises(UsageError, match="Stranger is not the prior that is installed as 'bm3d'"):
        grid.cells(
            [prior],
            registry.build_tasks("denoise"),
            dataset.images,
            [0],
            registry=registry,
            device="cpu",
        )
