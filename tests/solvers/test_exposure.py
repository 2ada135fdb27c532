"""Data and noise times c give the image times c, whatever a prior knows of photographs."""

import dataclasses

import pytest
import torch
from mostly_slow import mostly_slow
from sample_pictures import photo_crop

from priorlab import plugins, restoration
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import Gaussian, NoNoise, Poisson
from priorlab.forward.operators import Identity, Mask
from priorlab.solvers.exposure import WHOLE, Range, exposed, finely_rounded, ranges
from priorlab.tasks.base import Task
from priorlab.tasks.builtin import Deblur, Inpaint, SuperResolution
from priorlab.trace import Trace

SIGMA = 25 / 255
REGISTRY = plugins.load()
DENOISERS = (
    "tv,huber-tv,tgv,tikhonov,wavelet,dct,nlm,bm3d,wnnm,bilateral,guided,epll,unet,gs-unet,wcrr,crr"
)
QUICK = ("tv", "tikhonov", "wavelet", "nlm", "bm3d", "guided", "unet", "crr")


def noisy(clean: torch.Tensor, sigma: float = SIGMA) -> torch.Tensor:
    return clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))


def psnr(restored: torch.Tensor, clean: torch.Tensor) -> float:
    return float(-10 * (restored - clean).square().mean().log10())


@pytest.mark.parametrize(("channels", "sigma"), [(1, 1 / 255), (3, SIGMA)])
@pytest.mark.parametrize("name", mostly_slow(DENOISERS.split(","), *QUICK))
def test_dark_data_give_the_dark_image(name: str, channels: int, sigma: float) -> None:
    side = 32 if name == "wnnm" else 64  # it takes ten times as long as any other
    clean = photo_crop("camera" if channels == 1 else "astronaut", channels, side)
    (prior,) = REGISTRY.build_priors(name)
    reached = []
    for factor in (1, 1 / 16, 1 / 256, 2**-17):
        y = factor * noisy(clean, sigma)
        measurement = Measurement(y, Identity(), Gaussian(factor * sigma), tuple(y.shape))
        reached.append(psnr(restoration.run(prior, measurement) / factor, clean.clamp(0, 1)))
    assert max(reached) - min(reached) < 0.1


@pytest.mark.parametrize("black", [0.3, 0.9])
@pytest.mark.parametrize("name", mostly_slow(DENOISERS.split(","), "tv", "unet", "wavelet"))
def test_little_contrast_far_above_black_is_restored_as_well(name: str, black: float) -> None:
    clean = photo_crop("camera", 1, 32 if name == "wnnm" else 64)
    (prior,) = REGISTRY.build_priors(name)
    reached = []
    for factor in (1.0, 1 / 16, 1 / 256):
        low = black if factor < 1 else 0.0
        y = low + factor * noisy(clean)
        measurement = Measurement(y, Identity(), Gaussian(factor * SIGMA), tuple(y.shape))
        restored = (restoration.run(prior, measurement) - low) / factor
        reached.append(psnr(restored.clamp(0, 1), clean.clamp(0, 1)))
    full, *little = reached
    assert min(little) > full - 0.6 and max(little) - min(little) < 0.1


@pytest.mark.parametrize("task", ["inpaint", "superres-noisy", "deblur"])
def test_little_contrast_of_other_tasks(task: str) -> None:
    clean = photo_crop("camera", 1, 48).clamp(0, 1)
    degraded, truth = TASKS[task].measure(clean, seed=0), TASKS[task].truth(clean)
    (prior,) = REGISTRY.build_priors("huber-tv")
    reached = []
    for low, factor in ((0.0, 1.0), (0.5, 1 / 64)):
        gray = degraded.operator.forward(torch.full(degraded.shape, low))
        noise = degraded.noise.scaled(factor)
        measurement = dataclasses.replace(degraded, y=gray + factor * degraded.y, noise=noise)
        restored = (restoration.run(prior, measurement) - low) / factor
        reached.append(psnr(restored.clamp(0, 1), truth))
    assert reached[1] > reached[0] - 0.5


@pytest.mark.parametrize("name", ["bm3d", "unet-inpaint"])
def test_exact_data_of_little_contrast(name: str) -> None:
    clean = photo_crop("camera", 1, 48).clamp(0, 1)
    (prior,) = REGISTRY.build_priors(name)
    reached = []
    for low, factor in ((0.0, 1.0), (0.5, 1 / 64)):
        measurement = finely_rounded(Inpaint(missing=0.5).measure(low + factor * clean, seed=0))
        restored = (restoration.run(prior, measurement) - low) / factor
        reached.append(psnr(restored.clamp(0, 1), clean))
    assert reached[1] > reached[0] - 1  # it is rounded otherwise, and has another mask


