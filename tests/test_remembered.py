"""What plugins declare is remembered: the answers are the same, without importing anything."""

import functools
import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mostly_slow import mostly_slow, slow_where
from PIL import Image

from priorlab import declarations, plugins, remembered
from priorlab.api.catalogue import load_for
from priorlab.api.checking import check_names
from priorlab.cli import main
from priorlab.describe import describe
from priorlab.errors import UsageError
from priorlab.hookspecs import KINDS

PLUGIN = '''
import dataclasses
from priorlab import Denoiser, hookimpl, parameter

@dataclasses.dataclass(frozen=True, kw_only=True)
class Halve(Denoiser):
    """Halve the image."""

    name = "halve"
    part: float = parameter(0.5, "of the image", low=0)

    def denoise(self, v, sigma):
        return v * self.part

@hookimpl
def priorlab_priors():
    return [Halve]
'''


@pytest.fixture(autouse=True)
def cache(own_cache):
    """Nothing is remembered of plugins but that they were tried."""
    return own_cache


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A plugin package that is installed beside the others; returns its folder."""
    site = tmp_path / "site-packages"
    install(site, "acme_priors")
    monkeypatch.syspath_prepend(site)
    yield site / "acme_priors"
    forget("acme_priors")


def install(site, package, text=PLUGIN):
    info = site / f"{package}-1.0.dist-info"
    for folder in (site / package, info):
        folder.mkdir(parents=True)
    (site / package / "__init__.py").write_text(text)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[priorlab]\n{package} = {package}\n")


def forget(package):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


def remember():
    remembered.remember(plugins.load())
    return remembered.recall()


@functools.cache
def registries():
    """Return what is known from the plugins and what is remembered of them."""
    return plugins.load(), remember()


def test_everything_is_explained_as_by_the_plugins_themselves():
    real, known = registries()
    for kind in KINDS:
        assert list(getattr(real, kind)) == list(getattr(known, kind))
        for name in getattr(real, kind):
            assert describe(name, real) == describe(name, known)


@pytest.mark.parametrize(
    "spec",
    [
        "tvv",
        "tv:wieght=1",
        "tv:weight=-1",
        "tv:weight=heavy",
        "tv:kind=round",
        "dip:red=tv",
        "dip:red=bm4d",
        "dip:red=bm3d,iterations=0.5",
        "tv:weight",
    ],
)
def test_a_mistake_is_told_in_the_same_words(spec):
    real, known = registries()
    with pytest.raises(ValueError) as told:
        real.build_priors(spec)
    with pytest.raises(ValueError) as quick:
        known.build_priors(spec)
    assert str(quick.value) == str(told.value)


def test_what_is_right_passes():
    known = remember()
    assert known.build_priors("dip:red=bm3d,iterations=3")[0].red.spec() == "bm3d"
    assert known.build_tasks("denoise:sigma=15|25")[1].spec() == "denoise:sigma=25"


QUICK = [
    "list",
    "show dip",
    "show dipp",
    "restore none.png -o b.png --prior tv",
    "restore a.png -o b.png --prior tvv",
    "restore a.png -o b.png --prior tv --task denoise:sigmaa=3",
    "restore a.png -o b.png --prior tv --fast",
    "degrade a.png -o b.png --task denoise:sigma=-3",
    "bench --priors tvv",
    "bench --tasks denoise:sigma=x",
    "bench --dataset set13",
    "bench --dataset no/such",
    "show tv --plugin none.py",
    "explain dipp a.png -o b.png",
    "train unett --dataset . -o w",
]


def test_no_torch_is_imported_to_list_to_explain_or_to_tell_of_a_mistake(tmp_path):
    assert remember()
    (tmp_path / "a.png").touch()
    code = (
        "import sys; from priorlab.cli import main\n"
        "for command in sys.argv[1:]:\n"
        "    code = main(command.split())\n"
        "    heavy = {'torch', 'scipy', 'pandas', 'numba', 'skimage'} & set(sys.modules)\n"
        "    assert not heavy, (command, heavy)\n"
        "    assert code == (0 if command in ('list', 'show dip') else 2), command\n"
    )
    typed = [sys.executable, "-c", code, *QUICK]
    done = subprocess.run(typed, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


UNUSED = {
    *("pandas", "matplotlib", "skimage", "rich", "dask", "tifffile", "PIL.PdfImagePlugin"),
    *("scipy.stats", "scipy.optimize", "scipy.interpolate", "scipy.ndimage", "scipy.spatial"),
    *("torch._dynamo", "torch._inductor", "torch.onnx", "sympy"),
    *("priorlab_dip", "priorlab_metrics", "priorlab_dask", "priorlab_deepinv"),
}
"""What takes long to import, and no restoration with a small prior needs."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prior", "further"),
    [("tv", {"priorlab_learned"}), ("unet", {"priorlab_handcrafted", "numba", "scipy.linalg"})],
)
def test_what_a_restoration_does_not_need_is_not_imported(prior, further, tmp_path):
    assert remember()
    Image.fromarray(np.random.default_rng(0).integers(9, 99, (64, 64), np.uint8)).save(
        tmp_path / "a.png"
    )
    code = (
        "import sys; from priorlab.cli import main\n"
        "prior, *slow = sys.argv[1:]\n"
        "assert main(['restore', 'a.png', '-o', 'b.png', '--prior', prior]) == 0\n"
        "assert not set(slow) & set(sys.modules), set(slow) & set(sys.modules)\n"
    )
    typed = [sys.executable, "-c", code, prior, *UNUSED, *further]
    done = subprocess.run(typed, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("named", "modules"),
    slow_where(
        lambda named, modules: "acme_priors" not in modules and "priorlab_dip" not in modules,
        [
            ({"priors": ["tv:weight=1"]}, {"priorlab_handcrafted"}),
            ({"priors": ["handcrafted/tv", "unet"]}, {"priorlab_handcrafted", "priorlab_learned"}),
            ({"priors": ["dip:red=bm3d"]}, {"priorlab_dip", "priorlab_handcrafted"}),
            ({"tasks": ["denoise"]}, set()),
            ({"priors": ["halve"], "tasks": ["deblur"]}, {"acme_priors"}),
        ],
    ),
)
def test_which_plugins_provide_what_is_named_is_known(named, modules, installed):
    assert remember()
    assert set(check_names(**named)) - {"priorlab.plugins"} == modules
    loaded = plugins.load(only=check_names(**named))
    assert {plugin.module for plugin in loaded.plugins} == {"priorlab.plugins", *modules}


