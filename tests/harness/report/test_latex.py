"""LaTeX tables: pdflatex sets them, within one column of text, whatever is in them."""

import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from priorlab.harness.report import latex_tables, tables
from priorlab.harness.results import schema
from priorlab.harness.results.header import Header
from priorlab.suites.published import Published

TITLES = {
    "denoise:sigma=15": "Gaussian, σ=15",
    "denoise:sigma=25": "Gaussian, σ=25",
    "inpaint:missing=0.5": "Inpainting, 50 % missing",
    "superres:factor=4": "Super-resolution, ×4",
}
PRIORS = [
    *("tv", "tgv", "wavelet", "nlm", "bm3d", "wnnm", "dip", "unet", "degraded"),
    *("dip:network=unet,iterations=3000", r"odd:name=\input{x} $&%#_^~|", "late"),
]


def results() -> tuple[pd.DataFrame, Header]:
    """Twelve priors on four tasks, with failures, marks of LaTeX and a published figure."""
    rows = [
        {
            "prior": prior,
            "task": task,
            "image": f"{number}_<script>.png",
            "seed": 0,
            "status": "timeout" if prior == "late" else "ok",
            "message": "_$ & 100 % too slow" if prior == "late" else "",
            "psnr": None if prior == "late" else 30.0 - rank + 0.1 * number,
            "ssim": None if prior == "late" else 0.9 - 0.01 * rank,
            "seconds": 12.5,
        }
        for rank, prior in enumerate(PRIORS)
        for task in TITLES
        for number in range(7)
    ]
    figure = Published(method="BM3D_2", task="denoise:sigma=25", psnr=29.9, source="A & B, 2007")
    return schema.frame(rows), Header(
        name="my run",
        dataset="a_set & more",
        titles=TITLES,
        published=[figure],
        command="priorlab bench --tasks 'denoise:sigma=15|25'",
        versions={"priorlab": "0.1.0"},
    )


@pytest.fixture(scope="module")
def parts() -> list[str]:
    """A pivot, one of several columns for each task, and the tables of the single tasks."""
    rows, header = results()
    several = ["psnr", "ssim", "seconds"]
    return [
        tables.render(rows, "latex", header, pivot=True),
        tables.render(rows, "latex", header, pivot=True, columns=several),
        tables.render(rows, "latex", header),
    ]


def pdf(folder: Path, document: str, parts: list[str]) -> str:
    """Set tables in a document, and return what pdflatex says of it."""
    packages = latex_tables.NEEDS.removeprefix("% needs ")
    text = "\n".join([document, packages, r"\begin{document}", "Text.", *parts, r"\end{document}"])
    (folder / "paper.tex").write_text(text, "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("document", "needed"),
    [
        (r"\documentclass[twocolumn]{article}", {}),
        (
            r"\documentclass{IEEEtran}",
            {"IEEEtran.cls": "texlive-publishers", "ptmr7t.tfm": "texlive-fonts-recommended"},
        ),
    ],
    ids=["article", "IEEEtran"],
)
def test_tables_are_set_within_a_column(
    document: str, needed: dict[str, str], parts: list[str], tmp_path: Path
) -> None:
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-base)")
    for file, package in ({"booktabs.sty": "texlive-latex-recommended"} | needed).items():
        if subprocess.run(["kpsewhich", file], capture_output=True).returncode:
            pytest.skip(f"{file} is not installed (Debian: {package})")
    assert "Overfull" not in pdf(tmp_path, document, parts)


def test_a_pivot_has_a_label_and_the_names_of_papers(parts: list[str]) -> None:
    table = parts[0]
    assert r"\label{tab:my-run}" in table
    assert r"& \multicolumn{2}{c}{Gaussian} & \multicolumn{1}{c}{Inpainting}" in table
    assert r"prior & $\sigma=15$ & $\sigma=25$ & 50 \% missing & $\times4$ \\" in table
    assert r"% made by: priorlab bench --tasks 'denoise:sigma=15|25'" in table
    assert table.count(r"\caption") == table.count("Versions") == 1


def test_no_character_of_a_name_stops_pdflatex(tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed (Debian: texlive-latex-base)")
    marks = [
        chr(code) for code in (*range(0x20, 0x250), *range(0x370, 0x400), *range(0x2000, 0x2300))
    ]
    texts = ["日本", "Привет", "😀", "\u202e", *marks]
    lines = [latex_tables.text(f"x{text}x") + r"\par" for text in texts]
    (tmp_path / "names.tex").write_text(
        "\n".join([r"\documentclass{article}\begin{document}", *lines, r"\end{document}"]), "utf-8"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "names.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-600:]
    for kept in ("café", "Gauß", "Łukasz", "Őri", "1–2", "…"):
        assert latex_tables.text(kept) == kept
