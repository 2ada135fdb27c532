"""Sorting networks against numpy."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from priorlab_handcrafted.blocks.sorting import LANES, keep_least, sort

# Few different numbers, so that many are equal, and any.
numbers = st.one_of(st.integers(0, 3), st.integers(-(2**31), 2**31 - 1))


def tables(rows):
    return arrays(np.int32, (rows, LANES), elements=numbers)


@settings(max_examples=20)
@given(data=st.data(), rows=st.sampled_from([16, 32, 64]))
def test_the_least_of_two_tables_are_kept_in_order(data, rows):
    best, others = data.draw(tables(rows)), data.draw(tables(rows))
    expected = np.sort(np.concatenate([best, others]), axis=0)[:rows]
    flat, more = best.flatten(), others.flatten()
    sort(flat)
    sort(more)
    np.testing.assert_array_equal(flat.reshape(rows, LANES), np.sort(best, axis=0))
    keep_least(flat, more)
    np.testing.assert_array_equal(flat.reshape(rows, LANES), expected)
