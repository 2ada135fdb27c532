"""The examples in the docstrings give what they show."""

import doctest
import importlib
import linecache
from pathlib import Path

import pytest
from sample_pictures import picture, save

import priorlab

CORE = Path(priorlab.__file__).parent
FOLDERS = [CORE, *(path for path in (CORE.parent / "plugins").iterdir() if path.is_dir())]
FILES = [
    (path, folder.parent)
    for folder in FOLDERS
    for path in sorted(folder.rglob("*.py"))
    if ">>> " in path.read_text()
]


SLOW = {
    f"priorlab.api.{name}"
    for name in ("catalogue", "comparing", "pairing", "plugin_kit", "ranking", "reporting")
}
"""Modules whose examples compare, train or test a plugin."""


def name(path, root):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = [name(*file) for file in FILES]


@pytest.mark.parametrize(
    "module",
    [pytest.param(one, marks=pytest.mark.slow if one in SLOW else ()) for one in MODULES],
)
def test_the_examples_of(module, own_cache, tmp_path, monkeypatch):
    """They run in a folder with a picture of 40 x 32 pixels, `photo.png`; `...` is any text."""
    save(tmp_path / "photo.png", picture(32, 40, 3))
    monkeypatch.chdir(tmp_path)
    found = importlib.import_module(module)
    linecache.clearcache()  # of all that is in it, each docstring asks whether the file changed
    failed, tried = doctest.testmod(found, optionflags=doctest.ELLIPSIS)
    assert tried and not failed
