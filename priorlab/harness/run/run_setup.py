"""What the processes of a run need to know: its `Setup`, made from its plan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from priorlab.components import Component
from priorlab.harness.isolation.setup import CORE, Setup
from priorlab.harness.results.folder import INFO
from priorlab.harness.results.schema import METRICS
from priorlab.harness.results.store import Store
from priorlab.harness.run import keys
from priorlab.harness.run.plan import Plan
from priorlab.harness.run.settings import RunSettings
from priorlab.registry import Registry
from priorlab.sources.imports import locate


def setup_of(planned: Plan, settings: RunSettings, registry: Registry, store: Store) -> Setup:
    """Return what the processes of a run need to know."""
    chosen = planned.selection
    return Setup(
        threads=settings.threads,
        device=settings.device,
        plugin_files=registry.files,
        plugin_folders=registry.folders,
        providers=_providers(chosen.components, registry),
        private=_private(planned, store),
        code=code_of(registry),
        task_modules=modules_of((("tasks", task) for task in chosen.tasks), registry),
        metrics={
            name: metric.description
            for name, metric in chosen.metrics.items()
            if name not in METRICS
        },
        timeout_s=settings.timeout_s,
        memory_mb=settings.memory_mb,
        batch=settings.batch,
    )


def modules_of(components: Iterable[tuple[str, Component]], registry: Registry) -> tuple[str, ...]:
    """Return the modules of the plugins that provide components, and those in them."""
    provided = _providers(components, registry).values()
    return tuple(sorted({module for modules in provided for module in modules}))


def code_of(registry: Registry) -> dict[str, str]:
    """Return the folders of the core and of packages, and the lone files, by their modules."""
    tops = {module: module.partition(".")[0] for module in registry.modules}
    tops = {CORE: CORE} | {module: top for module, top in tops.items() if top != CORE}
    places = {module: locate(top) for module, top in tops.items()}
    return {
        module: str(place.file.parent if place.package else place.file)
        for module, place in places.items()
        if place and place.file
    }


def _providers(
    components: Iterable[tuple[str, Component]], registry: Registry
) -> dict[str, list[str]]:
    """Return the modules of the plugins that provide each component in use, by its name."""
    found: dict[str, set[str]] = defaultdict(set)
    for kind, component in components:
        for part_kind, part in keys.parts(kind, component):
            found[part.name].add(registry.owners[part_kind, part.name].module)
    return {name: sorted(modules) for name, modules in found.items()}


def _private(planned: Plan, store: Store) -> tuple[str, ...]:
    """Return where the clean images are, by themselves and among earlier results."""
    images = {str(image.path) for image in planned.selection.dataset.images}
    results = store.database.file.parent.resolve()
    earlier = {str(info.parent) for info in results.glob(f"*/{INFO}")}
    stored = {str(file) for file in results.glob(f"{store.database.file.name}*")}
    return tuple(sorted(images | earlier | stored))
