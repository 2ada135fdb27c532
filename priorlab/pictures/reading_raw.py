"""Develop the raw data of cameras, with a library that not everyone has."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from priorlab.errors import UsageError
from priorlab.pictures.formats import INSTALL, check_size, which_frame
from priorlab.pictures.stored import Stored


def decode(path: Path, frame: int | None = None) -> Stored:
    """Develop the raw data of a camera: 16-bit sRGB, with the camera's white balance.

    Raises
    ------
    UsageError
        If rawpy is not installed.

    Examples
    --------
    >>> decode(Path("photo.nef"))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: ...
    """
    which_frame(path, 1, frame)
    try:
        import rawpy
    except ImportError:
        raise UsageError(
            f"{path} holds a camera's raw data, which needs rawpy: {INSTALL}"
        ) from None
    try:
        with rawpy.imread(str(path)) as raw:
            check_size(raw.sizes.width, raw.sizes.height, path)
            pixels = raw.postprocess(use_camera_wb=True, no_auto_bright=True, output_bps=16)
    except rawpy.LibRawError as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{path} is no raw data that LibRaw can develop: {reason}") from None
    note = "its raw data were developed to sRGB of 16 bits, with the camera's white balance"
    white = float(np.iinfo(np.uint16).max)
    return Stored(pixels=pixels, white=white, notes=(note,))
