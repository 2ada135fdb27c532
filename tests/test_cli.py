"""The command line as a user meets it: exit codes, one clear sentence, files written."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import run
from harness.run import pretend
from PIL import Image
from sample_pictures import picture, save

from priorlab.cli import comparing, main, parsing, running


@pytest.mark.parametrize("command", [["--help"], ["bench", "--help"]])
def test_help_imports_no_torch(command):
    code = (
        "import sys; from priorlab.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'scipy', 'pandas', 'rich', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code, *command], check=True, capture_output=True)


def test_importing_the_package_imports_no_torch():
    code = "import sys, priorlab; assert not {'torch', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["bench", "--priors", "tvv"], "unknown prior 'tvv'; did you mean 'tv'?"),
        (["bench", "--priors", "TV"], "unknown prior 'TV'; did you mean 'tv'?"),
        (["bench", "--tasks", "denoize"], "unknown task 'denoize'; did you mean 'denoise'?"),
        (["bench", "--tasks", "denoise:sigmaa=3"], "unknown field of denoise 'sigmaa'; did you"),
        (["bench", "--tasks", "denoise:sigma=-1"], "denoise: sigma=-1 is too small; the least"),
        (["bench", "--tasks", "denoise:sigma=x"], "denoise: sigma=x is not a number"),
        (["bench", "--tasks", ""], "expected at least one name"),
        (["bench", "--dataset", "no/such"], "no/such"),
        (["bench", "--dataset", "photoz"], "unknown dataset 'photoz'; did you mean 'photos'?"),
        (["bench", "--dataset", "my"], "; nor is it a folder or a file"),
        (["bench", "--seeds", "a"], "seeds"),
        (
            ["bench", "--images", "rockett"],
            "unknown image of photos 'rockett'; did you mean 'rocke",
        ),
        (["bench", "--images", ","], "expected the name of at least one image"),
        (["bench", "--suite", "no-such.toml"], "cannot read the suite no-such.toml: No such file"),
        (["bench", "--slots", "0"], "is not a whole number above 0"),
        (["bench", "--timeout", "0"], "is not a number of seconds above 0"),
        (["bench", "--plugin", "none.py"], "there is no such file"),
        (["bensh"], "unknown command 'bensh'; did you mean 'bench'?"),
        (["show", "dipp"], "did you mean 'dip'?"),
        (["train", "unett", "--dataset", ".", "-o", "w"], "did you mean 'unet'?"),
        (["table", "no-such-run"], "no-such-run"),
        (["restore", "none.png", "--prior", "tv", "-o", "x.png"], "none.png"),
        (["restore", "none.png", "-o", "x.png"], "--prior"),
        (
            ["restore", "none.png", "--prior", "tv", "-o", "x.png", "--seed", "-1"],
            "seed -1 is not a whole",
        ),
        (["train", "unet", "--dataset", ".", "-o", "w", "--seed", str(2**63)], "seed 92233"),
        (["train", "unet", "--dataset", ".", "-o", "w", "--stps", "5"], "did you mean 'steps'?"),
        (["train", "unet", "--dataset", ".", "-o", "w", "--steps"], "expected settings"),
        (["train", "unet", "--dataset", ".", "-o", "w", "now"], "expected settings"),
        (["list", "--seed", "1"], "unrecognized arguments: --seed 1"),
        (["list", "prior"], "invalid choice: 'prior' (choose from"),
        (["bench", "--tasks", "denoise,", "inpaint", "--seeds", "0"], "--tasks denoise,inpaint\n"),
        (["bench", "tv"], "with --priors, tasks with --tasks (see 'priorlab bench --help')"),
        (["runs", "list", "all"], "arguments: all (see 'priorlab runs --help')"),
        (["--seeds", "0", "bench", "--priors", "tv"], ": priorlab bench --seeds 0 --priors tv\n"),
        (["--out", "runs", "bench", "--name", "bench"], "bench --out runs --name bench\n"),
        (["bench", "--tasks", "denoise:sigma=15,25"], "write denoise:sigma=15|25\n"),
        (["bench", "--priors", "tv|unet"], "between names write a comma: tv,unet\n"),
        (
            ["bench", "--suite", "impulse-set12", "--dataset", "photos", "--images", "1"],
            " of set12",
        ),
        (["table", "."], " is not the folder of a run: it has no run.json\n"),
    ],
)
def test_a_mistake_is_one_clear_sentence_and_exit_code_2(
    arguments, says, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, _, error = run(capsys, *arguments)
    assert code == 2
    assert error.startswith("priorlab: ")
    assert says in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_restore_writes_a_cleaner_picture_and_says_the_estimate(photo, tmp_path, capsys):
    clean = np.asarray(Image.open(photo), float)
    noisy, restored = tmp_path / "noisy.png", tmp_path / "restored.png"
    code, _, _ = run(capsys, "degrade", photo, "--task", "denoise:sigma=25", "-o", noisy)
    assert code == 0
    code, out, _ = run(capsys, "restore", noisy, "--prior", "tv", "-o", restored)
    assert code == 0
    assert "estimated sigma = 2" in out

    def error(path):
        return np.square(np.asarray(Image.open(path), float) - clean).mean()

    assert error(restored) < 0.5 * error(noisy)


def test_degrade_writes_the_mask_that_restore_needs(photo, tmp_path, capsys):
    holes, filled = tmp_path / "holes.png", tmp_path / "filled.png"
    code, out, _ = run(capsys, "degrade", photo, "--task", "inpaint", "-o", holes)
    mask = tmp_path / "holes-mask.png"
    assert code == 0
    assert f"inpaint:mask={mask}" in out
    task = f"inpaint:mask={mask}"
    assert run(capsys, "restore", holes, "--task", task, "--prior", "tv", "-o", filled)[0] == 0
    known = np.asarray(Image.open(mask)) == 255
    before, after, clean = (np.asarray(Image.open(path), float) for path in (holes, filled, photo))
    assert 0.4 < known.mean() < 0.6
    assert np.abs(after - before)[known].mean() < 2
    assert np.abs(after - clean)[~known].mean() < 0.3 * np.abs(before - clean)[~known].mean()


def test_restore_needs_a_mask_to_inpaint(photo, tmp_path, capsys):
    code, _, error = run(
        capsys, "restore", photo, "--task", "inpaint", "--prior", "tv", "-o", tmp_path / "x.png"
    )
    assert code == 2
    assert "needs mask=FILE" in error


def test_superresolution_enlarges(photo, tmp_path, capsys):
    large = tmp_path / "large.png"
    task = "superres:factor=2"
    assert run(capsys, "restore", photo, "--task", task, "--prior", "tv", "-o", large)[0] == 0
    assert Image.open(large).size == (80, 64)


def test_a_picture_of_four_channels_goes_through_files_that_hold_them(tmp_path, capsys):
    clean, noisy, restored = (tmp_path / name for name in ("a.npy", "noisy.tif", "restored.npy"))
    np.save(clean, picture(24, 20, 4).transpose(1, 2, 0))
    code, _, error = run(capsys, "degrade", clean, "-o", tmp_path / "noisy.png")
    assert code == 2
    assert ".png files hold 1 or 3 channels, not 4" in error
    assert run(capsys, "degrade", clean, "-o", noisy)[0] == 0
    assert run(capsys, "restore", noisy, "--prior", "tv", "-o", restored)[0] == 0
    assert np.load(restored).shape == (24, 20, 4)
    code, out, error = run(capsys, "restore", noisy, "--prior", "dip", "-o", tmp_path / "x.png")
    assert code == 2 and not out
    assert ".png files hold 1 or 3 channels, not 4" in error


@pytest.mark.parametrize("output", ["x.doc", "no/such/folder/x.png"])
def test_an_output_that_cannot_be_written_is_said_before_the_work(photo, tmp_path, capsys, output):
    code, _, error = run(capsys, "restore", photo, "--prior", "tv", "-o", tmp_path / output)
    assert code == 2
    assert output.rpartition("/")[2] in error


def test_a_picture_that_is_too_small(tmp_path, capsys):
    small = save(tmp_path / "small.png", picture(1, 1))
    code, _, error = run(capsys, "restore", small, "--prior", "tv", "-o", tmp_path / "x.png")
    assert code == 2
    assert "is 1x1 pixels; the least is 16x16" in error


def test_a_device_that_is_not_there(photo, tmp_path, capsys):
    code, _, error = run(
        capsys, "restore", photo, "--prior", "tv", "--device", "quantum", "-o", tmp_path / "x.png"
    )
    assert code == 2
    assert "device 'quantum' cannot be used here" in error


PLUGIN = """
import dataclasses
import torch
from priorlab.hookspecs import hookimpl
from priorlab.priors import SILENT, Prior

