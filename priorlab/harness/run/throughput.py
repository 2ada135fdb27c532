"""How many images per second a prior restores when several come at once."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from priorlab import restoration
from priorlab.errors import trace_of
from priorlab.forward.measurement import Measurement
from priorlab.harness.isolation.attempt import UNHEARD, Attempt, watch
from priorlab.harness.isolation.block import Block
from priorlab.harness.isolation.nursery import Nursery, Unborn
from priorlab.harness.isolation.setup import Setup

ALIKE = 1e-3
"""By so much, a quarter of a gray level of 255, a pixel may differ from that of the image alone:
sums over a batch are rounded in another order."""


def measure(
    nursery: Nursery,
    setup: Setup,
    prior: dict[str, Any],
    measurement: Measurement,
    alone: Tensor,
    *,
    seed: int,
    job: str,
) -> dict[str, Any]:
    """Have a prior restore `setup.batch` copies of a measurement at once.

    That happens in a process of its own, with the limits of any cell. The images count only if
    they are what the prior made of the measurement alone.

    Parameters
    ----------
    nursery : Nursery
        Starts the process.
    setup : Setup
    prior : dict
        The description of the prior; see `priorlab.components.description`.
    measurement : Measurement
        Of one image.
    alone : Tensor
        What the prior made of it, (1, C, H, W).
    seed : int
        That of the prior.
    job : str
        Names the cell in messages.

    Returns
    -------
    dict
        "batch", and "throughput" in images per second or, in "message" and "details", why it is
        not known.
    """
    count = setup.batch
    try:
        attempt = _attempt(nursery, setup, prior, measurement.repeated(count), seed, f"{job} batch")
    except Unborn as error:
        attempt = Attempt()
        attempt.failed(error.status, error, error.details)
    except Exception as error:  # such as no memory for so many
        attempt = Attempt()
        attempt.failed("failed", restoration.reason(error), trace_of(error))
    if attempt.image is None or attempt.seconds is None:
        reason = f"{attempt.status}: {attempt.message}"
        return {"batch": count, "message": _no_throughput(reason), "details": attempt.details}
    difference = float((attempt.image - alone).abs().max())
    if not difference <= ALIKE:
        reason = f"of {count} images at once, one is not what it is alone (by {difference:.2g})"
        return {"batch": count, "message": _no_throughput(reason)}
    return {"batch": count, "throughput": count / attempt.seconds, "message": attempt.message}


def _attempt(
    nursery: Nursery,
    setup: Setup,
    prior: dict[str, Any],
    measurement: Measurement,
    seed: int,
    job: str,
) -> Attempt:
    block = Block.make(measurement)
    try:
        process = nursery.start(prior, measurement.shape[1], job)
        return watch(process, job, block, seed, setup, UNHEARD)
    finally:
        block.close()


def _no_throughput(reason: str) -> str:
    return f"no throughput: {reason}"[: restoration.LONGEST_REASON]
