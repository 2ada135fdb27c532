"""Plugins are found, broken ones are named and stop nothing else."""

import sys
from pathlib import Path

import pytest

from priorlab import plugins
from priorlab.cli import main
from priorlab.describe import describe
from priorlab.errors import UsageError
from priorlab.harness.run.selection import dataset_of
from priorlab.sources.digest import digest

GOOD = """
from priorlab.hookspecs import hookimpl
from priorlab.priors import Denoiser

class Halve(Denoiser):
    \"\"\"Halve the image.\"\"\"
    name = "{name}"
    def denoise(self, v, sigma):
        return v / 2

@hookimpl
def priorlab_priors():
    return [Halve]
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


BROKEN = [
    ("import no_such_module", "ModuleNotFoundError"),
    ("raise SystemExit(3)", "SystemExit"),
    ("x = (", "SyntaxError"),
    ("x = 1", "implements no hook"),
    (GOOD.format(name="Bad Name"), "small letters"),
    (
        GOOD.format(name="x").replace("priorlab_priors", "priorlab_prior"),
        "did you mean 'priorlab_priors'?",
    ),
    (GOOD.format(name="x").replace("[Halve]", "Halve"), "must return a list"),
    (GOOD.format(name="x").replace("def denoise", "def clean"), "does not define denoise"),
    (GOOD.format(name="x").replace("return [Halve]", "return [Halve()]"), "must be a class"),
    (GOOD.format(name="x").replace("return [Halve]", "return 1 / 0"), "ZeroDivisionError"),
    (
        GOOD.format(name="x").replace("return [Halve]", "return [Halve()]"),
        "TypeError: Halve() must be a class derived from priorlab's Prior",
    ),
    (
        GOOD.format(name="x").replace("priorlab_priors()", "priorlab_priors(registry)"),
        "priorlab_priors is called with nothing: write def priorlab_priors()",
    ),
    (
        GOOD.format(name="x")
        .replace("priorlab_priors", "priorlab_metrics")
        .replace("[Halve]", "[max]"),
        "max must be an object of priorlab's Metric",
    ),
    (
        GOOD.format(name="x").replace("    def d", "    def __init__(self): pass\n    def d"),
        "Halve has an __init__: declare its parameters instead, as fields",
    ),
]
"""Plugins that do not load, and what is said of them."""

DECLARED = """
import dataclasses
from pathlib import Path
from typing import Literal
from priorlab import Denoiser, hookimpl, parameter

@dataclasses.dataclass(frozen=True, kw_only=True)
class Mine(Denoiser):
    name = "mine"
    DECLARATION
    def denoise(self, v, sigma):
        return v

@hookimpl
def priorlab_priors():
    return [Mine]