def test_small_exact_data_of_little_contrast_are_met_below_what_looks_black() -> None:
    clean = photo_crop("camera", 1, 48).clamp(0, 1)
    clean[..., 20, 20] = -10  # a point that is far darker than its mean in the small picture
    task = SuperResolution(factor=4)
    measurement = finely_rounded(task.measure(0.5 + clean / 64, seed=0))
    assert ranges(measurement)[0].black > 0.4
    (prior,) = REGISTRY.build_priors("dct")
    lack = measurement.operator.forward(restoration.run(prior, measurement)) - measurement.y
    assert 64 * lack.abs().max() < 2 / 255


def test_a_dead_pixel_in_exact_data_of_little_contrast_is_in_their_range() -> None:
    y = 0.5 + photo_crop("camera") / 64
    y[..., 5, 5] = 0
    assert ranges(Measurement(y, Identity(), NoNoise(), tuple(y.shape))) == [
        Range(exposure=0.5, white=0.5)
    ]


def test_what_has_contrast_or_none_at_all_has_no_black() -> None:
    y = noisy(photo_crop("camera"))
    flat = 0.5 + SIGMA * torch.randn(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    for data, sigma in ((y, SIGMA), (y / 64, SIGMA / 64), (flat, SIGMA)):
        (found,) = ranges(Measurement(data, Identity(), Gaussian(sigma), tuple(data.shape)))
        assert found.black == 0
    assert ranges(Measurement(y, Identity(), Gaussian(SIGMA), tuple(y.shape))) == [WHOLE]


TASKS = {
    "deblur": Deblur(sigma=2 / 255),
    "deblur-exact": Deblur(sigma=0),
    "deblur-motion": Deblur(kind="motion", length=9, sigma=2 / 255),
    "inpaint": Inpaint(missing=0.5, sigma=10 / 255),
    "inpaint-exact": Inpaint(missing=0.5),
    "superres": SuperResolution(factor=2),
    "superres-noisy": SuperResolution(factor=2, sigma=2 / 255),
}


@pytest.mark.parametrize("task", mostly_slow(TASKS, "deblur-motion", "inpaint-exact", "superres"))
@pytest.mark.parametrize(
    "name",
    mostly_slow(
        ["tv", "tgv", "wiener", "wavelet", "dct", "guided", "unet", "wcrr"],
        "tv",
        "wiener",
        "dct",
        "unet",
    ),
)
def test_dark_data_of_other_tasks_give_the_dark_image(name: str, task: str) -> None:
    clean = (1.2 * photo_crop("camera", side=48)).clamp(0, 1)  # parts of it are white
    measurement, truth = TASKS[task].measure(clean, seed=0), TASKS[task].truth(clean)
    (prior,) = REGISTRY.build_priors(name)
    if prior.unsupported(measurement):
        assert name == "wiener"
        return
    reached = []
    for factor in (1, 1 / 4, 1 / 16, 1 / 256):
        noise = measurement.noise.scaled(factor)
        dark = dataclasses.replace(measurement, y=factor * measurement.y, noise=noise)
        restored = restoration.run(prior, dark) / factor
        reached.append(psnr(restored.clamp(0, 1), truth))
    assert max(reached) - min(reached) < 0.05


def test_a_photograph_stays_as_it_is() -> None:
    y = noisy(photo_crop("camera"))
    measurement = Measurement(y, Identity(), Gaussian(SIGMA), tuple(y.shape))
    assert ranges(measurement) == [WHOLE]
    assert exposed(measurement, 1.0) is measurement


@pytest.mark.parametrize("name", ["tikhonov", "bilateral"])
def test_dark_and_bright_pictures_of_a_batch_are_each_restored_as_alone(name: str) -> None:
    bright = noisy(photo_crop("camera"))
    batch = torch.cat([bright, bright / 16])
    (prior,) = REGISTRY.build_priors(name)
    measurement = Measurement(batch, Identity(), Gaussian(SIGMA), tuple(batch.shape))
    together = restoration.run(prior, measurement)
    for index in range(2):
        alone = restoration.run(prior, measurement.image(index))
        assert torch.allclose(together[index], alone[0], atol=1e-6)


def test_exact_data_stay_exact_and_missing_pixels_have_the_exposure_of_the_known_ones() -> None:
    clean = photo_crop("camera") / 16
    known = torch.ones_like(clean)
    known[..., ::2, ::2] = 0
    measurement = Measurement(clean * known, Mask(known), NoNoise(), tuple(clean.shape))
    dark = exposed(measurement, ranges(measurement)[0].exposure)
    assert dark.noise.is_exact and 0.5 < dark.y.max() <= 1.5
    (prior,) = REGISTRY.build_priors("tikhonov")
    restored = restoration.run(prior, measurement)
    assert torch.equal(restored[known.bool()], clean[known.bool()])


def lamp() -> Measurement:
    """Return a dark picture with a lamp, of which a pixel is missing."""
    clean = torch.full((1, 1, 32, 32), 0.04)
    clean[..., 14:17, 14:17] = 1  # too few pixels to say what is white
    known = torch.ones_like(clean)
    known[..., 15, 15] = 0
    return Measurement(clean * known, Mask(known), NoNoise(), tuple(clean.shape))


KNOWING = [
    name
    for name, prior in REGISTRY.priors.items()
    if prior.knows_exposure and not prior().unsupported(lamp())
]


@pytest.mark.parametrize("name", mostly_slow(KNOWING, *set(KNOWING) - {"wnnm"}))
def test_a_lamp_in_a_dark_picture_stays_bright(name: str) -> None:
    measurement = lamp()
    assert ranges(measurement)[0].white < 0.5
    (prior,) = REGISTRY.build_priors(name)
    assert restoration.run(prior, measurement)[..., 15, 15].item() > 0.7


@pytest.mark.parametrize("name", ["wiener", "richardson-lucy", "unet"])
def test_a_blurred_lamp_in_a_dark_picture_stays_bright(name: str) -> None:
    clean = torch.full((1, 1, 48, 48), 0.02)
    clean[..., 22:26, 22:26] = 1
    measurement = Deblur(sigma=0.1 / 255).measure(clean, seed=0)
    (prior,) = REGISTRY.build_priors(name)
    assert restoration.run(prior, measurement)[..., 24, 24].item() > 0.7


@pytest.mark.parametrize("task", [SuperResolution(factor=2), Deblur(sigma=0)])
def test_a_lamp_in_exact_data_of_a_dark_picture_stays_bright(task: Task) -> None:
    clean = torch.full((1, 1, 160, 160), 0.04)
    clean[..., 80:84, 80:84] = 1
    measurement = task.measure(clean, seed=0)
    assert ranges(measurement)[0].white < 0.5
    (prior,) = REGISTRY.build_priors("tikhonov")
    assert restoration.run(prior, measurement)[..., 81:83, 81:83].min() > 0.7


def test_what_is_traced_has_the_brightness_of_what_is_returned() -> None:
    class Last(Trace):
        image = torch.empty(0)

        def report(self, *given: object, **values: object) -> None:
            self.image = given[2].clone()  # type: ignore[attr-defined]

    y = noisy(photo_crop("camera")) / 16
    (prior,) = REGISTRY.build_priors("huber-tv")
    trace = Last()
    measurement = Measurement(y, Identity(), Gaussian(SIGMA / 16), tuple(y.shape))
    restored = restoration.run(prior, measurement, trace=trace)
    assert torch.allclose(trace.image.clamp(0, 1), restored, atol=1e-3)


def test_counts_of_photons_are_no_matter_of_scale() -> None:
    y = torch.full((1, 1, 8, 8), 0.01)
    assert ranges(Measurement(y, Identity(), Poisson(30), (1, 1, 8, 8))) == [WHOLE]


def test_a_black_picture_has_an_exposure() -> None:
    y = torch.zeros(1, 1, 3, 2)
    assert ranges(Measurement(y, Identity(), NoNoise(), (1, 1, 3, 2))) == [WHOLE]


@pytest.mark.parametrize("name", ["tikhonov", "huber-tv", "unet"])
@pytest.mark.parametrize(
    ("white", "sigma"),
    [(1e-45, 0.1), (1e-39, 0.1), (1e-29, 0.1), (1e-29, 1e-30), (1e-17, 0.1), (1e-17, 1e-18)],
)
def test_data_that_are_nearly_black_are_restored(name: str, white: float, sigma: float) -> None:
    (prior,) = REGISTRY.build_priors(name)
    y = torch.full((1, 1, 20, 24), white)
    image = restoration.run(prior, Measurement(y, Identity(), Gaussian(sigma), y.shape))
    assert image.max() < 0.01
