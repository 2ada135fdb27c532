"""What happens in the process of one cell: a measurement comes, an image goes, and that is all.

The process knows the prior, the measurement and a seed: neither the clean image nor a path, nor
what the noise was drawn from. It ends after one cell.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from typing import Any

import torch

from priorlab import restoration
from priorlab.errors import Unsupported, trace_of
from priorlab.ground import devices, process_tree
from priorlab.harness.isolation import confine
from priorlab.harness.isolation.block import Block
from priorlab.harness.isolation.channel import Channel, Message
from priorlab.harness.isolation.reports import Notes, ReportingTrace
from priorlab.priors import Prior


def restore(
    prior: Prior,
    problem: Exception | None,
    channel: Channel,
    job: str,
    *,
    device: torch.device,
    threads: int,
) -> None:
    """Restore the image of the measurement that comes through `channel`, and answer there.

    Parameters
    ----------
    prior : Prior
        Prepared.
    problem : Exception or None
        What preparing it raised; it counts only if the prior supports the measurement.
    channel : Channel
        Messages name the `job`.
    job : str
        Names the cell.
    device : torch.device
        Where to compute.
    threads : int
        How many to use.
    """
    me = os.getpid()
    # What it starts stays below it, so that it is counted and ended with it; and a signal to its
    # group reaches nobody else.
    process_tree.adopt_orphans()
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    process_tree.open_again((1, 2))
    settle(threads)
    listen(Notes(channel, job))
    channel.send({"event": "ready", "job": job})
    received = channel.receive()
    if received is None:
        os._exit(1)
    block = Block(received.files[0], **received.message["block"])
    answer = _answer(prior, problem, channel, job, device, block, received.message["seed"])
    if os.getpid() != me:
        os._exit(1)  # a copy that the prior made; only one of them may answer
    channel.send({**answer, "job": job})
    channel.receive()  # until this process is ended: what it took is being read
    sys.stderr.flush()


def _answer(
    prior: Prior,
    problem: Exception | None,
    channel: Channel,
    job: str,
    device: torch.device,
    block: Block,
    seed: int,
) -> Message:
    """Restore, and return what to answer."""
    trace = ReportingTrace(channel, job, block)
    accelerator = torch.get_device_module(device)
    counts = hasattr(accelerator, "max_memory_allocated")
    try:
        measurement = block.measurement().to(device)
        if counts:
            accelerator.reset_peak_memory_stats(device)
        restored = restoration.run(
            prior, measurement, seed=seed, trace=trace, prepared=problem or True
        )
        devices.synchronize(device)
        block.result.copy_(restored)
    except Unsupported as error:
        return {"event": "unsupported", "message": restoration.reason(error)}
    except Exception as error:
        return failed(error)
    trace.send_pictures()
    facts: Message = {"event": "done", **trace.facts}
    if counts:
        facts["peak_mb"] = accelerator.max_memory_allocated(device) / 1e6
    return facts


def failed(error: Exception) -> Message:
    """Return the answer that says what was raised."""
    message, details = restoration.reason(error), trace_of(error)
    if confine.denies(error):
        message += (
            "; a prior cannot write among the images, the results and the code of others, nor make"
            " or read new files in the folders above these: use tempfile, or another folder"
        )
    return {"event": "failed", "message": message, "details": details}


def listen(notes: logging.Handler) -> None:
    """Have what priorlab and plugins log as a warning handled by `notes`, and by nothing else."""
    logging.getLogger("priorlab").handlers[:] = [notes]


def settle(threads: int) -> None:
    """Set what decides speed and results of torch."""
    torch.set_num_threads(threads)
    torch.set_deterministic_debug_mode("warn")
    # On by default with the above, which costs time and guards nothing here.
    fill: Any = torch.utils.deterministic
    fill.fill_uninitialized_memory = False