"""

PARAMETERS = [
    ("text: float = parameter(1.0, 'x')", "Mine: text is taken: Component has it"),
    ("name: str = parameter('mine', 'x')", "Mine: name is taken: Component has it"),
    ("batched: int = parameter(4, 'x')", "Mine: batched is taken: Prior has it"),
    ("locality: float = parameter(1.0, 'x')", "Mine: locality is taken: Denoiser has it"),
    ("tuned: float = parameter(1.0, 'x')", "tuned is a setting of all of its kind (where"),
    ("solver: float = parameter(1.0, 'x')", "solver is a setting of the solver ("),
    ("sizes: tuple[int, ...] = parameter((1, 2), 'x')", "sizes is of type tuple[int, ...], w"),
    ("size: Literal['a', 'b'] = parameter('a', 'x')", "size is of type typing.Literal['a', "),
    (
        "size: Literal['a', 'b'] = parameter('a', 'x')",
        "which nobody can type; write size: str = parameter(..., choices=('a', 'b'))",
    ),
    ("size: int | float = parameter(1, 'x')", "size is of type int | float, which nobody can"),
    ("where: Path = parameter(Path('a'), 'x', file=True)", "where is of type Path, which no"),
    ("where: int = parameter(1, 'x', file=True)", "where names a file; annotate it as str"),
    ("size: float = dataclasses.field(init=False, default=1.0)", "size has init=False"),
    ("size: int = parameter(1, 'x', scale=1 / 255)", "size has a scale, which only a float"),
    ("size: float | None = parameter(None, 'x', low=3, high=2)", "low=3 is above high=2"),
    ("sizes: list = parameter([1, 2], 'x')", "a parameter is bool, int, float or str, or one"),
    ("size: float = parameter(1.0, 'x', low='0')", "low='0' is a limit, so it is a number"),
    ("kind: str = parameter('a', 'x', choices='ab')", "choices='ab' is one text; write a list"),
    (
        "size: float = parameter(1.0, 'x', low=0)\n    def __post_init__(self): pass",
        "Mine.__post_init__ needs super().__post_init__()",
    ),
]
"""Declarations of parameters that cannot work, and what is said of them."""

METHODS = [
    (
        "Denoiser",
        "def denoise(self, v): pass",
        "Mine.denoise is called with (v, sigma): write ",
    ),
    (
        "Denoiser",
        "@staticmethod\n    def denoise(self, v, sigma): pass",
        "(v, sigma): write def denoise(self, v, sigma)",
    ),
    ("Denoiser", "def denoise(self, v, sigma, *, width): pass", "Mine.denoise is called with"),
    ("Denoiser", "denoise = 3", "Mine.denoise is called, so it is a method, not 3: write def"),
    ("Prior", "def restore(self, measurement): pass", "with (measurement, trace, seed): write"),
    (
        "Prior",
        "def restore(self, m, t, s): pass\n    def batched(self): pass",
        "batched is read",
    ),
    ("Task", "def noise(self): pass\n    def operator(self, s, r): pass", "write @property in"),
    (
        "OptionalMetric",
        "metric = property(print)",
        "metric is called, so it is a method, not pr",
    ),
]
"""What cannot stand for a method of a base class of the core, and what is said of it."""


def with_parameter(declaration: str) -> str:
    """Return a plugin whose prior has one more line."""
    return DECLARED.replace("DECLARATION", declaration)


def with_method(base: str, written: str) -> str:
    """Return a plugin whose class derives from `base` and has no other method."""
    kind = {"Denoiser": "prior", "OptionalMetric": "metric"}.get(base, base.lower())
    text = with_parameter(written).replace("priorlab_priors", f"priorlab_{kind}s")
    text = text.replace("def denoise(self, v, sigma):\n        return v\n\n", "\n")
    return text.replace("Denoiser", base)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """All that does not load, loaded at once."""
    texts = [text for text, _ in BROKEN]
    texts += [with_parameter(declaration) for declaration, _ in PARAMETERS]
    texts += [with_method(base, written) for base, written, _ in METHODS]
    folder = tmp_path_factory.mktemp("broken")
    return plugins.load(
        [write(folder, f"plugin{index}.py", text) for index, text in enumerate(texts)]
    )


def problem_of(loaded, text):
    """Return the plugin that is a file with this text."""
    return next(plugin for plugin in loaded.problems if Path(plugin.source).read_text() == text)


def test_installed_plugins_and_builtin_tasks_are_found():
    registry = plugins.load()
    assert {"tv", "wavelet", "tikhonov", "degraded", "unet", "dip"} <= set(registry.priors)
    assert {"denoise", "inpaint", "superres", "deblur"} <= set(registry.tasks)
    assert not registry.problems


def test_a_file_and_a_folder_of_plugins(tmp_path):
    file = write(tmp_path, "halve.py", GOOD.format(name="halve"))
    write(tmp_path, "dir/one.py", GOOD.format(name="one"))
    write(tmp_path, "dir/package/__init__.py", GOOD.format(name="two"))
    write(tmp_path, "dir/_private.py", "raise SystemExit")
    registry = plugins.load([file], [tmp_path / "dir"])
    assert {"halve", "one", "two", "tv"} <= set(registry.priors)
    assert registry.owners[("priors", "halve")].source == str(file)


@pytest.mark.parametrize(("text", "says"), BROKEN)
def test_a_broken_plugin_is_named_and_stops_nothing_else(text, says, loaded):
    assert "tv" in loaded.priors
    broken = problem_of(loaded, text)
    assert says in broken.problem
    assert "\n" not in broken.problem


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("datasets", "an object of priorlab's DatasetSource"),
        ("metrics", "an object of priorlab's Metric"),
        ("trainers", "a class derived from priorlab's Trainer"),
        ("engines", "a class derived from priorlab's Engine"),
    ],
)
def test_an_object_of_another_type_is_refused(tmp_path, kind, says):
    text = f"""
