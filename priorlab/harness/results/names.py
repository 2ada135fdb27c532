"""What cells are called in texts, and specs in the names of files."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from priorlab.errors import UsageError


def cell_text(labels: Mapping[Any, Any]) -> str:
    """Return what a cell is called in a line, by its labels or its row.

    Examples
    --------
    >>> cell_text({"prior": "bm3d", "task": "denoise", "image": "house", "seed": 0})
    'bm3d · denoise · house · seed 0'
    """
    prior, task, image, seed = (labels[kind] for kind in ("prior", "task", "image", "seed"))
    return f"{prior} · {task} · {image} · seed {seed}"


def check_run_name(name: str) -> None:
    """Raise a `UsageError` for what cannot be the name of a run and of its folder.

    Examples
    --------
    >>> check_run_name("first try")
    >>> check_run_name("tries/first")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: the run name 'tries/first' is not a plain file name
    """
    plain = name.strip() and name == Path(name).name and name.isprintable()
    if not plain or name.startswith("."):
        raise UsageError(f"the run name {name!r} is not a plain file name")


@functools.lru_cache(10_000)
def safe_name(text: str) -> str:
    """Return a text as a file name on any system: `inpaint:missing=0.5` -> `inpaint-missing=0.5`.

    A text that loses more than its colon gets some digits of its digest, so that two texts do
    not share a name.

    Examples
    --------
    >>> safe_name("inpaint:missing=0.5")
    'inpaint-missing=0.5'
    >>> safe_name("what?"), safe_name("what*")
    ('what_~...', 'what_~...')
    """
    name = text.replace(":", "-", 1)
    safe = re.sub(r"[^\w .,=+()-]", "_", name).strip(". ").encode()[:150].decode(errors="ignore")
    if safe and safe == name:
        return safe
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"{safe.strip('. ')}~{digest[:8]}"
