"""Whatever a text holds, the place that shows it takes it for that text."""

import io
import re
from pathlib import Path

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from priorlab.ground import escaping
from priorlab.harness.report import tables
from priorlab.harness.results import csv_files, schema
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.header import Header
from priorlab.harness.results.names import safe_name

NASTY = (
    "=cmd()|'/c calc'!A0",
    "@SUM(1)",
    "\t=1",
    "a;=1",
    "\uff1d1",
    "\x1b[2J\x1b]0;title\x07",
    "\u202egnp.exe",
    "`rm`",
    "a|b",
    "\\|",
    "<script>alert(1)</script>",
    "&lt;b&gt;",
    "![x](http://x)",
    "[a]: http://x",
    "$x^2$ and \\LaTeX{} 100 % #1 & ~_{}",
    "one\ntwo\r\n- three",
    "# heading",
    "1. item",
    "--- -- ,, -5",
    "~~gone~~ __init__ *b*",
    "\\u003d \\x1b C:\\users",
    "caf\udcff",
    "'quoted' \"twice\"",
    "\x00",
)
STORABLE = [text for text in NASTY if "\udcff" not in text]
"""A table holds no halves of surrogate pairs; what comes back from a prior has none, either."""
MARKS = "=+-@;|`\\$<&[](){}*_~#%^\"'\t\n\x1b\u202e u0"
TEXTS = st.sampled_from(NASTY) | st.text() | st.text(MARKS, max_size=12)
CELLS = st.sampled_from(STORABLE) | st.text(st.characters(codec="utf-8")) | st.text(MARKS)
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])


@given(TEXTS)
def test_a_terminal_gets_one_line_of_visible_characters(text):
    shown = escaping.terminal(text)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    shown.encode()


@given(TEXTS)
def test_csv_is_one_safe_line_and_reads_back(text):
    written = escaping.csv(text)
    assert escaping.from_csv(written) == text
    assert not re.search(r"(^|;)\s*[=+\-@|%\uff1d\uff0b\uff0d\uff20]", written)
    assert written.encode().decode() == written and len(written.splitlines()) <= 1


@given(st.lists(CELLS, min_size=1, max_size=5), CELLS)
@settings(max_examples=50)
def test_a_table_reads_back_from_csv(texts, name):
    table = pd.DataFrame({name or "x": texts, "number": -1.5})
    written = csv_files.write(table)
    assert len(written.splitlines()) == len(texts) + 1
    read = csv_files.read(written)
    assert list(read.columns) == list(table.columns)
    assert read.iloc[:, 0].fillna("").tolist() == texts
    assert read["number"].tolist() == ["-1.5"] * len(texts)


def one_line(text):
    """What a reader of a document sees: blanks count once."""
    return re.sub(" +", " ", escaping.terminal(text))


def inline(tokens):
    """What a reader sees of inline tokens; only text may be among them."""
    assert {token.type for token in tokens} <= {"text", "text_special"}, tokens
    return "".join(token.content for token in tokens)


@given(TEXTS)
def test_markdown_shows_the_text_and_nothing_else(text):
    shown = one_line(text).strip()
    (paragraph,) = MARKDOWN.parseInline(escaping.markdown(text).strip())
    assert inline(paragraph.children) == shown
    tokens = MARKDOWN.parse("- " + escaping.markdown_block(text.strip()) + " end")
    assert [token.type for token in tokens if token.type != "inline"] == [
        *("bullet_list_open", "list_item_open", "paragraph_open"),
        *("paragraph_close", "list_item_close", "bullet_list_close"),
    ]
    (only,) = (token for token in tokens if token.type == "inline")
    assert inline(only.children) == f"{one_line(text.strip())} end".strip()