from priorlab import hookimpl

class Other:
    name = "other"

@hookimpl
def priorlab_{kind}():
    return [Other()]
"""
    registry = plugins.load([write(tmp_path, "other.py", text)])
    assert "other" not in getattr(registry, kind)
    (broken,) = registry.problems
    assert f"must be {says}" in broken.problem


def test_an_annotation_without_a_decorator_declares_no_field_and_does_no_harm(tmp_path):
    text = GOOD.format(name="x").replace("    def d", "    k: int\n    def d")
    registry = plugins.load([write(tmp_path, "plugin.py", text)])
    assert not registry.problems
    assert "x" in registry.priors


def test_a_forgotten_decorator_is_explained(tmp_path):
    text = GOOD.format(name="x").replace(
        "    def d", "    k: int = parameter(1, 'a number')\n    def d"
    )
    text = "from priorlab import parameter\n" + text
    (broken,) = plugins.load([write(tmp_path, "broken.py", text)]).problems
    assert "@dataclass(frozen=True, kw_only=True)" in broken.problem


def test_a_missing_prior_mentions_the_plugins_that_did_not_load(tmp_path):
    registry = plugins.load([write(tmp_path, "broken.py", "1 / 0")])
    with pytest.raises(
        UsageError,
        match=r"unknown prior 'mine'.*problems, see 'priorlab plugins': broken.py: ZeroDiv",
    ):
        registry.build_priors("mine")


def test_a_name_that_two_plugins_claim_is_said_with_the_plugin_and_harms_only_itself(tmp_path):
    first = write(tmp_path, "first.py", GOOD.format(name="same"))
    second = write(tmp_path, "second.py", GOOD.format(name="same"))
    registry = plugins.load([first, second])
    assert registry.build_priors("tv") and not registry.problems
    says = r"'same' is provided by both .*first.py.*second.py.*; write first/same or second/same"
    with pytest.raises(UsageError, match=says):
        registry.build_priors("same")
    built = registry.build_priors("tv,first/same:steps=3,second/same")
    assert [prior.spec() for prior in built] == ["tv", "first/same:steps=3", "second/same"]
    assert [registry.owners["priors", prior.name].label for prior in built[1:]] == [
        "first",
        "second",
    ]


def test_a_name_may_be_said_with_its_plugin_and_is_the_same(tmp_path):
    registry = plugins.load([write(tmp_path, "mine.py", GOOD.format(name="halve"))])
    for kind, full in {"tv": "handcrafted/tv", "halve": "mine/halve"}.items():
        assert registry.build_priors(full) == registry.build_priors(kind)
    assert registry.build_tasks("priorlab/denoise:sigma=5")[0].spec() == "denoise:sigma=5"
    assert registry.build_priors("dip:red=handcrafted/bm3d")[0].spec() == "dip:red=bm3d"
    assert registry.build_metrics("priorlab/ssim")[0].name == "ssim"
    with pytest.raises(UsageError, match="unknown prior 'learned/tv'"):
        registry.build_priors("learned/tv")


def test_two_plugins_of_one_name_that_provide_one_name_are_reported(tmp_path):
    files = [write(tmp_path, f"{place}/mine.py", GOOD.format(name="halve")) for place in "ab"]
    registry = plugins.load(files)
    assert len(registry.problems) == 2
    assert "'mine/halve' is provided twice" in registry.problems[0].problem


@pytest.mark.parametrize("name", ["tv", "handcrafted/tv"])
def test_plugins_that_nothing_tells_apart_are_refused(name, tmp_path):
    """Such as a file that is called as an installed plugin: neither is used for the other."""
    registry = plugins.load([write(tmp_path, "handcrafted.py", GOOD.format(name="tv"))])
    both = r"provided twice, by handcrafted \(.*\) and handcrafted.py \(.*\),.*; rename one$"
    with pytest.raises(UsageError, match=both):
        registry.find("priors", name)
    with pytest.raises(UsageError, match=both):
        describe(name, registry)
    assert registry.build_priors("nlm,handcrafted/nlm")
    assert sorted(one.name for one in registry.problems) == ["handcrafted", "handcrafted.py"]


def test_of_three_plugins_the_one_that_can_be_told_apart_is_named(tmp_path):
    places = ["a/mine.py", "b/mine.py", "c/other.py"]
    registry = plugins.load([write(tmp_path, one, GOOD.format(name="halve")) for one in places])
    with pytest.raises(UsageError, match=r"; write other/halve$"):
        registry.find("priors", "halve")
    assert registry.find("priors", "other/halve").name == "other/halve"


def test_a_plugin_that_provides_a_name_twice_is_refused(tmp_path):
    text = GOOD.format(name="halve").replace("[Halve]", "[Halve, Halve]")
    registry = plugins.load([write(tmp_path, "mine.py", text)])
    with pytest.raises(UsageError, match=r"'mine/halve' is provided twice, by mine.py"):
        registry.find("priors", "halve")


def test_a_package_is_called_as_its_folder(tmp_path):
    files = [write(tmp_path, f"{place}/__init__.py", GOOD.format(name="halve")) for place in "ab"]
    registry = plugins.load(files)
    assert not registry.problems
    assert {"a/halve", "b/halve"} <= set(registry.priors)


@pytest.fixture(scope="module")
def of_three(tmp_path_factory):
    """What is known beside two lone files, one of which has a prior called as one of ours."""
    texts = {"mine.py": "halve", "other.py": "tv"}
    folder = tmp_path_factory.mktemp("plugins")
    return plugins.load(
        [write(folder, file, GOOD.format(name=name)) for file, name in texts.items()]
    )


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("handcrafted/tvv", "handcrafted/tv"),
        ("handcraftd/tv", "handcrafted/tv"),
        ("hancrafted/tvv", "handcrafted/tv"),
        ("mine/halv", "mine/halve"),
        ("other/tw", "other/tv"),
    ],
)
def test_a_full_name_with_a_slip_is_answered_with_the_one_that_was_meant(typed, meant, of_three):
    for look_up in (lambda: of_three.find("priors", typed), lambda: describe(typed, of_three)):
        with pytest.raises(UsageError, match=f"did you mean '{meant}'"):
            look_up()


@pytest.mark.parametrize("typed", ["handcrafted/tvv", "handcraftd/tv"])
def test_a_slip_in_a_full_name_that_nobody_else_claims_is_answered(typed, capsys):
    assert main(["show", typed]) == 2
    assert "did you mean 'handcrafted/tv'?" in capsys.readouterr().err
    assert main(["bench", "--priors", typed, "--dry-run"]) == 2
    assert "did you mean 'handcrafted/tv'?" in capsys.readouterr().err


SET = """
from priorlab import hookimpl
from priorlab.pictures.datasets import DatasetSource

