"""Published figures beside measured ones: by how much ours miss them, and whether that passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from priorlab.harness.report.formats import Sheet, TextCell, TextColumn
from priorlab.suites import shipped
from priorlab.suites.published import Published

MEANING = (
    "pass: at most the tolerance below the published figure; 'above' where it is more than the"
    " tolerance better, which no other draw of the noise explains either. Where noise or masks are"
    " drawn, the published draws are not known: even the same method moves by some hundredths of a"
    " dB."
)


@dataclass(frozen=True)
class Check:
    """What became of a published figure here.

    Attributes
    ----------
    prior : str
        That is to meet it.
    psnr : float or None
        Its mean PSNR in dB; None if it was not run on this task or did not restore every image.
    difference : float or None
        Ours minus published.
    tolerance : float
        In dB.
    verdict : str
        "pass", "pass, above", "fail", "incomplete" or "not run".
    """

    prior: str
    psnr: float | None
    difference: float | None
    tolerance: float
    verdict: str


def check(entry: Published, ours: float | None, *, run: bool = True) -> Check:
    """Compare a published figure with what its prior reached.

    Parameters
    ----------
    entry : Published
        With a prior and a tolerance.
    ours : float or None
        The mean over all images.
    run : bool
        Whether the prior was run at all.

    Examples
    --------
    >>> facts = {"method": "BM3D", "task": "denoise:sigma=25", "source": "Dabov et al. 2007"}
    >>> entry = Published(psnr=29.97, prior="bm3d", tolerance=0.05, **facts)
    >>> [check(entry, ours).verdict for ours in (29.95, 30.1, 29.9, None)]
    ['pass', 'pass, above', 'fail', 'incomplete']
    """
    if ours is None:
        verdict = "incomplete" if run else "not run"
        return Check(entry.prior, None, None, entry.tolerance, verdict)
    difference = round(ours - entry.psnr, 3)  # what is printed is what is judged
    verdict = "fail" if difference < -entry.tolerance else "pass"
    if difference > entry.tolerance:
        verdict += ", above"
    return Check(entry.prior, ours, difference, entry.tolerance, verdict)


def figures(known: str, task: str, own: Sequence[Published]) -> list[Published]:
    """Return what is published for a task: of the suite that is run, and of others of the set.

    Parameters
    ----------
    known : str
        The public set that the images are, all of them, or empty.
    task : str
        Its spec.
    own : sequence of Published
        The figures of the suite.

    Examples
    --------
    >>> [(entry.method, entry.psnr) for entry in figures("set12", "denoise:sigma=25", [])][:1]
    [('BM3D', 29.969)]
    """
    found = [entry for entry in own if entry.task == task]
    methods = {entry.method for entry in found}
    others = shipped.figures(known, task) if known else []
    return found + [entry for entry in others if entry.method not in methods]


def sheet(task: str, found: Sequence[tuple[str, float, Check | None]]) -> Sheet | None:
    """Return the table of the figures that a prior is to meet, or None if there is none.

    Parameters
    ----------
    task : str
        Its spec.
    found : sequence of tuple
        Each published method with its PSNR in dB and what became of it.
    """
    known = [(method, psnr, check) for method, psnr, check in found if check is not None]
    if not known:
        return None
    columns = [
        TextColumn("method", numeric=False),
        TextColumn("prior", numeric=False),
        TextColumn("published"),
        TextColumn("ours"),
        TextColumn("difference"),
        TextColumn("tolerance", falling=True),
        TextColumn("verdict", numeric=False),
    ]
    body = [
        [
            TextCell(method),
            TextCell(check.prior),
            TextCell(f"{psnr:.2f}"),
            TextCell("-" if check.psnr is None else f"{check.psnr:.2f}"),
            TextCell("-" if check.difference is None else f"{check.difference:+.3f}"),
            TextCell(f"{check.tolerance:.2f}"),
            TextCell(check.verdict),
        ]
        for method, psnr, check in known
    ]
    return Sheet(f"Against what is published (dB): {task}", columns, body, [MEANING])
