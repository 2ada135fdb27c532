"""The digest of a component's code: it follows what the code imports, and nothing else."""

import importlib.metadata
import sys
from pathlib import Path

import pytest
from mostly_slow import mostly_slow, slow_where

from priorlab import plugins
from priorlab.sources import installed
from priorlab.sources.digest import digest, modules_of, sources

PRIOR = '''
"""A prior."""
from dataclasses import dataclass
from typing import TYPE_CHECKING
from priorlab import Denoiser, hookimpl

if TYPE_CHECKING:
    import unread


@dataclass(frozen=True, kw_only=True)
class Mine(Denoiser):
    """Mine."""

    name = "mine"

    def denoise(self, v, sigma):
        from {helper} import halve  # a comment

        return halve(v)


@hookimpl
def priorlab_priors():
    return [Mine]
'''
HELPER = '''
def halve(v):
    """Return half."""
    return v / 2
'''


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def digest_of(registry, name="mine"):
    assert not registry.problems, registry.problems
    return digest(modules_of(registry.priors[name], registry.owners["priors", name].module))


@pytest.fixture
def lone(tmp_path, monkeypatch):
    """A lone plugin file with a helper next to it, and a function that returns its digest."""
    write(tmp_path, {"mine.py": PRIOR.format(helper="my_helper"), "my_helper.py": HELPER})
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path, lambda: digest_of(plugins.load([tmp_path / "mine.py"]))


@pytest.fixture
def package(tmp_path):
    """A plugin package with a helper, data and another prior, and a function as above."""
    other = PRIOR.format(helper=".halves").replace("Mine", "Other").replace("mine", "other")
    write(
        tmp_path,
        {
            "acme/__init__.py": "from priorlab import hookimpl\n\n@hookimpl\n"
            "def priorlab_priors():\n    from .mine import Mine\n    from .other import Other\n"
            "    return [Mine, Other]\n",
            "acme/mine.py": PRIOR.format(helper=".halves"),
            "acme/other.py": other.replace("v)", "v + 0)"),
            "acme/halves/__init__.py": "from .half import halve\n",
            "acme/halves/half.py": HELPER,
            "acme/halves/notes.txt": "",
            "acme/weights/mine/one.bin": "1",
            "acme/README.md": "Read me.",
            "acme/tests/test_mine.py": "",
            "acme/tests/data.bin": "1",
        },
    )
    return tmp_path / "acme", lambda name="mine": digest_of(plugins.load([], [tmp_path]), name)


def change(path, old, new):
    text = path.read_text()
    assert old in text or not old
    path.write_text(text.replace(old, new) if old else new)


def test_words_are_not_code(lone):
    folder, value = lone
    before = value()
    assert len(before) == 64 and value() == before
    change(folder / "mine.py", "# a comment", "# another comment")
    change(folder / "mine.py", '"""Mine."""', '"""My own."""')
    change(folder / "mine.py", "import unread", "import unread, unseen")
    change(folder / "my_helper.py", "Return half.", "Return one half.")
    assert value() == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("mine.py", "halve(v)", "halve(v) + 0"), ("my_helper.py", "v / 2", "v / 3")],
)
def test_a_lone_file_and_what_it_imports_from_its_folder_count(lone, file, old, new):
    folder, value = lone
    before = value()
    change(folder / file, old, new)
    assert value() != before


def test_what_else_lies_in_the_folder_of_a_lone_file_does_not_count(lone):
    folder, value = lone
    before = value()
    write(folder, {"notes.txt": "", "another.py": "x = 1", "results/table.csv": "1"})
    assert value() == before


@pytest.mark.parametrize(
    ("line", "file"),
    slow_where(
        lambda line, file: (
            file in ("data/weights.bin", "weights-3.bin", "mine.bin", "../weights.bin")
        ),
        [
            ("W = 'weights.bin'", "weights.bin"),
            ("W = HERE / 'data' / 'weights.bin'", "data/weights.bin"),
            ("W = HERE / 'data/weights.bin'", "data/weights.bin"),
            ("W = HERE / f'weights-{CHANNELS}.bin'", "weights-3.bin"),
            ("W = HERE / 'data' / f'weights-{CHANNELS}.bin'", "data/weights-3.bin"),
            ("W = list(HERE.glob('*.bin'))", "weights.bin"),
            ("W = Path(__file__).with_suffix('.bin')", "mine.bin"),
            ("W = HERE / '../weights.bin'", "../weights.bin"),
            ("exec((HERE / 'more.py').read_text())", "more.py"),
        ],
    ),
)
def test_a_data_file_counts_that_a_lone_file_names(tmp_path, monkeypatch, line, file):
    folder = tmp_path / "plugin"
    code = f"from pathlib import Path\nHERE = Path(__file__).parent\nCHANNELS = 3\n{line}\n"
    plain = PRIOR.replace("        from {helper} import halve  # a comment\n", "")
    write(folder, {"mine.py": plain + code, file: "x = 1"})
    registry = plugins.load([folder / "mine.py"])
    before = digest_of(registry)
    write(folder, {"other.txt": "2", "data/other.txt": "2"})
    assert digest_of(registry) == before
    write(folder, {file: "x = 2"})
    assert digest_of(registry) != before


