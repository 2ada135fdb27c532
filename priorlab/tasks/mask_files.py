"""Read what a person, or a program, marked as missing in a picture file.

The edge of a stroke is often soft, and JPEG scatters it. A pixel that is partly covered holds a
part of the scratch, so all that is not clearly known counts as missing. Masks of exactly two
values are taken as they are.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy
from PIL import Image, UnidentifiedImageError

from priorlab.errors import UsageError
from priorlab.pictures import reading
from priorlab.tasks import mask_marks
from priorlab.tasks.mask_marks import Known, Values

Size = tuple[int, int]

AUTOMATIC = -1
"""The value of `grow` that stands for what the mask's edge needs."""

CERTAIN = 0.2
"""A stroke covers some of its pixels by this much at least."""
FAINT = 0.05
"""A pixel next to a stroke is known if it is covered by no more than this: the overshoot of a
resampled mask and the ripples of JPEG stay below it."""
COARSE = 45.0
"""Mean quantisation step of a JPEG file from which its ripples hide the edge by a pixel: that of
a quality of about 60. A pixel more costs detail, so better files grow by none."""


@dataclasses.dataclass(frozen=True)
class MaskReading:
    """What a mask was understood to say.

    Attributes
    ----------
    known : array of bool, shape (H, W)
        True where a pixel is known.
    note : str
        In one line, how much is missing, and what of the mask that is.
    holes : str
        What of the mask that is: one of `mask_marks.HOLES`, "auto" for strokes.
    sure : bool
        Whether there is no doubt about which part is missing.
    """

    known: Known
    note: str
    holes: str = "auto"
    sure: bool = False

    @property
    def missing(self) -> float:
        """Fraction of the pixels that are missing."""
        return 1 - float(self.known.mean())


def read(
    path: str,
    size: Size,
    picture: Values | None = None,
    holes: str = "auto",
    grow: int = AUTOMATIC,
) -> MaskReading:
    """Read a mask from a picture file.

    Parameters
    ----------
    path : str
        The file of the mask.
    size : tuple of int
        Height and width of the picture that it belongs to.
    picture : array (C, H, W), optional
        That picture. Without it, a mask of exactly two grays is never turned round: black is
        missing; and strokes on a copy of the picture are not understood.
    holes : {"auto", "black", "white", "transparent", "opaque"}
        What of the mask is missing; "auto" finds out.
    grow : int
        By how many pixels the missing part grows; `AUTOMATIC` finds out.

    Raises
    ------
    UsageError
        If the file cannot be read, has another size than the picture, marks nothing or
        everything, or is not a mask.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(Path(folder) / "mask.npy", np.eye(2))
    ...     read(str(Path(folder) / "mask.npy"), (2, 2)).known.tolist()
    [[True, False], [False, True]]
    """
    found = reading.load(path)
    image, opacity = found.on_white().clip(0, 1)[:3], found.opacity
    if image.shape[1:] != size:
        raise UsageError(
            f"the mask {path} has {image.shape[2]}x{image.shape[1]} pixels, "
            f"but the image has {size[1]}x{size[0]}; they must be equal"
        )
    marks = mask_marks.find(path, image, opacity, picture, holes)
    pixels = _ripples(path) if grow == AUTOMATIC else grow
    missing = _grown(_covered(marks), pixels)
    if not missing.any():
        raise UsageError(f"the mask {path} marks nothing: nothing is missing")
    if missing.all():
        raise UsageError(f"the mask {path} marks everything: no pixel is known")
    edge = "" if marks.crisp else " with its soft edge"
    grown = f", grown by {pixels} pixel{'s' * (pixels > 1)}" if pixels else ""
    part = _percent(missing.mean())
    note = f"{part} missing: {marks.what}{edge}{grown}"
    return MaskReading(~missing, note, marks.holes, marks.sure)


def _covered(marks: mask_marks.Marks) -> Known:
    """Return what is covered, also a little, next to what is covered for certain."""
    if marks.crisp:
        return np.asarray(marks.cover > 0.5)
    certain = marks.cover > CERTAIN
    return mask_marks.connected(certain, marks.cover > FAINT)


def _grown(missing: Known, pixels: int) -> Known:
    if not pixels or not missing.any():
        return missing
    return np.asarray(scipy.ndimage.distance_transform_edt(~missing) <= pixels)


def _ripples(path: str) -> int:
    """Return by how many pixels what JPEG does to a mask hides its edge."""
    try:
        with open(path, "rb") as file, Image.open(file, formats=["JPEG"]) as image:
            return int(np.mean(image.quantization[0]) > COARSE)  # type: ignore[attr-defined]
    except (UnidentifiedImageError, OSError):
        return 0


def _percent(fraction: float) -> str:
    percent = 100 * fraction
    return f"{percent:.1f} %" if percent >= 0.05 else f"{percent:.2g} %"
