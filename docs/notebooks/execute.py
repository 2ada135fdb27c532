"""Run the notebooks in this folder and store what they show, or check that they run.

    python docs/notebooks/execute.py                      (make docs-notebooks)
    python docs/notebooks/execute.py --check              run them, and store nothing

Each runs in an empty folder of its own; nothing of this machine is kept in it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

FOLDER = Path(__file__).parent
TIMEOUT_S = 300
"""For a cell."""


def execute(path: Path) -> NotebookNode:
    """Return a notebook with the outputs that it has now."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.clear()
    with tempfile.TemporaryDirectory() as folder:
        here = os.getcwd()
        os.chdir(folder)
        try:
            NotebookClient(notebook, timeout=TIMEOUT_S, kernel_name="python3").execute()
        finally:
            os.chdir(here)
    notebook.metadata = nbformat.from_dict({"kernelspec": notebook.metadata["kernelspec"]})
    for cell in notebook.cells:
        cell.metadata.clear()
        if "outputs" in cell:
            cell.outputs = list(kept(cell.outputs))
    return notebook


def kept(outputs: Iterable[NotebookNode]) -> Iterable[NotebookNode]:
    """Yield the outputs that readers get: no progress, and of a picture one form."""
    for output in outputs:
        if output.output_type == "stream":
            if output.name == "stdout":
                yield output
            continue
        if "data" in output:
            output.data.pop("image/jpeg", None)
            output.data = {kind: data for kind, data in output.data.items() if data}
        if output.output_type == "error" or output.data:
            yield output


def main() -> None:
    """Run all notebooks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="store nothing")
    check = parser.parse_args().check
    for path in sorted(FOLDER.glob("*.ipynb")):
        notebook = execute(path)
        if not check:
            nbformat.write(notebook, path)
        print(f"ran {path.name}")


if __name__ == "__main__":
    main()
