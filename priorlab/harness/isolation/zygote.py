"""The processes from which those of cells are forked.

A zygote has imported torch and parts of SciPy, and nothing else has happened in it. From it comes a
process for each set of plugins that priors need together, which imports these and no others. From
that one comes one for each prior, which prepares it: loads its weights, compiles its loops. And
from that one comes a process for each cell. What a cell leaves behind, it leaves in its own
process; what a prior prepares, in that of no other prior; what a plugin changes when it is
imported, in that of no other plugin.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import logging
import os
import sys
import threading
import time
from typing import NoReturn, cast

import torch

from priorlab import components, plugins
from priorlab.ground import process_tree
from priorlab.harness.isolation import inside
from priorlab.harness.isolation.channel import Channel, Message
from priorlab.harness.isolation.confine import SYSTEM, confine
from priorlab.harness.isolation.forking import serve
from priorlab.harness.isolation.reports import Notes
from priorlab.harness.isolation.setup import Setup
from priorlab.harness.isolation.system_calls import keep_to_itself
from priorlab.priors import Prior
from priorlab.registry import Registry

_LOG = logging.getLogger(__name__)

LATE_PARTS = ("scipy.fft", "scipy.ndimage", "scipy.special")
"""What `priorlab.forward` imports when it is used, since most commands do without."""


def run(control: Channel, setup: Setup) -> NoReturn:
    """Fork for each set of plugins that is asked for through `control`."""
    confine(setup.private, [*setup.private, *SYSTEM])
    keep_to_itself()
    # Not even the names are for priors, who could find them where this was called from.
    object.__setattr__(setup, "private", ())
    # No parallel region may run before a fork: its threads would be missing afterwards.
    inside.settle(threads=1)
    control.send({"event": "ready"})
    import_late_parts()

    def load(request: Message, files: tuple[int, ...]) -> None:
        _serve_priors(Channel.of(files[0]), request, setup)

    serve(control, load)


def import_late_parts() -> None:
    """Import what noise models and operators import with their first picture.

    It takes a quarter of a second, which would be of the time of every cell: each has a process of
    its own.
    """
    for module in LATE_PARTS:
        importlib.import_module(module)


def _serve_priors(own: Channel, request: Message, setup: Setup) -> None:
    """Load some plugins, then fork for each of their priors."""
    start = time.perf_counter()
    modules = request["modules"]
    confine(unwritable=setup.code_of_others(modules))
    with process_tree.adopting_orphans():  # so that what is left running is found below
        registry = plugins.load(setup.plugin_files, setup.plugin_folders, only=modules)
    _begin_compiling()
    if any(registry.priors[name].optimises is True for name in _in_use(registry, setup)):
        _import_optimisers()
    gc.collect()
    gc.freeze()  # what is loaded now stays: a collection need not look at it, nor copy it
    seconds = time.perf_counter() - start
    own.send({"event": "prepared", "job": request["token"], "seconds": seconds})

    def prepare(request: Message, files: tuple[int, ...]) -> None:
        _serve_cells(Channel.of(files[0]), request, registry, setup)

    serve(own, prepare)


def _begin_compiling() -> None:
    """Have numba, where a plugin uses it, load once what each prior would load for itself.

    Otherwise each prior takes 0.3 s of CPU time for that, for gray and for colour, in each slot.
    """
    if numba := sys.modules.get("numba"):
        with contextlib.suppress(Exception):  # then it fails where it is needed, if it is
            numba.njit("int64(int64)")(lambda number: number)


def _in_use(registry: Registry, setup: Setup) -> list[str]:
    """Return the priors of a process that are part of the run; none where that is not known."""
    return [name for name in setup.providers if name in registry.priors]


def _import_optimisers() -> None:
    """Have torch import the modules of its optimisers: with the first one, which takes a second."""
    torch.optim.SGD([torch.zeros(1, requires_grad=True)])


def _serve_cells(own: Channel, request: Message, registry: Registry, setup: Setup) -> None:
    """Prepare a prior, then fork for each of its cells."""
    prior, problem = prepare(own, request, registry, setup)
    gc.collect()
    gc.freeze()

    def work(request: Message, files: tuple[int, ...]) -> None:
        channel = Channel.of(files[0])
        device = torch.device(setup.device)
        inside.restore(
            prior, problem, channel, request["token"], device=device, threads=setup.threads
        )

    serve(own, work)


def prepare(
    channel: Channel, request: Message, registry: Registry, setup: Setup
) -> tuple[Prior, Exception | None]:
    """Build and prepare the prior of a request, and answer how long that took.

    Returns
    -------
    prior : Prior
    problem : Exception or None
        What preparing raised: it matters only for what the prior supports.

    If the prior cannot even be built, the process ends once that was answered.
    """
    me = os.getpid()
    inside.listen(Notes(channel, request["token"]))
    try:
        found = components.from_description(request["prior"], "priors", registry.find)
    except Exception as error:
        channel.send({**inside.failed(error), "job": request["token"]})
        channel.receive()
        sys.exit()
    prior = cast(Prior, found)
    problem: Exception | None = None
    start = time.perf_counter()
    try:
        with process_tree.adopting_orphans():
            prior.prepare(torch.device(setup.device), request["channels"])
        if prior.optimises:
            _import_optimisers()
    except Exception as error:
        problem = error
    seconds = time.perf_counter() - start
    if os.getpid() != me:
        os._exit(1)  # a copy that the prior made; only one of them may answer
    if setup.forks and (left := _threads()):
        _LOG.warning(
            "%s: preparing it left running %s; the process of a picture is a copy without it",
            *(prior.name, ", ".join(left)),
        )
    channel.send({"event": "prepared", "job": request["token"], "seconds": seconds})
    return prior, problem


def _threads() -> list[str]:
    """Return the names of the threads besides this one."""
    names = {one.ident: one.name for one in threading.enumerate()}
    others = set(sys._current_frames()) - {threading.get_ident()}
    return sorted(f"the thread {names.get(one, one)}" for one in others)
