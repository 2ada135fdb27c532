"""The core is built in layers: the arrows between its modules point one way.

Each breach is printed with its file, its line and the rule. There are no exceptions.
"""

import functools
import re
from pathlib import Path

import architecture
import pytest

import priorlab

CORE = Path(priorlab.__file__).parent
PLUGINS = CORE.parent / "plugins"

LAYERS = [
    # The ground.
    ("errors", "ground"),
    ("components", "specs", "overrides", "recipes", "tuned_parameters"),
    ("randomness", "sources", "trace"),
    ("forward",),
    ("pictures",),
    ("suites",),
    ("tasks",),
    ("solvers",),
    ("priors",),
    # What else a plugin can offer, and where all of it is known by name.
    ("metrics", "optional_metrics", "ssim", "training", "engines"),
    ("hookspecs", "registry", "declarations", "remembered", "candidates"),
    ("trials",),
    ("plugins",),
    ("restoration",),
    ("harness.results",),
    ("harness.report",),
    ("harness.run", "harness", "explain"),
    ("conformance", "plugin_kit", "compiling"),
    ("api", "describe"),
    ("cli*", "__main__"),
    # For the tests of plugins, and a script: nothing imports these.
    ("testing", "photos"),
]
"""From the lowest to the highest."""

MAY_DEFER = ("priorlab",)
"""The surface imports what is needed when it is needed."""

ABSTRACT = {
    "Noise",
    "LinearOperator",
    "Task",
    "Prior",
    "Regularizer",
    "Denoiser",
    "Generator",
    "Engine",
    "OptionalMetric",
}

CONSTANTS = {"__version__", "SURFACE"}
"""What modules of the core may import from the package itself; the surface is for plugins."""


@functools.cache
def modules():
    return architecture.read(CORE)


@functools.cache
def imports():
    return architecture.imports(modules())


@functools.cache
def plugins():
    return {path.name: architecture.read(path) for path in PLUGINS.iterdir() if path.is_dir()}


@functools.cache
def concrete():
    others = [module for package in plugins().values() for module in package.values()]
    return architecture.concrete(modules(), ABSTRACT, others)


RULES = {
    "every module is in a layer": lambda: architecture.homeless(modules(), LAYERS),
    "the arrows point one way": lambda: architecture.upward(imports(), LAYERS, CONSTANTS),
    "there is no circle": lambda: architecture.circles(imports(), "priorlab"),
    "no import hides in a function": lambda: architecture.hidden(imports(), MAY_DEFER),
    "the core imports no plugin": lambda: architecture.foreign(imports(), set(plugins())),
    "the core asks what things can do": lambda: architecture.recognised(modules(), concrete()),
}


@pytest.mark.parametrize("rule", RULES)
def test_the_core_keeps_the_rule(rule):
    breaches = [str(breach) for breach in RULES[rule]()]
    assert not breaches, "\n" + "\n".join(breaches)


def rows():
    """Return the modules and folders that each line of the list in docs/code.md is about."""
    page = (CORE.parent / "docs" / "code.md").read_text("utf-8")
    listed = page.partition("| from the top |")[2].partition("\n\n")[0].splitlines()[2:]
    return [
        [name.strip("/").removesuffix(".py").replace("/", ".") for name in names]
        for names in (re.findall(r"`([^`]+)`", line.split(" | ")[0]) for line in listed)
    ]


def line_of(module, listed):
    inner = f"{module.partition('.')[2]}."
    named = (i for i, names in enumerate(listed) if any(inner.startswith(f"{n}.") for n in names))
    return next(named, None)


def test_the_list_in_the_documentation_has_every_module_above_what_it_imports():
    listed = rows()
    every = {module for module in modules() if module not in ("priorlab", "priorlab.harness")}
    assert {module for module in every if line_of(module, listed) is None} == set()
    assert [name for names in listed for name in names if f"priorlab.{name}" not in every] == []
    upward = {
        f"{item.source} imports {item.target}"
        for item in imports()
        if item.source in every
        and item.target.startswith("priorlab.")
        and item.target.rpartition(".")[2] not in CONSTANTS
        and line_of(item.source, listed) > line_of(item.target, listed)
    }
    assert not upward, "\n" + "\n".join(sorted(upward))


