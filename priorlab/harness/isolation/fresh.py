"""A process of its own for one cell, where forking is not safe: it imports all there is first.

Started as ``python -m priorlab.harness.isolation.fresh DESCRIPTOR``, of the end of a channel.
"""

from __future__ import annotations

import json
import sys

import torch

from priorlab import plugins
from priorlab.ground.process_tree import end_with
from priorlab.harness.isolation import inside, zygote
from priorlab.harness.isolation.channel import Channel
from priorlab.harness.isolation.confine import SYSTEM, confine
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.isolation.system_calls import keep_to_itself


def main(descriptor: int) -> None:
    """Wait for the setup, load the plugins, wait for a prior, and restore one image."""
    channel = Channel.of(descriptor)
    first = channel.receive()
    if first is None:
        return
    end_with(first.message["parent"])
    with open(first.files[0], "rb") as file:
        setup = Setup(**json.load(file))
    others = setup.code_of_others(setup.modules)
    confine(setup.private, [*setup.private, *others, *SYSTEM])
    keep_to_itself()
    registry = plugins.load(setup.plugin_files, setup.plugin_folders, only=setup.modules)
    zygote.import_late_parts()
    channel.send({"event": "loaded"})
    request = channel.receive()
    if request is None:
        return
    prior, problem = zygote.prepare(channel, request.message, registry, setup)
    inside.restore(
        prior,
        problem,
        channel,
        request.message["token"],
        device=torch.device(setup.device),
        threads=setup.threads,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