@given(TEXTS, TEXTS)
def test_markdown_keeps_the_columns_of_a_table(one, other):
    line = f"| x{escaping.markdown(one)}x | x{escaping.markdown(other)}x |"
    tokens = MARKDOWN.parse(f"| a | b |\n| - | - |\n{line}\n")
    cells = [inline(token.children) for token in tokens if token.type == "inline"]
    assert cells == ["a", "b", *(f"x{one_line(text)}x" for text in (one, other))]


COMMANDS = (
    r"\\(?:text(?:backslash|asciitilde|asciicircum|asciigrave|less|greater|bar)\{\}|[&%$#_{}])"
)


@given(TEXTS)
def test_latex_has_no_marks_but_those_written_here(text):
    written = escaping.latex(text)
    rest = re.sub(COMMANDS, "", written).replace("$-$", "").replace("{}", "").replace("{[}", "")
    assert not set(rest) & set('\\&%$#_{}~^`<>|"')
    assert not written.startswith("[") and "--" not in written


def test_what_is_common_stays_readable():
    assert escaping.markdown_block("Clipped to [0, 1]: all") == "Clipped to [0, 1]: all"
    for text in ("denoise:sigma=25", "dip:network=unet,red=bm3d", "29.97 [29.1, 30.8]", "-", "5 %"):
        assert escaping.markdown(text) == escaping.terminal(text) == text
    assert escaping.terminal("photo  1.png") == "photo  1.png"
    assert escaping.block("a\n    b\x1b[1m\n") == "a\n    b\\x1b[1m"
    assert escaping.csv("a - b, c\\d") == "a - b, c\\d"
    assert escaping.terminal("क्‍ष 👩‍🔬 Föto") == "क्‍ष 👩‍🔬 Föto"


def test_the_home_folder_is_not_told(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert escaping.without_home("--out=/home/me/x '/home/me'") == "--out=~/x '~'"
    for text in ("/home/melanie/x", "/mnt/home/me/x", "/home/me.old"):
        assert escaping.without_home(text) == text
    monkeypatch.setenv("HOME", "/")
    assert escaping.without_home("/x") == "/x"


def test_a_run_with_any_text_in_it(tmp_path):
    """Its files are safe, its rows read back, and every format has the lines that it should."""
    labels = {"task": "denoise", "seed": 0, "psnr": 30.0, "ssim": 0.9, "seconds": 0.1}
    every = " ".join(STORABLE)
    failed = labels | {"prior": f"tv:path={every}", "status": "failed"}
    bad = [failed | {"image": text, "message": every} for text in STORABLE]
    rows = schema.frame([*bad, *(row | {"prior": "tv", "status": "ok"} for row in bad)])
    folder = RunFolder(tmp_path / "run")
    folder.finish({}, rows, [])
    for name in ("prior", "image", "message"):
        assert folder.rows()[name].tolist() == rows[name].tolist()
    assert len((folder.path / "images.csv").read_text().splitlines()) == len(rows) + 1
    assert all(Path(safe_name(text)).name == safe_name(text) for text in NASTY)

    header = Header(dataset=every, command=every, notes=STORABLE, title=every, above=STORABLE)
    markdown = tables.render(rows, "md", header)
    assert len([line for line in markdown.splitlines() if line.startswith("|")]) == 4
    found = MARKDOWN.parse(markdown)
    found += [child for token in found for child in token.children or ()]
    wrong = {"html_inline", "html_block", "image", "link_open", "code_inline", "s_open"}
    assert not wrong & {token.type for token in found}
    latex = tables.render(rows, "latex", header)
    assert latex.count("\\begin{") == 2
    assert latex.count("\\\\\n") == 3, "a line of the table each, and its heading"
    assert len(tables.render(rows, "csv", header).splitlines()) == 3
    console = Console(width=80, file=io.StringIO(), force_terminal=False)
    console.print(tables.terminal(rows, header))
    for text in (console.file.getvalue(), markdown, latex):
        assert not re.search(r"[\x1b\x07\x00\u202e\r\ud800-\udfff]", text)
