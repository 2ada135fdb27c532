"""The training card: what a weights file is and how it came to be, for people to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from priorlab.ground.files import write_atomically


def write_card(
    output: Path, provenance: Mapping[str, str], curve: Sequence[tuple[int, float, float | None]]
) -> Path:
    """Write the card of a weights file beside it: ``net.safetensors`` has ``net.md``.

    Parameters
    ----------
    output : Path
        The weights file.
    provenance : mapping of str to str
        What the file says of itself: command, data, versions, figures.
    curve : sequence of (int, float, float or None)
        Step, mean loss and, where there is one, validation PSNR in dB.

    Examples
    --------
    >>> card = write_card(Path("net.safetensors"), {"seed": "0"}, [(500, 0.02, 29.1)])
    >>> print(card.read_text())
    # net.safetensors
    <BLANKLINE>
    | | |
    |---|---|
    | seed | 0 |
    <BLANKLINE>
    | step | loss | validation PSNR, dB |
    |---:|---:|---:|
    | 500 | 0.02000 | 29.10 |
    <BLANKLINE>
    """
    facts = [f"| {key.replace('_', ' ')} | {value} |" for key, value in provenance.items()]
    points = [
        f"| {step} | {loss:.5f} | {'' if psnr is None else f'{psnr:.2f}'} |"
        for step, loss, psnr in curve
    ]
    lines = [
        f"# {output.name}",
        "",
        "| | |",
        "|---|---|",
        *facts,
        "",
        "| step | loss | validation PSNR, dB |",
        "|---:|---:|---:|",
        *points,
        "",
    ]
    card = output.with_suffix(".md")
    write_atomically(card, "\n".join(lines).encode())
    return card
