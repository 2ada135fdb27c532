"""PSNR and SSIM against scikit-image in double precision, and what a protocol compares."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from priorlab import metrics
from priorlab.pictures import arrays, datasets, reading
from priorlab.tasks.base import Protocol


def reference_ssim(a, b):
    return structural_similarity(
        a.astype(np.float64),
        b.astype(np.float64),
        data_range=1,
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


def pair(content, change, strength, shape, seed):
    """Return an image and a changed one, of the kinds that are hard for single precision."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[1], : shape[2]]
    clean = {
        "noise": lambda: rng.random(shape),
        "ramp": lambda: np.broadcast_to(columns / shape[2], shape),
        "flat": lambda: np.full(shape, rng.random()),
        "white": lambda: np.ones(shape),
        "edge": lambda: np.broadcast_to(0.02 + 0.96 * (columns > shape[2] / 2), shape),
        "squares": lambda: np.broadcast_to((rows // 13 + columns // 17) % 2, shape),
        "saturated": lambda: np.broadcast_to(4 * rows / shape[1], shape),
        "binary": lambda: rng.random(shape) > 0.5,
    }[content]()
    changed = {
        "noise": lambda: clean + strength * rng.standard_normal(shape),
        "offset": lambda: clean + strength,
        "dark": lambda: clean * (1 - strength),
        "inverse": lambda: 1 - clean,
        "other": lambda: rng.random(shape),
        "flat": lambda: np.full(shape, 0.5),
        "equal": lambda: clean,
    }[change]()
    return tuple(np.clip(image, 0, 1).astype(np.float32) for image in (changed, clean))


CONTENTS = ["noise", "ramp", "flat", "white", "edge", "squares", "saturated", "binary"]
CHANGES = ["noise", "offset", "dark", "inverse", "other", "flat", "equal"]


@given(
    content=st.sampled_from(CONTENTS),
    change=st.sampled_from(CHANGES),
    strength=st.sampled_from([1e-5, 1e-3, 0.02, 0.1, 0.5]),
    shape=st.tuples(st.sampled_from([1, 3]), st.integers(11, 90), st.integers(11, 90)),
    seed=st.integers(0, 99),
)
@settings(max_examples=100)
def test_equal_to_scikit_image(content, change, strength, shape, seed):
    a, b = pair(content, change, strength, shape, seed)
    assert metrics.ssim(a, b) == pytest.approx(reference_ssim(a, b), abs=1e-6)
    if (a != b).any():
        reference = peak_signal_noise_ratio(b.astype(float), a.astype(float), data_range=1)
        assert metrics.psnr(a, b) == pytest.approx(reference, abs=1e-6)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("content", CONTENTS)
def test_equal_to_scikit_image_on_images_computed_in_float32(content, change):
    a, b = pair(content, change, 0.02, (1, 300, 263), seed=0)
    assert metrics.ssim(a, b) == pytest.approx(reference_ssim(a, b), abs=1e-6)


@pytest.mark.parametrize("sigma", [0.001, 0.1, 0.4])
def test_equal_to_scikit_image_on_photographs(sigma):
    rng = np.random.default_rng(0)
    for file in datasets.load("photos").images:
        clean = reading.read(file.path)
        noisy = (clean + sigma * rng.standard_normal(clean.shape)).clip(0, 1).astype(np.float32)
        assert metrics.ssim(noisy, clean) == pytest.approx(reference_ssim(noisy, clean), abs=1e-7)


@given(
    shape=st.tuples(st.sampled_from([1, 3]), st.integers(11, 50), st.integers(11, 50)),
    seed=st.integers(0, 99),
)
@settings(max_examples=30)
def test_symmetry_and_bounds(shape, seed):
    a, b = np.random.default_rng(seed).random((2, *shape)).astype(np.float32)
    assert metrics.ssim(a, a) == pytest.approx(1, abs=1e-7)
    assert metrics.ssim(a, b) == pytest.approx(metrics.ssim(b, a), abs=1e-7)
    assert metrics.psnr(a, b) == metrics.psnr(b, a)
    assert abs(metrics.ssim(a, b)) <= 1
    across = metrics.ssim(a.swapaxes(1, 2), b.swapaxes(1, 2))
    assert across == pytest.approx(metrics.ssim(a, b), abs=1e-6)


def test_psnr_by_hand():
    a, b = np.zeros((1, 4, 4), np.float32), np.full((1, 4, 4), 0.1, np.float32)
    assert metrics.psnr(a, b) == pytest.approx(20, abs=1e-6)
    assert metrics.psnr(a, a) == math.inf


def test_what_is_not_defined():
    small = np.zeros((1, 10, 40), np.float32)
    assert math.isnan(metrics.ssim(small, small))
    assert math.isnan(metrics.psnr(small[:, :0], small[:, :0]))
    broken = np.full((1, 16, 16), np.nan, np.float32)
    assert math.isnan(metrics.psnr(broken, broken * 0))
    assert math.isnan(metrics.ssim(broken, broken * 0))
    for metric in (metrics.psnr, metrics.ssim):
        with pytest.raises(ValueError, match="one shape"):
            metric(small, small[:, :5])
        with pytest.raises(ValueError, match="one shape"):
            metric(small[0], small[0])


def test_inputs_are_not_changed_and_tensors_are_welcome():
    a, b = np.random.default_rng(0).random((2, 3, 30, 40)).astype(np.float32)
    before = a.copy(), b.copy()
    protocol = Protocol(channels="luma", crop=3)
    values = metrics.evaluate(a, b, protocol)
    assert np.array_equal(a, before[0]) and np.array_equal(b, before[1])
    tensors = [torch.from_numpy(image).requires_grad_() for image in (a, b)]
    assert metrics.evaluate(*tensors, protocol) == values
    assert metrics.evaluate(*(tensor[None] for tensor in tensors), protocol) == values
    assert metrics.ssim(*tensors) == metrics.ssim(a, b)


def test_evaluate_clips():
    clean = np.ones((1, 16, 16), np.float32)
    values = metrics.evaluate(clean + 0.5, clean, Protocol())
    assert values == {"psnr": math.inf, "ssim": pytest.approx(1)}


def test_evaluate_leaves_out_the_border():
    rng = np.random.default_rng(0)
    clean, restored = rng.random((2, 3, 40, 50)).astype(np.float32)
    inside = (slice(None), slice(4, 36), slice(4, 46))
    values = metrics.evaluate(restored, clean, Protocol(crop=4))
    assert values["psnr"] == metrics.psnr(restored[inside], clean[inside])
    assert values["ssim"] == metrics.ssim(restored[inside], clean[inside])


def test_evaluate_on_luma():
    rng = np.random.default_rng(0)
    clean, restored = rng.random((2, 3, 40, 50)).astype(np.float32)
    values = metrics.evaluate(restored, clean, Protocol(channels="luma"))
    assert values["psnr"] == metrics.psnr(arrays.luma(restored), arrays.luma(clean))
    gray = Protocol(channels="luma")
    assert metrics.evaluate(restored[:1], clean[:1], gray)["psnr"] == metrics.psnr(
        restored[:1], clean[:1]
    )


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_any_number_of_channels(channels):
    rng = np.random.default_rng(0)
    clean, restored = rng.random((2, channels, 40, 50)).astype(np.float32)
    values = metrics.evaluate(restored, clean, Protocol(channels="luma"))
    assert values == metrics.evaluate(restored, clean, Protocol())
    assert values["psnr"] == pytest.approx(-10 * np.log10(np.mean((restored - clean) ** 2)))
    assert values["ssim"] == pytest.approx(reference_ssim(restored, clean), abs=1e-6)


@pytest.mark.parametrize("crop", [0, 2, 8, 100])
def test_the_smallest_image_has_all_values_under_any_protocol(crop):
    clean, restored = np.random.default_rng(0).random((2, 3, 16, 16)).astype(np.float32)
    values = metrics.evaluate(restored, clean, Protocol(channels="luma", crop=crop))
    assert all(math.isfinite(value) for value in values.values())


def test_a_metric_of_a_plugin():
    mae = metrics.Metric(
        name="mae",
        doc="Mean absolute error.",
        function=lambda a, b: float(abs(a - b).mean()),
        spec="mean of |a - b|",
    )
    clean = np.zeros((1, 16, 16), np.float32)
    values = metrics.evaluate(clean + 0.25, clean, Protocol(), [*metrics.BUILTIN_METRICS, mae])
    assert list(values) == ["psnr", "ssim", "mae"]
    assert values["mae"] == 0.25


def test_a_metric_that_is_prepared_loads_once_for_each_device():
    devices = []

    def prepare(device):
        devices.append(device)
        return lambda a, b: float(len(devices))

    metric = metrics.Metric(name="net", doc="", spec="", prepare=prepare, higher_is_better=False)
    clean = np.zeros((1, 16, 16), np.float32)
    for device in ("cpu", torch.device("cpu"), "meta", "cpu"):
        metrics.evaluate(clean, clean, Protocol(), [metric], device)
    assert devices == [torch.device("cpu"), torch.device("meta")]


def test_a_metric_whose_preparation_fails_is_prepared_again():
    attempts = []

    def prepare(device):
        attempts.append(device)
        if len(attempts) == 1:
            raise OSError("no weights yet")
        return lambda a, b: 1.0

    metric = metrics.Metric(name="net", doc="", spec="", prepare=prepare)
    with pytest.raises(OSError, match="no weights yet"):
        metric.on("cpu")
    assert metric.on("cpu")(None, None) == 1.0


def test_a_metric_needs_one_way_to_be_computed():
    for ways in ({}, {"function": metrics.psnr, "prepare": lambda device: metrics.psnr}):
        with pytest.raises(TypeError, match="'mae' needs either `function` or `prepare`"):
            metrics.Metric(name="mae", doc="", spec="", **ways)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (np.ones(3), r"it returned ndarray of shape \(3,\), not a number"),
        (None, "it returned NoneType, not a number"),
        ("much", "it returned str, not a number"),
    ],
)
def test_a_metric_that_returns_no_number_is_told(answer, said):
    metric = metrics.Metric(name="odd", doc="Odd.", spec="odd", function=lambda *_: answer)
    with pytest.raises(TypeError, match=said):
        metric.value(np.zeros((1, 4, 4)), np.zeros((1, 4, 4)))


def test_what_a_metric_writes_into_its_pictures_no_other_reads():
    def careless(restored, clean):
        restored -= clean
        clean[:] = 0.3
        return float(abs(restored).mean())

    def distance(restored, clean):
        return float(abs(restored - clean).mean())

    chosen = [
        metrics.Metric(name="careless", doc="x", spec="x", function=careless),
        metrics.Metric(name="distance", doc="x", spec="x", function=distance),
    ]
    clean, restored = np.full((1, 16, 16), 0.5, np.float32), np.full((1, 16, 16), 0.6, np.float32)
    found = metrics.evaluate(restored, clean, Protocol(), chosen)
    assert found["careless"] == pytest.approx(found["distance"]) == pytest.approx(0.1)
    assert (clean == 0.5).all() and (restored == np.float32(0.6)).all()