@pytest.mark.parametrize(
    "line",
    mostly_slow(
        [
            "W = '{there}/weights-3.bin'",
            "W = Path('{there}') / 'weights-3.bin'",
            "W = f'{there}/weights-{CHANNELS}.bin'",
            "W = Path('{there}').glob('*.bin')",
            "W = Path('~/weights-3.bin').expanduser()",
        ],
        "W = f'{there}/weights-{CHANNELS}.bin'",
        "W = Path('~/weights-3.bin').expanduser()",
    ),
)
@pytest.mark.parametrize("name", mostly_slow(["mine.py", "mine/__init__.py"], "mine.py"))
def test_a_data_file_counts_that_is_named_by_its_full_path(tmp_path, monkeypatch, line, name):
    there = tmp_path / "models"
    monkeypatch.setenv("HOME", str(there))
    code = f"from pathlib import Path\nCHANNELS = 3\n{line.replace('{there}', str(there))}\n"
    plain = PRIOR.replace("        from {helper} import halve  # a comment\n", "")
    write(tmp_path, {f"plugin/{name}": plain + code, "models/weights-3.bin": "1"})
    registry = plugins.load([tmp_path / "plugin" / name])
    before = digest_of(registry)
    write(there, {"other.txt": "2"})
    assert digest_of(registry) == before
    write(there, {"weights-3.bin": "2"})
    assert digest_of(registry) != before


@pytest.mark.parametrize(
    "line",
    ["import neighbour_{n}", "import importlib\nimportlib.import_module('neighbour_{n}')"],
)
def test_code_that_is_not_installed_counts_wherever_it_lies(tmp_path, monkeypatch, line):
    """Two plugins named together, one of which uses what lies beside the other."""
    name = f"neighbour_{len(line)}"
    plain = PRIOR.replace("        from {helper} import halve  # a comment\n", "")
    code = plain + line.replace("neighbour_{n}", name)
    theirs = plain.replace("mine", "theirs").replace("Mine", "Theirs")
    write(tmp_path, {"a/mine.py": code, "b/theirs.py": theirs, f"b/{name}.py": HELPER})

    def value():
        return digest_of(plugins.load([tmp_path / "b/theirs.py", tmp_path / "a/mine.py"]))

    monkeypatch.setattr(sys, "path", list(sys.path))
    before = value()
    change(tmp_path / f"b/{name}.py", "v / 2", "v / 3")
    assert value() != before


def test_a_plugin_that_builds_on_ours_follows_ours(tmp_path, monkeypatch):
    write(tmp_path, {"on_ours.py": "from priorlab_handcrafted.shared import colour\n"})
    monkeypatch.syspath_prepend(tmp_path)
    found = {source.label for source in sources(["on_ours"])}
    assert "priorlab_handcrafted/shared/colour.py" in found


def test_other_libraries_count_by_their_version(tmp_path, monkeypatch):
    real = importlib.metadata.version
    plain = PRIOR.replace("        from {helper} import halve  # a comment\n", "")
    write(tmp_path, {"mine.py": plain + "import rich\n"})

    def value(version=None):
        installed.versions.cache_clear()  # as in another process
        monkeypatch.setattr(
            importlib.metadata, "version", lambda n: version if version and n == "rich" else real(n)
        )
        return digest_of(plugins.load([tmp_path / "mine.py"]))

    before = value()
    assert value(real("rich") + ".1") == before
    assert value("999.0") != before


def test_where_a_plugin_lies_makes_no_difference(tmp_path):
    plain = PRIOR.replace("        from {helper} import halve  # a comment\n", "")
    write(tmp_path, {"a/mine.py": plain, "b/mine.py": plain})
    first, second = (digest_of(plugins.load([tmp_path / x / "mine.py"])) for x in "ab")
    assert first == second


@pytest.mark.parametrize(
    ("file", "old", "new"),
    slow_where(
        lambda file, old, new: (
            file.startswith(("halves/__", "__init__")) or file in ("mine.py", "halves/notes.txt")
        ),
        [
            ("mine.py", "halve(v)", "halve(v) + 0"),
            ("halves/half.py", "v / 2", "v / 3"),
            ("halves/__init__.py", "from .half", "import torch\nfrom .half"),
            ("halves/notes.txt", "", "1"),
            ("weights/mine/one.bin", "1", "2"),
            ("__init__.py", "import hookimpl", "import hookimpl\nimport torch"),
        ],
    ),
)
def test_what_a_prior_in_a_package_depends_on(package, file, old, new):
    folder, value = package
    before = value()
    change(folder / file, old, new)
    assert value() != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    slow_where(
        lambda file, old, new: file.startswith(("tests", "__init__")) or file == "README.md",
        [
            ("other.py", "halve(v + 0)", "halve(v)"),
            ("__init__.py", "[Mine, Other]", "[Other, Mine]"),
            ("README.md", "Read", "Do not read"),
            ("tests/test_mine.py", "", "import other"),
            ("tests/data.bin", "1", "2"),
            ("mine.pyc", "", "1"),
        ],
    ),
)
def test_what_a_prior_in_a_package_does_not_depend_on(package, file, old, new):
    folder, value = package
    before = value()
    if old:
        change(folder / file, old, new)
    else:
        write(folder, {file: new})
    assert value() == before


