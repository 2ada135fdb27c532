"""Optimisation over the parameters of a generator: ``min over theta of E(A g_theta(z); y)``.

There is no R(x): the network is the prior. Its structure makes it fit natural images before
noise, so the running mean of its outputs first comes closer to the truth and then departs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from typing import Any

import torch
from torch import Tensor

from priorlab.forward import impulses
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian
from priorlab.precision import bf16_is_fast, training_layout
from priorlab.priors import Generator
from priorlab.solvers.companions import Red, total_variation
from priorlab.solvers.muon import Muon
from priorlab.solvers.snapshot import Snapshot
from priorlab.solvers.stacked import Networks, stacking_is_fast
from priorlab.solvers.stopping import rule_for
from priorlab.trace import Trace

NOTICEABLE = 1 / 255
"""Noise of a lower level does no harm when it is fitted: nothing stops a fit early then, and Muon,
which fits everything faster, is used to the end."""

HANDOVER = 60
"""Steps in which Adam takes the kernels over from Muon. Its first steps are large, as it knows
nothing yet of the gradients' sizes: all at once they would undo much of the fit."""

CAREFUL = 1 / 4
"""What the step size of Adam is multiplied by where Muon makes the fit, to data without noise."""

TYPICAL_ERROR = 5 / 255
"""Root mean square error that the image of a fit is taken to have, against that of exact data."""

LEAST_PERTURBED = 14 / 255
"""The code is perturbed as for this noise level at least: exact data gain from it too."""


def fit(generator: Generator, measurement: Measurement, trace: Trace, seed: int) -> Tensor:
    """Return the image that a generator makes when fitted to a measurement.

    Every image of a batch, and every run, gets a network and a code of its own. Run r draws
    them from ``seed + r``, so an image is restored as it would be alone, and several runs are
    the mean of what their seeds give. The caller's random state is left as it was. Impulses
    that stand out count as missing pixels.

    Data without noise tell more than the network comes to fit: the image is then the nearest to
    its own that agrees with them. Known pixels, for instance, are returned as they are.

    At most `generator.batch` networks are fitted together: stacked into one on a GPU, on a CPU
    in a thread each, where they share the threads that PyTorch has. That changes only how sums
    are rounded.

    Convolutions run in bfloat16 where the hardware multiplies it, so results depend on the
    machine; on one machine they depend on the seed only.
    """
    impulsive = impulses.detectable(measurement)
    fits = [(index, run) for index in range(measurement.shape[0]) for run in range(generator.runs)]
    device = measurement.y.device
    stacked = stacking_is_fast(device)
    # The pixels that impulses hit make an operator for each image, and a stack has but one.
    batch = 1 if stacked and impulsive else min(generator.batch, len(fits))
    images = torch.zeros(len(fits), *measurement.shape[1:], device=device)
    with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.enable_grad():
        for first in range(0, len(fits), batch):
            members = []
            for index, run in fits[first : first + batch]:
                one = measurement.image(index)
                one = impulses.as_missing(one) if impulsive else one
                members.append(_Member(generator, one, seed + run))
            report = _Report(generator, trace, images, first, batch)
            groups = [members] if stacked else [[member] for member in members]
            _take_all_steps([_Stack(generator, group) for group in groups], report)
            images[first : first + batch] = torch.cat([member.rule.best for member in members])
    by_run = images.view(-1, generator.runs, *images.shape[1:])
    return by_run.mean(1).to(measurement.y.dtype)


def _take_all_steps(stacks: list[_Stack], report: _Report) -> None:
    """Fit stacks side by side, until all fits have ended."""
    members = [member for stack in stacks for member in stack.members]
    with _side_by_side(len(stacks)) as apply:
        for step in range(1, stacks[0].generator.iterations + 1):
            list(apply(_Stack.advance, stacks, repeat(step)))
            report.step(step, members, stacks[0].outputs)
            if all(member.ended for member in members):
                break
    report.end(members)


