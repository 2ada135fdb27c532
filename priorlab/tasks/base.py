"""A task is a named, parametrised way to degrade an image, with the protocol that judges results.

The built-in ones are in `priorlab.tasks.builtin`.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from priorlab.components import Component
from priorlab.errors import UsageError
from priorlab.forward import returned
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise
from priorlab.forward.operators import Identity, LinearOperator, Shape
from priorlab.pictures import arrays, bars
from priorlab.pictures.picture import Picture

LEAST_COMPARED_SIDE = 11
"""Least side in pixels of the region that metrics compare: the window of SSIM."""


@dataclasses.dataclass(frozen=True)
class Protocol:
    """What the metrics of a task are computed on.

    Attributes
    ----------
    channels : {"rgb", "luma"}
        All channels, or the luma Y of ITU-R BT.601 alone where the image is RGB.
    crop : int
        Pixels left out along each border, where the image is large enough for it.
    clipped, rounded : bool
        Whether the measured data are clipped to [0, 1], and rounded to 8 bits, before a prior
        gets them.
    """

    channels: Literal["rgb", "luma"] = "rgb"
    crop: int = 0
    clipped: bool = False
    rounded: bool = False

    def __post_init__(self) -> None:
        if self.channels not in ("rgb", "luma"):
            raise UsageError(f"a protocol's channels are 'rgb' or 'luma', not {self.channels!r}")
        if type(self.crop) is not int or self.crop < 0:
            raise UsageError(f"a protocol's crop is a number of pixels, not {self.crop!r}")

    def border(self, height: int, width: int) -> int:
        """Return the pixels left out along each border: less than `crop` in tiny images.

        At least `LEAST_COMPARED_SIDE` pixels remain, where the image has as many.

        Examples
        --------
        >>> Protocol(crop=4).border(256, 256), Protocol(crop=4).border(16, 16)
        (4, 2)
        """
        return max(0, min(self.crop, (min(height, width) - LEAST_COMPARED_SIDE) // 2))

    def text(self) -> str:
        """Return the protocol in words.

        Examples
        --------
        >>> Protocol("luma", crop=4).text().partition(";")[0]
        'on the luma Y of BT.601, 4 border pixels left out'
        """
        channels = {"rgb": "on all channels", "luma": "on the luma Y of BT.601"}
        border = f", {self.crop} border pixels left out" if self.crop else ""
        clipped = "clipped to [0, 1]" if self.clipped else "not clipped"
        rounded = "rounded to 8 bits" if self.rounded else "not rounded"
        return (
            f"{channels[self.channels]}{border}; data {clipped}, {rounded};"
            " output clipped to [0, 1], not rounded to 8 bits"
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task(Component, ABC):
    """Abstract base of all tasks: ``y ~ noise(A x)``.

    A subclass is a frozen dataclass whose fields are its parameters. It defines `noise` and,
    unless A is the identity, `operator`.

    Attributes
    ----------
    called : str
        What papers call it, such as "Gaussian"; by default they use its name.
    """

    called: ClassVar[str] = ""

    @property
    @abstractmethod
    def noise(self) -> Noise:
        """The noise model."""

    @property
    def protocol(self) -> Protocol:
        """What the metrics are computed on; by default all channels and all pixels."""
        return Protocol()

    @property
    def rules(self) -> str:
        """By what the rows of a table are compared, as it is printed with each.

        Examples
        --------
        >>> from priorlab.tasks.builtin import Inpaint
        >>> Inpaint().rules.partition("bits; ")[2]
        'what was measured without noise is as measured, but in plain interpolations'
        """
        exact = "; what was measured without noise is as measured, but in plain interpolations"
        return self.protocol.text() + (exact if self.noise.is_exact else "")

    @property
    def title(self) -> str:
        """What a table in a paper has above its column: a name, and the parameters that count.

        Up to the first comma it is what tasks of one kind share.

        Examples
        --------
        >>> from priorlab.tasks.builtin import Denoise, Inpaint
        >>> Denoise().title, Inpaint().title
        ('Gaussian, σ=25', 'Inpainting, 50 % missing')
        """
        return self._title()

    def _title(self, *parts: str, said: Collection[str] = ()) -> str:
        """Return the title with parts that say what the parameters `said` are, then the others."""
        names = {"sigma": "σ"}
        others = [key for key in self.shown() if key not in said]
        texts = [f"{names.get(key, key)}={self.text(key)}" for key in others]
        return ", ".join([self.called or self.name, *parts, *texts])

    def is_test_image(self, path: Path) -> bool:
        """Whether the picture in a file may be degraded: by default it may.

        Examples
        --------
        >>> from priorlab.tasks.builtin import Denoise
        >>> Denoise().is_test_image(Path("photo.png"))
        True
        """
        return True

    def operator(self, shape: Shape, rng: np.random.Generator) -> LinearOperator:
        """Return A for images of `shape` (1, C, H, W); `rng` is its only randomness."""
        return Identity()

    def scene(self, clean: Tensor) -> Tensor:
        """Return the part (1, C, H', W') of a clean image that the task degrades.

        By default that is `truth`. It is larger where data depend on what lies beyond the frame
        of the picture that is restored.
        """
        return self.truth(clean)

    def truth(self, clean: Tensor) -> Tensor:
        """Return the part of a clean image that a restored picture is compared with."""
        return clean

    def measure(self, clean: Tensor, seed: int) -> Measurement:
        """Degrade a clean image.

        The randomness derives from the task's name, the parameters that are not at their
        default or always shown (files by content), the image's content and the seed. So the
        measurement is the same whatever was computed before, and wherever; and a new parameter
        of the task, at its default, does not change what is drawn.

        Parameters
        ----------
        clean : Tensor
            Shape (1, C, H, W), in [0, 1].
        seed : int
            Which of the possible measurements to draw.

        Raises
        ------
        UsageError
            If the image is too small for the task or has channels that it does not treat, a
            file that the task needs does not fit, or the data are not finite.

        Examples
        --------
        >>> from priorlab.tasks.builtin import Denoise
        >>> clean = torch.full((1, 1, 16, 16), 0.5)
        >>> first, again = (Denoise().measure(clean, seed=0).y for _ in range(2))
        >>> torch.equal(first, again)
        True
        """
        clean = self.scene(clean)
        exact = clean.detach().cpu().double()
        image, shape = arrays.digest(exact[0].numpy()), _shape(clean)
        rng_operator, rng_noise = self._generators(image, seed)
        noise: Noise = returned.checked_part(self.name, Noise, self.noise)
        drawn = self.operator(shape, rng_operator)
        first: LinearOperator = returned.checked_part(self.name, LinearOperator, drawn)
        y = noise.sample(returned.checked_data(first, exact).numpy(), rng_noise)
        if not np.isfinite(y).all():
            raise UsageError(f"{self.spec()}: the measured data hold NaN or infinite values")
        # The one above has seen the truth, and may keep something of it; a prior gets another one.
        operator = self.operator(shape, self._generators(image, seed)[0])
        return self._measurement(torch.from_numpy(np.array(y)), operator, shape).to(clean.device)

    def _generators(self, image: str, seed: int) -> list[np.random.Generator]:
        """Return the generators for the operator and for the noise of an image, by its digest."""
        parameters = self.fingerprint()["parameters"]
        facts = {
            "task": self.name.rpartition("/")[2],  # whichever other plugins there are
            "parameters": {key: parameters[key] for key in self.shown()},
            "image": image,
            "seed": seed,
        }
        text = json.dumps(facts, sort_keys=True)
        entropy = int(hashlib.sha256(text.encode()).hexdigest(), 16)
        return [np.random.default_rng(s) for s in np.random.SeedSequence(entropy).spawn(2)]

    def for_photograph(self, typed: Collection[str]) -> Task:
        """Return the task as it applies to a photograph instead of a test image.

        Tasks with a boundary override this: a test image may wrap around, but not the world.

        Parameters
        ----------
        typed : collection of str
            Names of the parameters that the user chose; they stay as they are.

        Examples
        --------
        >>> from priorlab.tasks.builtin import Deblur
        >>> Deblur().for_photograph(typed=()).spec()
        'deblur:sigma=2,boundary=reflect'
        """
        return self

    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        """Return the task that fits a degraded picture whose history is not known.

        Parameters
        ----------
        picture : Picture
            The degraded picture.
        typed : collection of str
            Names of the parameters that the user chose; they stay as they are.

        Returns
        -------
        task : Task
            With the other parameters estimated, or assumed as a picture needs it.
        notes : tuple of str
            A line on each thing that was estimated or assumed.

        Raises
        ------
        UsageError
            If something is not known that cannot be estimated or assumed.

        Examples
        --------
        >>> from priorlab.tasks.builtin import Deblur
        >>> picture = Picture(image=np.zeros((1, 16, 16), np.float32))
        >>> task, notes = Deblur(sigma=0.1).for_picture(picture, typed={"sigma", "width"})
        >>> task.boundary, notes
        ('unknown', ())
        """
        return self.for_photograph(typed), ()

    def noise_in(self, picture: Picture) -> tuple[Noise, str] | None:
        """Return the noise that a degraded picture shows, with a line on it.

        None where the task itself says what the noise is, as most do.

        Examples
        --------
        >>> from priorlab.tasks.builtin import Denoise
        >>> Denoise(sigma=0.1).noise_in(Picture(image=np.zeros((1, 16, 16), np.float32)))
        """
        return None

    def part_of(self, picture: Picture) -> bars.Part | None:
        """Return the rows and columns of a degraded picture that are restored; None: all of it.

        What lies around them stays as it is: it was put there after the picture was degraded. For
        tasks whose images are as large as their data.

        Examples
        --------
        >>> from priorlab.tasks.builtin import Deblur
        >>> sharp = np.random.default_rng(0).random((1, 32, 48), dtype=np.float32)
        >>> film = np.pad(sharp, ((0, 0), (8, 8), (0, 0)))
        >>> Deblur(boundary="unknown").part_of(Picture(image=film))
        (slice(8, 40, None), slice(0, 48, None))
        """
        return None

    def adopt(self, y: Tensor) -> Measurement:
        """Take a picture (1, C, H, W) as one that this task has already degraded.

        Raises
        ------
        UsageError
            If the task does not say what exactly happened to the picture, or the picture holds NaN
            or infinite values.

        Examples
        --------
        >>> from priorlab.tasks.builtin import SuperResolution
        >>> SuperResolution(factor=2).adopt(torch.zeros(1, 3, 16, 20)).shape
        (1, 3, 32, 40)
        """
        shape = self.restored_shape(self._shape_of_picture(y))
        operator = self.operator(shape, np.random.default_rng(0))
        checked: LinearOperator = returned.checked_part(self.name, LinearOperator, operator)
        return self._measurement(y, checked.to(y.device), shape)

    def adopt_cut_out(self, y: Tensor, clear: NDArray[np.bool_]) -> Measurement:
        """Take a picture, some pixels (H, W) of which are clear, as `adopt` does.

        A task that finds out something from the picture does so where it is seen.

        Examples
        --------
        >>> from priorlab.tasks.builtin import Denoise
        >>> Denoise().adopt_cut_out(torch.zeros(1, 3, 16, 16), np.eye(16, dtype=bool)).shape
        (1, 3, 16, 16)
        """
        return self.adopt(y)

    def _shape_of_picture(self, y: Tensor) -> Shape:
        """Return the shape of the one picture that is adopted, all of whose values are finite."""
        shape = _shape(y)
        if not bool(y.isfinite().all()):
            raise UsageError(f"{self.spec()}: the picture holds NaN or infinite values")
        return shape

    def pictures(self, measurement: Measurement) -> dict[str, Tensor]:
        """Return pictures (1, C, H, W), by name, of what `adopt` found out: by default none."""
        return {}

    def doubts(self, measurement: Measurement, clear: NDArray[np.bool_] | None) -> tuple[str, ...]:
        """Return lines on why what `adopt` found out may be wrong: by default none.

        Parameters
        ----------
        measurement : Measurement
            As `adopt` returned it, or `adopt_cut_out`.
        clear : array of bool, shape (H, W), or None
            The pixels that are clear, if some are.
        """
        return ()

    def restored_shape(self, shape: Shape) -> Shape:
        """Return the shape of the image to which data of `shape` belong; see `Measurement`."""
        return shape

    def _measurement(self, y: Tensor, operator: LinearOperator, shape: Shape) -> Measurement:
        single = y.to(torch.complex64) if y.is_complex() else y.float()
        noise: Noise = returned.checked_part(self.name, Noise, self.noise)
        return Measurement(single, operator, noise, shape)


def _shape(x: Tensor) -> Shape:
    if x.ndim != 4 or x.shape[0] != 1 or not x.numel():
        raise ValueError(f"expected one image of shape (1, C, H, W), not {tuple(x.shape)}")
    return (1, x.shape[1], x.shape[2], x.shape[3])
