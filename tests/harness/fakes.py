"""Fake priors that behave well or badly; the tests name this file as a plugin file."""

import dataclasses
import logging
import os
import sys
import time
from pathlib import Path
from typing import ClassVar

import torch

from priorlab.hookspecs import hookimpl
from priorlab.priors import Prior
from priorlab.trace import SILENT


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fake(Prior):
    """A prior that notes its calls in the file that FAKES_LOG names."""

    def restore(self, measurement, trace=SILENT, seed=0):
        with Path(os.environ["FAKES_LOG"]).open("a") as log:
            log.write(f"{self.name} {os.getpid()}\n")
        return self.act(measurement, trace, seed)

    def act(self, measurement, trace, seed):
        return measurement.initial_guess()


def fake(name, act=Fake.act, **members):
    """Make a prior class of that name."""
    body = {"name": name, "act": act, "__annotations__": {"name": ClassVar[str]}, **members}
    kind = type(name.title(), (Fake,), body)
    return dataclasses.dataclass(frozen=True, kw_only=True)(kind)


def raises(self, measurement, trace, seed):
    raise RuntimeError("the prior\ngave up")


def exits(self, measurement, trace, seed):
    print("last words", file=sys.stderr)
    os._exit(7)


def aborts(self, measurement, trace, seed):
    os.abort()


def hangs(self, measurement, trace, seed):
    time.sleep(1000)


def peeks(self, measurement, trace, seed):
    Path(os.environ["FAKES_TRUTH"]).read_bytes()


def scribbles(self, measurement, trace, seed):
    Path(os.environ["FAKES_TRUTH"]).with_name("of-mine").touch()


def nan(self, measurement, trace, seed):
    image = measurement.initial_guess().clone()
    image[..., 0, 0] = torch.nan
    return image


def cropped(self, measurement, trace, seed):
    return measurement.initial_guess()[..., 1:]


def double(self, measurement, trace, seed):
    return measurement.initial_guess().double()


def nothing(self, measurement, trace, seed):
    return None


def prints(self, measurement, trace, seed):
    print('{"event": "result", "status": "ok"}', flush=True)
    os.system("echo from a subprocess")
    logging.getLogger("priorlab.fakes").warning("slow at first")
    logging.getLogger("priorlab.fakes").info("a detail")
    input_is_empty = sys.stdin.read() == ""
    assert input_is_empty
    return measurement.initial_guess()


def mutates(self, measurement, trace, seed):
    measurement.y.zero_()
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.set_num_threads(2)
    return measurement.y


def settled(self, measurement, trace, seed):
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert torch.get_num_threads() == 1
    return measurement.initial_guess()


def allocates(self, measurement, trace, seed):
    held = torch.ones(300 * 2**20 // 4)
    return measurement.initial_guess() * held[0]


def exhausts(self, measurement, trace, seed):
    return torch.ones(2**50)


def slow(self, measurement, trace, seed):
    for step in range(1, 4):
        time.sleep(0.1)
        trace.report(step, 3, measurement.y)
    return measurement.initial_guess()


def limited(self, measurement, trace, seed):
    """Hang, but for the first FAKES_LIMIT calls of a fake."""
    calls = Path(os.environ["FAKES_LOG"]).read_text().splitlines()
    latest = len(calls) - calls[::-1].index(f"{self.name} {os.getpid()}")
    if latest > int(os.environ["FAKES_LIMIT"]):
        hangs(self, measurement, trace, seed)
    return measurement.initial_guess()


def stops(self, measurement, trace, seed):
    """Go from the data to gray: the second image returned, the first the best, by design."""
    for step, weight in enumerate((0.5, 0.6, 1.0), start=1):
        trace.report(step, 3, measurement.y.lerp(torch.tensor(0.5), weight))
    trace.returned(2)
    trace.picture("uncertainty", 0.25 * measurement.y.abs() / measurement.y.abs().max())
    trace.picture("NOT/a name", measurement.y)
    return measurement.y.lerp(torch.tensor(0.5), 0.6)


def babbles(self, measurement, trace, seed):
    """Tell a trace what makes no sense."""
    for image in (None, "image", measurement.y[..., 1:], measurement.y * torch.nan):
        trace.report(1, 3, image)
    trace.report("two", 3, measurement.y[0, 0])
    trace.returned(None)
    trace.returned(-1)
    trace.picture("uncertainty", None)
    trace.picture(None, measurement.y)
    trace.picture("map", measurement.y[0])
    return measurement.initial_guess()


def random(self, measurement, trace, seed):
    return torch.rand(measurement.shape)


def together(act=None):
    """Return what takes 0.2 s however many images come; of several, `act` makes something else."""

    def restore(self, measurement, trace, seed):
        image = measurement.initial_guess()
        if act and len(image) > 1:
            return act(self, measurement, trace, seed)
        time.sleep(0.2)
        return image

    return restore


def mixes(self, measurement, trace, seed):
    image = measurement.initial_guess().clone()
    image[-1, 0, 0] = 1 - image[-1, 0, 0]
    return image


def gray(self, measurement):
    return "it is for colour" if measurement.shape[1] == 1 else None


FAKES = [
    fake("good"),
    fake("raises", raises),
    # Each of these costs a process, so that they act on one of the images only.
    fake("exits", exits, unsupported=gray),
    fake("aborts", aborts, unsupported=gray),
    fake("hangs", hangs),
    fake("nan", nan),
    fake("peeks", peeks),
    fake("scribbles", scribbles),
    fake("cropped", cropped),
    fake("double", double),
    fake("nothing", nothing),
    fake("prints", prints),
    fake("mutates", mutates),
    fake("settled", settled),
    fake("allocates", allocates),
    fake("exhausts", exhausts),
    fake("slow", slow),
    fake("limited", limited),
    fake("random", random),
    fake("stops", stops),
    fake("babbles", babbles),
    fake("together", together(), batched=True),
    fake("crowd-exits", together(exits), batched=True),
    fake("crowd-hangs", together(hangs), batched=True),
    fake("crowd-allocates", together(allocates), batched=True),
    fake("crowd-mixes", together(mixes), batched=True),
    fake("crowd-raises", together(raises), batched=True),
    fake("unsure", batched=property(lambda self: 1 / 0)),
    fake("picky", unsupported=lambda self, measurement: "it does not like noise"),
]


@hookimpl
def priorlab_priors():
    return FAKES
