"""Where `priorlab tune` may look: a declaration that it could not use is refused at once."""

import pytest

from priorlab.components import parameter


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"search": (0.1, 1), "low": 0.5}, r"search=\(0.1, 1\) begins below the least value, 0.5"),
        ({"search": (-1, 1), "low": 0}, "begins below the least value, 0"),
        ({"search": (1, 3), "high": 2}, "ends above the greatest value, 2"),
        ({"search": (5, 75), "high": 0.2, "scale": 1 / 255}, "ends above the greatest value, 51"),
        ({"search": (2, 1)}, "is not a range"),
        ({"search": (1, 1)}, "is not a range"),
        ({"search": (1, 2, 3)}, "is not a range"),
        ({"search": ("a", "c"), "choices": ("a", "b")}, "'c' is none of the choices"),
        ({"search": ("a", "b")}, "'a' is none of the choices"),
        ({"search": (1, 2), "choices": ("a", "b")}, "1 is none of the choices"),
    ],
)
def test_a_search_beyond_what_is_allowed_is_refused(declared, problem):
    with pytest.raises(ValueError, match=problem):
        parameter(1.0, "anything", **declared)


@pytest.mark.parametrize(
    "declared",
    [
        {},
        {"search": (0, 1), "low": 0, "high": 1},
        {"search": (1, 30), "low": 1 / 255, "high": 30 / 255, "scale": 1 / 255},
        {"search": ("a",), "choices": ("a", "b")},
    ],
)
def test_a_search_within_the_limits_is_declared(declared):
    assert parameter(1.0, "anything", **declared).metadata["search"] == declared.get("search", ())
