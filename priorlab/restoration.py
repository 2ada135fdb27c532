"""Run one prior on one measurement: the one place through which every image is restored."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

import torch
from torch import Tensor

from priorlab.errors import Unsupported, UsageError, kind, said
from priorlab.forward.conjugate_gradients import ConvergenceWarning
from priorlab.forward.measurement import Measurement
from priorlab.forward.trying import tried
from priorlab.ground import blas_threads, shared_state, torch_settings
from priorlab.priors import Prior
from priorlab.randomness import seeded
from priorlab.solvers.exact_data import agreeing
from priorlab.solvers.exposure import WHOLE, exposed, ranges
from priorlab.solvers.noise_limit import within_noise
from priorlab.trace import SILENT, FramedTrace, Trace, TraceOfOne
from priorlab.trace import check as check_trace

LONGEST_REASON = 300
"""Characters of the one line that says why a restoration failed; its details keep the rest."""


class InvalidImage(Exception):
    """What a prior returned is not an image of the right kind."""


def run(
    prior: Prior,
    measurement: Measurement,
    *,
    seed: int = 0,
    trace: Trace = SILENT,
    prepared: bool | Exception = False,
) -> Tensor:
    """Restore the image of a measurement.

    A prior with its default parameters has those tuned for the kind of degradation. It gets a copy
    of the data: what it writes into it changes neither those of the caller nor what is exact. What
    was measured without noise is in the image as it was measured, whatever the prior says; see
    `priorlab.solvers.exact_data`. Of errors that have bounds, as those of JPEG, it keeps to these.

    Torch's default number format and device, its inference mode and its automatic casts make no
    difference; see `priorlab.ground.torch_settings`. Of several threads one restores at a time: the
    number format and the random numbers are everybody's.

    Parameters
    ----------
    prior : Prior
        What to restore with. It works on the device of the measurement's data.
    measurement : Measurement
        The degraded data, with the operator and the noise model.
    seed : int
        The only source of the prior's randomness. The generators of the caller stay as they are.
    trace : Trace
        Receives what an iterative prior reports, and that an inner iteration did not converge.
    prepared : bool or Exception
        Whether `Prior.prepare` was called already, and what it raised.

    Returns
    -------
    Tensor
        The image (B, C, H, W), finite float32 in [0, 1], of ``measurement.frame_shape``: what a
        prior restored beyond the picture's frame is cut off, here and in what `trace` receives.

    Raises
    ------
    UsageError
        If the measured data hold NaN or infinite values, or `trace` can take no reports.
    Unsupported
        If the prior cannot solve this kind of measurement.
    InvalidImage
        If the prior returns anything but a finite float32 image of the right shape.
    Exception
        Whatever the prior raises.

    Examples
    --------
    >>> import torch
    >>> from priorlab import plugins, restoration
    >>> registry = plugins.load()
    >>> task, prior = registry.build_tasks("denoise")[0], registry.build_priors("tv")[0]
    >>> measurement = task.measure(torch.full((1, 1, 16, 16), 0.5), seed=0)
    >>> restoration.run(prior, measurement).shape
    torch.Size([1, 1, 16, 16])
    """
    check_trace(trace)
    kept_from_gradients = torch.is_inference_mode_enabled() or measurement.y.is_inference()
    device = measurement.y.device
    with shared_state.CHANGED, torch_settings.usual(device), blas_threads.one():
        if kept_from_gradients:
            measurement = copy.deepcopy(measurement)
        return _run(prior, measurement, seed, trace, prepared)


def _run(
    prior: Prior, measurement: Measurement, seed: int, trace: Trace, prepared: bool | Exception
) -> Tensor:
    if bad := [i for i, data in enumerate(measurement.y) if not bool(data.isfinite().all())]:
        which = "" if len(measurement.y) == 1 else f" of image {', '.join(map(str, bad))}"
        raise UsageError(f"the measured data{which} hold NaN or infinite values")
    prior = prior.settled(measurement)
    device, own = measurement.y.device, dataclasses.replace(measurement, y=measurement.y.clone())
    with seeded(seed, device):  # whoever makes a network draws its weights before they are read
        if problem := prior.unsupported(own):
            if not isinstance(problem, str):
                raise TypeError(f"unsupported returned {problem!r}; it is to return a text or None")
            raise Unsupported(problem)
        if isinstance(prepared, Exception):
            raise prepared
        if not prepared:
            prior.prepare(device, measurement.shape[1])
    with seeded(seed, device), _reporting(trace):
        answer = _restored(prior, own, trace, seed)
        try:
            restored = _checked(answer, measurement.shape)
        except InvalidImage as error:
            if not (problem := tried(measurement).worst):
                raise
            raise InvalidImage(f"{error}; {problem}") from None
        if prior.kept_within_noise:
            with torch.no_grad():
                restored = within_noise(restored, measurement).clamp(0, 1)
        if prior.defers_to_exact_data:
            with torch.no_grad():
                restored = _checked(_as_data_allow(restored, measurement), measurement.shape)
    return measurement.operator.frame(restored)


def _as_data_allow(image: Tensor, measurement: Measurement) -> Tensor:
    """Return an image near `image` that agrees with exact data, or may have become these data."""
    if measurement.noise.is_exact:
        return agreeing(image, measurement)
    if measurement.operator.is_identity:
        return measurement.noise.possible(image, measurement.y)
    return image


def _restored(prior: Prior, measurement: Measurement, trace: Trace, seed: int) -> Any:
    """Return what the prior restores, in the brightness of the data."""
    frame = measurement.operator.frame
    photons = measurement.counts_behind_operator and not prior.weighs_photons
    if photons and len(measurement.y) == 1:
        return _restored(prior, measurement.with_white_noise(), trace, seed)
    chosen = set(ranges(measurement)) if prior.knows_exposure else {WHOLE}
    if photons or len(chosen) > 1:  # a batch of dark and bright pictures
        batch = measurement.initial_guess()
        for index in range(len(batch)):
            within = TraceOfOne(trace, batch, index)
            batch[index] = _restored(prior, measurement.image(index), within, seed)[0]
        return batch
    (one,) = chosen
    if one == WHOLE:
        return prior.restore(measurement, FramedTrace(trace, measurement.shape, frame), seed)

    def as_it_was(image: Tensor) -> Tensor:
        return image * one.exposure + one.black

    shown = FramedTrace(trace, measurement.shape, lambda image: as_it_was(frame(image)))
    restored = prior.restore(exposed(measurement, one.exposure, one.black), shown, seed)
    return as_it_was(restored) if isinstance(restored, Tensor) else restored


def check_degradation(measurement: Measurement) -> None:
    """Raise a `UsageError` if a plugin's operator returns what is no data or no image, or has a
    wrong adjoint, or it or its noise model changes its input or what it returned before.

    Nothing else would show it: what iterates with it ends at another image. The core's own are
    tested for that.

    Examples
    --------
    >>> from priorlab.tasks.builtin import Denoise
    >>> check_degradation(Denoise().measure(torch.zeros(1, 1, 16, 16), seed=0))
    """
    if problem := tried(measurement).worst:
        raise UsageError(problem)


def attempt(
    prior: Prior, measurement: Measurement, *, seed: int = 0, trace: Trace = SILENT
) -> Tensor:
    """Restore as `run` does, but turn every failure into a `UsageError` that names the prior.

    Examples
    --------
    >>> from priorlab import plugins
    >>> registry = plugins.load()
    >>> (task,), (prior,) = registry.build_tasks("inpaint"), registry.build_priors("median")
    >>> attempt(prior, task.measure(torch.full((1, 1, 32, 32), 0.5), seed=0))
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: median does not support this: it only filters noise
    """
    check_degradation(measurement)
    try:
        return run(prior, measurement, seed=seed, trace=trace)
    except UsageError:
        raise
    except Unsupported as error:
        raise UsageError(f"{prior.spec()} does not support this: {reason(error)}") from None
    except (Exception, SystemExit) as error:  # a plugin may raise anything; the cause stays
        raise UsageError(f"{prior.spec()} failed: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """Return in one line why a restoration failed, as tables show it.

    Examples
    --------
    >>> reason(ZeroDivisionError("division by zero")), reason(Unsupported("it only removes noise"))
    ('ZeroDivisionError: division by zero', 'it only removes noise')
    """
    line = " ".join(said(error).strip().partition("\n")[0].split())
    if not issubclass(type(error), UsageError | Unsupported | InvalidImage):
        line = f"{kind(error)}: {line}".rstrip()
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 3] + "..."


@contextlib.contextmanager
def _reporting(trace: Trace) -> Iterator[None]:
    """Report to `trace` that conjugate gradients did not converge, and warn once, of the worst."""
    worst: tuple[ConvergenceWarning, type[Warning], str, int] | None = None
    with warnings.catch_warnings():
        warnings.simplefilter("always", ConvergenceWarning)
        show = warnings.showwarning

        def note(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            nonlocal worst
            if not isinstance(message, ConvergenceWarning):
                show(message, category, filename, lineno, file, line)
            elif worst is None or message.residual > worst[0].residual:
                worst = message, category, filename, lineno

        warnings.showwarning = note
        yield
    if worst is not None:
        trace.converged(False, worst[0].residual)
        warnings.warn_explicit(*worst)  # now the user's own filters apply again


def _checked(restored: Any, shape: tuple[int, ...]) -> Tensor:
    """Return the restored image clipped to [0, 1], or raise `InvalidImage`."""
    if not isinstance(restored, Tensor):
        hint = "; torch.from_numpy makes one" * (type(restored).__module__ == "numpy")
        raise InvalidImage(f"restore returned {type(restored).__name__}, not a tensor{hint}")
    if tuple(restored.shape) != tuple(shape):
        raise InvalidImage(
            f"restore returned an image of shape {tuple(restored.shape)}, not {tuple(shape)}"
        )
    if restored.dtype != torch.float32:
        raise InvalidImage(f"restore returned {restored.dtype}, not torch.float32")
    if restored.layout != torch.strided or restored.is_meta:
        what = "no values" if restored.is_meta else f"the layout {restored.layout}"
        raise InvalidImage(f"restore returned a tensor with {what}, not a plain one")
    if bad := int((~torch.isfinite(restored)).sum()):
        raise InvalidImage(
            f"restore returned NaN or infinity in {bad} of {restored.numel()} values"
        )
    return restored.detach().clamp(0, 1)