def test_the_rules_look_at_the_real_code():
    assert {"Gaussian", "Mask", "Denoise", "TotalVariation", "DeepImagePrior"} <= set(concrete())
    assert {"priorlab_handcrafted", "priorlab_learned", "priorlab_dip"} <= set(plugins())
    assert len(modules()) > 50 and len(imports()) > 300


SMALL = {
    "__init__.py": "from small.top import Any\n",
    "low.py": "class Noise: ...\nclass Gaussian(Noise): ...\n",
    "mid/__init__.py": "",
    "mid/one.py": "from small.low import Noise\n",
    "mid/two.py": "from . import one\n",
    "top.py": "from small.mid import two\n",
}


def broken(folder, name, code):
    """Return what breaks a rule in a small package after `code` was put into one file."""
    for file, text in (SMALL | {name: code}).items():
        path = folder / "small" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = architecture.read(folder / "small")
    lines, layers = architecture.imports(found), [("low",), ("mid",), ("top*",)]
    breaches = [
        *architecture.homeless(found, layers),
        *architecture.upward(lines, layers, {"__version__"}),
        *architecture.circles(lines, "small"),
        *architecture.hidden(lines, ("small", "small.top")),
        *architecture.foreign(lines, {"plugin"}),
        *architecture.recognised(found, architecture.concrete(found, {"Noise"})),
    ]
    return [str(breach) for breach in breaches]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("top.py", SMALL["top.py"]),
        ("top_too.py", "from small import __version__\n"),
        ("top.py", "def f():\n    from small.mid import two\n"),
        ("mid/one.py", "def f():\n    import torch\n"),
        ("mid/one.py", "from small.low import Noise\nisinstance(x, Noise | int)\n"),
        ("low.py", SMALL["low.py"] + "isinstance(x, Gaussian)\n"),
    ],
)
def test_what_keeps_the_rules_is_not_named(tmp_path, name, code):
    assert broken(tmp_path, name, code) == []


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("other.py", "", "small/other.py:1: small.other: every module is in a layer"),
        (
            "low.py",
            "\nfrom small.mid import one",
            "small/low.py:2: small.low imports small.mid.one",
        ),
        ("low.py", "import small.top", "small.low imports small.top: no import of a higher layer"),
        ("low.py", "from . import top", "small.low imports small.top: no import of a higher"),
        ("low.py", "from small import Any", "small.low imports small.Any: no import of a higher"),
        (
            "low.py",
            "if TYPE_CHECKING:\n    from small.mid.one import x",
            "small/low.py:2: small.low imports small.mid.one: no import of a higher layer",
        ),
        (
            "mid/one.py",
            "from . import two",
            "small.mid.two imports small.mid.one, which imports it",
        ),
        (
            "mid/one.py",
            "class A:\n    def f(self):\n        import small.low",
            "small/mid/one.py:3: small.mid.one imports small.low in a function",
        ),
        ("top.py", "import plugin.tv", "small.top imports plugin.tv: the core imports no plugin"),
        ("top.py", "isinstance(x, low.Gaussian)", "small/top.py:1: small.top asks for Gaussian"),
        ("top.py", "isinstance(x, (int, Gaussian | str))", "small.top asks for Gaussian"),
        ("top.py", "if type(x) is Gaussian: ...", "small.top asks for Gaussian"),
        ("top.py", "match x:\n    case Gaussian(): ...", "small.top asks for Gaussian"),
    ],
)
def test_what_breaks_a_rule_is_named_with_file_line_and_rule(tmp_path, name, code, says):
    assert any(says in breach for breach in broken(tmp_path, name, code))
