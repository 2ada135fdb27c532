"""Code that changes while it is in use is noticed; a comment, a touch or another file is not."""

import os

import pytest

from priorlab import plugins
from priorlab.harness.run import keys
from priorlab.sources.watch import CodeWatch

PLUGIN = """
import watched_{n}
from dataclasses import dataclass
from pathlib import Path
from priorlab import Denoiser, hookimpl, parameter

WEIGHTS = Path(__file__).with_name("weights.bin")


@dataclass(frozen=True, kw_only=True)
class Watched(Denoiser):
    name = "watched"
    inner: Denoiser | None = parameter(None, "another", component="priors")

    def denoise(self, v, sigma):
        return v


@hookimpl
def priorlab_priors():
    return [Watched]
"""
COMPANION = PLUGIN.replace("import watched_{n}", "").replace("atched", "inner")
COMPANION = COMPANION.replace("Winner", "Inner").replace('"winner"', '"inner"')


@pytest.fixture
def watch(tmp_path, monkeypatch, request):
    """A watch on a lone plugin with a helper, weights, and a companion in another file."""
    name = f"watched_{abs(hash(request.node.name))}"
    (tmp_path / "mine.py").write_text(PLUGIN.replace("watched_{n}", name))
    (tmp_path / f"{name}.py").write_text("X = 1\n")
    (tmp_path / "helper.py").symlink_to(f"{name}.py")  # a name for the tests
    (tmp_path / "weights.bin").write_text("1")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/companion.py").write_text(COMPANION)
    files = [tmp_path / "mine.py", tmp_path / "other/companion.py"]
    registry = plugins.load(files)
    assert not registry.problems, registry.problems
    priors = registry.build_priors("watched:inner=inner")
    return keys.watch(priors, registry.build_tasks("denoise"), registry)


@pytest.mark.parametrize("file", ["mine.py", "helper.py", "weights.bin", "other/companion.py"])
def test_a_change_is_found_and_said(watch, tmp_path, file):
    assert watch.changed() is None
    path = (tmp_path / file).resolve()
    content = path.read_text()
    path.write_text(content + "X = 2\n")
    found = watch.changed()
    assert found.startswith(f"{path} changed while the run was going on")
    path.write_text(content)
    assert watch.changed() == found, "what was computed in between is of the other version"


def test_an_edit_that_keeps_time_and_size_is_found_by_its_inode(watch, tmp_path):
    """As an editor does that writes a new file in the place of the old one."""
    path = tmp_path / "weights.bin"
    facts = path.stat()
    (tmp_path / "new").write_text("2")
    os.utime(tmp_path / "new", ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (tmp_path / "new").rename(path)
    assert "weights.bin" in watch.changed()


def test_what_does_not_count_is_no_change(watch, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(path.read_text() + "# a comment\n")
    (tmp_path / "helper.py").touch()
    (tmp_path / "another.py").write_text("X = 1\n")
    assert watch.changed() is None
    path.write_text(path.read_text() + "X = 1\n")
    assert "mine.py" in watch.changed()


def test_a_file_that_goes_away_is_a_change(watch, tmp_path):
    (tmp_path / "weights.bin").unlink()
    assert "weights.bin" in watch.changed()


def test_a_module_that_does_not_exist_is_an_error():
    with pytest.raises(LookupError, match="no_such_module"):
        CodeWatch(["no_such_module"])
