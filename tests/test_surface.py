"""What `from priorlab import ...` offers: lazily, and with types."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import priorlab
from priorlab import api

PACKAGE = Path(priorlab.__file__)


@pytest.mark.parametrize("name", priorlab.SURFACE)
def test_each_name_is_that_of_its_module(name):
    home = importlib.import_module(priorlab.SURFACE[name])
    value = getattr(priorlab, name)
    assert value is getattr(home, name)
    assert name in dir(priorlab)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert value.__module__ == home.__name__, "keys look for the code where it is defined"


def test_the_surface_is_what_the_documentation_promises():
    promised = "Prior Regularizer Denoiser Generator Measurement LinearOperator Noise Task Metric"
    promised += " OptionalMetric"
    promised += " parameter hookimpl restore restore_files bench degrade"
    assert set(promised.split()) == set(priorlab.__all__)


@pytest.mark.parametrize("package", [priorlab, api])
def test_type_checkers_see_the_same_names(package):
    tree = ast.parse(Path(package.__file__).read_text())
    typed = {
        alias.asname: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert typed == package.SURFACE


@pytest.mark.parametrize("package", [priorlab, api])
def test_no_module_hides_a_public_name(package):
    """Importing ``priorlab.api.suites`` would put the module where the function is."""
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert not modules & {*package.__all__}


def test_the_package_alone_reaches_what_the_commands_do():
    """As the documentation types it: ``import priorlab``, then ``priorlab.api.compare(...)``."""
    code = "import priorlab, sys; priorlab.api; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Piror'"):
        _ = priorlab.Piror


@pytest.mark.parametrize(
    "statement",
    ["import priorlab; dir(priorlab)", "from priorlab import parameter, hookimpl, __version__"],
)
def test_torch_is_not_loaded_before_it_is_needed(statement):
    code = f"{statement}; import sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


PLUGIN = """
from dataclasses import dataclass

from torch import Tensor

from priorlab import Denoiser, hookimpl, parameter


@dataclass(frozen=True, kw_only=True)
class Half(Denoiser):
    name = "half"
    factor: float = parameter(0.5, "what values are multiplied by")

    def denoise(self, v: Tensor, sigma: float) -> Tensor:
        return v * self.factor


@hookimpl
def priorlab_priors() -> list[type[Half]]:
    return [Half]


half: float = Half().factor
wrong: str = Half().denoise
"""


@pytest.mark.slow
def test_a_strict_type_checker_knows_the_surface(tmp_path, monkeypatch):
    """The one mistake in the plugin is found, and nothing else is complained about."""
    file = tmp_path / "plugin.py"
    file.write_text(PLUGIN)
    monkeypatch.setenv("MYPYPATH", str(PACKAGE.parents[1]))
    command = [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(file)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    last = PLUGIN.rstrip().count("\n") + 1
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert len(errors) == 1, done.stdout + done.stderr
    assert f"plugin.py:{last}: error: Incompatible types" in errors[0]


def test_the_package_says_that_it_has_types():
    assert PACKAGE.with_name("py.typed").is_file()