@dataclasses.dataclass(frozen=True, kw_only=True)
class Mapping(Prior):
    \"\"\"Returns what it is given, and a map.\"\"\"

    name = "mapping"
    by_default = False

    def restore(self, measurement, trace=SILENT, seed=0):
        trace.picture("uncertainty", torch.full(measurement.shape, 0.125))
        trace.picture("Not A Name", measurement.y)
        return measurement.y.clone()

@hookimpl
def priorlab_priors():
    return [Mapping]
"""


@pytest.fixture
def plugin(tmp_path):
    """A plugin file with a prior that tells of a picture, and is run only when named."""
    path = tmp_path / "mapping.py"
    path.write_text(PLUGIN)
    return path


def test_restore_writes_the_pictures_of_a_prior_beside(photo, plugin, tmp_path, capsys):
    output = tmp_path / "out" / "clean.png"
    output.parent.mkdir()
    code, out, _ = run(
        capsys, "restore", photo, "--prior", "mapping", "--plugin", plugin, "-o", output
    )
    assert code == 0
    beside = output.with_name("clean-uncertainty.png")
    assert f"wrote {beside}: uncertainty, black is 0 and white is 0.125" in out
    assert {path.name for path in output.parent.iterdir()} == {output.name, beside.name}
    assert np.asarray(Image.open(beside)).min() == 255


@pytest.mark.slow
def test_list_marks_priors_that_run_only_when_named(plugin, capsys):
    _, out, _ = run(capsys, "list", "--plugin", plugin)
    (line,) = (line for line in out.splitlines() if line.startswith("  mapping "))
    assert line.endswith("(only when named)")
    assert all("only when named" not in line for line in out.splitlines() if "  tv " in line)
    plan = ["bench", "--dry-run", "--tasks", "denoise", "--images", "rocket,coffee"]
    assert run(capsys, *plan) == run(capsys, *plan, "--plugin", plugin)
    _, out, _ = run(capsys, *plan, "--plugin", plugin, "--priors", "mapping")
    assert "2 cells" in out


def suite(path, **values):
    path.write_text("".join(f"{key} = {value}\n" for key, value in values.items()))
    return path


def test_a_suite_says_what_is_not_typed(plugin, photo, tmp_path, capsys):
    path = suite(
        tmp_path / "table.toml",
        title="'Table 2'",
        source="'A. Author: A Paper, 2018'",
        notes="['Measured again.', 'Twice.']",
        tasks="['denoise:sigma=25', 'denoise:sigma=50']",
        priors="'mapping'",
        images="['photo']",
        seeds="[3]",
    )
    common = ["bench", "--suite", path, "--plugin", plugin, "--out", tmp_path / "results"]
    code, _, error = run(capsys, *common)
    assert code == 2
    assert "names no dataset: add --dataset FOLDER with the images photo" in error
    with pretend.used():
        code, out, _ = run(capsys, *common, "--dataset", tmp_path, "--tasks", "denoise:sigma=10")
    assert code == 0
    places = [
        out.index(text)
        for text in ("Table 2", "Source: A. Author: A Paper, 2018", "Measured again.", "Twice.")
    ]
    assert places == sorted(places)
    assert places[-1] < out.index("denoise:sigma=10 on")
    assert "sigma=25" not in out
    assert "seed 3" in out
    table = next((tmp_path / "results").glob("*/table.md")).read_text()
    assert table.startswith("# Table 2\n\nSource: A. Author: A Paper, 2018\n\nMeasured again.")
    code, out, _ = run(capsys, *common, "--dataset", tmp_path, "--seeds", "0,1", "--dry-run")
    assert code == 0
    assert "4 cells" in out


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"titel": "'x'"}, "unknown key 'titel'; did you mean 'title'?"),
        ({"tasks": "3"}, "tasks is not a text or a list of texts: 3"),
        ({"images": "'a'"}, "images is not a list of texts: 'a'"),
        ({"seeds": "[0, -1]"}, "seeds is not a list of whole numbers: [0, -1]"),
        ({"seeds": "[true]"}, "seeds is not a list of whole numbers: [True]"),
        ({"threads": "0"}, "threads is not a whole number above 0: 0"),
        ({"timeout": "inf"}, "timeout is not a number of seconds above 0: inf"),
        ({"title": "unquoted"}, "is not TOML: "),
        ({"published": "[3]"}, "published is not a list of tables: [3]"),
        ({"published": "[{methot = 'a'}]"}, "published: unknown key 'methot'; did you mean"),
        ({"published": "[{method = 'a', task = 'b', psnr = 1}]"}, "published: source is missing"),
        (
            {"published": "[{method = 'a', task = 'b:c=1|2', psnr = 1, source = 's'}]"},
            "published: 2 tasks, but 1 number of psnr",
        ),
        (
            {"published": "[{method = 'a', task = 'b', psnr = 1, source = 's', prior = 'tv'}]"},
            "published: prior and tolerance go together: a",
        ),
        ({"images": "['photo', 'phota']"}, "unknown image of "),
    ],
)
def test_a_mistake_in_a_suite_is_one_clear_sentence(values, says, photo, tmp_path, capsys):
    path = suite(tmp_path / "table.toml", **values)
    code, _, error = run(capsys, "bench", "--suite", path, "--dataset", tmp_path)
    assert code == 2
    assert says in error
    assert error.count("\n") == 1


def test_list_and_show_explain_what_is_there(capsys):
    _, out, _ = run(capsys, "list")
    for word in ("tv", "wavelet", "dip", "unet", "denoise", "superres", "photos", "psnr"):
        assert f"  {word} " in out
    _, out, _ = run(capsys, "show", "denoise")
    assert "sigma=25" in out
    assert "0-255" in out
    _, out, _ = run(capsys, "show", "dip")
    assert "network=skip" in out
    assert "|unet|resnet" in out


def test_plugins_shows_the_traceback_of_a_broken_one(tmp_path, capsys):
    broken = tmp_path / "broken.py"
    broken.write_text("import no_such_module\n")
    code, out, _ = run(capsys, "plugins", "--plugin", broken)
    assert code == 1
    assert "handcrafted" in out
    assert "PROBLEM: ModuleNotFoundError" in out
    assert "Traceback" in out


def test_what_the_system_refuses_is_a_sentence(monkeypatch, capsys):
    def refuse(*given):
        raise PermissionError(errno.EACCES, "Permission denied", "dark/photo.png")

    monkeypatch.setattr(running.api, "summaries", refuse)
    code, _, said = run(capsys, "runs", "list")
    assert (code, said) == (2, "priorlab: cannot use dark/photo.png: Permission denied\n")


@pytest.mark.parametrize("error", [ProcessLookupError, ChildProcessError])
def test_a_process_that_is_gone_is_no_mistake_of_the_user(error, monkeypatch, capsys):
    def vanish(*given):
        raise error(3, "No such process")

    monkeypatch.setattr(running.api, "summaries", vanish)
    code, _, said = run(capsys, "runs", "list")
    assert code == 4
    assert "in vanish" in said and "please report it" in said


def started(typed, **streams):
    """Run a command whose output is buffered, as it is by default."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = f"{sys.executable} -m priorlab {typed}"
    return subprocess.run(command, shell=True, env=variables, text=True, **streams)


