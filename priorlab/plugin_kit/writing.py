"""Write the files of a new plugin from the templates."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from priorlab.errors import UsageError, unknown

if TYPE_CHECKING:
    from priorlab.registry import Registry

TEMPLATES = Path(__file__).with_name("templates")

WHAT = {
    "regularizer": "A prior with an energy",
    "denoiser": "A prior that is a denoiser",
    "generator": "A prior that is a network, fitted to each picture",
    "task": "A task",
    "metric": "A metric",
    "dataset": "A data set",
    "engine": "An engine",
}
"""The kinds of plugins that can be written, each in words."""

TRY_IT = {
    "task": "priorlab bench --tasks $name --priors tv,degraded",
    "metric": "priorlab bench --tasks denoise --priors tv,degraded",
    "dataset": "priorlab bench --tasks denoise --priors tv,degraded --dataset $name",
    "engine": "priorlab bench --tasks denoise --priors tv,degraded --engine $name",
}
"""What shows a new plugin at work; of a prior, a comparison with others."""

_TRY_PRIOR = "priorlab bench --tasks denoise,inpaint --priors $name,tv"


def write(name: str, kind: str, folder: Path = Path()) -> list[Path]:
    """Write a package that provides one thing, and return its files.

    Parameters
    ----------
    name : str
        Of the package and of what it provides: small letters, digits and hyphens.
    kind : str
        One of `WHAT`.
    folder : Path
        Where the package's own folder is made, which is called as the package.

    Raises
    ------
    UsageError
        For a name that cannot be one, a package that exists, or a folder that cannot be written.

    Examples
    --------
    >>> [path.as_posix() for path in write("smooth-prior", "denoiser")][:2]
    ['smooth-prior/.github/workflows/ci.yml', 'smooth-prior/README.md']
    """
    check_kind(kind)
    module = name.replace("-", "_")
    check_name(name, module)
    package = folder / name
    if package.exists():
        raise UsageError(f"{package} exists already; name another package, or remove it")
    values = {
        "name": name,
        "module": module,
        "class_name": "".join(part.capitalize() for part in name.split("-")),
        "what": WHAT[kind],
        "noun": kind if kind in TRY_IT else "prior",
    }
    values["try_it"] = Template(TRY_IT.get(kind, _TRY_PRIOR)).substitute(values)
    shape = "object" if kind in ("metric", "dataset") else "class"
    files = {
        ".github/workflows/ci.yml": "ci.yml",
        "README.md": "README.md",
        f"{module}/__init__.py": f"{kind}.py",
        "pyproject.toml": "pyproject.toml",
        f"tests/test_{module}.py": f"test_{shape}.py",
    }
    written = []
    for place, template in files.items():
        text = (TEMPLATES / f"{template}.template").read_text(encoding="utf-8")
        written.append(package / place)
        written[-1].parent.mkdir(parents=True, exist_ok=True)
        written[-1].write_text(Template(text).substitute(values), encoding="utf-8")
    (package / module / "py.typed").touch()
    if kind == "dataset":
        written.append(package / module / "pictures" / "picture.png")
        written[-1].parent.mkdir()
        shutil.copyfile(TEMPLATES / "picture.png", written[-1])
    return written


def check_kind(kind: str) -> None:
    """Raise a `UsageError` unless there are templates of a kind.

    Examples
    --------
    >>> check_kind("denoiser")
    """
    if kind not in WHAT:
        raise unknown("kind of plugin", kind, WHAT)


def check_free(name: str, kind: str, registry: Registry) -> None:
    """Raise a `UsageError` if what a new plugin provides would make a name ambiguous.

    Two plugins may provide one name, but then every command that says it alone has to be rewritten
    with the full name; a new plugin better has a name of its own.

    Examples
    --------
    >>> from priorlab import plugins
    >>> check_free("tv", "denoiser", plugins.load())
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: the prior tv exists already, in handcrafted, and ... such as my-tv
    """
    noun = kind if kind in TRY_IT else "prior"
    other = f"write such as my-{name}"
    for plugin in registry.plugins:
        if name in plugin.provides.get(f"{noun}s", ()):
            raise UsageError(
                f"the {noun} {name} exists already, in {plugin.label}, and with another nobody"
                f" could write {name} alone any more; {other}"
            )
        if name == plugin.label:
            raise UsageError(f"a plugin {name} exists already ({plugin.source}); {other}")


def check_name(name: str, module: str) -> None:
    """Raise a `UsageError` unless a name can be that of a package and of what it provides.

    Examples
    --------
    >>> check_name("torch", "torch")
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: a module torch exists already; Python would import one of the two
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise UsageError(
            f"{name!r} cannot be a package's name: write small letters, digits and single hyphens,"
            " a letter first, such as my-prior"
        )
    if keyword.iskeyword(module):
        raise UsageError(f"{name} is a word of Python; name another package, such as my-{name}")
    if importlib.util.find_spec(module) is not None:
        raise UsageError(f"a module {module} exists already; Python would import one of the two")
