"""What `priorlab explain` draws and says, with a network so small that it is fitted at once."""

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageColor
from sample_pictures import picture, save

from priorlab import plugins
from priorlab.cli import main
from priorlab.errors import UsageError
from priorlab.explain import charts, findings, fits

PLUGIN = """
import dataclasses
import torch
from torch import nn
from priorlab.hookspecs import hookimpl
from priorlab.priors import Generator, Regularizer

@dataclasses.dataclass(frozen=True, kw_only=True)
class Tiny(Generator):
    \"\"\"A network that can only make coarse pictures.\"\"\"

    name = "tiny"

    def make_network(self, shape):
        height, width = shape[2:]
        return nn.Sequential(
            nn.Conv2d(8, shape[1], 1),
            nn.Upsample((height, width), mode="bilinear"),
            nn.Sigmoid(),
        )

    def make_code(self, shape):
        return torch.randn(1, 8, 4, 4)

@hookimpl
def priorlab_priors():
    return [Tiny]
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    path = tmp_path_factory.mktemp("plugins") / "tiny.py"
    path.write_text(PLUGIN)
    return path


@pytest.fixture(scope="module")
def registry(plugin):
    return plugins.load([plugin])


@pytest.fixture(scope="module")
def found(registry):
    prior = registry.build_priors("tiny:iterations=60")[0]
    return fits.run(prior, torch.from_numpy(picture(32, 24, 3))[None], seed=1)


def test_targets_differ_in_their_order_only():
    clean = torch.from_numpy(picture(40, 30, 3))[None]
    targets = fits._targets(clean, 0)
    shuffled = targets[fits.SHUFFLED]
    assert torch.equal(shuffled.flatten().sort().values, clean.flatten().sort().values)
    assert not torch.equal(shuffled, clean)
    # A pixel moves as a whole: its colours stay together.
    colours = {tuple(colour) for colour in clean.flatten(2)[0].T.tolist()}
    assert {tuple(colour) for colour in shuffled.flatten(2)[0].T.tolist()} == colours
    for one in (targets[fits.NOISE], shuffled):
        torch.testing.assert_close(one.mean((2, 3)), clean.mean((2, 3)), atol=0.05, rtol=0)
        torch.testing.assert_close(one.std((2, 3)), clean.std((2, 3)), atol=0.05, rtol=0)
    level = (targets[fits.NOISY] - clean).std()
    assert level == pytest.approx(25 / 255, rel=0.1)
    assert all(
        torch.equal(a, b)
        for a, b in zip(targets.values(), fits._targets(clean, 0).values(), strict=True)
    )


def test_curves_have_a_row_per_target_and_step(found):
    assert list(found.curves["target"].unique()) == list(findings.COLOURS)
    assert (found.curves.groupby("target")["step"].max() == 60).all()
    assert not found.curves.duplicated(["target", "step"]).any()
    hidden = found.curves[found.curves["target"].isin([fits.SHUFFLED, fits.NOISE])]
    assert hidden[["truth", "mean_truth"]].isna().all().all()
    picture_fit = found.of(fits.PICTURE)
    # Nothing is outside [0, 1] here, so both say the same.
    np.testing.assert_allclose(picture_fit["fit"], picture_fit["truth"], atol=1e-4)
    ends = found.curves.groupby("target")["fit"].last()
    assert ends[fits.PICTURE] > ends[fits.SHUFFLED] + 1


def test_the_measured_noise_is_that_of_the_data(found):
    assert found.noisy == pytest.approx(20 * np.log10(255 / 25), abs=1)


def test_runs_are_repeatable(found, registry):
    again = fits.run(found.prior, torch.from_numpy(picture(32, 24, 3))[None], seed=1)
    pd.testing.assert_frame_equal(again.curves, found.curves)
    assert (again.stop, again.returned) == (found.stop, found.returned)


def test_five_sentences_with_the_numbers(found):
    texts = findings.sentences(found)
    assert len(texts) == 5
    assert all(text.endswith(".") and "nan" not in text for text in texts)
    end = found.of(fits.PICTURE)["fit"].iloc[-1]
    assert f"{end:.1f} dB to the picture" in texts[0]
    assert f"{found.of(fits.NOISY)['mean_truth'].max():.1f} dB at step" in texts[2]
    assert f"{found.returned:.1f} dB" in texts[4]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((3, 300, 500), (3, 128, 128)),
        ((1, 16, 400), (1, 16, 128)),
        ((1, 128, 128), (1, 128, 128)),
        ((3, 17, 16), (3, 17, 16)),
        ((1, 2000, 129), (1, 128, 128)),
    ],
)
def test_pictures_are_brought_to_a_size_that_is_soon_fitted(shape, expected):
    image, note = fits.prepare(np.random.default_rng(0).random(shape, np.float32))
    assert tuple(image.shape) == (1, *expected)
    assert image.min() >= 0 and image.max() <= 1
    assert bool(note) == (shape != expected)


def test_other_forms_are_refused_with_the_names_of_those_that_can(registry):
    tv = registry.build_priors("tv")[0]
    with pytest.raises(UsageError, match=r"tv fits no network .* dip.* tiny"):
        findings.generator(tv, registry)


@pytest.mark.slow
def test_the_chart_shows_every_curve_in_its_colour():
    curves = [
        charts.Curve("rises", [(x, 10 + x) for x in range(1, 11)], charts.BLUE),
        charts.Curve("falls", [(x, 20 - x) for x in range(1, 11)], charts.ORANGE, dashed=True),
    ]
    mark = charts.Mark("where", (5, 15), charts.GREEN, square=True)
    panel = charts.Chart("title", "x", "y", curves, [mark], 12.0, "level")
    pixels = np.asarray(charts.draw([panel, panel])).astype(int)
    assert pixels.shape == (charts.HEIGHT, 2 * charts.WIDTH, 3)
    np.testing.assert_array_equal(pixels[:, : charts.WIDTH], pixels[:, charts.WIDTH :])
    axes = pixels[charts.TOP : -charts.BOTTOM, charts.LEFT : charts.WIDTH - charts.RIGHT]
    rows = {}
    for colour in (charts.BLUE, charts.ORANGE, charts.GREEN):
        near = np.abs(axes - ImageColor.getrgb(colour)).sum(axis=2) < 60
        assert near.any()
        rows[colour] = [
            np.nonzero(near[:, part])[0].mean()
            for part in (slice(60), slice(-60, None))
            if near[:, part].any()
        ]
    assert rows[charts.BLUE][0] > rows[charts.BLUE][-1] + 50, "rises"
    assert rows[charts.ORANGE][0] < rows[charts.ORANGE][-1] - 50, "falls"


@pytest.mark.parametrize(
    "points", [[(1, 5.0)], [(1, float("inf")), (2, 3.0)], [(1, 7.0), (9, 7.0)]]
)
def test_a_chart_of_next_to_nothing(points):
    panel = charts.Chart("a title " * 30, "x", "y", [charts.Curve("c", points, charts.BLUE)])
    assert charts.draw([panel]).size == (charts.WIDTH, charts.HEIGHT)


def command(capsys, *arguments):
    code = main(["explain", *map(str, arguments)])
    output = capsys.readouterr()
    return code, output.out, output.err


def test_the_command_writes_the_chart_and_its_table(plugin, photo, tmp_path, capsys):
    output = tmp_path / "curves.png"
    code, out, error = command(
        capsys, "tiny", photo, "-o", output, "--iterations", 5, "--plugin", plugin
    )
    assert code == 0, error
    assert Image.open(output).size == (2 * charts.WIDTH, charts.HEIGHT)
    table = pd.read_csv(io.StringIO((tmp_path / "curves.csv").read_text()))
    assert list(table.columns) == ["target", "step", "fit", "truth", "mean_truth"]
    assert len(table) == 4 * 5
    assert len(out.splitlines()) == 5 + 1
    assert "step 5/5" in error


@pytest.mark.slow
def test_a_table_that_is_not_one_of_curves_is_not_replaced(plugin, photo, tmp_path, capsys):
    other, output = tmp_path / "curves.csv", tmp_path / "curves.png"
    given = ["tiny", photo, "-o", output, "--iterations", 1, "--plugin", plugin]
    other.write_text("name,value\n")
    code, _, error = command(capsys, *given)
    assert code == 2 and "curves.csv would be replaced" in error
    assert other.read_text() == "name,value\n" and not output.exists()
    other.unlink()
    for _ in range(2):  # one of its own may be replaced
        code, out, _ = command(capsys, *given)
        assert code == 0 and "After 1 step the" in out


def test_a_fall_is_called_learned_noise_only_where_the_data_is_fitted_better(found):
    def later(fit):
        curves = found.curves.copy()
        noisy = curves["target"] == fits.NOISY
        curves.loc[noisy, "mean_truth"] = [20.0] * 30 + [10.0] * 30
        curves.loc[noisy, "fit"] = fit
        return findings.sentences(dataclasses.replace(found, curves=curves))[3]

    assert "the noise is being learned" in later(np.arange(60.0))
    assert "no closer to the noisy data" in later(-np.arange(60.0))


@pytest.mark.parametrize(
    ("name", "output", "says"),
    [
        ("tv", "curves.png", "tv fits no network to the picture"),
        ("dipp", "curves.png", "did you mean 'dip'?"),
        ("tiny", "curves.doc", "the suffix is not one of"),
        ("tiny", "no/curves.png", "there is no folder"),
        ("tiny", "taken.png", "taken.csv: it is a folder"),
    ],
)
def test_mistakes_are_said_before_the_work(name, output, says, plugin, photo, tmp_path, capsys):
    (tmp_path / "taken.csv").mkdir()
    code, _, error = command(capsys, name, photo, "-o", tmp_path / output, "--plugin", plugin)
    assert code == 2
    assert says in error
    assert "fitting" not in error


def test_tiny_pictures(plugin, tmp_path, capsys):
    small = save(tmp_path / "small.png", picture(16, 16))
    arguments = ["-o", tmp_path / "x.png", "--iterations", 1, "--plugin", plugin]
    assert command(capsys, "tiny", small, *arguments)[0] == 0
    smaller = save(tmp_path / "smaller.png", picture(15, 16))
    code, _, error = command(capsys, "tiny", smaller, *arguments)
    assert code == 2
    assert "is 16x15 pixels" in error
