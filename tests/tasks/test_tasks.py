"""Tasks: reproducible measurements, honest operators, and clear words for what cannot be."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from priorlab import metrics, specs
from priorlab.components import parameter
from priorlab.errors import UsageError
from priorlab.forward.jpeg import JpegQuantisation
from priorlab.forward.noise import Array, Gaussian, Noise, NoNoise
from priorlab.forward.operators import Identity, LinearOperator, Mask, Shape
from priorlab.pictures.picture import Picture
from priorlab.tasks import masks
from priorlab.tasks.base import LEAST_COMPARED_SIDE, Protocol, Task
from priorlab.tasks.builtin import (
    BUILTIN_TASKS,
    Deblur,
    Dejpeg,
    Denoise,
    DenoiseImpulse,
    DenoisePoisson,
    DenoiseReal,
    Inpaint,
    SuperResolution,
)

KNOWN = {task.name: task for task in BUILTIN_TASKS}
TASKS = specs.build(
    "denoise:sigma=0|25,denoise-poisson,denoise-impulse,"
    "inpaint:kind=random|text|box,inpaint:missing=0|0.99,sigma=10,"
    "superres:factor=2|3|4,superres:kernel=bicubic|gaussian,sigma=5,boundary=reflect,"
    "deblur,deblur:kind=motion,boundary=reflect,deblur:width=0.7,boundary=unknown,dejpeg:quality=10|90,dejpeg:subsampling=4:2:0",
    "tasks",
    lambda _, name: KNOWN[name],
)
IDS = [task.spec() for task in TASKS]


def picture(height: int, width: int, channels: int = 3, seed: int = 0) -> Tensor:
    """Return a smooth image with some texture."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width] / 16
    waves = [np.sin(rows * (1 + c) + c) * np.cos(columns * (2 - c / 2)) for c in range(channels)]
    values = 0.5 + 0.4 * np.stack(waves) + 0.05 * rng.standard_normal((channels, height, width))
    return torch.from_numpy(values.clip(0, 1).astype(np.float32))[None]


def write_mask(path: Path, known: np.ndarray) -> str:
    Image.fromarray(known.astype(np.uint8) * 255).save(path)
    return str(path)


@pytest.mark.parametrize("task", TASKS, ids=IDS)
@pytest.mark.parametrize("shape", [(16, 16, 1), (17, 41, 3), (32, 24, 3)])
def test_measure(task: Task, shape: tuple[int, int, int]) -> None:
    clean = picture(*shape)
    copy = clean.clone()
    measurement = task.measure(clean, 0)
    truth = task.truth(clean)
    assert torch.equal(clean, copy)
    assert measurement.shape == tuple(task.scene(clean).shape)
    assert measurement.frame_shape == tuple(truth.shape)
    assert measurement.y.dtype == torch.float32 and torch.isfinite(measurement.y).all()
    assert measurement.y.shape == measurement.operator.forward(task.scene(clean)).shape
    assert torch.equal(measurement.operator.frame(task.scene(clean)), truth)
    assert measurement.noise == task.noise
    initial = measurement.initial_guess()
    assert initial.shape == measurement.shape
    assert float(initial.min()) >= 0 and float(initial.max()) <= 1


@pytest.mark.parametrize("task", TASKS, ids=IDS)
@pytest.mark.parametrize("channels", [2, 4])
def test_any_number_of_channels(task: Task, channels: int) -> None:
    clean = picture(36, 24, channels)
    if isinstance(task, Dejpeg):
        for use in (lambda: task.measure(clean, 0), lambda: task.adopt(clean)):
            with pytest.raises(UsageError, match=f"dejpeg treats 1 or 3 .*, not {channels}"):
                use()
        return
    measurement = task.measure(clean, 0)
    assert measurement.y.shape[:2] == (1, channels)
    assert measurement.shape == clean.shape
    assert measurement.initial_guess().shape == clean.shape
    # Each channel is treated as an image of its own would be.
    alone = task.operator((1, 1, 36, 24), np.random.default_rng(0))
    joint = task.operator((1, channels, 36, 24), np.random.default_rng(0))
    for channel in range(channels):
        part = slice(channel, channel + 1)
        assert torch.allclose(joint.forward(clean)[:, part], alone.forward(clean[:, part]))


