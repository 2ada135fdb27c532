"""What a plugin offers to `priorlab train`: a training that makes a weights file."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from priorlab.components import Component, parameter
from priorlab.errors import check_seed


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes
    ----------
    step, steps : int
        Steps done and in all.
    loss : float
        Mean over the last steps.
    psnr : float or None
        In dB, of the last validation; None before the first, or where there is none.
    """

    step: int
    steps: int
    loss: float
    psnr: float | None = None


Report = Callable[[Progress], None]
"""Is told now and then how far a training is."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trainer(Component, ABC):
    """A named training: a frozen dataclass whose fields are its settings.

    Examples
    --------
    >>> @dataclasses.dataclass(frozen=True, kw_only=True)
    ... class Nothing(Trainer):
    ...     name = "nothing"
    ...     def train(self, dataset, output, report):
    ...         report(Progress(self.steps, self.steps, 0.0))
    ...         return {"command": self.command(dataset, output)}
    >>> Nothing(steps=3).train(Path("photos"), Path("net.safetensors"), print)["command"]
    Progress(step=3, steps=3, loss=0.0, psnr=None)
    'priorlab train nothing --dataset photos --steps 3 --seed 0 -o net.safetensors'
    """

    steps: int = parameter(15000, "steps of the optimiser", low=1)
    seed: int = parameter(0, "the only source of randomness", low=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_seed(self.seed)

    @abstractmethod
    def train(self, dataset: Path, output: Path, report: Report) -> dict[str, str]:
        """Train on a folder of images and write the weights with their provenance.

        Parameters
        ----------
        dataset : Path
            Folder of clean training images.
        output : Path
            Weights file to write; a training that was interrupted goes on from a file next to it.
        report : callable
            Called now and then with a `Progress`.

        Returns
        -------
        dict of str to str
            The provenance that was written into the file.
        """

    def command(self, dataset: Path, output: Path) -> str:
        """Return the command that repeats this training."""
        fields = [field.name for field in dataclasses.fields(self)]
        always = ["steps", "seed"]
        named = [name for name in fields if name not in always and name in self.shown()]
        options = " ".join(f"--{name} {self.text(name)}" for name in [*named, *always])
        return f"priorlab train {self.name} --dataset {dataset} {options} -o {output}"