def test_a_file_without_valid_code_counts_as_it_is(lone):
    folder, value = lone
    write(folder, {"my_helper.py": "x = ("})
    before = value()
    write(folder, {"my_helper.py": "x = (  #"})
    assert value() != before


@pytest.mark.parametrize(
    "plugin",
    [
        "def halve(self, v, sigma):\n    return v / 2\n",
        "def halve(self, v, sigma):\n    return v / 2\n\nhalve.__module__ = 'abc'\n",
    ],
)
def test_code_counts_where_a_class_does_not_say_where_it_was_made(tmp_path, monkeypatch, plugin):
    factory = (
        "from priorlab import Denoiser\n\ndef make(function):\n"
        "    return type('Made', (Denoiser,), {'name': 'mine', 'denoise': function})\n"
    )
    plugin = (
        "from priorlab import hookimpl\nfrom factory_of_priors import make\n\n"
        f"{plugin}\n@hookimpl\ndef priorlab_priors():\n    return [make(halve)]\n"
    )
    write(tmp_path, {"made.py": plugin, "factory_of_priors.py": factory})
    monkeypatch.syspath_prepend(tmp_path)
    before = digest_of(plugins.load([tmp_path / "made.py"]))
    change(tmp_path / "made.py", "v / 2", "v / 3")
    assert digest_of(plugins.load([tmp_path / "made.py"])) != before


def test_installed_modules_count_only_within_their_distribution(tmp_path, monkeypatch):
    site = tmp_path / "site-packages"
    text = "import acme_two.sub\nimport acme_else\n"
    write(
        site,
        {
            "acme_one/__init__.py": "",
            "acme_one/mine.py": text,
            "acme_two/__init__.py": "",
            "acme_two/sub.py": "",
            "acme_else/__init__.py": "",
        },
    )
    for name, files in {"acme": ["acme_one", "acme_two"], "else": ["acme_else"]}.items():
        record = "".join(f"{file}/__init__.py,,\n" for file in files)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
        write(site, {f"{name}-1.dist-info/METADATA": metadata})
        write(site, {f"{name}-1.dist-info/RECORD": record})
    monkeypatch.syspath_prepend(site)
    found = importlib.metadata.packages_distributions()
    monkeypatch.setattr(installed, "_installed", lambda: found)
    installed.distributions.cache_clear()
    names = {source.label for source in sources(["acme_one.mine"])}
    installed.distributions.cache_clear()
    own = {"acme_one/__init__.py", "acme_one/mine.py", "acme_two/__init__.py", "acme_two/sub.py"}
    assert names == own


def test_the_priors_here_depend_on_their_own_files():
    registry = plugins.load()

    def file_of(module):
        return f"{module.replace('.', '/')}.py"

    def files_of(prior):
        kind, owner = registry.priors[prior], registry.owners["priors", prior]
        return {source.label for source in sources(modules_of(kind, owner.module))}

    own = {
        name: file_of(registry.priors[name].__module__) for name in ("tv", "nlm", "dip", "siren")
    }
    for prior, file in own.items():
        assert file in files_of(prior)
        assert not files_of(prior) & (set(own.values()) - {file})
    assert "priorlab_dip/networks.py" in files_of("dip")
    others = {"priorlab/api/__init__.py", "priorlab/plugins.py", "priorlab/metrics.py"}
    assert not files_of("tv") & others


def test_a_module_that_does_not_exist_is_an_error():
    with pytest.raises(LookupError, match="no_such_module"):
        digest(["no_such_module"])


def test_a_plugin_may_be_named_from_the_current_folder(tmp_path, monkeypatch):
    """Before, a package that was named so had files outside of its own folder."""
    write(tmp_path, {"relative_one/__init__.py": PRIOR.format(helper="relative_one.helper")})
    write(tmp_path, {"relative_one/helper.py": HELPER})
    monkeypatch.chdir(tmp_path)
    registry = plugins.load([Path("relative_one/__init__.py")])
    assert len(digest_of(registry)) == 64


def test_a_module_is_of_the_distributions_that_python_says():
    said = importlib.metadata.packages_distributions()
    for top in ("torch", "numpy", "scipy", "PIL", "pluggy", "typing_extensions"):
        assert installed.distributions(top) == set(said[top])