@contextlib.contextmanager
def _side_by_side(count: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """Yield a `map` of which at most `count` calls run at once and share PyTorch's threads."""
    threads = torch.get_num_threads()
    if min(count, threads) == 1:
        yield map
        return
    share = max(1, threads // count)
    try:
        # Threads are a property of the thread that asks for them, and of those begun later.
        with ThreadPoolExecutor(
            min(count, threads), initializer=torch.set_num_threads, initargs=(share,)
        ) as pool:
            yield pool.map
    finally:
        torch.set_num_threads(threads)


class _Stack:
    """Networks that are fitted as one, each to the measurement of one image."""

    def __init__(self, generator: Generator, members: list[_Member]) -> None:
        self.generator, self.members = generator, members
        one = members[0].measurement
        self.operator, self.noise = one.operator, one.noise
        self.y = torch.cat([member.measurement.y for member in members])
        self.noisy = _noisy(one)
        self.networks = Networks([member.network for member in members])
        # Muon is not for the kernels of a few inputs or outputs.
        large = [kernel for kernel in self.networks.kernels if min(kernel.shape[-4:-2]) > 4]
        chosen = {id(kernel) for kernel in large}
        others = [values for values in self.networks.parameters if id(values) not in chosen]
        self.muon = Muon(large)
        self.adam = torch.optim.Adam([{"params": others}, {"params": large}], fused=True)
        self.bf16 = torch.autocast(
            self.y.device.type, torch.bfloat16, enabled=bf16_is_fast(self.y.device)
        )
        self.red = Red(generator.red, one) if generator.red else None
        self.snapshots = [
            Snapshot(self.networks, self.adam, self.muon, member.mean, index)
            for index, member in enumerate(members)
        ]

    def advance(self, step: int) -> None:
        """Take a step for those fits that have not ended, and let each look at its output."""
        if all(member.ended for member in self.members):
            return
        self.outputs, losses = self._step(step)
        for member, snapshot, output, loss in zip(
            self.members, self.snapshots, torch.split(self.outputs, 1), losses, strict=True
        ):
            if member.ended:
                continue
            if snapshot.kept(step, loss):
                member.follow(step, output)
            else:
                member.look(step, member.mean)

    def _step(self, step: int) -> tuple[Tensor, Tensor]:
        """Take one step of the optimisers; return the outputs before it and their losses."""
        generator, members, noise = self.generator, self.members, self.noise
        with self.bf16:
            images = self.networks.images([member.draw() for member in members])
        images = images.float().contiguous()
        data = torch.split(self.operator.forward(images), 1)
        seen = [member.rule.hide(u) for member, u in zip(members, data, strict=True)]
        losses = noise.nll(torch.cat(seen), self.y)
        if generator.weight_tv:
            losses = losses + generator.weight_tv / noise.level * total_variation(images)
        if self.red:
            means = torch.cat([member.mean for member in members])
            losses = losses + generator.weight_red * self.red.energy(step, images, means)
        # Mean squared error for Gaussian noise, whatever the image's size and the noise level.
        losses = 2 * noise.level**2 / self.y[0].numel() * losses
        self.adam.zero_grad()
        # No network has a part in another's loss, so the sum has the gradient of each.
        torch.autograd.backward(losses.sum())
        self._turn(step)
        if generator.langevin:
            self._shake(generator.langevin * generator.learning_rate)
        return images.detach(), losses.detach()

    def _turn(self, step: int) -> None:
        """Let the optimisers take their step number `step`."""
        generator, (others, large) = self.generator, self.adam.param_groups
        share = self._share_of_muon(step)
        # So large that the outputs stay apart from each other: their mean gains, and the noise is
        # fitted later. Without noise it only disturbs what Muon does.
        others["lr"] = generator.learning_rate * (1 if self.noisy or not share else CAREFUL)
        large["lr"] = others["lr"] * (1 - share)
        if share:
            self.muon.step(share)
        self.adam.step()

    def _share_of_muon(self, step: int) -> float:
        """Return which part of a step Muon takes, where Adam takes the rest."""
        last = self.generator.warm_up
        if not last or not self.muon.momenta:
            return 0.0
        if not self.noisy:
            return 1.0
        return min(1.0, max(0.0, 1 - (step - last) / (HANDOVER + 1)))

    @torch.no_grad()
    def _shake(self, deviation: float) -> None:
        """Add Gaussian noise to the kernels: stochastic gradient Langevin dynamics."""
        for kernel in self.networks.kernels:
            for index, member in enumerate(self.members):
                own = self.networks.of(index, kernel)
                # Drawn in the layout of a network that is alone, in which the numbers are its own.
                noise = torch.empty_like(own, memory_format=training_layout(own.device))
                own.add_(noise.normal_(generator=member.shaking), alpha=deviation)


class _Member:
    """One network of a stack, and what else is its own."""

    def __init__(self, generator: Generator, measurement: Measurement, seed: int) -> None:
        device = measurement.y.device
        torch.manual_seed(seed)
        self.generator, self.measurement = generator, measurement
        self.network = generator.make_network(measurement.shape).to(device).train()
        self.code = _Code(generator, measurement)
        self.rule = rule_for(generator.stop if _noisy(measurement) else "never", measurement)
        # From here on it draws from a state of its own, whatever the others draw in between.
        self.random = torch.Generator()
        self.random.set_state(torch.get_rng_state())
        on_host = device.type == "cpu"
        self.shaking = self.random if on_host else torch.Generator(device).manual_seed(seed)
        self.mean = torch.zeros(measurement.shape, device=device)
        self.samples = _Samples(self.mean) if generator.langevin else None
        self.estimate = self.shown = self.mean
        self.ended = False

    def draw(self) -> Tensor:
        """Return the code of the next step."""
        return self.code.draw(self.random)

    def follow(self, step: int, output: Tensor) -> None:
        """Take in the output of a step."""
        generator, last = self.generator, self.generator.iterations
        # At first the mean forgets faster: its memory is a ninth of the steps so far.
        decay = min(generator.averaging, step / (step + 9))
        self.mean.lerp_(output, 1 - decay if step > 1 else 1)
        if self.samples and step > last // 2:
            self.estimate = self.samples.add(output)
        self.look(step, output)

    def look(self, step: int, output: Tensor) -> None:
        """Ask the stopping rule."""
        last = step == self.generator.iterations
        # Once only, as operators without a closed form take long; such fits run to the end.
        self.shown = self._agreeing(self.estimate) if last else self.estimate
        self.ended = self.rule.finished(step, self.shown, output, last)

    @torch.no_grad()
    def _agreeing(self, image: Tensor) -> Tensor:
        """Return the image, moved to agree with the data if they are exact."""
        noise = self.measurement.noise
        if _noisy(self.measurement) or not isinstance(noise, Gaussian):
            return image
        rho = (noise.level / TYPICAL_ERROR) ** 2
        return self.measurement.operator.solve(self.measurement.y, image, rho).clamp(0, 1)


class _Report:
    """Tells a trace of the fits of one stack.

    It shows the batch, each image as the mean of its runs so far. Iterations count on from
    stack to stack. What concerns a single fit is told where an image is fitted by itself.
    """

    def __init__(
        self, generator: Generator, trace: Trace, images: Tensor, first: int, batch: int
    ) -> None:
        """Prepare for the fits from the `first` to the one before ``first + batch``.

        `images` has those that all fits have found so far, run by run, image by image.
        """
        self.trace, runs = trace, generator.runs
        self.images, self.place = images, slice(first, first + batch)
        self.before = first // batch * generator.iterations
        self.total = -(-len(images) // batch) * generator.iterations
        self.alone = batch == 1 and len(images) == runs
        self.by_run = images.view(-1, runs, *images.shape[1:])
        begun = [min(max(first + batch - index, 1), runs) for index in range(0, len(images), runs)]
        self.begun = torch.tensor(begun, device=images.device).view(-1, 1, 1, 1)

    def step(self, step: int, members: list[_Member], outputs: Tensor) -> None:
        """Report what a step made."""
        shown = [
            # Of several, one that has ended shows what it returns while the others go on.
            member.rule.best if member.ended and not self.alone else member.shown
            for member in members
        ]
        self.images[self.place] = torch.cat(shown)
        self.trace.report(
            self.before + step,
            self.total,
            self.by_run.sum(1) / self.begun,
            output=outputs if self.alone else None,
        )

    def end(self, members: list[_Member]) -> None:
        """Tell what the stack returns."""
        if self.alone:
            if members[0].samples:
                self.trace.picture("uncertainty", members[0].samples.deviation())
            self.trace.returned(self.before + members[0].rule.best_step)


class _Samples:
    """Mean and standard deviation, pixel by pixel, of outputs: Welford's running sums."""

    def __init__(self, like: Tensor) -> None:
        self.count, self.mean, self.sum = 0, torch.zeros_like(like), torch.zeros_like(like)

    def add(self, output: Tensor) -> Tensor:
        """Take in an output; return the mean so far."""
        self.count += 1
        change = output - self.mean
        self.mean += change / self.count
        self.sum += change * (output - self.mean)
        return self.mean

    def deviation(self) -> Tensor:
        """Return the standard deviation of each value."""
        return (self.sum / max(1, self.count - 1)).sqrt()


class _Code:
    """The fixed code, with new noise added each time it is drawn."""

    def __init__(self, generator: Generator, measurement: Measurement) -> None:
        device = measurement.y.device
        dtype = torch.bfloat16 if bf16_is_fast(device) else torch.float32

        def placed(values: Tensor) -> Tensor:
            values = values.to(device, dtype)
            return values.contiguous(memory_format=training_layout(device))

        code = generator.make_code(measurement.shape)
        self.code, self.noise = placed(code), None
        # The noisier the data, and the fewer for each pixel, the less detail should the network
        # be able to tell apart.
        level = measurement.noise.level * (3 / measurement.shape[1]) ** 0.5
        level = generator.perturbation * max(level, LEAST_PERTURBED)
        if level:
            self.noise = placed(level * torch.randn(code.shape))

    def draw(self, random: torch.Generator) -> Tensor:
        """Return the code with the noise, shifted at random: a tenth of the cost of new noise."""
        if self.noise is None:
            return self.code
        shifts = torch.randint(0, min(self.code.shape[2:]), (2,), generator=random).tolist()
        return self.code + self.noise.roll(shifts, (2, 3))


def _noisy(measurement: Measurement) -> bool:
    """Return whether there is noise that must not be fitted."""
    return measurement.noise.level > NOTICEABLE
