"""A hook of MkDocs: what pages link to outside `docs/` becomes part of the site.

The README is the site's first page. Other files of the repository are added where a page links to
them: Markdown as pages, code as pages that show it, pictures as they are. So the same links work
in a checkout and on the site.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "results/README.md": "repository/results/README.md",
}
"""Files of the repository that are pages in any case, and where."""

CODE = {".py": "python", ".toml": "toml", ".txt": "text", "": "text", ".cff": "yaml"}
"""What is shown as code, by suffix."""

_LINK = re.compile(r"(?<=\]\()([^)\s#]+)(#[^)\s]*)?(?=\))")


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of the repository, and whatever they and those of `docs/` link to."""
    todo = [ROOT / name for name in PAGES]
    todo += [Path(file.abs_src_path) for file in files if file.src_uri.endswith(".md")]
    done: set[Path] = set()
    while todo:
        path = todo.pop()
        if path in done:
            continue
        done.add(path)
        if not path.is_relative_to(DOCS):
            files.append(_file(path, config))
        if path.suffix == ".md":
            todo += [target for _, target in _targets(path.read_text("utf-8"), path)]
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Let links point to where their files are on the site."""
    source = _source(page.file.src_uri)
    here = Path(page.file.src_uri).parent
    if source.suffix != ".md" or not source.exists():  # made by another hook
        return markdown
    places = dict(_targets(markdown, source))

    def replaced(link: re.Match[str]) -> str:
        if link[1] not in places:
            return link[0]
        return os.path.relpath(place(places[link[1]]), here) + (link[2] or "")

    # A folder without a README is no page: its name stays, the link goes.
    markdown = re.sub(
        r"\[([^]]*)\]\(([^)\s#]+)\)",
        lambda link: link[1] if _is_bare_folder(source.parent / link[2]) else link[0],
        markdown,
    )
    return _LINK.sub(replaced, markdown)


def place(path: Path) -> str:
    """Return where on the site a file of the repository is."""
    if path.is_relative_to(DOCS):
        return path.relative_to(DOCS).as_posix().replace(".ipynb", ".md")
    name = path.relative_to(ROOT).as_posix()
    return PAGES.get(name, f"repository/{name}{'.md' if path.suffix in CODE else ''}")


def _source(uri: str) -> Path:
    """Return the file of the repository that a page of the site is made from."""
    for name, page in PAGES.items():
        if page == uri:
            return ROOT / name
    if uri.startswith("repository/"):
        path = ROOT / uri.removeprefix("repository/")
        return path if path.exists() else path.with_suffix("")
    return DOCS / uri


def _targets(markdown: str, source: Path) -> Iterator[tuple[str, Path]]:
    """Yield each relative link of a page with the file it points to, if there is one."""
    for link in _LINK.finditer(markdown):
        if re.match(r"[a-z]+:", link[1]):
            continue
        target = Path(os.path.normpath(source.parent / link[1]))
        if target.is_dir():
            target /= "README.md"
        if target.is_file() and target.is_relative_to(ROOT):
            yield link[1], target


def _is_bare_folder(path: Path) -> bool:
    return path.is_dir() and not (path / "README.md").exists()


def _file(path: Path, config: Any) -> File:
    """Return a file of the repository as one of the site."""
    if path.suffix not in CODE:
        return File.generated(config, place(path), abs_src_path=str(path))
    name, text = path.relative_to(ROOT).as_posix(), path.read_text("utf-8").rstrip()
    page = f"# `{name}`\n\n~~~~{CODE[path.suffix]}\n{text}\n~~~~\n"
    return File.generated(config, place(path), content=page)
