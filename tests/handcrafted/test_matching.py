"""The search for blocks that are alike, for every size of block."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from priorlab_handcrafted.blocks import matching

SIZES = [(8, 2), (8, 3), (8, 4), (8, 6), (7, 5)]
"""Blocks and steps of our priors, for which loops are compiled: with and without a rest."""


@settings(max_examples=25, deadline=None)
@given(
    height=st.integers(8, 24),
    width=st.integers(8, 24),
    sizes=st.sampled_from(SIZES),
    first=st.sampled_from([0, 1]),
    reach=st.integers(1, 20),
    size=st.sampled_from([1, 4, 16, 31]),
    limit=st.sampled_from([math.inf, 9.0]),
    seed=st.integers(0, 99),
)
def test_matches_are_the_nearest_blocks(height, width, sizes, first, reach, size, limit, seed):
    block, step = sizes
    guide = np.random.default_rng(seed).random((height, width), dtype=np.float32)
    (rows, columns), *_ = matching.tiles(guide.shape, block, step, 99, (first, first))
    groups = np.zeros((len(rows) * len(columns), size), np.int32)
    counts = np.zeros(len(groups), np.int32)
    matching.matcher(block, step)(guide, rows, columns, reach, limit, groups, counts)
    blocks = np.lib.stride_tricks.sliding_window_view(guide, (block, block)).astype(np.float64)
    for reference, (y, x) in enumerate((y, x) for y in rows for x in columns):
        distances = np.square(blocks - blocks[y, x]).sum((2, 3))
        below, right = np.indices(distances.shape)
        distances[np.maximum(abs(below - y), abs(right - x)) > reach] = math.inf
        expected = np.sort(distances[distances < limit])[:size]
        count = counts[reference]
        assert count == len(expected)
        places = groups[reference, :count]
        assert places[0] == y * (width - block + 1) + x
        np.testing.assert_allclose(distances.flat[places], expected, rtol=1e-4)


@pytest.mark.parametrize("scale", [1e-2, 1e2, 1e4])
def test_a_block_is_its_own_best_match_at_any_scale(scale):
    guide = scale * np.random.default_rng(0).random((20, 20), dtype=np.float32)
    rows = columns = np.arange(0, 13, 3)
    groups, counts = np.zeros((25, 4), np.int32), np.zeros(25, np.int32)
    matching.matcher(8, 3)(guide, rows, columns, 5, math.inf, groups, counts)
    assert (counts == 4).all()
    assert groups[:, 0].tolist() == [y * 13 + x for y in rows for x in columns]


@pytest.mark.parametrize("first", [(0, 0), (3, 4)])
@pytest.mark.parametrize("shape", [(7, 7), (8, 30), (61, 47)])
def test_reference_blocks_cover_the_image(shape, first):
    """However they are divided, and wherever those inside begin."""
    covered, seen = np.zeros(shape, int), set()
    for references in matching.tiles(shape, 7, 5, 4, first):
        rows, columns = references
        assert max(len(rows), len(columns)) <= 4
        place = matching.area(references, 7, 2, shape)
        for y in rows:
            for x in columns:
                assert (y, x) not in seen
                seen.add((y, x))
                covered[y : y + 7, x : x + 7] += 1
                assert place[0].start <= y and y + 7 <= place[0].stop
                assert place[1].start <= x and x + 7 <= place[1].stop
    assert covered.min() > 0
