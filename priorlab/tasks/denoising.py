"""Denoising tasks: Gaussian noise, photon noise, salt and pepper."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from typing_extensions import override

from priorlab.components import parameter
from priorlab.errors import UsageError, percent
from priorlab.forward import impulses
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Noise, Poisson, RandomImpulses, SaltAndPepper
from priorlab.pictures import arrays, few_colours, hidden
from priorlab.pictures.picture import Picture
from priorlab.tasks import error_levels
from priorlab.tasks.base import Task
from priorlab.tasks.parameters import noise_of, sigma_parameter
from priorlab.tasks.real_denoising import DenoiseReal

LEAST_AMOUNT = 0.001
"""Smallest fraction of impulses; fewer are no noise."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Denoise(Task):
    """Remove additive white Gaussian noise.

    Examples
    --------
    >>> import torch
    >>> measurement = Denoise(sigma=0.1).measure(torch.full((1, 1, 64, 64), 0.5), seed=0)
    >>> measurement.noise, measurement.y.std().round(decimals=2)
    (Gaussian(sigma=0.1), tensor(0.1000))
    """

    name: ClassVar[str] = "denoise"
    called: ClassVar[str] = "Gaussian"
    sigma: float = sigma_parameter(25)

    @property
    def noise(self) -> Noise:
        """Gaussian noise; nothing is clipped or rounded."""
        return noise_of(self.sigma)

    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        """Return the task that finds out the noise, unless sigma was typed."""
        if "sigma" not in typed:
            return DenoiseReal(), ()
        return self, error_levels.of_other_scale(self.sigma, picture)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenoisePoisson(Task):
    """Remove photon noise: each pixel is a Poisson count.

    Examples
    --------
    >>> import torch
    >>> y = DenoisePoisson(peak=4.0).measure(torch.full((1, 1, 16, 16), 0.5), seed=0).y
    >>> torch.equal(4 * y, (4 * y).round())
    True
    """

    name: ClassVar[str] = "denoise-poisson"
    called: ClassVar[str] = "Poisson"
    peak: float = parameter(30.0, "mean count at white", low=0.1, high=1e6, shown=True)

    @property
    @override
    def noise(self) -> Noise:
        return Poisson(self.peak)

    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        """Return the task if its peak was typed: no default can be right for a picture."""
        if "peak" not in typed:
            raise UsageError(
                f"{self.name}: how many photons white stands for in {picture.name} is not known;"
                " give peak=COUNT, or use the task denoise, which estimates its noise"
            )
        return self, ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class DenoiseImpulse(Task):
    """Remove impulses: salt and pepper, which is 0 or 1, or any values that stand out.

    Examples
    --------
    >>> import torch
    >>> DenoiseImpulse().measure(torch.full((1, 1, 16, 16), 0.5), seed=0).y.unique()
    tensor([0.0000, 0.5000, 1.0000])
    """

    name: ClassVar[str] = "denoise-impulse"
    called: ClassVar[str] = "Impulses"
    amount: float = parameter(
        0.2, "fraction of the values that are hit", low=LEAST_AMOUNT, high=1, shown=True
    )
    values: str = parameter(
        "extreme", "which values impulses have: 0 and 255 only, or any", choices=("extreme", "any")
    )

    @property
    @override
    def title(self) -> str:
        return self._title(f"{100 * self.amount:g} %", said={"amount"})

    @property
    @override
    def rules(self) -> str:
        kept = "; what is neither black nor white is as measured"
        return super().rules + (kept if self.values == "extreme" else "")

    @property
    def noise(self) -> Noise:
        """Impulses, independent in the channels of a pixel."""
        return (
            SaltAndPepper(self.amount) if self.values == "extreme" else RandomImpulses(self.amount)
        )

    @override
    def for_picture(self, picture: Picture, typed: Collection[str]) -> tuple[Task, tuple[str, ...]]:
        """Return the task with the amount, and the kind of values, that the picture seems to have.

        Salt and pepper is exactly 0 and 1 no longer once a picture was resized or stored as JPEG.
        """
        if arrays.has_two_levels(picture.image):
            raise UsageError(
                f"{picture.name} holds two values in each channel, so its impulses cannot be told"
                " from the rest; use another task"
            )
        image, seen = picture.image, None
        if (clear := hidden.clear_pixels(picture)) is not None:
            image, seen = hidden.continued(image, clear), torch.from_numpy(~clear)
        y = arrays.to_tensor(image)
        extreme = impulses.estimated_amount(y, seen)
        standing_out = ~impulses.inconspicuous_pixels(y, amount=0)  # the most conspicuous ones
        values, drawn, held = self.values, False, 0
        if "values" not in typed and not impulses.only_extreme(y, standing_out, extreme, seen):
            held = few_colours.count(picture)  # impulses of any value would have brought more
            drawn = not held and impulses.looks_drawn(y, standing_out, seen)
            values = "extreme" if drawn or held else "any"
        found = extreme
        if values == "any":  # with a first idea of how many there are, the others are found too
            first = impulses.share(standing_out, seen)
            found = impulses.share(~impulses.inconspicuous_pixels(y, first), seen)
        notes = []
        if "amount" not in typed:
            notes.append(f"no amount was given: estimated amount = {found:.3f}")
        if held:
            notes.append(
                f"it holds {held} colours, too few for impulses of any value: looking for those of"
                " exactly 0 and 255 only"
            )
        elif drawn:
            notes.append(
                "what stands out hangs together, as letters and lines do: looking for impulses of"
                " exactly 0 and 255 only; values=any looks for others"
            )
        elif values != self.values:
            notes.append("the impulses are not exactly 0 and 255: looking for any that stand out")
        amount = self.amount if "amount" in typed else min(max(found, LEAST_AMOUNT), 1.0)
        return dataclasses.replace(self, amount=amount, values=values), tuple(notes)

    @override
    def doubts(self, measurement: Measurement, clear: NDArray[np.bool_] | None) -> tuple[str, ...]:
        """Say whether what counts as impulses may be the picture itself."""
        hit = ~self.noise.reliable_pixels(measurement.y)
        seen = None if clear is None else torch.from_numpy(~clear).to(hit.device)
        if not impulses.hangs_together(hit, seen):
            return ()
        return (
            f"the impulses found ({percent(impulses.share(hit, seen))} of the values) hang"
            " together, as letters and edges do and impulses do not: the picture may become worse",
        )
