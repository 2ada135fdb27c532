"""A plugin whose import does harm is named with what it did, and everything else goes on."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
import torch

from priorlab import cli, plugins
from priorlab.trials import known, trial

can_fork = trial._can_fork
"""As it is, without what `conftest.py` changes."""

GOOD = """
from priorlab import Denoiser, hookimpl

class Halve(Denoiser):
    \"\"\"Halve the image.\"\"\"
    name = "{name}"
    def denoise(self, v, sigma):
        return v / 2

@hookimpl
def priorlab_priors():
    {harm}
    return [Halve]
"""

DAEMON = """
import os, time
child = os.fork()
if child == 0:
    os.setsid()
    for number in range(3, 100):
        try:
            os.close(number)
        except OSError:
            pass
    time.sleep(1e6)
open(f"{__file__}.daemon", "w").write(str(child))
os._exit(4)
"""

HARMFUL = {
    "import os; print('going'); os._exit(7)": "loading it ends the process (exit status 7)",
    "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": "ends the process (SIGSEGV)",
    "import os; os.abort()": "ends the process (SIGABRT)",
    "import sys; sys.exit(3)": "SystemExit: 3",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
    "import os; os.closerange(0, 1000)": "closes files that are not its own",
    "import sys; sys.stdout.close()": "closes sys.stdout",
    "import os; [os.write(1, b'x' * 10**6) for _ in range(1000)]": "prints more than 1 MB",
    "import threading, time; threading.Thread(target=time.sleep, args=(1e6,)).start()": (
        "leaves a thread running"
    ),
    "import os; os.fork()": "process",
    "import subprocess; subprocess.Popen(['sleep', '1000'])": "leaves a process running",
    "import os; os.closerange(0, 1000)\nwhile True: pass": "loading it took more than 3 s",
    DAEMON: "exit status 4",
    "import os, time; os.fork() or os.fork() or (os.setsid(), time.sleep(1e6))": "process",
    "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (0, 0))": "lowers a limit",
}


LOAD = """
import json, os, sys
from pathlib import Path
from priorlab import plugins
from priorlab.trials import trial
trial.TIMEOUT, trial.SLOW = 3.0, 0.5
registry = plugins.load(folders=sys.argv[1:])
try:
    children = os.waitpid(-1, os.WNOHANG)[0] or 1
except ChildProcessError:
    children = 0
