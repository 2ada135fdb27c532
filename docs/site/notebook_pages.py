"""A hook of MkDocs: executed notebooks as pages, with the outputs that are stored in them."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

_TERMINAL = re.compile(r"\x1b\[[0-9;]*m")


def on_files(files: Files, config: Any) -> Files:
    """Add a page, and its pictures, for each notebook."""
    for notebook in [file for file in files if file.src_uri.endswith(".ipynb")]:
        path = Path(notebook.abs_src_path)
        page = Page(json.loads(path.read_text("utf-8")), path.stem)
        folder = Path(notebook.src_uri).parent.as_posix()
        files.append(File.generated(config, f"{folder}/{path.stem}.md", content=page.text))
        for name, picture in page.pictures.items():
            files.append(File.generated(config, f"{folder}/{name}", content=picture))
    return files


class Page:
    """The Markdown of a notebook, and the pictures it shows, by name."""

    def __init__(self, notebook: dict[str, Any], name: str) -> None:
        self.name = name
        self.pictures: dict[str, bytes] = {}
        parts = [part for cell in notebook["cells"] for part in self._cell(cell)]
        parts.append(f"[This page as a notebook]({name}.ipynb)")
        self.text = "\n\n".join(parts) + "\n"

    def _cell(self, cell: dict[str, Any]) -> Iterator[str]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            yield source
            return
        yield f"```python\n{source}\n```"
        for output in cell["outputs"]:
            if output["output_type"] == "stream":
                yield _block("".join(output["text"]))
            else:
                yield self._shown(output["data"])

    def _shown(self, data: dict[str, Any]) -> str:
        """Return the richest form of an output that a page can show."""
        if "image/png" in data:
            name = f"{self.name}-{len(self.pictures) + 1}.png"
            self.pictures[name] = base64.b64decode("".join(data["image/png"]))
            return f"![]({name})"
        if "text/html" in data:
            # Markdown would take blank lines and indented ones for text of its own.
            lines = "".join(data["text/html"]).splitlines()
            shown = "\n".join(line.strip() for line in lines if line.strip())
            return f'<div class="output">{shown}</div>'
        if "text/markdown" in data:
            return "".join(data["text/markdown"])
        return _block("".join(data["text/plain"]))


def _block(text: str) -> str:
    return f"```text\n{_TERMINAL.sub('', text).rstrip()}\n```"
