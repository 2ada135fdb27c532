"""`benchmarks/growth.py`: what a prior costs as the picture grows."""

import sys

import growth
import pytest


def costs(sizes, seconds_per_pixel=1e-6, power=1.0):
    def measure(size):
        seconds = seconds_per_pixel * size ** (2 * power)
        return growth.Cost(size, seconds, seconds, 1e-5 * size**2, 200.0)

    return [measure(size) for size in sizes], measure


def test_the_exponent_is_that_of_the_largest_sizes():
    found, _ = costs([64, 128, 256, 512], power=1.5)
    found[0] = growth.Cost(64, 99.0, 99.0, 0.0, 200.0)
    assert growth.exponent(found, lambda one: one.cpu) == pytest.approx(1.5)
    assert growth.exponent(found, lambda one: one.mb) == pytest.approx(1.0)


def test_a_prior_stops_before_the_size_that_takes_too_long():
    _, measure = costs([], power=1.0)
    found = growth.grown(measure, [64, 128, 256, 512], longest=0.1)
    assert [one.size for one in found] == [64, 128, 256]


def test_a_prior_in_a_process_of_its_own_is_measured():
    found = growth.in_a_process("tikhonov", 512, 1, 1.0)
    own = 4 * 512**2 / 1e6
    assert found.size == 512
    assert 0 < found.cpu < 5
    assert own < found.mb < 40 * own < found.mb_in_all


@pytest.mark.slow
def test_the_page_has_the_command_the_figures_and_the_picture(tmp_path, monkeypatch, capsys):
    page = tmp_path / "growth.md"
    typed = ["growth.py", "--priors", "median", "--sizes", "32,64,128", "-o", str(page)]
    monkeypatch.setattr(sys, "argv", typed)
    growth.main()
    text = page.read_text()
    assert text in capsys.readouterr().out
    assert "benchmarks/growth.py --priors median" in text
    assert text.count("| `median` |") == 3
    assert "](growth.webp)" in text
    assert 0 < (tmp_path / "growth.webp").stat().st_size < 200_000