@pytest.mark.parametrize(
    ("typed", "code", "says"),
    [
        (">/dev/full", 2, "No space left on device"),
        ("nonsense 2>/dev/full", 2, ""),
        (">&-", 0, ""),
        ("nonsense >&- 2>&-", 2, ""),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="writes to /dev/full")
def test_what_cannot_be_printed_is_one_clear_sentence(typed, code, says):
    result = started(typed, capture_output=True)
    assert (result.returncode, result.stderr.count("\n")) == (code, bool(says))
    assert says in result.stderr


@pytest.mark.parametrize(("typed", "code"), [("", 0), ("nonsense", 2)])
def test_a_closed_pipe_is_no_crash(typed, code):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer) as unread:
        assert started(typed, stdout=unread, stderr=unread).returncode == code


def test_a_table_that_nobody_reads_does_not_end_the_process(monkeypatch):
    class Unread(io.StringIO):
        def write(self, text):
            if text:
                raise BrokenPipeError
            return 0

    monkeypatch.setattr(sys, "stdout", Unread())
    with pytest.raises(BrokenPipeError):
        parsing.say_table(str)


def test_a_line_that_is_written_again_ends_where_an_error_follows(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with pytest.raises(KeyboardInterrupt), parsing.OneLine() as line:
        line.show("half")
        raise KeyboardInterrupt
    assert capsys.readouterr().err == "\rhalf\033[K\n"


@pytest.mark.slow
def test_where_all_failed_there_is_nothing_to_look_at(tmp_path, capsys):
    (tmp_path / "broken.py").write_text(BROKEN)
    save(tmp_path / "set/one.png", picture(24, 24))
    typed = ["bench", "--priors", "fails", "--tasks", "denoise", "--name", "all-failed"]
    places = ["--dataset", tmp_path / "set", "--out", tmp_path, "--plugin", tmp_path / "broken.py"]
    assert main([*typed, *map(str, places)]) == 1
    said = capsys.readouterr()
    assert said.out.endswith(f"wrote {tmp_path}/all-failed/: table.md, table.csv, images.csv\n")
    assert "1 cell failed; see" in said.err


BROKEN = '''
from dataclasses import dataclass
from priorlab import Denoiser, hookimpl

@dataclass(frozen=True, kw_only=True)
class Fails(Denoiser):
    """Fails."""
    name = "fails"
    def denoise(self, v, sigma):
        raise ValueError("no")

@hookimpl
def priorlab_priors():
    return [Fails]
'''


def test_a_width_of_0_is_that_of_no_terminal(monkeypatch, capsys):
    def tell(arguments):
        parsing.say_table(lambda width: f"a table of {width} columns")
        return 0

    monkeypatch.setenv("COLUMNS", "0")
    monkeypatch.setattr(running, "_status", tell)
    assert main(["status"]) == 0
    assert capsys.readouterr().out == "a table of 80 columns\n"


@pytest.mark.parametrize(
    ("number", "code", "says"),
    [
        (errno.EPIPE, 0, ""),
        (errno.EIO, 0, ""),
        (errno.ENOSPC, 2, "cannot print the tables: No space left on device; they are in here"),
    ],
)
def test_tables_that_cannot_be_printed_are_in_the_folder(number, code, says, monkeypatch, capsys):
    def fail(run):
        raise OSError(number, os.strerror(number))

    done = SimpleNamespace(folder="here", rows=[], interrupted=False, failures=0)
    monkeypatch.setattr(comparing.api, "run", lambda *given, **named: done)
    monkeypatch.setattr(comparing, "_print_results", fail)
    assert main(["bench", "--priors", "tv"]) == code
    assert says in capsys.readouterr().err


def test_a_page_is_written_although_nobody_reads_the_tables(monkeypatch):
    """As of ``bench --report | head``."""
    done = SimpleNamespace(folder="here", rows=["one"], interrupted=False, failures=0)
    written = []

    def fail(run):
        raise BrokenPipeError(errno.EPIPE, "nobody reads")

    monkeypatch.setattr(comparing.api, "run", lambda *given, **named: done)
    monkeypatch.setattr(comparing.api, "report", written.append)
    monkeypatch.setattr(comparing.reporting, "tell", fail)
    monkeypatch.setattr(comparing, "_print_results", fail)
    assert main(["bench", "--priors", "tv", "--report"]) == 0
    assert written == ["here"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--engine", "loacl"], "did you mean 'local'"),
        (["--engine", "local,local:x=1"], "unknown field of local"),
        (["--scheduler", "tcp://host:8786"], "add --engine dask"),
        (["--engine", "local", "--scheduler", "tcp://host:8786"], "unknown field of local"),
    ],
)
def test_an_engine_that_cannot_be_used_is_named(arguments, says, capsys):
    code, _, error = run(capsys, "bench", *arguments)
    assert code == 2
    assert says in error
