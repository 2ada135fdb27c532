"""Suites in words: what each needs, and what of that a folder holds."""

from __future__ import annotations

from priorlab import specs
from priorlab.errors import counted, few
from priorlab.pictures import datasets
from priorlab.pictures.datasets import Dataset
from priorlab.pictures.known_sets import known_sets
from priorlab.suites.reading import Suite


def summary(suite: Suite, dataset: Dataset | None = None) -> str:
    """Return a suite in a few lines, and whether a dataset holds its images.

    Examples
    --------
    >>> from priorlab.suites.shipped import shipped
    >>> print(summary(shipped()["impulse-set12"]))
    impulse-set12: Impulse noise: Set12, 30 and 50 % of the pixels black or white
      data: set12, 12 images
      tasks: denoise-impulse:amount=0.3|0.5
      priors: adaptive-median, unet, tv
      published figures: none
    """
    count = len(suite.published)
    priors = [_spelled(spec) for text in suite.priors for spec in specs.split(text)]
    lines = [
        f"{suite.name}: {suite.title or 'without a title'}",
        f"  data: {_data(suite, dataset)}",
        *([f"  files: {few([file.name for file in suite.files])}"] if suite.files else []),
        f"  tasks: {few(suite.tasks) or 'all'}",
        f"  priors: {few(priors) or 'all'}",
        f"  published figures: {count or 'none'}",
    ]
    return "\n".join(lines)


def details(suite: Suite) -> str:
    """Return all that a suite is: protocol, figures, and the digests of what it needs.

    Examples
    --------
    >>> from priorlab.suites.shipped import shipped
    >>> text = details(shipped()["gaussian-set12"])
    >>> "BM3D" in text, "0461867f4826c251" in text
    (True, True)
    """
    source = [f"source: {suite.source}"] if suite.source else []
    parts = [summary(suite), *source, *suite.notes]
    if suite.published:
        parts.append("published, PSNR in dB:\n" + "\n".join(_figures(suite)))
    for file in suite.files:
        known = file.sha256 or "not known"
        parts.append(f"{file.name}, published {file.published}\n  SHA-256: {known}")
    if public := known_sets().get(suite.dataset):
        text = f"{public.name}: {public.doc}\n  published {public.published}"
        if public.licence:
            text += f"\n  licence: {public.licence}"
        digests = [
            f"  {digest}  {name}"
            for name, digest in public.images.items()
            if name in (suite.images or public.images)
        ]
        heading = "\n  SHA-256 of the pixels, whatever the files are called:\n"
        text += heading + "\n".join(digests) if digests else "\n  " + UNKNOWN
        parts.append(text)
    return "\n\n".join(parts)


UNKNOWN = "the digests of its images are not known: any folder is taken at its word"


def _data(suite: Suite, dataset: Dataset | None) -> str:
    """Return the images that a suite needs, and whether they are in a dataset."""
    public = known_sets().get(suite.dataset)
    if public is None:
        return suite.dataset or "any images (--dataset)"
    names = suite.images or tuple(public.images)
    if not public.images:
        return f"{public.name}; {UNKNOWN}"
    text = f"{public.name}, {counted(len(names), 'image')}"
    if dataset is not None:
        lost = len(datasets.missing(dataset, public, names))
        where = f"in {dataset.name}"
        text += f"; {lost} of them not {where}" if lost else f"; all {where}"
    return text


def _spelled(spec: specs.Spec) -> str:
    """Return a spec as it is typed where no other plugin has a prior of that name."""
    fields = ",".join(f"{key}={'|'.join(values)}" for key, values in spec.fields.items())
    return spec.name.rpartition("/")[2] + (f":{fields}" if fields else "")


def _figures(suite: Suite) -> list[str]:
    rows = []
    for entry in suite.published:
        met = ""
        if entry.prior:
            (prior,) = specs.split(entry.prior)
            met = f"; {_spelled(prior)} is to meet it within {entry.tolerance:g}"
        rows.append(f"  {entry.task}: {entry.method} {entry.psnr:g}{met} ({entry.source})")
    return rows
