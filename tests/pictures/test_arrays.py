"""Images as arrays: checks, digests, luma, layouts, and what a screen shows."""

import subprocess
import sys

import numpy as np
import pytest
import scipy
import torch
from numpy.testing import assert_array_equal
from sample_pictures import planes

from priorlab.errors import UsageError
from priorlab.forward.measurement import Measurement
from priorlab.forward.noise import NoNoise
from priorlab.forward.operators import LinearOperator
from priorlab.pictures import arrays, reading, writing

RNG = np.random.default_rng(0)
GRAY8 = RNG.integers(0, 256, (20, 24), dtype=np.uint8)
RGB8 = RNG.integers(0, 256, (20, 24, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((16, 16), np.float32), "has shape"),
        (np.zeros((1, 2, 16, 16), np.float32), "has shape"),
        (np.zeros((0, 16, 16), np.float32), "has shape"),
        (np.zeros((1, 15, 99), np.float32), "99x15 pixels; the smallest image is 16x16"),
        (np.zeros((1, 1, 1), np.float32), "smallest"),
        (np.zeros((3, 0, 16), np.float32), "has shape"),
        (np.full((1, 16, 16), np.nan), "not finite"),
        (np.full((1, 16, 16), 2.0), "from 2 to 2"),
        (np.zeros((1, 16, 16), np.uint8), "uint8 values"),
    ],
)
def test_check(image, message):
    with pytest.raises(UsageError, match=f"the image .*{message}"):
        arrays.check(image, "the image")


def test_digest_depends_on_shape_and_values_only(tmp_path):
    image = planes(RGB8)
    writing.write(tmp_path / "a.png", image)
    writing.write(tmp_path / "b.tif", image)
    digests = {arrays.digest(reading.read(tmp_path / name)) for name in ("a.png", "b.tif")}
    assert digests == {arrays.digest(image)}
    assert arrays.digest(image.reshape(3, 24, 20)) != arrays.digest(image)
    assert arrays.digest(image + 1e-3) != arrays.digest(image)
    flipped = image[:, ::-1]
    assert arrays.digest(flipped) == arrays.digest(flipped.copy())


def test_images_of_any_number_of_channels_are_fit():
    for channels in (1, 2, 3, 4, 31):
        assert arrays.check(np.ones((channels, 16, 16)), "the image").dtype == np.float32


def test_the_digest_of_a_picture_never_changes():
    """Keys of stored results are made from it."""
    ramp = np.linspace(0, 1, 3 * 4 * 5, dtype=np.float32).reshape(3, 4, 5)
    assert arrays.digest(ramp) == RAMP


RAMP = "a043b6576a3d96138675e04c2f6cad3df0094e28c7cab98c8838343fa8e98af9"


@pytest.mark.parametrize("shape", [(), (7,), (0, 3), (2, 3, 4, 5)])
@pytest.mark.parametrize("kind", [np.float64, np.complex128])
def test_digest_of_any_data(shape, kind):
    values = np.full(shape, 0.1 + (0.2j if kind is np.complex128 else 0), kind)
    assert arrays.digest(values) == arrays.digest(values.copy())
    assert arrays.digest(values) != arrays.digest(values[None])
    assert arrays.digest(values.real) != arrays.digest(values.real + 0j)
    if values.size:
        assert arrays.digest(values) != arrays.digest(values * 1.5)


def test_digest_sees_the_imaginary_part():
    values = np.ones((4, 4), complex)
    assert arrays.digest(values) != arrays.digest(values.conj() + 1e-3j)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_luma_is_for_rgb_only(channels):
    image = np.random.default_rng(0).random((channels, 8, 8), np.float32)
    assert (arrays.luma(image) is image) == (channels != 3)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_the_layout_of_users(channels):
    image = np.random.default_rng(0).random((channels, 4, 6), np.float32)
    array = arrays.to_user(image)
    assert array.shape == ((4, 6) if channels == 1 else (4, 6, channels))


def test_what_a_screen_shows():
    image = np.random.default_rng(0).random((5, 8, 8), np.float32)
    assert_array_equal(arrays.gray_or_rgb(image[:1]), image[:1])
    assert_array_equal(arrays.gray_or_rgb(image[:2]), (image[:1] + image[1:2]) / 2)
    assert_array_equal(arrays.gray_or_rgb(image[:3]), image[:3])
    assert_array_equal(arrays.gray_or_rgb(image), image[:3])


class Guess(LinearOperator):
    """Stands for any operator: its initial image is white."""

    def forward(self, x):
        raise NotImplementedError

    def adjoint(self, y):
        raise NotImplementedError

    def initial_guess(self, y, shape):
        return torch.ones(shape)


@pytest.mark.parametrize(
    ("y", "shown"),
    [
        (torch.rand(1, 4, 16, 24), True),
        (torch.rand(1, 4, 8, 12), True),
        (torch.rand(1, 3, 16, 24), False),
        (torch.rand(1, 4, 60, 24), False),
        (torch.rand(1, 4, 16, 24).to(torch.complex64), False),
        (torch.rand(1, 100), False),
    ],
    ids=["image", "smaller", "channels", "projections", "complex", "samples"],
)
def test_data_that_are_no_picture_are_shown_by_the_initial_image(y, shown):
    measurement = Measurement(y, Guess(), NoNoise(), (1, 4, 16, 24))
    expected = y[0] if shown else torch.ones(4, 16, 24)
    assert_array_equal(arrays.viewable(measurement), expected)


def test_luma():
    corners = np.array([[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    image = corners.T.reshape(3, 1, 5)
    expected = np.array([16, 235, 81.481, 144.553, 40.966]) / 255
    assert np.allclose(arrays.luma(image), expected[None, None], atol=1e-6)
    gray = planes(GRAY8)
    assert arrays.luma(gray) is gray


def test_tensors(tmp_path):
    image = planes(RGB8)
    tensor = arrays.to_tensor(image)
    assert tensor.shape == (1, 3, 20, 24)
    assert_array_equal(arrays.from_tensor(tensor), image)
    tensor.zero_()
    assert image.any()


def test_no_torch_is_imported():
    code = "import sys, priorlab.metrics, priorlab.pictures.writing, priorlab.pictures.datasets; "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("shape", [(1, 16, 16), (3, 40, 61)])
@pytest.mark.parametrize("size", [8, 9])
def test_box_means_are_those_of_scipy_bit_by_bit(shape, size):
    values = np.random.default_rng(0).random(shape, np.float32)
    for image in (values, (values < 0.1).astype(np.float32), (255 * values).round() / 255):
        expected = scipy.ndimage.uniform_filter(image, (0, size, size))
        assert arrays.box_means(image, size).tobytes() == expected.tobytes()