problems = [(one.name, one.problem, one.details) for one in registry.problems]
told = {"problems": problems, "priors": list(registry.priors), "children": children}
Path(sys.argv[1], "told.json").write_text(json.dumps(told))
"""


@pytest.fixture(autouse=True)
def quick(own_cache, monkeypatch):
    """A short patience; only the installed plugins are known."""
    monkeypatch.setattr(trial, "TIMEOUT", 3.0)
    monkeypatch.setattr(trial, "SLOW", 0.5)


def write(folder, name, harm="", at_import=""):
    folder.mkdir(exist_ok=True)
    file = folder / f"{name}.py"
    file.write_text(f"{at_import}\n{GOOD.format(name=name, harm=harm)}")
    return file


@pytest.mark.slow
def test_whatever_a_plugin_does_the_others_are_loaded_and_it_is_named(tmp_path, capfd):
    folder = tmp_path / "dir"
    for number, harm in enumerate(HARMFUL):
        write(folder, f"bad-{number:02}", at_import=harm)
        if number % 4 == 0:
            write(folder, f"good-{number:02}")
    write(folder, "hook", harm="import os; os._exit(9)")
    # Not in this process: it has threads, and would try them in fresh processes, which take longer.
    subprocess.run([sys.executable, "-c", LOAD, folder], check=True, timeout=100)
    told = json.loads((folder / "told.json").read_text())
    found = {name: problem for name, problem, _ in told["problems"]}
    for number, says in enumerate(HARMFUL.values()):
        assert says in found.pop(f"bad-{number:02}.py")
    assert "exit status 9" in found.pop("hook.py")
    assert not found
    assert {f"good-{number:02}" for number in range(0, len(HARMFUL), 4)} <= set(told["priors"])
    assert {"tv", "unet", "dip"} <= set(told["priors"])
    assert "going" in told["problems"][0][2]
    assert "Segmentation fault" in told["problems"][1][2]
    printed = capfd.readouterr()
    assert "loading the plugin bad-11.py takes long; it is ended after 3 s" in printed.err
    assert not printed.out
    assert told["children"] == 0
    (daemon,) = folder.glob("*.daemon")
    with pytest.raises(ProcessLookupError):
        os.kill(int(daemon.read_text()), 0)


def test_what_a_broken_plugin_printed_is_told_once(tmp_path):
    """All of little, and of much the beginning and the end."""
    kept, printed = trial.KEPT_OUTPUT, {}
    for number, length in enumerate((0, 4, kept, kept + 1, 2 * kept, 2 * kept + 1)):
        text = "".join(chr(48 + index % 75) for index in range(length))
        name = f"prints-{number}"
        write(tmp_path, name, at_import=f"import os; os.write(1, {text.encode()!r}); os._exit(1)")
        printed[f"{name}.py"] = text
    told = {one.name: one.details for one in plugins.load(folders=[tmp_path]).problems}
    assert told.keys() == printed.keys()
    for name, details in told.items():
        text = printed[name]
        much = f"{text[:kept]}\n... (1 bytes) ...\n{text[-kept:]}"
        assert details == (much if len(text) > 2 * kept else text)


CHANGES = """
import os, signal, sys, warnings, resource, gc
import torch
print("hello from a plugin")
os.chdir("/")
os.environ["HOME"] = "/nowhere"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["ACME_SETTING"] = "1"
os.umask(0o777)
torch.set_default_dtype(torch.float64)
torch.set_default_device("meta")
torch.set_grad_enabled(False)
torch.set_num_threads(7)
torch.set_autocast_enabled("cpu", True)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.alarm(1)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
sys.setrecursionlimit(100)
warnings.simplefilter("error")
resource.setrlimit(resource.RLIMIT_NOFILE, (9, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
sys.stdout = sys.stderr = None
for number in (0, 1, 2):
    os.close(number)
"""


def state():
    return (
        os.getcwd(),
        {name: os.environ.get(name) for name in ("HOME", "CUDA_VISIBLE_DEVICES")},
        os.umask(os.umask(0o22)),
        torch.get_default_dtype(),
        torch.empty(1).device,
        torch.is_grad_enabled(),
        torch.get_num_threads(),
        torch.is_autocast_enabled("cpu"),
        signal.getsignal(signal.SIGTERM),
        signal.getsignal(signal.SIGINT),
        signal.getitimer(signal.ITIMER_REAL)[0] == pytest.approx(120, abs=30),
        signal.pthread_sigmask(signal.SIG_BLOCK, []),
        sys.getrecursionlimit(),
        sys.stdout,
        [os.fstat(number).st_ino for number in (0, 1, 2)],
    )


def test_what_an_import_changes_is_as_before(tmp_path, monkeypatch, capfd):
    monkeypatch.setenv("ACME_SETTING", "")
    monkeypatch.delenv("ACME_SETTING")
    file, before = write(tmp_path, "restless", at_import=CHANGES), state()
    registry = plugins.load([file])
    assert not registry.problems and "restless" in registry.priors
    assert state() == before
    assert os.environ["ACME_SETTING"] == "1"  # a library may need it
    printed = capfd.readouterr()
    assert "hello from a plugin" in printed.err and not printed.out


def test_what_is_harmless_is_not_tried_again_and_what_changed_is(tmp_path, monkeypatch):
    write(tmp_path, "neighbour")
    file = write(tmp_path, "mine", at_import="import neighbour")
    monkeypatch.setattr("sys.path", [*sys.path])
    tried = []
    real = trial.verdicts

    def verdicts(candidates, *rest):
        tried.append([one.name for one in candidates])
        return real(candidates, *rest)

    monkeypatch.setattr(trial, "verdicts", verdicts)
    plugins.load([file])
    plugins.load([file])
    assert tried == [["mine.py"]]
    write(tmp_path, "neighbour", at_import="import os; os._exit(1)")
    del sys.modules["neighbour"]
    (broken,) = plugins.load([file]).problems
    assert "exit status 1" in broken.problem
    assert tried == [["mine.py"]] * 2
    plugins.load([file])
    assert tried == [["mine.py"]] * 3  # what ends at once may have its reason elsewhere
    plugins.load([file], only=["priorlab_handcrafted"])
    assert tried == [["mine.py"]] * 3


def test_what_hangs_is_not_waited_for_again_unless_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(trial, "TIMEOUT", 0.2)
    file = write(tmp_path, "slow", at_import="import time; time.sleep(1e6)")
    (first,) = plugins.load([file]).problems
    with monkeypatch.context() as patch:
        patch.setattr(trial, "verdicts", None)  # nothing is tried
        (second,) = plugins.load([file]).problems
    assert (
        "more than 0.2 s" in first.problem and "'priorlab plugins' tries it again" in second.problem
    )
    monkeypatch.setattr(trial, "TIMEOUT", 0.1)
    (third,) = plugins.load([file], again=True).problems
    assert "more than 0.1 s" in third.problem


@pytest.mark.parametrize("content", ["[]", "{", '{"x": 1}'])
def test_a_damaged_note_is_as_none(content, tmp_path):
    file = write(tmp_path, "mine")
    assert known._file().exists()
    known._file().write_text(content)
    assert "mine" in plugins.load([file]).priors


@pytest.mark.slow
def test_a_new_process_finds_the_same_where_this_one_cannot_be_copied(tmp_path, monkeypatch):
    file = write(tmp_path, "first", at_import="import os; os._exit(5)")
    monkeypatch.setattr(trial, "TIMEOUT", 60)
    monkeypatch.setattr(trial, "_can_fork", can_fork)
    waiting = threading.Event()
    thread = threading.Thread(target=waiting.wait)
    thread.start()
    try:
        assert not can_fork()
        registry = plugins.load([file])
    finally:
        waiting.set()
        thread.join()
    (broken,) = registry.problems
    assert broken.name == "first.py" and "exit status 5" in broken.problem
    assert "tv" in registry.priors


def test_the_command_goes_on(tmp_path, capsys):
    bad = write(tmp_path, "bad", at_import="import os; print('going'); os._exit(0)")
    assert cli.main(["plugins", "--plugin", str(bad)]) == 1
    shown = capsys.readouterr().out
    assert "handcrafted" in shown
    assert "PROBLEM: loading it ends the process (exit status 0)\n    going" in shown
    assert cli.main(["show", "tv", "--plugin", str(bad)]) == 0


def test_a_program_that_does_not_hear_of_its_children_can_load_plugins(tmp_path):
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        write(tmp_path, "good")
        write(tmp_path, "bad", at_import="import os; os._exit(7)")
        registry = plugins.load([tmp_path / "good.py", tmp_path / "bad.py"])
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert "good" in registry.priors
    (broken,) = registry.problems
    assert broken.name == "bad.py" and "loading it ends the process" in broken.problem
