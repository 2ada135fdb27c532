"""The examples in the docstrings give what they show."""

import doctest
import importlib
import time
from pathlib import Path

import pytest
from sample_pictures import picture, save

import priorlab
from priorlab import remembered

CORE = Path(priorlab.__file__).parent
FOLDERS = [CORE, *(path for path in (CORE.parent / "plugins").iterdir() if path.is_dir())]
FILES = [
    (path, folder.parent)
    for folder in FOLDERS
    for path in sorted(folder.rglob("*.py"))
    if ">>> " in path.read_text()
]


def name(path, root):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("module", [name(*file) for file in FILES])
def test_the_examples_of(module, tmp_path, monkeypatch):
    """They run in a folder with a picture of 40 x 32 pixels, `photo.png`; `...` is any text."""
    save(tmp_path / "photo.png", picture(32, 40, 3))
    monkeypatch.chdir(tmp_path)
    # What is remembered of plugins is that of this test alone, whatever others write meanwhile.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(remembered, "_STARTED", time.time_ns() + 10**12)
    found = importlib.import_module(module)
    failed, tried = doctest.testmod(found, optionflags=doctest.ELLIPSIS)
    assert tried and not failed