def test_all_plugins_are_loaded_where_it_is_not_known_which_are_needed(installed):
    assert check_names(priors=["tv"]) is None  # nothing is remembered yet
    install(installed.parent, "second", PLUGIN)
    importlib.invalidate_caches()
    assert remember().conflicts
    assert check_names(priors=["tv"]) is None  # else "halve" might be found where two provide it
    forget("second")


def test_lone_files_are_loaded_with_all_plugins(tmp_path):
    assert remember()
    (tmp_path / "mine.py").write_text(PLUGIN)
    assert check_names([tmp_path / "mine.py"], priors=["halve"]) is None


def test_an_installed_plugin_is_remembered(installed):
    known = remember()
    assert known.build_priors("halve:part=0.25")
    assert "halve: a prior of acme_priors (acme_priors 1.0)" in describe("halve", known)


def edited(folder):
    text = PLUGIN.replace("halve", "third")
    stamp = (folder / "__init__.py").stat().st_mtime_ns + 1
    (folder / "__init__.py").write_text(text)  # of the same size
    os.utime(folder / "__init__.py", ns=(stamp, stamp))
    # Python itself takes a module of the same size and second for the one that it compiled.
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)


def grown(folder):
    (folder / "weights.bin").write_bytes(b"1")


def removed(folder):
    (folder.parent / "acme_priors-1.0.dist-info" / "entry_points.txt").unlink()


def updated(folder):
    file = folder.parent / "acme_priors-1.0.dist-info" / "METADATA"
    file.write_text(file.read_text().replace("1.0", "1.1"))


def joined(folder):
    install(folder.parent, "another", PLUGIN.replace("halve", "another"))


def library(folder):
    """What was installed may be what a plugin waits for."""
    (folder.parent / "waited_for").mkdir()


CHANGES = [edited, grown, removed, updated, joined, library]


@pytest.mark.parametrize("change", mostly_slow(CHANGES, edited, removed, joined))
def test_any_change_makes_it_forgotten(change, installed):
    assert remember()
    change(installed)
    assert remembered.recall() is None


