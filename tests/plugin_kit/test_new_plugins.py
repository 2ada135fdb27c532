"""What `priorlab plugins new` writes installs, passes its tests and is found, as it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from priorlab.cli import main
from priorlab.conformance import choosing
from priorlab.errors import UsageError
from priorlab.plugin_kit import writing

ROOT = Path(__file__).parents[2]
KINDS = sorted(writing.WHAT)


def run(folder: Path, *command: str, path: tuple[Path, ...] = ()) -> str:
    """Run Python in a folder with more places to import from; return what it prints."""
    places = [*map(str, path), str(ROOT), str(ROOT / "plugins")]
    surroundings = os.environ | {"PYTHONPATH": os.pathsep.join(places), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A package of each kind, in one folder."""
    folder = tmp_path_factory.mktemp("packages")
    for kind in KINDS:
        writing.write(f"my-{kind}", kind, folder)
    return folder


def test_each_kind_is_formatted_and_has_no_fault_that_a_linter_finds(packages):
    run(packages, "ruff", "check", "--no-cache", ".")
    run(packages, "ruff", "format", "--no-cache", "--check", ".")


def test_nothing_of_a_template_is_left(packages):
    for path in packages.rglob("*"):
        if path.is_file() and path.suffix != ".png":
            assert "$" not in path.read_text(), path


@pytest.mark.slow
def test_quick_kinds_pass_their_tests(packages):
    folder = packages / "my-dataset"
    told = run(folder, "pytest", "-q", "-p", "no:cacheprovider", path=(folder,))
    assert "1 passed" in told


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
def test_a_package_installs_passes_its_tests_and_is_found(kind, packages, tmp_path):
    """It is installed into a folder of its own, from which nothing else is imported."""
    package, site = packages / f"my-{kind}", tmp_path / "site"
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--target", str(site))
    run(package, "pip", "install", *options, str(package))
    tests = str(package / "tests")
    assert "1 passed" in run(
        tmp_path, "pytest", "-q", "-p", "no:cacheprovider", tests, path=(site,)
    )
    assert f"my-{kind} (my-{kind} 0.1.0)" in run(tmp_path, "priorlab", "plugins", path=(site,))
    told = run(tmp_path, "priorlab", "plugins", "test", f"my-{kind}", path=(site,))
    assert " 0 failed" in told


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_strict_type_checker_finds_nothing(packages):
    for kind in KINDS:
        run(packages / f"my-{kind}", "mypy", "--no-incremental", path=(packages / f"my-{kind}",))


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("My-Prior", "small letters"),
        ("my--prior", "small letters"),
        ("9lives", "small letters"),
        ("class", "word of Python"),
        ("torch", "a module torch exists already"),
        ("priorlab", "a module priorlab exists already"),
    ],
)
def test_a_name_that_cannot_be_one_is_refused(name, says, tmp_path):
    with pytest.raises(UsageError, match=says):
        writing.write(name, "metric", tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_exists_is_left_alone(tmp_path):
    writing.write("my-scratch", "metric", tmp_path)
    with pytest.raises(UsageError, match="my-scratch exists already"):
        writing.write("my-scratch", "task", tmp_path)


def test_the_command_says_what_it_wrote_and_what_is_next(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["plugins", "new", "my-own", "--kind", "denoiser"]) == 0
    told = capsys.readouterr().out
    assert "wrote my-own/pyproject.toml" in told and "pip install -e my-own" in told
    assert main(["plugins", "new", "my-own", "--kind", "denoiser"]) == 2
    assert main(["plugins", "new", "other", "--kind", "solver"]) == 2


@pytest.mark.parametrize(
    ("name", "kind", "says"),
    [
        ("tv", "denoiser", "the prior tv exists already, in handcrafted"),
        ("denoise", "task", "the task denoise exists already, in priorlab"),
        ("psnr", "metric", "the metric psnr exists already, in priorlab"),
        ("photos", "dataset", "the dataset photos exists already, in priorlab"),
        ("local", "engine", "the engine local exists already, in priorlab"),
        ("handcrafted", "metric", "a plugin handcrafted exists already"),
    ],
)
def test_a_name_that_is_taken_is_refused(name, kind, says, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["plugins", "new", name, "--kind", kind]) == 2
    error = capsys.readouterr().err
    assert says in error and error.endswith(f"; write such as my-{name}\n")
    assert error.count("\n") == 1 and not list(tmp_path.iterdir())


def test_a_name_of_another_kind_is_free(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["plugins", "new", "tv", "--kind", "metric"]) == 0


def test_a_name_of_a_plugin_that_is_named_is_taken(packages, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = packages / "my-denoiser" / "my_denoiser" / "__init__.py"
    given = ["plugins", "--plugin", str(file), "new", "my-denoiser", "--kind", "regularizer"]
    assert main(given) == 2
    assert "the prior my-denoiser exists already, in my_denoiser" in capsys.readouterr().err


@pytest.mark.parametrize(
    "place", ["my-metric", "my-metric/my_metric", "my-metric/my_metric/__init__.py"]
)
def test_a_package_is_found_by_its_folder_and_its_file(place, packages, monkeypatch):
    monkeypatch.chdir(packages)
    for text in (place, f"./{place}", f"../{packages.name}/{place}", str(packages / place)):
        (subject,), _ = choosing.subjects(text)
        assert (subject.kind, subject.name) == ("metrics", "my-metric")
        assert subject.plugin.label == "my_metric"


@pytest.mark.slow
def test_a_package_that_is_not_installed_is_tested(packages, monkeypatch, capsys):
    monkeypatch.chdir(packages)
    assert main(["plugins", "test", "my-metric/my_metric"]) == 0
    assert " 0 failed" in capsys.readouterr().out
