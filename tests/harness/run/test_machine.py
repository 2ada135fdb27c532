"""What a row says of the machine it was computed on, and a run of the commit."""

import subprocess
from types import SimpleNamespace

import pytest
import torch

from priorlab.harness.run import machine


@pytest.fixture(autouse=True)
def forgotten():
    """Names are asked for once per process; not so here."""
    machine.name.cache_clear()
    yield
    machine.name.cache_clear()


def test_an_accelerator_says_its_own_name(monkeypatch):
    module = SimpleNamespace(get_device_name=lambda device: f"Accelerator at {device}")
    monkeypatch.setattr(torch, "get_device_module", lambda device: module)
    assert machine.name("xpu:1") == "Accelerator at xpu:1"


def test_a_cpu_has_a_name():
    assert machine.name("cpu").strip()


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("AMD EPYC 9654 96-Core Processor", "AMD EPYC 9654 96-Core Processor"),
        ("AMD EPYC", "AMD EPYC (family 26, model 2)"),
    ],
)
def test_a_cpu_whose_number_is_hidden_has_a_family(shown, name, monkeypatch):
    text = f"processor\t: 0\ncpu family\t: 26\nmodel\t\t: 2\nmodel name\t: {shown}\n"
    monkeypatch.setattr(machine.Path, "read_text", lambda path: text)
    assert machine.name("cpu") == name


def git(folder, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path):
    for name in ("code.py", "results/table.csv", "README.md"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("1\n")
    git(tmp_path, "init")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "first")
    return tmp_path


def test_a_checkout_says_its_commit(checkout):
    said = machine.commit(checkout)
    assert len(said) >= 7
    assert int(said, 16) >= 0


@pytest.mark.parametrize(
    ("file", "dirty"), [("code.py", True), ("results/table.csv", False), ("README.md", False)]
)
def test_what_can_change_a_result_makes_a_checkout_dirty(checkout, file, dirty):
    (checkout / file).write_text("2\n")
    assert machine.commit(checkout).endswith("-dirty") == dirty


def test_what_is_installed_within_a_checkout_has_no_commit(checkout):
    installed = checkout / "site-packages"
    installed.mkdir()
    assert machine.commit(installed) == ""


def test_without_git_there_is_no_commit(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert machine.commit(checkout) == ""
