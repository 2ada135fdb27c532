"""A published network, with what it is for, which noise it takes and how far it looks."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from priorlab.errors import UsageError
from priorlab.ground import torch_settings
from priorlab.ground.extras import check_installed, prepare_torchvision
from priorlab.solvers.tiles import Locality
from priorlab_learned.networks.mirroring import continued
from priorlab_learned.published import names
from priorlab_learned.published.reading import read_state

EXTRA = "checkpoints"
"""The extra of priorlab that installs spandrel."""

BLIND_UP_TO = 55.0
"""The greatest level, 0-255, that networks which find out the noise are trained for."""

TAKES_LEVEL = {
    "DnCNN": ("model.0.weight", 75.0),
    "FFDNet": ("model.0.weight", 75.0),
    "DRUNet": ("m_head.weight", 50.0),
}
"""Architectures that may have a channel more for the level: their first
weights, and the greatest level."""

ONLY_FOR = {
    **dict.fromkeys(("DnCNN", "DRUNet", "FFDNet", "SCUNet"), "denoise"),
    **dict.fromkeys(("FBCNN", "SAFMNBCIE"), "dejpeg"),
    "FFTformer": "deblur",
}
"""Architectures that were made for one task."""

OVERLAP = Locality(reach=64, grid=64)
"""For networks that look at all of the picture, or too far: tiles that meet with a small error."""

TASKS = {"denoise", "superres", "dejpeg", "deblur"}


@dataclasses.dataclass(frozen=True)
class Network:
    """A network that is ready to be used, on its device.

    Attributes
    ----------
    module : callable
        Maps images (1, C, H, W) in [0, 1], with one channel more for the level if `takes_level`,
        to images; any height and width are right.
    architecture : str
        Its name.
    channels : int
        Of its images.
    task : str
        What it is for: denoise, superres, dejpeg or deblur.
    factor : int
        How many times it enlarges images.
    takes_level : bool
        Whether the noise level is an input.
    levels : tuple of float
        The least and the greatest noise level that it was trained for, on the 0-255 scale.
    locality : Locality
        How large pictures are divided into tiles.
    guessed : str
        What its file does not say, in words; empty if nothing was guessed.
    """

    module: Any
    architecture: str
    channels: int
    task: str
    factor: int
    takes_level: bool
    levels: tuple[float, float]
    locality: Locality
    guessed: str

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        """Return images (B, channels, H, W) without noise of standard deviation `sigma` (0-1).

        Where the network knows that level, this is its result. Of an image with more noise it is
        given one of less contrast. Of an image with less noise it first removes too much; what it
        removed it is given again, with more contrast, until the noise in it has the right level.
        """
        if sigma <= 0:
            return v.clone()
        level = self._nearest(sigma)
        contrasts = steps_to(level / sigma)
        images = [self._denoised(image, level, contrasts) for image in v.split(1)]
        return torch.cat(images) if len(images) > 1 else images[0]

    def locality_at(self, sigma: float) -> Locality:
        """Return how far `denoise` looks at this level (0-1): each call sees the one before."""
        if sigma <= 0:
            return self.locality
        calls = sum(contrast >= 1 for contrast in steps_to(self._nearest(sigma) / sigma)) or 1
        return dataclasses.replace(self.locality, reach=calls * self.locality.reach)

    def _nearest(self, sigma: float) -> float:
        """Return the level that the network knows which is nearest to `sigma`, both 0-1."""
        return min(max(255 * sigma, self.levels[0]), self.levels[1]) / 255

    def _denoised(self, image: Tensor, level: float, contrasts: list[float]) -> Tensor:
        result = torch.full_like(image, MIDDLE) if contrasts[0] < 1 else torch.zeros_like(image)
        for contrast in contrasts:
            middle = 0.0 if contrast == 1 else MIDDLE
            removed = (image - result) * contrast + middle
            result = result + (self._call(removed, level) - middle) / contrast
        return result

    def _call(self, image: Tensor, level: float) -> Tensor:
        if self.takes_level:
            image = torch.cat([image, torch.full_like(image[:, :1], level)], 1)
        result: Tensor = self.module(image)
        return result

    def __str__(self) -> str:
        kind = KINDS.get(self.channels, f"images of {self.channels} channels")
        purpose = _PURPOSES[self.task].format(self.factor)
        if self.task == "denoise":
            low, high = (f"{level:g}" for level in self.levels)
            purpose += f"of level {low}" if low == high else f"of any level up to {high}"
        return f"{self.architecture}, made {purpose} in {kind}"


def steps_to(contrast: float) -> list[float]:
    """Return by which contrasts an image is denoised, one call after the other.

    Examples
    --------
    >>> steps_to(1.0), steps_to(0.5)
    ([1.0], [0.5])
    >>> [round(contrast, 6) for contrast in steps_to(16.0)]
    [1.0, 4.0, 16.0]
    """
    if contrast < 1:
        return [contrast]
    count = math.ceil(math.log(contrast) / math.log(FARTHEST) - 1e-9)
    return [1.0, *(contrast ** (step / count) for step in range(1, count + 1))]


MIDDLE = 0.5
"""The gray value around which contrast is changed."""

FARTHEST = 4.0
"""The most by which contrast rises from one call to the next."""

KINDS = {1: "gray images", 3: "colour images"}
"""Images by their number of channels."""

_PURPOSES = {
    "denoise": "to remove noise ",
    "superres": "to enlarge {} times what is small",
    "dejpeg": "to remove artefacts of JPEG",
    "deblur": "to undo blur",
}


def load(path: Path, arch: str, sigma: str, task: str, device: torch.device) -> Network:
    """Return the network in a file, read once for each change of the file.

    Parameters
    ----------
    path : Path
        A state dict of torch or safetensors.
    arch : str
        The name of its architecture, or "auto".
    sigma : str
        The noise level, 0-255, that it was trained for, "blind", or "auto": as the name says.
    task : str
        What it is for, or "auto".
    device : torch.device
        Where it is to work.

    Raises
    ------
    UsageError
        If spandrel is missing, or the file is no network that can be used.
    """
    check_installed("spandrel", EXTRA, "checkpoint")
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from None
    # What is kept serves whoever comes next, and weights are drawn before they are read.
    with torch_settings.usual(device), torch.random.fork_rng([]):
        return _load(path, changed, arch, sigma, task, device)


@lru_cache(maxsize=4)
def _load(
    path: Path, changed: int, arch: str, sigma: str, task: str, device: torch.device
) -> Network:
    prepare_torchvision()
    from priorlab_learned.published import architectures

    built = architectures.build(read_state(path), path, arch)
    name, channels = built.architecture.id, built.output_channels
    state = built.model.state_dict()
    first, greatest = TAKES_LEVEL.get(name, ("", 0.0))
    takes_level = bool(first) and state[first].shape[1] > channels
    if built.input_channels != channels:
        raise UsageError(f"{path}: {name} turns {built.input_channels} channels into {channels}")
    purpose, why = _task(path, name, built.purpose, task)
    levels, how = (0.0, greatest), ""
    if purpose == "denoise" and not takes_level:
        levels, how = _levels(path, sigma)
    elif sigma != "auto":
        raise UsageError(f"checkpoint: sigma={sigma} has no meaning: {name} is told the level")
    built.model.to(device)
    return Network(
        module=_Direct(built) if purpose == "denoise" else built,
        architecture=name,
        channels=channels,
        task=purpose,
        factor=built.scale,
        takes_level=takes_level,
        levels=levels,
        locality=_locality(name, state),
        guessed=" and ".join(filter(None, [why, how])),
    )


class _Direct:
    """Calls a network without clipping its result, as spandrel would."""

    def __init__(self, built: Any) -> None:
        self.model, self.size = built.model, built.size_requirements

    @torch.no_grad()
    def __call__(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        more_columns, more_rows = self.size.get_padding(width, height)
        grown = continued(image, height + more_rows, width + more_columns)
        result: Tensor = self.model(grown)
        return result[:, :, :height, :width]


def _task(path: Path, architecture: str, purpose: str, typed: str) -> tuple[str, str]:
    """Return what a network is for, and the words for it if that was guessed."""
    if purpose == "SR":
        known = "superres"
    elif purpose == "Restoration":
        known = ONLY_FOR.get(architecture, "")
    else:
        raise UsageError(
            f"{path}: {architecture} is for faces or fills holes, which is no task here"
        )
    if typed != "auto":
        if typed == "superres" and known != "superres":
            raise UsageError(f"checkpoint: task=superres: {path} does not enlarge images")
        return typed, ""
    guess = known or names.task_in(path.stem)
    if guess not in TASKS:
        what = f"its name says {guess}, which is no task here" if guess else "nothing says for what"
        raise UsageError(
            f"{path} is a {architecture}, and {what}; type task=denoise, dejpeg or deblur"
        )
    return guess, "" if known else f"{guess} by the file's name"


def _levels(path: Path, typed: str) -> tuple[tuple[float, float], str]:
    """Return the levels that a network was trained for, and the words for it if guessed."""
    if typed == "blind":
        return (0.0, BLIND_UP_TO), ""
    if typed != "auto":
        level = float(typed)
        return (level, level), ""
    found = names.level_in(path.stem)
    if found:
        return (found, found), f"the level {found:g} by the file's name"
    if found == names.BLIND:
        return (0.0, BLIND_UP_TO), "any level by the file's name"
    return (0.0, BLIND_UP_TO), "any level is assumed; if it was made for one, type sigma="


def _locality(architecture: str, state: Mapping[str, Tensor]) -> Locality:
    """Return how far a network looks: exactly for those of convolutions only."""
    depth = sum(value.ndim == 4 for value in state.values())
    if architecture == "DnCNN":
        return Locality(reach=depth)
    if architecture == "FFDNet":
        return Locality(reach=2 * depth + 1, grid=2)
    if architecture == "DRUNet":
        # At each of four scales 2 convolutions a block, on the way down and up; one at each end.
        blocks = sum(key.startswith("m_body.") and key.endswith("res.0.weight") for key in state)
        return Locality(reach=44 * blocks + 2 + 7, grid=8, side=1536)
    return OVERLAP