def test_a_plugin_that_is_changed_is_shown_as_it_is(installed, capsys):
    assert remember()
    edited(installed)
    forget("acme_priors")
    assert main(["show", "third"]) == 0
    assert "third: a prior of acme_priors" in capsys.readouterr().out
    assert "third" in remembered.recall().priors


def test_a_file_that_has_just_changed_may_be_newer_than_what_was_imported(monkeypatch):
    newest = max(stamp for stamp, _ in remembered._state([])["files"].values())
    monkeypatch.setattr(remembered, "_STARTED", newest + 1)
    assert remember() is None


def test_nothing_is_remembered_of_a_broken_plugin(installed):
    (installed / "__init__.py").write_text("import not_installed_yet")
    assert remember() is None


def test_lone_files_are_always_imported(tmp_path, capsys):
    assert remember()
    file = tmp_path / "mine.py"
    file.write_text(PLUGIN)
    os.utime(file, (1e9, 1e9))
    assert main(["show", "halve", "--plugin", str(file)]) == 0
    file.write_text(PLUGIN.replace("halve", "third"))
    os.utime(file, (1e9, 1e9))  # an edit of the same second, and of the same size
    assert main(["show", "third", "--plugin", str(file)]) == 0
    assert main(["show", "third"]) == 2


def test_a_damaged_file_is_as_none(cache, capsys):
    assert main(["show", "tv"]) == 0  # what it imports is part of what is remembered
    assert remember()
    (file,) = cache.glob("priorlab/catalogue*.json")
    whole = file.read_text()
    for content in ("", "{", "[]", '{"state": 1}', "\0", "{}"):
        file.write_text(content)
        assert remembered.recall() is None
    assert main(["show", "tv"]) == 0
    assert file.read_text() == whole


def test_a_file_that_is_damaged_within_is_as_none(cache):
    assert remember()
    (file,) = cache.glob("priorlab/catalogue*.json")
    file.write_text(file.read_text().replace('"fields"', '"feilds"').replace('"doc"', '"dco"'))
    assert remembered.recall() is None


def test_without_a_place_for_it_all_works_as_before(cache, capsys):
    shutil.rmtree(cache)
    cache.write_text("a file where the folder should be")
    assert main(["show", "tv"]) == 0
    assert remember() is None


def test_what_cannot_be_written_down_is_not_remembered(installed):
    of_two_forms = 'part: Denoiser | Regularizer | None = parameter(None, component="priors", doc='
    text = PLUGIN.replace("part: float = parameter(0.5, ", of_two_forms)
    text = text.replace("import Denoiser", "import Denoiser, Regularizer")
    (installed / "__init__.py").write_text(text)
    registry = plugins.load()
    assert not registry.problems
    with pytest.raises(ValueError, match=r"Regularizer \| None cannot be written down"):
        declarations.declared(registry)
    remembered.remember(registry)
    assert remembered.recall() is None


def test_another_checkout_has_a_file_of_its_own(monkeypatch):
    here = remembered.place("catalogue")
    monkeypatch.setattr(remembered, "__file__", str(Path("elsewhere", "priorlab", "remembered.py")))
    assert remembered.place("catalogue") != here


def test_own_files_are_those_of_the_checkout_and_none_that_is_installed():
    assert {"json", "numpy", "pytest"} <= set(sys.modules)
    found = set(remembered.own_files())
    assert {__file__, remembered.__file__} <= found
    assert not found & {str(module.__file__) for module in (json, np, pytest)}


def test_what_is_installed_in_a_session_is_found_by_its_next_call(installed):
    first = load_for(priors=["halve"])
    assert [plugin.name for plugin in first.plugins] == ["priorlab", "acme_priors"]
    with pytest.raises(UsageError, match="unknown prior 'another'"):
        load_for(priors=["another"])
    joined(installed)
    assert "another" in load_for(priors=["another"]).priors
    forget("another")


def test_where_plugins_are_is_looked_up_once_as_long_as_nothing_is_installed(
    installed, monkeypatch
):
    load_for(priors=["halve"])
    monkeypatch.setattr(remembered, "recall", lambda: pytest.fail("it was looked up again"))
    assert "halve" in load_for(priors=["halve"]).priors
    library(installed)
    with pytest.raises(pytest.fail.Exception, match="it was looked up again"):
        load_for(priors=["halve"])
