r"""Texts that come from elsewhere, as each place that shows them can take them.

Names of images, plugins and files, and what priors say, may hold anything: marks of Markdown or
LaTeX, formulas for a spreadsheet, sequences that control a terminal, letters that turn the
direction of writing. Wherever such a text leaves the program it passes through here, once.

What cannot be seen is shown as Python writes it: ``\x1b`` becomes four letters.
"""

from __future__ import annotations

import html as _html
import re
import unicodedata
from pathlib import Path

_JOINERS = "\u200c\u200d"
"""Invisible, but parts of words in some scripts, and of emoji."""
_NOT_PLAIN = re.compile(r"[^ -~]+")
"""All but the letters and marks of ASCII: of long texts, only these are looked at one by one."""


def terminal(text: str) -> str:
    r"""Return a text as one line that changes nothing in a terminal but the place of the cursor.

    Examples
    --------
    >>> terminal("house\x1b[2J\nof cards")
    'house\\x1b[2J of cards'
    """
    return _visible(re.sub(r"[^\S ]+", " ", text))


def block(text: str) -> str:
    r"""Return a text of several lines for a terminal or a text file, as `terminal` does for one.

    Examples
    --------
    >>> print(block("Traceback:\n    raise\x1b[2J"))
    Traceback:
        raise\x1b[2J
    """
    return "\n".join(_visible(line.expandtabs()) for line in text.splitlines())


def markdown(text: str) -> str:
    r"""Escape what Markdown would take for a mark; what is common in specs stays readable.

    Examples
    --------
    >>> print(markdown("a|b, *c*, <script>, [click](me)"))
    a\|b, \*c\*, \<script>, [click]\(me)
    """
    marks = (
        r"[\\|*`$]",
        r"<(?=[A-Za-z/!?])",  # a tag
        r"&(?=#?\w+;)",  # an entity
        r"(?<![^\W_])_|_(?![^\W_])",  # not between letters
        r"~(?!/)",  # what is struck out; not a home folder
        r"(?<=\])[(\[]",  # a link
    )
    return re.sub("|".join(marks), lambda mark: "\\" + mark[0], _in_print(text))


def markdown_block(text: str) -> str:
    r"""Return what `markdown` does, for a text that begins a line: it starts no list or heading.

    Examples
    --------
    >>> print(markdown_block("# 1"), markdown_block("1. item"))
    \# 1 1\. item
    """
    return re.sub(r"^(\d+)(?=[.)])|^(?=[#>+=\[-])", r"\1\\", markdown(text))


def html(text: str) -> str:
    r"""Return a text for HTML, between tags or within quotes.

    Examples
    --------
    >>> print(html('<script>.png & "co"'))
    &lt;script&gt;.png &amp; &quot;co&quot;
    """
    return _html.escape(_in_print(text))


_LATEX = {mark: f"\\{mark}" for mark in "&%$#_{}"} | {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
}


def latex(text: str) -> str:
    r"""Escape the marks of LaTeX; a minus before a digit is set as one, `--` stays two hyphens.

    Examples
    --------
    >>> print(latex("50 % of $x_1$, -3 dB"))
    50 \% of \$x\_1\$, $-$3 dB
    """
    parts = re.split(r"(?<![\w.-])-(?=\d)", _in_print(text))
    escaped = ["".join(_LATEX.get(mark, mark) for mark in part) for part in parts]
    found = re.sub(r"([-,])(?=\1)", r"\1{}", "$-$".join(escaped))
    return "{[}" + found[1:] if found.startswith("[") else found  # after a line's end, an argument


_FORMULA = re.compile(r"(^[\s;]*|;\s*)([=+\-@\uff1d\uff0b\uff0d\uff20|%])")
"""What a spreadsheet may take for the beginning of a formula, also where it parts at semicolons."""
_CODE = re.compile(r"\\(?:u([0-9a-f]{4})|U(000[0-9a-f]{5}|0010[0-9a-f]{4}))")
"""How a character is written that cannot stand for itself: as in Python."""


def csv(text: str) -> str:
    r"""Return a text for a cell of a CSV file: one line, and no formula; `from_csv` undoes it.

    Examples
    --------
    >>> print(csv("=cmd()"), csv("two\nlines"), csv("plain, with marks"))
    \u003dcmd() two\u000alines plain, with marks
    """
    if text.isprintable() and "\\" not in text and not _FORMULA.search(text):
        return text
    text = _CODE.sub(lambda code: r"\u005c" + code[0][1:], text)
    text = "".join(mark if mark == " " or _can_be_seen(mark) else _code(mark) for mark in text)
    return _FORMULA.sub(lambda found: found[1] + _code(found[2]), text)


def from_csv(text: str) -> str:
    r"""Return the text that `csv` was given.

    Examples
    --------
    >>> from_csv(csv("=cmd()\x1b"))
    '=cmd()\x1b'
    """
    return _CODE.sub(lambda code: chr(int(code[1] or code[2], 16)), text)


def without_home(text: str) -> str:
    """Return a text with ``~`` for the user's home folder: what is published names nobody.

    Examples
    --------
    >>> without_home(f"cannot read {Path.home()}/photo.png")
    'cannot read ~/photo.png'
    """
    try:
        home = Path.home()
    except RuntimeError:  # a user without one
        return text
    for place in sorted({str(home), str(home.resolve())}, key=len, reverse=True):
        if place.strip("/\\"):
            text = re.sub(rf"(?<![\w/\\]){re.escape(place)}(?![\w.-])", "~", text)
    return text


def _in_print(text: str) -> str:
    """Return what a text looks like where blanks have no width of their own."""
    return _visible(re.sub(r"\s+", " ", text))


def _visible(text: str) -> str:
    """Return a text with what cannot be seen as Python writes it."""
    return _NOT_PLAIN.sub(lambda found: "".join(map(_shape, found[0])), text)


def _shape(mark: str) -> str:
    return mark if _can_be_seen(mark) else ascii(mark)[1:-1]


def _can_be_seen(mark: str) -> bool:
    """Return whether a character has a shape, or is a part of one, and changes nothing else."""
    return mark.isprintable() or mark in _JOINERS or unicodedata.category(mark) == "Co"


def _code(mark: str) -> str:
    code = ord(mark)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
