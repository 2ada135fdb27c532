"""Sheets as LaTeX tables, set with booktabs, each at most as wide as a column of text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from priorlab.ground import escaping
from priorlab.harness.report.formats import BARE, Frame, Sheet, TextCell, every

NEEDS = r"% needs \usepackage{booktabs,graphicx}"

_REDUCED = r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
"""A table keeps its size where the column has room for it, and is reduced where it has not."""

_GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "eta", "theta", "kappa", "lambda", "mu"),
    *("nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"),
)
_MATHS = {mark: f"\\{name}" for mark, name in zip("αβγδεηθκλμνξπρστφχψω", _GREEK, strict=True)}
_CAPITALS = ("Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega")
_MATHS |= {mark: f"\\{name}" for mark, name in zip("ΓΔΘΛΞΠΣΦΨΩ", _CAPITALS, strict=True)}
_MATHS |= {"×": r"\times", "≤": r"\le", "≥": r"\ge", "±": r"\pm", "→": r"\to"}
_MATHS |= {"∞": r"\infty", "−": "-"}
"""What pdflatex has in formulas only."""
_FORMULA = re.compile(rf"([{''.join(_MATHS)}])(=?\d+(?:\.\d+)?)?")

_ALPHABETS = ("cp1252", "iso8859-2")
"""Western and central European letters and marks: pdflatex has them without further packages."""
_IN_T1_ONLY = "«»‹›‚„ÐðÞþĐđĄąĘę"
"""Those of them for which a document has to load another encoding of its fonts."""


def latex(sheets: Sequence[Sheet], frame: Frame = BARE) -> str:
    r"""Return the sheets as LaTeX tables, for a document that uses booktabs and graphicx.

    Examples
    --------
    >>> from priorlab.harness.report.formats import TextColumn
    >>> columns = [TextColumn("prior", numeric=False), TextColumn("σ=25", group="Gaussian")]
    >>> cells = [TextCell("tv"), TextCell("30.00", bold=True)]
    >>> print(latex([Sheet("PSNR", columns, [cells], [], name="first")]))
    % needs \usepackage{booktabs,graphicx}
    \begin{table}
    ...
    \label{tab:first}
    ...
     & \multicolumn{1}{c}{Gaussian} \\
    \cmidrule(lr){2-2}
    prior & $\sigma=25$ \\
    \midrule
    tv & \textbf{30.00} \\
    ...
    """
    lines = [NEEDS]
    if frame.command:
        lines.append(f"% made by: {escaping.terminal(frame.command)}")
    if frame.title:
        lines.append(rf"\section*{{{text(frame.title)}}}")
    lines += [rf"\noindent {_breakable(paragraph)}\par" for paragraph in frame.above]
    for sheet in every(sheets):
        lines += _table(sheet, frame.closing if sheet is sheets[-1] else ())
    return "\n".join(lines) + "\n"


def text(plain: str) -> str:
    r"""Return a text with the marks of LaTeX escaped, and letters of formulas set as formulas.

    What stops pdflatex is written as Python writes it.

    Examples
    --------
    >>> print(text("Gaussian, σ=25"), text("×4"), text("50 %"), text("é日"))
    Gaussian, $\sigma=25$ $\times4$ 50 \% é\textbackslash{}u65e5
    """

    def formula(found: re.Match[str]) -> str:
        return f"${_MATHS[found[1]]}{found[2] or ''}$"

    shown = "".join(mark if _can_be_set(mark) else ascii(mark)[1:-1] for mark in plain)
    return _FORMULA.sub(formula, escaping.latex(shown))


def _can_be_set(mark: str) -> bool:
    """Return whether pdflatex goes on where it finds a character."""
    if mark.isascii() or mark in _MATHS:
        return True
    known = any(mark.encode(alphabet, "ignore") for alphabet in _ALPHABETS)
    return known and mark not in _IN_T1_ONLY


def _table(sheet: Sheet, closing: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a table."""
    measured = len(sheet.lines) - sheet.apart
    yield r"\begin{table}"
    yield r"\centering\small\setlength{\tabcolsep}{3pt}"
    yield rf"\caption{{{text(sheet.title)}}}"
    if sheet.name:
        yield rf"\label{{tab:{sheet.name}}}"
    yield _REDUCED
    yield rf"\begin{{tabular}}{{{''.join('r' if c.numeric else 'l' for c in sheet.columns)}}}"
    yield r"\toprule"
    yield from _heading(sheet)
    yield r"\midrule"
    for index, line in enumerate(sheet.lines):
        if index == measured and index:
            yield r"\midrule"
        yield " & ".join(map(_cell, line)) + r" \\"
    yield r"\bottomrule"
    yield r"\end{tabular}}"
    notes = [*sheet.notes, *closing]
    if notes:
        yield r"\par\medskip\footnotesize\raggedright"
        yield from (_breakable(note) + r"\par" for note in notes)
    yield r"\end{table}"


def _heading(sheet: Sheet) -> Iterator[str]:
    """Yield a line of the titles that columns share, if any do, and one of their own."""
    spans = [
        (group, len(list(columns)))
        for group, columns in itertools.groupby(sheet.columns, key=lambda column: column.group)
    ]
    if any(group for group, _ in spans):
        cells, rules, last = [], [], 0
        for group, width in spans:
            first, last = last + 1, last + width
            if group:
                cells.append(rf"\multicolumn{{{width}}}{{c}}{{{text(group)}}}")
                rules.append(rf"\cmidrule(lr){{{first}-{last}}}")
            else:
                cells += [""] * width
        yield " & ".join(cells) + r" \\"
        yield "".join(rules)
    yield " & ".join(text(column.title) for column in sheet.columns) + r" \\"


def _cell(cell: TextCell) -> str:
    return (rf"\textbf{{{text(cell.text)}}}" if cell.bold else text(cell.text)) + text(cell.detail)


def _breakable(plain: str) -> str:
    """Return a text that can break within a spec or a path: a narrow column has no room for one."""
    return re.sub(r"(?<=[,:=/])(?=[^\s{}])", r"\\allowbreak{}", text(plain))
