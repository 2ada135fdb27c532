"""Read the weights in a file that somebody else made: tensors only, and never code."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from priorlab.errors import UsageError, said
from priorlab.ground.files import check_regular

PRUDENT = 4
"""A file whose content is this many times as large as itself is no file of weights."""

_BEGINNINGS = {
    b"version https://git-lfs": "it is a pointer of Git LFS, not the file itself: git lfs pull",
    b"<": "it is a web page or XML; was the download refused?",
    b"\x89HDF": "it is a file of Keras; only torch's and safetensors are read",
    b"\x89PNG": "it is a picture",
    b"\xff\xd8\xff": "it is a picture",
}


def read_state(path: Path) -> Mapping[str, Any]:
    """Return what a file of torch or of safetensors holds: tensors by name, in plain containers.

    Parameters
    ----------
    path : Path
        Which of the two it is shows its content, not its name.

    Raises
    ------
    UsageError
        If it cannot be read, is damaged, or holds anything but tensors, numbers and texts: what
        a pickle wants to have called is never called.

    Examples
    --------
    >>> torch.save({"weight": torch.zeros(2)}, "small.pth")
    >>> read_state(Path("small.pth"))
    {'weight': tensor([0., 0.])}
    >>> _ = Path("page.pth").write_text("<html>404</html>")
    >>> read_state(Path("page.pth"))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: page.pth holds no weights: it is a web page or XML; was the...
    """
    check_regular(path)
    try:
        with path.open("rb") as file:
            beginning = file.read(64)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    if not beginning:
        raise UsageError(f"{path} holds no weights: it is empty")
    for magic, meaning in _BEGINNINGS.items():
        if beginning.lstrip().startswith(magic):
            raise UsageError(f"{path} holds no weights: {meaning}")
    state = _safetensors(path) if beginning[8:9] == b"{" else _torch(path)
    if not isinstance(state, Mapping):
        raise UsageError(
            f"{path} holds {type(state).__name__}, not tensors by name; save the network's "
            "state_dict() instead"
        )
    return state


def _safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_safetensors(path.read_bytes())
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise UsageError(f"{path} is damaged: {_line(error)}") from None


def _torch(path: Path) -> Any:
    _check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of protocols of pickle
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what it happens upon
        text = said(error)
        if found := re.search(r"GLOBAL ([\w.]+)", text) or re.search(
            r"(?:class|type) ([\w.]+)", text
        ):
            raise UsageError(
                f"{path} holds more than tensors ({found[1]}), which could run code and is never "
                "loaded; have it saved as safetensors, or as its state_dict() alone"
            ) from None
        # What torch says of an odd pickle is advice to load it in spite of all.
        reason = "" if "weights_only" in text or not text.strip() else f": {_line(error)}"
        raise UsageError(f"{path} is damaged or no file of weights{reason}") from None


def _check_archive(path: Path) -> None:
    """Raise a `UsageError` for a program, and for what inflates to much more than its size."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return  # torch's older format, or damaged: torch finds out
    if any(entry.filename.endswith("/constants.pkl") for entry in entries):
        raise UsageError(
            f"{path} is a program of TorchScript, which is never run; save its state_dict()"
        )
    inflated = sum(entry.file_size for entry in entries)
    if inflated > PRUDENT * path.stat().st_size + 2**20:
        raise UsageError(f"{path} holds no weights: it inflates to {inflated / 2**20:.0f} MB")


def _line(error: Exception) -> str:
    """Return the beginning of what an error says."""
    return said(error).strip().partition("\n")[0][:150] or type(error).__name__
