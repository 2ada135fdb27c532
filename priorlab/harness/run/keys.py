"""The key of a cell: a digest of everything that its restored image can depend on, no more.

In it are both components with their parameters, those within them included, and with the code
that they consist of (see `priorlab.sources`); the clean image, by its pixels; the seed; and the
setting in which the cell is computed. Left out are the names of files, the metrics, which are
computed again from the stored image, and how many threads or processes there are: none of these
decides which image is restored.

What no code names is not seen: variables of the environment, modules and files whose names are
computed, and files that a lone plugin file finds by looking through a folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata
from typing import Any

from priorlab.components import Component
from priorlab.ground import devices
from priorlab.ground.precision import bf16_hardware
from priorlab.registry import Registry
from priorlab.sources.digest import digest, modules_of
from priorlab.sources.installed import release
from priorlab.sources.watch import CodeWatch

KEY_SCHEMA = 3
"""Part of every key: to be raised when the harness itself changes what a result is."""

RESTORATION = "priorlab.restoration"
"""The module that restores; what it imports is the code that all cells depend on."""

METRICS = "priorlab.metrics"
"""The module of the metrics that every run has."""

LIBRARIES = ("numba", "numpy", "pillow", "scikit-image", "scipy", "torch")
"""The distributions that compute."""


def identity(
    kind: str,
    component: Component,
    registry: Registry,
    digest_of: Callable[[frozenset[str]], str] = digest,
) -> dict[str, Any]:
    """Return what the results of a component depend on: its parameters and its code.

    Parameters
    ----------
    kind : str
        What it is: "priors" or "tasks".
    component : Component
        A component whose parameters may be components themselves.
    registry : Registry
        Knows which plugin each is from.
    digest_of : callable
        Returns the digest of some modules; one that remembers saves time.

    Examples
    --------
    >>> from priorlab import plugins
    >>> registry = plugins.load()
    >>> (task,) = registry.build_tasks("dejpeg:quality=20")
    >>> identity("tasks", task, registry)
    {'name': 'dejpeg', 'parameters': {'quality': 20, ...}, 'code': '...'}
    """
    modules = frozenset(_modules(kind, component, registry))
    return component.fingerprint() | {"code": digest_of(modules)}


def _modules(kind: str, component: Component, registry: Registry) -> set[str]:
    """Return the modules in which a component and those within it are written."""
    modules: set[str] = set()
    for part_kind, part in parts(kind, component):
        owner = registry.owners[part_kind, part.name]
        modules |= modules_of(type(part), owner.module)
    return modules


def watch(
    priors: Iterable[Component],
    tasks: Iterable[Component],
    registry: Registry,
    metrics: Iterable[str] = (),
) -> CodeWatch:
    """Return a watch on all code that some priors, tasks and the metrics consist of.

    To be made before the keys are, and asked before a result is stored. `metrics` are the modules
    of those besides PSNR and SSIM.

    Examples
    --------
    >>> from priorlab import plugins
    >>> registry = plugins.load()
    >>> watch(registry.build_priors("tv"), registry.build_tasks("denoise"), registry).changed()
    """
    modules = {RESTORATION, METRICS, *metrics}
    for kind, components in {"priors": priors, "tasks": tasks}.items():
        for component in components:
            modules |= _modules(kind, component, registry)
    return CodeWatch(modules)


def parts(kind: str, component: Component) -> Iterator[tuple[str, Component]]:
    """Yield a component and those within it, each with its kind.

    Examples
    --------
    >>> from priorlab import plugins
    >>> (prior,) = plugins.load().build_priors("dip:red=bm3d")
    >>> [(kind, part.name) for kind, part in parts("priors", prior)]
    [('priors', 'dip'), ('priors', 'bm3d')]
    """
    yield kind, component
    kinds = {field.name: field.metadata.get("component") for field in dataclasses.fields(component)}
    for name, part in component.components().items():
        yield from parts(kinds[name] or kind, part)


def setting(device: str) -> dict[str, Any]:
    """Return what results depend on besides the cell itself, on this machine.

    Returns
    -------
    dict
        The digest of the core's code; the class of the device, the number format in which
        networks are trained on it, and the hardware that decides this format; and the versions
        of the libraries that compute.

    Raises
    ------
    UsageError
        For a device that is not there.

    Examples
    --------
    >>> sorted(setting("cpu"))
    ['core', 'device', 'format', 'hardware', 'libraries']
    """
    chosen = devices.find(device)
    hardware = bf16_hardware(chosen)
    return {
        "core": digest([RESTORATION]),
        "device": chosen.type,
        "format": "bfloat16" if hardware else "float32",
        "hardware": hardware,
        "libraries": {name: release(metadata.version(name)) for name in LIBRARIES},
    }


def cell_key(
    prior: Mapping[str, Any],
    task: Mapping[str, Any],
    image_digest: str,
    seed: int,
    setting: Mapping[str, Any],
) -> str:
    """Return the key of a cell.

    Parameters
    ----------
    prior, task : mapping
        The `identity` of each.
    image_digest : str
        Digest of the clean image's pixels.
    seed : int
        Seed of the measurement and of the prior.
    setting : mapping
        See `setting`.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> prior, task = {"name": "tv", "code": "ab"}, {"name": "denoise", "code": "cd"}
    >>> key = cell_key(prior, task, "c0ffee", seed=0, setting={"device": "cpu"})
    >>> len(key), key == cell_key(prior, task, "c0ffee", seed=1, setting={"device": "cpu"})
    (64, False)
    """
    texts = canonical(prior), canonical(task), image_digest, seed, canonical(setting)
    return key_of_texts(*texts)


def key_of_texts(prior: str, task: str, image_digest: str, seed: int, setting: str) -> str:
    """Return what `cell_key` does, given the `canonical` texts: many cells share them.

    Examples
    --------
    >>> prior, setting = {"name": "tv"}, {"device": "cpu"}
    >>> texts = canonical(prior), canonical({}), "c0ffee", 0, canonical(setting)
    >>> key_of_texts(*texts) == cell_key(prior, {}, "c0ffee", 0, setting)
    True
    """
    # The canonical text of all parts together.
    text = (
        f'{{"image":{json.dumps(image_digest)},"prior":{prior},"schema":{KEY_SCHEMA},'
        f'"seed":{seed},"setting":{setting},"task":{task}}}'
    )
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: keys sorted, no blanks, ASCII only.

    Examples
    --------
    >>> canonical({"seed": 0, "prior": "tv"})
    '{"prior":"tv","seed":0}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