class Fourier(LinearOperator):
    """The Fourier transform: complex data, and fewer of them than pixels."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.rfft2(x, norm="ortho")[..., 0]

    def adjoint(self, y: Tensor) -> Tensor:
        raise NotImplementedError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Scan(Task):
    """Measures complex data."""

    name: ClassVar[str] = "scan"

    @property
    def noise(self) -> Noise:
        return NoNoise()

    def operator(self, shape: Shape, rng: np.random.Generator) -> LinearOperator:
        return Fourier()


def test_complex_data_of_another_shape() -> None:
    clean = picture(20, 24, 1)
    y = Scan().measure(clean, 0).y
    assert y.dtype == torch.complex64 and y.shape == (1, 1, 20)
    assert torch.allclose(y, Fourier().forward(clean), atol=1e-5)
    assert Scan().for_picture(Picture(image=clean[0].numpy()), ()) == (Scan(), ())


def test_data_that_are_not_finite_are_refused() -> None:
    class Broken(NoNoise):
        def sample(self, clean: Array, rng: np.random.Generator) -> Array:
            return clean / 0

    class Division(Scan):
        noise = Broken()

    with np.errstate(all="ignore"), pytest.raises(UsageError, match=r"scan: .* NaN or infinite"):
        Division().measure(picture(16, 16), 0)


def test_the_least_side_is_the_window_of_ssim() -> None:
    assert LEAST_COMPARED_SIDE == metrics.WINDOW


@pytest.mark.parametrize(
    ("task", "restored"), [(SuperResolution(), "reflect"), (Deblur(), "unknown")]
)
def test_photographs_do_not_wrap_around(task: Task, restored: str) -> None:
    assert task.for_photograph(()) == dataclasses.replace(task, boundary="reflect")
    assert task.for_photograph(("boundary", "sigma")) == task
    gray = Picture(image=picture(16, 16, 1)[0].numpy())
    known = {"width", "sigma"}
    assert task.for_picture(gray, known)[0] == dataclasses.replace(task, boundary=restored)
    assert task.for_picture(gray, {"boundary", *known})[0] == task


def test_a_picture_may_show_less_than_the_scene() -> None:
    clean = picture(40, 50)
    task = Deblur(kind="motion", length=9, angle=0, boundary="unknown", sigma=0)
    measurement = task.measure(clean, 0)
    assert measurement.shape == clean.shape
    assert torch.equal(task.truth(clean), clean[..., 4:-4])
    assert measurement.y.shape == (1, 3, 40, 42) == measurement.frame_shape
    mean = sum(clean[..., start : start + 42] for start in range(9)) / 9
    torch.testing.assert_close(measurement.y, mean, atol=1e-5, rtol=0)
    adopted = task.adopt(measurement.y)
    assert adopted.shape == clean.shape and torch.equal(adopted.y, measurement.y)


@pytest.mark.parametrize(
    ("task", "typed", "note"),
    [
        (Deblur(), ("width", "boundary", "sigma"), ""),
        (SuperResolution(), ("factor", "kernel", "sigma"), ""),
        (SuperResolution(), ("kernel", "sigma"), "no factor was given: enlarging 4 times"),
        (SuperResolution(), ("factor", "sigma"), "no kernel was given: assuming that a lanczos"),
        (SuperResolution(), ("factor", "kernel"), "no sigma was given: estimated sigma = 10"),
        (Denoise(), ("sigma",), ""),
        (DenoisePoisson(), ("peak",), ""),
        (Dejpeg(), ("quality",), ""),
    ],
)
def test_what_is_assumed_of_a_picture(task: Task, typed: tuple[str, ...], note: str) -> None:
    same, said = task.for_picture(Picture(image=picture(16, 16)[0].numpy()), typed)
    assert "".join(said).startswith(note) and len(said) == bool(note)
    if not note.startswith("no sigma"):
        assert same == task.for_photograph(typed)


@pytest.mark.parametrize(
    ("task", "typed", "says"),
    [
        (Deblur(), ("sigma",), r"what blurred the array is not known \(no width was given\); give"),
        (Deblur(kind="motion"), ("kind",), "no length and no angle was given"),
        (Deblur(kind="motion"), ("kind", "length"), r"\(no angle was given\)"),
        (DenoisePoisson(), (), "how many photons white stands for in the array is not known"),
    ],
)
def test_what_cannot_be_assumed_is_asked_for(task: Task, typed: tuple[str, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        task.for_picture(Picture(image=picture(16, 16)[0].numpy()), typed)


@pytest.mark.parametrize("amount", [0.01, 0.2, 0.7])
def test_the_amount_of_impulses_is_estimated(amount: float) -> None:
    clean = picture(96, 96)
    noisy = DenoiseImpulse(amount=amount).measure(clean, 0).y[0].numpy()
    task, (note,) = DenoiseImpulse().for_picture(Picture(image=noisy), ())
    assert isinstance(task, DenoiseImpulse) and task.amount == pytest.approx(amount, rel=0.15)
    assert note == f"no amount was given: estimated amount = {task.amount:.3f}"


@pytest.mark.parametrize("values", ["extreme", "any"])
@pytest.mark.parametrize("colour", [0.0, 1.0, 0.5])
def test_clear_pixels_are_no_impulses(values: str, colour: float) -> None:
    noisy = DenoiseImpulse(amount=0.1, values=values).measure(picture(96, 96), 0).y[0].numpy()
    specks = np.random.default_rng(0).random((96, 96)) < 0.3
    for clear in (np.arange(96 * 96).reshape(96, 96) > 4000, specks):
        opacity = np.where(clear, 0, 1).astype(np.float32)
        cut_out = np.where(clear, np.float32(colour), noisy)
        found = Picture(image=cut_out, opacity=opacity)
        task, _ = DenoiseImpulse(values=values).for_picture(found, {"values"})
        assert isinstance(task, DenoiseImpulse) and task.amount == pytest.approx(0.1, rel=0.3)


def test_pixels_of_few_colours_are_no_impulses_of_any_value() -> None:
    rng = np.random.default_rng(0)
    art = 0.2 + 0.1 * rng.integers(0, 2, (3, 8, 8)).repeat(8, 1).repeat(8, 2)
    for row, column in rng.integers(0, 64, (12, 2)):  # eyes, say
        art[:, row, column] = 0.9, 0.8, 0.1
    picture = Picture(image=(np.rint(255 * art) / 255).astype(np.float32))
    task, notes = DenoiseImpulse().for_picture(picture, ())
    y = torch.from_numpy(picture.image)[None]
    assert task.noise.reliable_pixels(y).all() and "too few for impulses of any value" in notes[1]
    picture.image[:, ::7, ::7] = rng.uniform(0.05, 0.95, (3, 10, 10))  # those are some
    task, _ = DenoiseImpulse().for_picture(picture, ())
    assert isinstance(task, DenoiseImpulse) and task.values == "any"


def test_the_noise_of_a_blurred_picture_is_estimated() -> None:
    clean = torch.nn.functional.avg_pool2d(torch.rand(1, 1, 200, 200), 9, 1)
    blurred = Deblur(width=1.5, sigma=6 / 255).measure(clean, 0).y[0].numpy()
    task, (note,) = Deblur().for_picture(Picture(image=blurred), {"width"})
    assert isinstance(task, Deblur) and task.sigma * 255 == pytest.approx(6, rel=0.1)
    assert note == f"no sigma was given: estimated sigma = {task.sigma * 255:.1f} (0-255 scale)"


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_the_noise_of_a_picture_is_estimated(channels: int) -> None:
    noisy = Denoise(sigma=20 / 255).measure(torch.full((1, channels, 64, 64), 0.5), 0).y[0].numpy()
    task, notes = Denoise().for_picture(Picture(image=noisy), ())
    assert task == DenoiseReal() and notes == ()
    noise, note = task.noise_in(Picture(image=noisy)) or pytest.fail("nothing was estimated")
    assert isinstance(noise, Gaussian) and noise.sigma * 255 == pytest.approx(20, rel=0.1)
    assert note == f"estimated sigma = {noise.sigma * 255:.1f} (0-255 scale)"
    black = Picture(image=np.zeros((channels, 16, 16), np.float32))
    noise, note = task.noise_in(black) or pytest.fail("nothing was estimated")
    assert noise.level == pytest.approx(NoNoise().sigma) and "sigma = 0.3" in note


@pytest.mark.parametrize("task", TASKS, ids=IDS)
def test_measure_depends_on_image_and_seed_alone(task: Task) -> None:
    first, other = picture(20, 33), picture(20, 33, seed=1)
    before = task.measure(first, 0)
    task.measure(other, 3)
    torch.manual_seed(5)
    again = dataclasses.replace(task).measure(first.clone(), 0)
    assert torch.equal(before.y, again.y)
    random = not isinstance(task.noise, NoNoise | JpegQuantisation)
    random |= isinstance(task, Inpaint) and task.missing > 0
    assert torch.equal(before.y, task.measure(first, 1).y) != random


@pytest.mark.parametrize("task", TASKS, ids=IDS)
def test_residual_is_the_noise(task: Task) -> None:
    clean = picture(64, 64)
    measurement = task.measure(clean, 0)
    expected = measurement.operator.forward(task.scene(clean))
    residual = measurement.y - expected
    if isinstance(task.noise, NoNoise):
        assert float(residual.abs().max()) < 1e-6
    elif isinstance(task.noise, Gaussian) and isinstance(measurement.operator, Identity):
        assert float(residual.std()) == pytest.approx(task.noise.sigma, rel=0.05)


def test_noise_differs_between_tasks_and_images() -> None:
    first, second = picture(32, 32), picture(32, 32, seed=1)
    clean = (first, second)
    draws = [
        (task.measure(image, 0).y - image) / task.noise.level
        for task in (Denoise(sigma=10 / 255), Denoise(sigma=20 / 255))
        for image in clean
    ]
    for index, draw in enumerate(draws):
        for other in draws[:index]:
            assert (
                abs(float(torch.corrcoef(torch.stack((draw.flatten(), other.flatten())))[0, 1]))
                < 0.1
            )


@pytest.mark.parametrize("task", TASKS, ids=IDS)
def test_a_new_parameter_at_its_default_draws_the_same(task: Task) -> None:
    """An author who adds an option to a task does not make every table of it stale."""

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Extended(type(task)):  # type: ignore[misc]
        option: float = parameter(0.3, "an option that came later")

    clean = picture(36, 24)
    values = {field.name: getattr(task, field.name) for field in dataclasses.fields(task)}
    expected = task.measure(clean, 1).y
    assert torch.equal(Extended(**values).measure(clean, 1).y, expected)
    random = not torch.equal(expected, task.measure(clean, 2).y)
    other = Extended(**values, option=0.4).measure(clean, 1).y
    assert torch.equal(other, expected) != random


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Denoise(sigma=10 / 255), Denoise(sigma=20 / 255)),
        (Denoise(), Denoise(sigma=20 / 255)),
        (Inpaint(sigma=0.1), Inpaint(sigma=0.1, missing=0.501)),
        (Deblur(), Deblur(kind="motion")),
    ],
)
def test_other_parameters_draw_other_noise(first: Task, second: Task) -> None:
    # Flat, so that a blur changes nothing, and nearly all pixels are known to both.
    clean = torch.full((1, 1, 64, 64), 0.5)
    draws = []
    for task in (first, second):
        measurement = task.measure(clean, 0)
        known = measurement.y != 0
        draws.append(torch.where(known, measurement.y - 0.5, 0) / task.noise.level)
    correlation = torch.corrcoef(torch.stack([draw.flatten() for draw in draws]))[0, 1]
    assert abs(float(correlation)) < 0.1


def test_equal_kernels_in_two_files_draw_equally(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        np.savetxt(tmp_path / name, np.eye(3))
    np.savetxt(tmp_path / "c.txt", np.ones((3, 3)))
    first, second, other = (Deblur(kernel=str(tmp_path / f"{name}.txt")) for name in "abc")
    clean = torch.full((1, 1, 32, 32), 0.5)
    assert torch.equal(first.measure(clean, 0).y, second.measure(clean, 0).y)
    assert not torch.allclose(first.measure(clean, 0).y, other.measure(clean, 0).y, atol=1e-3)


def test_a_known_measurement() -> None:
    """Stored results stay valid only as long as the drawn noise and masks stay the same."""
    clean = torch.full((1, 1, 16, 16), 0.5)
    y = Denoise().measure(clean, 0).y
    mask = Inpaint().measure(clean, 0).y > 0
    assert [round(float(value), 6) for value in y[0, 0, 0, :3]] == KNOWN_NOISE
    assert "".join(str(int(value)) for value in mask[0, 0, 0]) == KNOWN_MASK


KNOWN_NOISE = [0.619166, 0.49648, 0.58444]
KNOWN_MASK = "0010110001111011"


def test_protocols() -> None:
    assert Denoise().protocol == Protocol("rgb", 0)
    assert SuperResolution(factor=3).protocol == Protocol("luma", 3)
    assert "luma" in Protocol("luma", 4).text() and "4 border pixels" in Protocol("luma", 4).text()
    assert "on all channels; " in Protocol().text() and "border" not in Protocol().text()


@pytest.mark.parametrize("sigma", [0, 25 / 255])
def test_no_noise_where_sigma_is_zero(sigma: float) -> None:
    for task in (Denoise(sigma=sigma), Inpaint(sigma=sigma), Deblur(sigma=sigma)):
        assert isinstance(task.noise, NoNoise) == (sigma == 0)
        assert task.noise.level > 0


class TestInpaint:
    @pytest.mark.parametrize("missing", [0, 0.1, 0.29, 0.5, 0.999])
    def test_random_misses_the_stated_fraction(self, missing: float) -> None:
        known = masks.draw("random", (20, 50), missing, np.random.default_rng(0))
        assert (~known).sum() == round(missing * 1000)

    def test_something_is_always_known(self) -> None:
        for kind in masks.KINDS:
            assert masks.draw(kind, (16, 16), 0.999, np.random.default_rng(0)).any()

    @pytest.mark.parametrize("size", [(16, 16), (16, 300), (300, 16), (128, 128), (480, 640)])
    def test_text_covers_a_part(self, size: tuple[int, int]) -> None:
        known = masks.draw("text", size, 0.5, np.random.default_rng(0))
        assert known.shape == size
        assert 0.04 < 1 - known.mean() < 0.3
        right = known[:, -size[1] // 4 :]
        assert not right.all()  # the lines reach the right border

    def test_box(self) -> None:
        known = masks.draw("box", (40, 80), 0.25, np.random.default_rng(0))
        rows, columns = np.nonzero(~known)
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 40)
        assert (~known).sum() == 800

    def test_missing_pixels_are_zero_even_with_noise(self) -> None:
        measurement = Inpaint(missing=0.3, sigma=0.1).measure(picture(32, 32), 0)
        assert isinstance(measurement.operator, Mask)
        missing = measurement.operator.mask.expand_as(measurement.y) == 0
        assert not measurement.y[missing].any()
        assert measurement.y[~missing].all()

    def test_mask_file(self, tmp_path: Path) -> None:
        known = np.ones((20, 30), bool)
        known[5:9, 7:20] = False
        path = write_mask(tmp_path / "a,b.png", known)
        task = Inpaint(mask=path)
        clean = picture(20, 30)
        measurement = task.measure(clean, 0)
        assert torch.equal(measurement.y, clean * torch.from_numpy(known).float())
        (again,) = specs.build(task.spec(), "tasks", lambda _, name: KNOWN[name])
        assert again == task and "missing" not in task.spec()
        adopted = task.adopt(clean)
        assert torch.equal(adopted.y, measurement.y)

    def test_mask_of_another_size(self, tmp_path: Path) -> None:
        path = write_mask(tmp_path / "m.png", np.eye(20, 30))
        with pytest.raises(UsageError, match="30x20 pixels, but the image has 20x30"):
            Inpaint(mask=path).measure(picture(30, 20), 0)

    def test_black_mask(self, tmp_path: Path) -> None:
        path = write_mask(tmp_path / "m.png", np.zeros((20, 30)))
        with pytest.raises(UsageError, match="all black; it should be white"):
            Inpaint(mask=path).measure(picture(20, 30), 0)

    @pytest.mark.parametrize(("sigma", "typed"), [(0.1, ()), (0.1, ("sigma",)), (0, ())])
    def test_what_is_said_of_a_picture(
        self, sigma: float, typed: tuple[str, ...], tmp_path: Path
    ) -> None:
        path = write_mask(tmp_path / "m.png", np.arange(600).reshape(20, 30) >= 60)
        task = Inpaint(mask=path, sigma=sigma)
        even = Picture(image=np.full((3, 20, 30), 0.5, np.float32))  # it shows no noise
        same, notes = task.for_picture(even, typed)
        assert same == task
        assert notes[0] == f"10.0 % missing: what is black in {path}"
        assert len(notes) == 1 + (sigma > 0 and not typed)

    def test_adopt_needs_a_mask(self) -> None:
        with pytest.raises(UsageError, match="needs mask=FILE"):
            Inpaint().adopt(picture(20, 30))

    def test_parameters_that_mean_nothing(self) -> None:
        for make in (
            lambda: Inpaint(kind="text", missing=0.3),
            lambda: Inpaint(mask="m.png", missing=0.3),
            lambda: Inpaint(mask="m.png", kind="box"),
        ):
            with pytest.raises(UsageError):
                make()


class TestSuperResolution:
    def test_crops_to_a_multiple(self) -> None:
        clean = picture(33, 50)
        task = SuperResolution(factor=4)
        assert torch.equal(task.truth(clean), clean[..., :32, :48])
        assert task.measure(clean, 0).y.shape == (1, 3, 8, 12)

    def test_adopt_enlarges(self) -> None:
        measurement = SuperResolution(factor=3).adopt(picture(16, 21))
        assert measurement.shape == (1, 3, 48, 63)
        assert measurement.initial_guess().shape == (1, 3, 48, 63)

    def test_kernel_larger_than_the_image(self) -> None:
        with pytest.raises(UsageError, match=r"kernel \(32x32 pixels\) is larger"):
            SuperResolution(factor=8).measure(picture(24, 60), 0)


class TestDeblur:
    def test_kernel_file(self, tmp_path: Path) -> None:
        np.savetxt(tmp_path / "k.txt", np.eye(5))
        task = Deblur(kernel=str(tmp_path / "k.txt"), sigma=0)
        y = task.measure(picture(20, 30), 0).y
        assert torch.allclose(y.mean(), picture(20, 30).mean(), atol=1e-6)

    def test_kernel_larger_than_the_image(self) -> None:
        with pytest.raises(UsageError, match="is larger than the image"):
            Deblur(width=8.0).measure(picture(20, 30), 0)

    def test_kernel_larger_than_what_a_picture_shows_of_an_image(self) -> None:
        shown = r"picture \(0x0, and 30x20 with what blurs into it from beyond its frame\)"
        with pytest.raises(UsageError, match=shown):
            Deblur(width=8.0, boundary="unknown").measure(picture(20, 30), 0)

    def test_default_fits_the_smallest_image(self) -> None:
        Deblur().measure(picture(16, 16), 0)
        Deblur(kind="motion").measure(picture(16, 16), 0)

    def test_parameters_that_mean_nothing(self) -> None:
        for make in (
            lambda: Deblur(length=5),
            lambda: Deblur(kind="motion", width=3),
            lambda: Deblur(kernel="k.txt", width=3),
            lambda: Deblur(kernel="k.txt", kind="motion"),
        ):
            with pytest.raises(UsageError):
                make()


@pytest.mark.parametrize(
    "task",
    [Denoise(), DenoisePoisson(), DenoiseImpulse(), SuperResolution(), Deblur(), Dejpeg()],
)
def test_adopt_changes_nothing(task: Task) -> None:
    y = picture(24, 20)
    measurement = task.adopt(y)
    assert torch.equal(measurement.y, y)
    assert measurement.operator.forward(torch.zeros(measurement.shape)).shape == y.shape


def test_one_image_at_a_time() -> None:
    with pytest.raises(ValueError, match="one image"):
        Denoise().measure(torch.rand(2, 3, 16, 16), 0)


def test_names_are_unique() -> None:
    assert len({task.name for task in BUILTIN_TASKS}) == len(BUILTIN_TASKS)


@pytest.mark.parametrize(
    ("task", "title"),
    [
        (Denoise(sigma=15 / 255), "Gaussian, σ=15"),
        (DenoiseImpulse(amount=0.3, values="any"), "Impulses, 30 %, values=any"),
        (Inpaint(missing=0.8), "Inpainting, 80 % missing"),
        (Inpaint(kind="text"), "Inpainting, kind=text"),
        (SuperResolution(factor=3, kernel="bicubic"), "Super-resolution, ×3, kernel=bicubic"),
        (Dejpeg(quality=40), "JPEG, quality=40"),
        (Scan(), "scan"),
    ],
)
def test_a_title_tells_what_a_paper_tells(task: Task, title: str) -> None:
    assert task.title == title


class Remembering(Identity):
    """An operator that keeps what it last saw, as a cache would."""

    def forward(self, x: Tensor) -> Tensor:
        self.last = x
        return super().forward(x)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Leaky(Denoise):
    name: ClassVar[str] = "leaky"

    def operator(self, shape: Shape, rng: np.random.Generator) -> LinearOperator:
        return Remembering()


def test_nothing_that_an_operator_keeps_of_the_truth_comes_with_the_data() -> None:
    measurement = Leaky().measure(torch.rand(1, 1, 16, 16), seed=0)
    assert isinstance(measurement.operator, Remembering)
    assert not hasattr(measurement.operator, "last")


def test_the_impulses_of_a_picture_of_two_levels_are_not_guessed() -> None:
    bits = (np.random.default_rng(0).random((1, 32, 32)) < 0.5).astype(np.float32)
    with pytest.raises(UsageError, match="holds two values in each channel, so its impulses"):
        DenoiseImpulse().for_picture(Picture(image=bits), typed=())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"channels": "xyz"}, "channels are 'rgb' or 'luma', not 'xyz'"),
        ({"crop": -3}, "crop is a number of pixels, not -3"),
        ({"crop": 3.5}, "crop is a number of pixels, not 3.5"),
    ],
)
def test_a_protocol_that_nothing_can_be_measured_by_is_refused(given, says):
    with pytest.raises(UsageError, match=says):
        Protocol(**given)
