"""What is installed: plugins, what they provide, and the trainings among it."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path

from priorlab import candidates, plugins, remembered
from priorlab.api.checking import check_names, providers
from priorlab.errors import UsageError
from priorlab.registry import Registry
from priorlab.restoration import reason
from priorlab.training import Report, Trainer


def load_plugins(
    files: Sequence[str | Path] = (),
    folders: Sequence[str | Path] = (),
    *,
    only: Sequence[str] | None = None,
    again: bool = False,
) -> Registry:
    """Return everything that can be named: what is installed and what the given plugins provide.

    What the installed plugins declare is kept in the user's cache: see `declarations`.

    Parameters
    ----------
    files : sequence of path
        Lone plugin files.
    folders : sequence of path
        Folders whose ``*.py`` files and packages are plugins.
    only : sequence of str, optional
        The modules of the plugins to load, which `check_names` knows; by default all.
    again : bool
        Whether to try those again that hung when they were last tried.

    Raises
    ------
    UsageError
        For a file or folder that does not exist. A plugin that cannot be loaded is listed in
        `Registry.problems`.

    Examples
    --------
    >>> "denoise" in load_plugins().tasks
    True
    """
    registry = plugins.load(files, folders, only=only, again=again)
    if only is None:
        remembered.remember(registry)
    return registry


def load_for(*, priors: Iterable[object] = (), tasks: Iterable[object] = ()) -> Registry:
    """Return the installed plugins that provide what specs name, or all where that is not known.

    Which those are is looked up once in a process, as long as nothing more is installed.

    Raises
    ------
    UsageError
        For a wrong name, parameter or value, where that is known already; see `check_names`.

    Examples
    --------
    >>> load_for(priors=["tv"]).build_priors("tv")[0].name
    'tv'
    """
    return plugins.load(only=_modules(_texts(priors), _texts(tasks), candidates.searched()))


def _texts(specs: Iterable[object]) -> tuple[str, ...]:
    return tuple(spec for spec in specs if isinstance(spec, str))


@functools.lru_cache(maxsize=100)
def _modules(
    priors: tuple[str, ...], tasks: tuple[str, ...], _installed: object
) -> tuple[str, ...] | None:
    """Return the modules of the plugins to load; None stands for all."""
    modules = check_names(priors=priors, tasks=tasks)
    if modules is None:  # this once all are imported
        modules = providers(load_plugins(), priors=priors, tasks=tasks)
    return None if modules is None else tuple(modules)


def train(
    training: str | Trainer,
    dataset: Path,
    output: Path,
    *,
    report: Report = lambda progress: None,
    registry: Registry | None = None,
) -> dict[str, str]:
    """Train a learned prior and write its weights.

    Parameters
    ----------
    training : str or Trainer
        A spec, such as "unet:steps=500", or what it stands for.
    dataset : Path
        Folder of clean training images.
    output : Path
        The weights file to write; its card is written beside it.
    report : callable
        Called now and then with a `priorlab.training.Progress`.
    registry : Registry, optional
        Where the name is looked up; by default all installed plugins.

    Returns
    -------
    dict of str to str
        The provenance that is written into the file.

    Raises
    ------
    UsageError
        For an unknown name, images that cannot be read, or a file that cannot be written.

    Examples
    --------
    >>> from PIL import Image
    >>> Path("clean").mkdir()
    >>> Image.radial_gradient("L").save("clean/gradient.png")
    >>> weights = Path("weights.safetensors")
    >>> facts = train("unet:steps=1", Path("clean"), weights)
    >>> facts["images"], facts["steps"], weights.exists()
    ('1', '1', True)
    """
    if isinstance(training, str):
        training = (registry or plugins.load()).build_trainer(training)
    try:
        return training.train(dataset, output, report)
    except (UsageError, OSError):
        raise
    except Exception as error:  # a plugin may raise anything; the cause stays attached
        raise UsageError(f"the training {training.name} failed: {reason(error)}") from error
