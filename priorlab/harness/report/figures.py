"""How a table writes its numbers: so many digits as mean something."""

from __future__ import annotations

_PATTERNS = {"psnr": ".2f", "ssim": ".4f", "throughput": ".3g", "peak_mb": ".2g"}

_HEADINGS = {
    "psnr": "PSNR (dB)",
    "ssim": "SSIM",
    "seconds": "s/image",
    "cpu_seconds": "CPU s",
    "peak_mb": "MB",
    "throughput": "images/s",
}

DURATIONS = ("seconds", "cpu_seconds")
"""Columns whose numbers are durations."""

COSTS = (*DURATIONS, "peak_mb")
"""Columns of which less is better."""


def heading(column: str) -> str:
    """Return what a table has above a column of that name.

    Examples
    --------
    >>> heading("psnr"), heading("lpips")
    ('PSNR (dB)', 'lpips')
    """
    return _HEADINGS.get(column, column)


def written(value: float | None, column: str) -> str:
    """Return a number as a column of that name has it; a dash for none.

    Examples
    --------
    >>> written(29.9712, "psnr"), written(0.85, "ssim"), written(0.0123, "seconds")
    ('29.97', '0.8500', '0.012')
    """
    if value is None:
        return "-"
    if column == "peak_mb" and value >= 100:
        return f"{value:.0f}"
    return _duration(value) if column in DURATIONS else format(value, _PATTERNS.get(column, ".4g"))


def _duration(seconds: float) -> str:
    """Return a duration with two or three significant digits."""
    if seconds < 0.001:
        return "<0.001"
    if seconds >= 100:
        return f"{seconds:.0f}"
    return f"{seconds:.3g}" if seconds >= 0.1 else f"{seconds:.2g}"
