"""Any text whatsoever, where one is expected: it is used, or refused in one sentence."""

import os
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mostly_slow import mostly_slow
from sample_pictures import picture, save

from priorlab import cli, plugins
from priorlab.errors import UsageError
from priorlab.forward import jpeg_files
from priorlab.ground.files import other_than_file
from priorlab.harness.results.names import safe_name
from priorlab.pictures import datasets, reading
from priorlab.pictures.collection import collect
from priorlab.tasks import kernels

ODD = ["\udce9", "caf\udce9.png", "\0", "a\0.png", "\x1b[31m", "9" * 300, "x" * 300, "~"]
ANY = st.one_of(
    st.text(st.characters(exclude_characters="/"), max_size=40),
    st.sampled_from(ODD),
    st.builds("{}:{}={}".format, st.sampled_from(["tv", "dip", "inpaint"]), *[st.text()] * 2),
)
REGISTRY = plugins.load()


def any_text(test):
    """Try a test with any texts, and with these odd ones in every run."""
    for odd in ODD:
        test = example(text=odd)(test)
    return settings(max_examples=40)(given(text=ANY)(test))


USES = {
    "priors": REGISTRY.build_priors,
    "tasks": REGISTRY.build_tasks,
    "a mask": lambda text: REGISTRY.build_tasks(f"inpaint:mask={text}")[0].spec(),
    "a dataset": datasets.load,
    "pictures": lambda text: collect([text], "out"),
    "a result": lambda text: collect(["photo.png"], text),
    "a picture": reading.load,
    "a kernel": kernels.read,
    "tables": jpeg_files.read,
    "a file": lambda text: other_than_file(Path(text)),
    "a plugin": lambda text: plugins.load([text]),
    "plugins": lambda text: plugins.load(folders=[text]),
}


@pytest.mark.parametrize("use", USES)
def test_it_is_used_or_refused(use, tmp_path_factory, monkeypatch):
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    save(Path("photo.png"), picture(32, 40, 3))

    @any_text
    def check(text):
        try:
            USES[use](text)
        except UsageError as error:
            assert str(error)

    check()


@any_text
def test_a_name_for_files_is_one_on_every_system(text):
    name = safe_name(text)
    assert len(name.encode()) < 200
    assert not set(name) & set('/\\:*?"<>|\0')


TYPED = [
    ["show", "{}"],
    ["show", "tv", "--plugin", "{}"],
    ["restore", "{}", "--prior", "tv", "-o", "out.png"],
    ["restore", "photo.png", "--prior", "{}", "-o", "out.png"],
    ["restore", "photo.png", "--prior", "tv", "--task", "{}", "-o", "out.png"],
    ["degrade", "photo.png", "--task", "inpaint:mask={}", "-o", "out.png"],
    ["bench", "--dataset", "{}", "--dry-run"],
    ["bench", "--suite", "{}", "--dry-run"],
    ["bench", "--priors", "{}", "--dataset", ".", "--dry-run"],
    ["bench", "--dataset", ".", "--images", "{}", "--dry-run"],
    ["table", "{}"],
    ["{}"],
]


@pytest.mark.parametrize(
    "odd", mostly_slow(["caf\udce9.png", "a\0b", "\x1b[31m", "9" * 300], "caf\udce9.png", "a\0b")
)
def test_no_command_takes_it_for_a_fault_of_ours(odd, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    save(Path("photo.png"), picture(32, 40, 3))
    for typed in TYPED:
        code = cli.main([part.format(odd) for part in typed])
        told = capsys.readouterr()
        assert code == 2, (typed, told.err)
        assert told.err.startswith("priorlab: ") and told.err.count("\n") == 1


def test_files_whose_names_are_not_utf8_are_restored(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    odd = os.fsdecode(b"caf\xe9")
    os.mkdir(odd)
    save(Path(odd, f"{odd}.png"), picture(32, 40, 3))
    with_tv = ["--prior", "tv", "--task", "denoise:sigma=20"]
    assert cli.main(["restore", f"{odd}/{odd}.png", *with_tv, "-o", f"{odd}-out.png"]) == 0
    assert Path(f"{odd}-out.png").is_file()
    for told in ("restored 1", "skipped 1"):
        assert cli.main(["restore", odd, *with_tv, "-o", f"{odd}-results/"]) == 0
        assert told in capsys.readouterr().out
    hole = ["--task", "inpaint:kind=box", "-o", f"{odd}-hole.png"]
    assert cli.main(["degrade", f"{odd}/{odd}.png", *hole]) == 0
    fill = ["--task", f"inpaint:mask={odd}-hole-mask.png", "--prior", "tv", "-o", "filled.png"]
    assert cli.main(["restore", f"{odd}-hole.png", *fill]) == 0
    save(Path(odd, "fine.png"), picture(32, 40, 3))
    found = datasets.load(odd)
    assert [image.name for image in found.images] == ["fine"]
    assert "caf?.png is not UTF-8; rename it" in found.problems[0]
    grid = ["--priors", "tv", "--tasks", f"inpaint:mask={odd}-hole-mask.png"]
    assert cli.main(["bench", "--dataset", f"{odd}/fine.png", *grid, "--dry-run"]) == 2
    assert "caf?-hole-mask.png: the name of a file is not UTF-8" in capsys.readouterr().err
