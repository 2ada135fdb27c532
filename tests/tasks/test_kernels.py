"""Kernels: sums, symmetry, shape, and what Pillow makes of the same filter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import priorlab
from priorlab.errors import UsageError
from priorlab.forward.convolution import Downsampling
from priorlab.pictures.picture import Picture
from priorlab.tasks import kernels
from priorlab.tasks.builtin import Deblur

SYMMETRIC = {
    "gaussian": kernels.gaussian(1.6),
    "gaussian-wide": kernels.gaussian(5),
    "gaussian-tiny": kernels.gaussian(0.1),
    "gaussian-even": kernels.gaussian(1.2, even=True),
    "motion-across": kernels.motion(9, 0),
    "motion-up": kernels.motion(12.5, 90),
} | {
    f"{kind}{factor}": kernels.antialias(kind, factor)
    for kind in ("lanczos", "bicubic")
    for factor in (1, 2, 3, 4, 8)
}
ALL = SYMMETRIC | {
    "motion-diagonal": kernels.motion(15, 45),
    "motion-odd-angle": kernels.motion(20, 200),
    "motion-one": kernels.motion(1, 30),
}


@pytest.mark.parametrize("name", ALL)
def test_sum_and_centre(name: str) -> None:
    kernel = ALL[name]
    assert kernel.dtype == np.float64
    assert kernel.sum() == pytest.approx(1, abs=1e-12)
    assert np.allclose(kernel, kernel[::-1, ::-1], atol=1e-15)  # so the centre is the middle


@pytest.mark.parametrize("name", SYMMETRIC)
def test_symmetry(name: str) -> None:
    kernel = SYMMETRIC[name]
    assert np.allclose(kernel, kernel[::-1]) and np.allclose(kernel, kernel[:, ::-1])


@pytest.mark.parametrize("width", [0.8, 1.6, 4.0])
@pytest.mark.parametrize("even", [False, True])
def test_gaussian_has_its_width(width: float, even: bool) -> None:
    kernel = kernels.gaussian(width, even)
    assert all(side % 2 == (0 if even else 1) for side in kernel.shape)
    offsets = np.arange(len(kernel)) - (len(kernel) - 1) / 2
    assert kernel.sum(0) @ offsets**2 == pytest.approx(width**2, rel=0.01)


def test_motion() -> None:
    assert np.allclose(kernels.motion(9, 0), np.full((1, 9), 1 / 9))
    assert np.allclose(kernels.motion(9, 90), np.full((9, 1), 1 / 9))
    assert np.allclose(kernels.motion(1, 77), [[1]])
    rising = kernels.motion(15, 45)
    assert rising[-1, 0] > 0 and rising[0, -1] > 0  # from the lower left to the upper right
    assert rising[0, 0] == 0 and rising[-1, -1] == 0
    rows, columns = np.indices(rising.shape) - np.array(rising.shape)[:, None, None] // 2
    spread = np.sqrt((rising * (rows**2 + columns**2)).sum())
    assert spread == pytest.approx(15 / np.sqrt(12), rel=0.05)


@pytest.mark.parametrize("factor", [2, 3, 4, 8])
@pytest.mark.parametrize("kind", ["lanczos", "bicubic"])
def test_size_is_even_as_the_factor(kind: str, factor: int) -> None:
    kernel = kernels.antialias(kind, factor)
    assert all(side % 2 == factor % 2 for side in kernel.shape)
    assert len(kernel) == (4 * factor if factor % 2 == 0 else 4 * factor - 1)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_bicubic_equals_pillow_in_the_interior(factor: int) -> None:
    image = np.random.default_rng(0).random((24 * factor, 20 * factor)).astype(np.float32)
    kernel = torch.from_numpy(kernels.antialias("bicubic", factor))
    ours = Downsampling(kernel, factor).forward(torch.from_numpy(image)[None, None].double())
    theirs = np.asarray(Image.fromarray(image).resize((20, 24), Image.Resampling.BICUBIC))
    inside = (slice(3, -3), slice(3, -3))
    assert np.abs(ours[0, 0].numpy()[inside] - theirs[inside]).max() < 1e-6


def test_lanczos_is_the_windowed_sinc() -> None:
    kernel = kernels.antialias("lanczos", 2)
    distance = np.array([0.25, 0.75, 1.25, 1.75])
    half = np.sin(np.pi * distance) * np.sin(np.pi * distance / 2) / (np.pi * distance) ** 2 * 2
    profile = np.concatenate([half[::-1], half]) / (2 * half.sum())
    assert np.allclose(kernel, np.outer(profile, profile))


def test_what_is_no_filter() -> None:
    with pytest.raises(ValueError, match="kind='box'"):
        kernels.antialias("box", 2)


class TestFiles:
    def test_formats(self, tmp_path: Path) -> None:
        values = np.array([[0, 1, 2], [3, 4, 0]], np.uint8)
        np.save(tmp_path / "k.npy", values)
        np.savetxt(tmp_path / "k.txt", values)
        Image.fromarray(values * 20).save(tmp_path / "k.png")
        for name in ("k.npy", "k.txt", "k.png"):
            assert np.allclose(kernels.read(str(tmp_path / name)), values / 10, atol=1e-7)

    @pytest.mark.parametrize("shape", [(33, 33), (32, 32), (32, 33)])
    def test_borders_of_zeros_are_left_out_and_the_origin_stays(
        self, tmp_path: Path, shape: tuple[int, int]
    ) -> None:
        padded = np.zeros(shape)
        rows, columns = shape[0] // 2, shape[1] // 2
        padded[rows - 1 : rows + 2, columns : columns + 3] = np.arange(9).reshape(3, 3)
        np.save(tmp_path / "k.npy", padded)
        kernel = kernels.read(str(tmp_path / "k.npy"))
        assert kernel.shape == (3, 5) and kernel.sum() == pytest.approx(1)
        assert np.allclose(kernel[:, 2:] * 36, np.arange(9).reshape(3, 3))
        task = Deblur(kernel=str(tmp_path / "k.npy"), boundary="reflect")
        assert task.measure(torch.rand(1, 1, 16, 16), seed=0).y.shape == (1, 1, 16, 16)

    def test_even_sides_without_a_border_stay(self, tmp_path: Path) -> None:
        np.save(tmp_path / "k.npy", np.ones((4, 2)))
        assert kernels.read(str(tmp_path / "k.npy")).shape == (4, 2)

    def test_a_row_stays_a_row(self, tmp_path: Path) -> None:
        (tmp_path / "row.txt").write_text("1 2 1\n")
        (tmp_path / "column.txt").write_text("1\n2\n1\n")
        assert kernels.read(str(tmp_path / "row.txt")).shape == (1, 3)
        assert kernels.read(str(tmp_path / "column.txt")).shape == (3, 1)

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("words.txt", b"no numbers"),
            ("empty.txt", b""),
            ("empty.npy", b""),
            ("zero.txt", b"0 0\n0 0\n"),
            ("negative.txt", b"-1 0\n0 0\n"),
            ("nan.txt", b"nan 1\n1 1\n"),
            ("ragged.txt", b"1 2\n3\n"),
            ("broken.npy", b"\x93NUMPY garbage"),
            ("broken.png", b"\x89PNG garbage"),
        ],
    )
    def test_bad_files(self, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError) as caught:
            kernels.read(str(tmp_path / name))
        assert name in str(caught.value) and "\n" not in str(caught.value)

    def test_other_arrays(self, tmp_path: Path) -> None:
        for name, values in {
            "three": np.ones((2, 2, 2)),
            "object": np.array([{}, []], object),
            "complex": np.ones((2, 2)) * 1j,
            "text": np.array([["a"]]),
        }.items():
            np.save(tmp_path / f"{name}.npy", values, allow_pickle=True)
            with pytest.raises(UsageError, match=name):
                kernels.read(str(tmp_path / f"{name}.npy"))

    def test_missing_file(self) -> None:
        with pytest.raises(UsageError, match=r"none\.npy"):
            kernels.read("none.npy")


def test_a_kernel_that_is_drawn_dark_on_bright_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "kernel.png"
    drawn = kernels.motion(9, 30)
    for kernel in (drawn, np.pad(drawn, 5), np.ones((5, 5)), np.ones((1, 9)), np.ones((7, 2))):
        values = np.rint(255 * kernel / kernel.max()).astype(np.uint8)
        Image.fromarray(values).save(path)
        assert kernels.read(str(path)).sum() == pytest.approx(1)
    Image.fromarray(255 - np.rint(255 * np.pad(drawn, 5) / drawn.max()).astype(np.uint8)).save(path)
    with pytest.raises(UsageError, match=r"kernel.png is dark on bright; .* invert it"):
        kernels.read(str(path))


@pytest.mark.parametrize("name", ["astronaut", "camera", "chelsea", "coffee", "gravel"])
def test_a_photograph_is_no_kernel(name: str) -> None:
    photograph = Path(priorlab.__file__).parent / "photos" / f"{name}.png"
    with pytest.raises(
        UsageError, match=rf"{name}.png is as bright at its border as inside; .*scene"
    ):
        kernels.read(str(photograph))


@pytest.mark.parametrize("colour", ["white all over", "white where it is"])
def test_a_kernel_drawn_on_a_clear_ground_is_as_on_black(colour: str, tmp_path: Path) -> None:
    path = tmp_path / "kernel.png"
    kernel = kernels.motion(9, 30)
    alpha = np.rint(255 * kernel / kernel.max()).astype(np.uint8)
    light = np.full_like(alpha, 255) if colour == "white all over" else np.where(alpha, 255, 0)
    Image.fromarray(np.dstack([light, light, light, alpha]).astype(np.uint8)).save(path)
    assert kernels.read(str(path)) == pytest.approx(kernel, abs=1e-3)


def test_the_picture_of_a_wide_blur_is_a_kernel(tmp_path: Path) -> None:
    path = tmp_path / "kernel.png"
    rows, columns = np.mgrid[-20:21, -20:21]
    disk = np.hypot(rows, columns) <= 20
    wide = (disk, np.ones((40, 40)), kernels.motion(60, 40), kernels.gaussian(9)[8:-8, 8:-8])
    for kernel in wide:
        values = np.rint(255 * kernel / kernel.max()).astype(np.uint8)
        Image.fromarray(values).save(path)
        assert kernels.read(str(path)).shape == kernel.shape


@pytest.mark.parametrize(
    ("rows", "columns", "where"),
    [
        ((0, 0), (0, 0), ""),
        ((0, 0), (8, 0), ""),  # a path that begins at the origin
        ((0, 14), (0, 20), "6 pixels above and 6 pixels to the left"),
        ((12, 0), (0, 0), "5 pixels below:"),
    ],
)
def test_a_kernel_file_with_its_light_in_a_corner_is_said(
    rows: tuple[int, int], columns: tuple[int, int], where: str, tmp_path: Path
) -> None:
    path = tmp_path / "kernel.npy"
    np.save(path, np.pad(np.ones((3, 9)), (rows, columns)) + 1e-4)
    task = Deblur(kernel=str(path), sigma=0.01)
    picture = Picture(image=np.zeros((1, 64, 64), np.float32))
    _, notes = task.for_picture(picture, {"kernel", "sigma"})
    assert [where in note for note in notes] == [True] * bool(where)
