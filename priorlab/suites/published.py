"""Figures copied from papers, and files that a suite needs besides its images."""

from __future__ import annotations

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True, kw_only=True)
class Published:
    """The mean of a method over the images of a suite, as its authors or others report it.

    Attributes
    ----------
    method : str
        As the source calls it.
    task : str
        Its spec.
    psnr : float
        In dB.
    ssim : float or None
        Where the source has it.
    prior : str
        The spec of the prior that is to meet the figure, with the names of files alone; empty if
        there is none.
    tolerance : float
        By how many dB the prior may miss it.
    source : str
        Authors, venue and table.
    """

    method: str
    task: str
    psnr: float
    source: str
    ssim: float | None = None
    prior: str = ""
    tolerance: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file that others published, such as the weights of a network.

    Attributes
    ----------
    name : str
        By which a spec names it.
    published : str
        Where, as the end of a sentence that begins with "published".
    sha256 : str
        Of its content; empty where it is not known.
    """

    name: str
    published: str
    sha256: str = ""

    def missing_for(self, specs: str) -> bool:
        """Return whether specs name the file as one in the current folder that is not there.

        Examples
        --------
        >>> file = PublishedFile(name="kernel.png", published="with the paper")
        >>> file.missing_for("deblur:kernel=kernel.png"), file.missing_for("deblur")
        (True, False)
        """
        return self.name in specs and not Path(self.name).exists()
