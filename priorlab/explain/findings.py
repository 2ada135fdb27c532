"""Why an untrained network restores images: it fits structure before noise.

Draws the curves of `priorlab.explain.fits` and says in words what they show.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from priorlab.errors import UsageError
from priorlab.explain import charts
from priorlab.explain.charts import Chart, Curve, Mark
from priorlab.explain.fits import NOISE, NOISY, PICTURE, SHUFFLED, Fits
from priorlab.ground.files import write_atomically
from priorlab.pictures import writing
from priorlab.priors import Generator, Prior
from priorlab.registry import Registry

COLOURS = {
    PICTURE: charts.BLUE,
    NOISY: charts.ORANGE,
    SHUFFLED: charts.GREEN,
    NOISE: charts.PURPLE,
}

COLUMNS = "target,step,fit,truth,mean_truth"
"""The first line of the table of the curves."""


def generator(prior: Prior, registry: Registry) -> Generator:
    """Return the prior if its form can be explained, or raise a `UsageError`.

    Examples
    --------
    >>> from priorlab import plugins
    >>> registry = plugins.load()
    >>> (prior,) = registry.build_priors("tv")
    >>> generator(prior, registry)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: tv fits no network to the picture, so there is no curve; ...
    """
    if isinstance(prior, Generator):
        return prior
    names = sorted(n for n, kind in registry.priors.items() if issubclass(kind, Generator))
    # A command loads only the plugins that provide what it names.
    known = f"such priors are {', '.join(names)}" if names else "only a Generator does"
    raise UsageError(f"{prior.name} fits no network to the picture, so there is no curve; {known}")


def table_of(output: Path) -> Path:
    """Return the file of the table that belongs to the picture `output`.

    Examples
    --------
    >>> table_of(Path("curves.png")).name
    'curves.csv'
    """
    return output.with_suffix(".csv")


def check_own(table: Path) -> None:
    """Raise a `UsageError` if a file that is not such a table would be replaced by one.

    Examples
    --------
    >>> table = Path("curves.csv")
    >>> check_own(table)
    >>> _ = table.write_text("my own notes")
    >>> check_own(table)
    Traceback (most recent call last):
    ...
    priorlab.errors.UsageError: curves.csv would be replaced by the table of the curves; ...
    """
    if not table.exists():
        return
    with table.open("rb") as file:
        if file.readline().decode(errors="replace").strip() != COLUMNS:
            raise UsageError(
                f"{table} would be replaced by the table of the curves; name another picture"
                " with -o, or move that file"
            )


def write(fits: Fits, output: Path) -> Path:
    """Write the picture of the curves and a table of them; return the table's file."""
    writing.write(output, np.asarray(picture(fits), np.float32).transpose(2, 0, 1) / 255)
    table = table_of(output)
    text = fits.curves.to_csv(index=False, lineterminator="\n", float_format="%.4f")
    write_atomically(table, text)
    return table


def picture(fits: Fits) -> Image.Image:
    """Draw how fast each target is fitted, and how close the fit to noisy data is to the truth."""
    targets = [
        Curve(target, _points(fits.of(target)["fit"]), colour) for target, colour in COLOURS.items()
    ]
    noisy = fits.of(NOISY)
    step, psnr = _peak(noisy["mean_truth"])
    marks = [Mark(f"best: {psnr:.1f} dB at step {step}", (step, psnr))]
    if fits.stop:
        label = f"returned: {fits.returned:.1f} dB, step {fits.stop}"
        marks.append(Mark(label, (fits.stop, fits.returned), charts.ORANGE, square=True))
    truth = [
        Curve("output, to the noisy data", _points(noisy["fit"]), charts.ORANGE, dashed=True),
        Curve("output, to the truth", _points(noisy["truth"]), charts.BLUE),
        Curve("their mean, to the truth", _points(noisy["mean_truth"]), charts.GREEN),
    ]
    level = f"the noisy data, to the truth: {fits.noisy:.1f} dB"
    x, y = "step of the optimiser", "PSNR in dB"
    title = f"{fits.prior.spec()}: how fast each is fitted"
    return charts.draw(
        [
            Chart(title, x, f"{y}, output to its own target", targets),
            Chart("picture + noise: when to stop", x, y, truth, marks, fits.noisy, level),
        ]
    )


def sentences(fits: Fits) -> list[str]:
    """Describe what the curves show, in one sentence each."""
    ends = {target: fits.of(target)["fit"].iloc[-1] for target in COLOURS}
    halves = {target: _half(fits, target) for target in COLOURS}
    noisy, steps = fits.of(NOISY), int(fits.curves["step"].max())
    truth, mean = noisy["truth"], noisy["mean_truth"]
    (step, psnr), (most_at, most) = _peak(truth), _peak(mean)
    fallen, lost = most - mean.iloc[-1], most - fits.returned
    ends_text = ", ".join(f"{value:.1f} dB to the {target}" for target, value in ends.items())
    halves_text = ", ".join(f"{target}: {text}" for target, text in halves.items())
    later = f"By step {steps} that mean has fallen by {fallen:.1f} to {mean.iloc[-1]:.1f} dB"
    if fallen <= 0.05:
        later = (
            f"Up to step {steps} that mean has not fallen; more --iterations would show it learn"
            " the noise."
        )
    elif noisy["fit"].iloc[-1] > noisy["fit"][most_at]:
        later += ", while the output came closer to the noisy data: the noise is being learned."
    else:
        later += ", though the output is no closer to the noisy data by then."
    rule = (
        f"Left to its own rule the prior returns the image of step {fits.stop}:"
        if fits.stop
        else "Left to itself the prior returns an image of"
    )
    distance = f"{abs(lost):.1f} dB {'below' if lost > 0 else 'above'}"
    if abs(lost) < 0.05:
        distance = "the same as"
    return [
        f"After {steps} step{'s' * (steps > 1)} the network's output has a PSNR of {ends_text}.",
        f"Half of what a flat picture misses is fitted at step: {halves_text}.",
        f"The picture with noise is {fits.noisy:.1f} dB from the truth; the output fitted to"
        f" it comes to {psnr:.1f} dB at step {step}, the mean of the outputs"
        f" to {most:.1f} dB at step {most_at}.",
        later,
        f"{rule} {fits.returned:.1f} dB, {distance} that best mean.",
    ]


def _half(fits: Fits, target: str) -> str:
    """Return the first step at which half of a flat picture's squared error is gone."""
    fit = fits.of(target)["fit"]
    reached = fit.index[fit >= fits.flat[target] + 10 * np.log10(2)]
    return str(reached[0]) if len(reached) else f"not in {fit.index[-1]}"


def _points(curve: pd.Series[float]) -> list[tuple[float, float]]:
    return list(zip(curve.index.tolist(), curve.tolist(), strict=True))


def _peak(curve: pd.Series[float]) -> tuple[int, float]:
    """Return the step of the greatest value, and that value."""
    place = int(np.argmax(curve.to_numpy()))
    return int(curve.index[place]), float(curve.iloc[place])
