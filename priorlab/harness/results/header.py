"""What a table says besides the figures that follow from its rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from priorlab.suites.published import Published


@dataclass(frozen=True, kw_only=True)
class Header:
    """What is known of a run besides its rows.

    Attributes
    ----------
    name : str
        Of the run; what LaTeX labels begin with.
    dataset : str
        Name of the image set.
    known : str
        The public test set that its images are, by their content; published figures of that
        set are added to the measured ones.
    images : int
        How many images the run has when it is complete; published figures stand beside the
        measured ones of all of them only.
    protocols : mapping of str to str
        For each task the text of its `Protocol`.
    titles : mapping of str to str
        For each task what papers call it; of runs of earlier versions it is not known.
    tuned : mapping
        For each prior, by kind of degradation, the parameters that take the place of its defaults.
    metrics : mapping of str to str
        For each metric its written specification.
    lower_is_better : collection of str
        The metrics of which that holds.
    versions : mapping of str to str
        Such as ``{"priorlab": "0.1.0", "torch": "2.6"}``.
    command : str
        What made the results.
    notes : sequence of str
        Anything else that a reader must know, one sentence each.
    title : str
        Above all tables.
    above : sequence of str
        Paragraphs below the title, such as the source of a protocol.
    published : sequence of Published
        Those of a suite, which are compared with what was measured.
    """

    name: str = ""
    dataset: str = ""
    known: str = ""
    images: int = 0
    protocols: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)
    tuned: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    lower_is_better: Collection[str] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    notes: Sequence[str] = ()
    title: str = ""
    above: Sequence[str] = ()
    published: Sequence[Published] = ()
