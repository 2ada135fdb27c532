"""Cells for the tests of the store."""

import dataclasses

import numpy as np

from priorlab.harness.results import outputs
from priorlab.harness.results.schema import Outcome

METRICS = {"psnr": "code of psnr", "ssim": "code of ssim"}
LABELS = {"prior": "tv", "task": "denoise", "image": "house", "seed": 0}
SCORES = {"psnr": 30.0, "ssim": 0.9}
FAILED = Outcome("failed", message="why")


def cell(level=0.5, **facts):
    """Return the outcome of a cell whose restored image is of one gray, and its pictures."""
    image = np.full((1, 16, 20), level, np.float32)
    output, pictures = outputs.encode(image)
    clean, more = outputs.encode(image * 0.9, [outputs.VIEW])
    facts = {"seconds": 0.5, "wall": 1.0, "height": 16, "width": 20, "machine": "this"} | facts
    return Outcome("ok", output=output, clean=clean, degraded=clean, **facts), pictures | more


def put(store, key, level=0.5, **labels):
    """Put such a cell into a store, and return its outcome."""
    outcome, pictures = cell(level)
    store.put(key, LABELS | labels, outcome, METRICS, SCORES, pictures)
    return outcome


def fail(store, key, **facts):
    """Put a failed cell into a store."""
    store.put(key, LABELS, dataclasses.replace(FAILED, **facts), METRICS, {})
