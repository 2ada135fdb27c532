"""The process in which priors are prepared, one after the other: what they compile stays on disk.

Started as ``python -m priorlab.compiling.child DESCRIPTOR``, of the end of a channel.
"""

from __future__ import annotations

import contextlib
import sys

import torch

from priorlab import plugins
from priorlab.errors import Unsupported, UsageError
from priorlab.ground import process_tree
from priorlab.harness.isolation import inside
from priorlab.harness.isolation.channel import Channel
from priorlab.harness.isolation.reports import Notes
from priorlab.registry import Registry
from priorlab.restoration import reason

CHANNELS = 3
"""Of the images for which priors are prepared: loops treat any number of them alike."""


def serve(descriptor: int) -> None:
    """Load the plugins, and prepare each prior that is named."""
    channel = Channel.of(descriptor)
    first = channel.receive()
    if first is None:
        return
    given = first.message
    process_tree.end_with(given["parent"])
    process_tree.adopt_orphans()  # what a prior starts is ended with this process
    torch.set_num_threads(1)
    inside.listen(Notes(channel, ""))
    registry = plugins.load(given["files"], given["folders"], only=given["modules"])
    while (received := channel.receive()) is not None:
        problem = prepare(received.message["prior"], registry)
        channel.send({"event": "prepared", "problem": problem})


def prepare(name: str, registry: Registry) -> str:
    """Prepare a prior with its default parameters, and return in a line what went wrong, or "".

    One that needs more than those, such as a file, compiles nothing that could be kept.

    Examples
    --------
    >>> prepare("median", plugins.load())
    ''
    """
    try:
        kind = registry.find("priors", name)
        with contextlib.suppress(Unsupported, UsageError):
            kind().prepare(torch.device("cpu"), CHANNELS)
    except (Exception, SystemExit) as error:  # a plugin may raise anything
        return reason(error)
    return ""


if __name__ == "__main__":
    serve(int(sys.argv[1]))