@hookimpl
def priorlab_datasets():
    return [DatasetSource("scans", "Some scans.", {folder!r})]
"""


def test_data_sets_that_nothing_tells_apart_are_refused_too(tmp_path):
    text = SET.format(folder=str(tmp_path))
    registry = plugins.load([write(tmp_path, f"{place}/mine.py", text) for place in "ab"])
    for name in ("scans", "mine/scans"):
        with pytest.raises(UsageError, match=r"dataset .* is provided twice, by mine.py"):
            dataset_of(name, registry)


def test_an_installed_name_cannot_be_hijacked_silently(tmp_path):
    registry = plugins.load([write(tmp_path, "mine.py", GOOD.format(name="tv"))])
    with pytest.raises(UsageError, match="handcrafted"):
        registry.build_priors("tv")


def test_a_plugin_in_a_namespace_package_loads(tmp_path, monkeypatch):
    """Such a package has no `__init__.py`, and so no file."""
    write(tmp_path, "acme_of_priors/halving.py", GOOD.format(name="halve"))
    info = tmp_path / "acme-1.0.dist-info"
    write(info, "METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    write(info, "entry_points.txt", "[priorlab]\nacme = acme_of_priors.halving\n")
    monkeypatch.syspath_prepend(tmp_path)
    registry = plugins.load()
    assert not registry.problems
    assert registry.owners["priors", "halve"].source == "acme 1.0"
    assert len(digest([registry.owners["priors", "halve"].module])) == 64


def test_a_folder_that_hides_an_installed_plugin_is_said(tmp_path, monkeypatch):
    """As that of a checkout may, in the working folder of a notebook, from an editable install."""
    info = tmp_path / "acme-1.0.dist-info"
    write(tmp_path, "acme_in_a_checkout/pyproject.toml", "")
    write(info, "METADATA", "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    write(info, "entry_points.txt", "[priorlab]\nacme = acme_in_a_checkout\n")
    monkeypatch.syspath_prepend(tmp_path)
    (plugin,) = plugins.load().problems
    assert plugin.problem.startswith(
        f"its name stands for the folder {tmp_path / 'acme_in_a_checkout'} here, which has no"
    )


def test_a_file_imports_the_modules_in_its_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", [*sys.path])
    write(tmp_path, "halves_next_door.py", "HALF = 0.5")
    write(tmp_path, "torch.py", "raise RuntimeError('not the library')")
    text = GOOD.format(name="halve").replace("v / 2", "v * HALF")
    file = write(tmp_path, "halve.py", "import torch\nfrom halves_next_door import HALF\n" + text)
    registry = plugins.load([file])
    assert not registry.problems
    assert registry.priors["halve"]().denoise(4.0, 0) == 2.0
    assert sys.path[-1] == str(tmp_path)


def test_two_neighbours_of_one_name_are_not_mistaken_for_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.path", [*sys.path])
    for name in ("first", "second"):
        write(tmp_path, f"{name}/namesake_next_door.py", f"NAME = '{name}'")
        text = "from namesake_next_door import NAME\n" + GOOD.replace('"{name}"', "NAME")
        write(tmp_path, f"{name}/{name}.py", text)
    registry = plugins.load([tmp_path / "first/first.py", tmp_path / "second/second.py"])
    assert "first" in registry.priors
    (broken,) = registry.problems
    assert broken.name == "second.py"
    assert f"namesake_next_door.py was imported from {tmp_path / 'first'}" in broken.problem


def test_the_digest_of_a_plugin_follows_its_code(tmp_path):
    file = write(tmp_path, "halve.py", GOOD.format(name="halve"))

    def found():
        return digest([plugins.load([file]).owners["priors", "halve"].module])

    before = found()
    assert found() == before
    file.write_text(GOOD.format(name="halve").replace("v / 2", "v / 3"))
    assert found() != before


def test_the_registry_knows_what_it_was_loaded_from(tmp_path, monkeypatch):
    write(tmp_path, "halve.py", GOOD.format(name="halve"))
    write(tmp_path, "dir/one.py", GOOD.format(name="one"))
    monkeypatch.chdir(tmp_path)
    registry = plugins.load(["halve.py"], [Path("dir")])
    assert registry.files == (str(tmp_path / "halve.py"),)
    assert registry.folders == (str(tmp_path / "dir"),)
    again = plugins.load(registry.files, registry.folders)
    assert set(again.priors) == set(registry.priors) >= {"halve", "one"}
    assert plugins.load().files == plugins.load().folders == ()


def test_only_the_named_plugins_are_imported(tmp_path):
    halve = write(tmp_path, "halve.py", GOOD.format(name="halve"))
    (owner,) = [one for one in plugins.load([halve]).plugins if one.name == "halve.py"]
    write(tmp_path, "dir/other.py", "from pathlib import Path\nPath(__file__ + '.seen').touch()")
    registry = plugins.load([halve], [tmp_path / "dir"], only=[owner.module])
    assert set(registry.priors) == {"halve"}
    assert "denoise" in registry.tasks
    assert not list(tmp_path.glob("dir/*.seen"))
    assert "tv" in plugins.load(only=["priorlab_handcrafted"]).priors
    assert not plugins.load([halve], only=[]).priors


def test_a_missing_file_or_folder_is_said_at_once(tmp_path):
    with pytest.raises(UsageError, match="no such file"):
        plugins.load([tmp_path / "none.py"])
    with pytest.raises(UsageError, match="no such folder"):
        plugins.load(folders=[tmp_path / "none"])


def test_a_folder_for_a_file_and_the_reverse_name_the_other_option(tmp_path):
    (tmp_path / "package").mkdir()
    file = tmp_path / "package" / "__init__.py"
    file.touch()
    with pytest.raises(UsageError, match=f"--plugin-dir {tmp_path} loads what is in it"):
        plugins.load([tmp_path])
    with pytest.raises(UsageError, match=f"--plugin {file} loads this package"):
        plugins.load([file.parent])
    with pytest.raises(UsageError, match="this is a file; --plugin loads it"):
        plugins.load(folders=[file])


def test_a_parameter_may_not_take_the_name_of_a_setting_of_the_solver(tmp_path):
    text = GOOD.format(name="x").replace(
        "    def d", "    steps: int = parameter(1, 'how often the blur is repeated')\n    def d"
    )
    text = "import dataclasses\nfrom priorlab import parameter\n" + text.replace(
        "class ", "@dataclasses.dataclass(frozen=True, kw_only=True)\nclass ", 1
    )
    (broken,) = plugins.load([write(tmp_path, "broken.py", text)]).problems
    assert "steps is a setting of the solver (calls of the denoiser" in broken.problem


@pytest.mark.parametrize(("declaration", "says"), PARAMETERS)
def test_a_parameter_that_cannot_work_is_named_when_its_plugin_loads(declaration, says, loaded):
    broken = problem_of(loaded, with_parameter(declaration))
    assert says in broken.problem
    assert not broken.provides


@pytest.mark.parametrize(("base", "written", "says"), METHODS)
def test_what_cannot_stand_for_a_method_of_the_core_is_named(base, written, says, loaded):
    assert says in problem_of(loaded, with_method(base, written)).problem


def test_methods_may_be_written_in_other_ways(tmp_path):
    fine = """limited_to_noise = True
    prepare = staticmethod(lambda device, channels: None)
    @classmethod
    def locality(cls, *given, **named): return None
    def unsupported(self, m, why=None): return why
    _in_steps = 3
    def denoise_in_step(self, *given): return given[0]
    fingerprint = functools.cache(lambda self: {})
"""
    text = "import functools\n" + DECLARED.replace("DECLARATION", fine)
    assert not plugins.load([write(tmp_path, "mine.py", text)]).problems


def test_parameters_of_all_types_and_settings_with_other_defaults_load(tmp_path):
    fine = """size: float = parameter(1.0, 'x', scale=1 / 255)
    count: int | None = parameter(None, 'x')
    where: str = parameter('', 'x', file=True)
    within: Denoiser | None = parameter(None, 'x', component="priors")
    tuned: bool = parameter(False, 'x')
"""
    text = DECLARED.replace("DECLARATION", fine)
    registry = plugins.load([write(tmp_path, "mine.py", text)])
    assert not registry.problems
    assert "mine" in registry.priors
    assert registry.priors["mine"].summary() == ""
