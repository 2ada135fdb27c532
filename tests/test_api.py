"""The Python interface."""

import dataclasses
import subprocess
import sys
import warnings
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from mostly_slow import mostly_slow
from PIL import Image
from sample_pictures import photo_crop, picture, save

import priorlab
from priorlab import api
from priorlab.errors import Unsupported, UsageError
from priorlab.pictures import reading
from priorlab.pictures.noise_level import estimate_sigma
from priorlab.priors import Denoiser
from priorlab.tasks.denoising import Denoise

TASK = "denoise:sigma=10"


def test_restore_takes_a_file_or_an_array_of_any_depth(photo):
    clean = picture(32, 40, 3)
    layout = clean.transpose(1, 2, 0)
    from_file = priorlab.restore(str(photo), task="denoise:sigma=10", prior="tv")
    from_bytes = priorlab.restore(
        np.rint(layout * 255).astype(np.uint8), task="denoise:sigma=10", prior="tv"
    )
    from_floats = priorlab.restore(layout, task="denoise:sigma=10", prior="tv")
    assert from_file.shape == (32, 40, 3)
    assert from_file.dtype == np.float32
    assert np.array_equal(from_file, from_bytes)
    assert np.abs(from_floats - from_file).max() < 0.01


def test_restore_of_a_gray_array_does_not_change_its_input():
    image = picture(24, 20)[0]
    before = image.copy()
    restored = priorlab.restore(image, task="denoise:sigma=25", prior="wavelet")
    assert restored.shape == (24, 20)
    assert np.array_equal(image, before)


def with_a_clear_colour():
    image = Image.new("RGB", (20, 20))
    image.info["transparency"] = (0, 0, 0)
    return image


def quantised():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.quantize_per_tensor(torch.zeros(20, 20), 0.1, 0, torch.quint8)


def closed():
    image = Image.new("L", (20, 20))
    image.close()
    return image


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((1, 20, 20, 3)), r"shape \(H, W\) or \(H, W, C\)"),
        (np.zeros((20, 20), int), "float in"),
        (np.full((20, 20), np.nan), "NaN"),
        (np.full((20, 20), 200.0), "divide by 255"),
        (np.zeros((8, 20)), "20x8 pixels; the least is 16x16$"),
        (torch.zeros(3, 40, 50), r"; if its channels come first, .* end: \(H, W, C\)"),
        (None, r"a path, an image of Pillow, or an array .* not NoneType$"),
        (torch.zeros(5, 40, 50), r"; if its channels come first, .* end: \(H, W, C\)"),
        (np.ma.masked_array(np.zeros((20, 20))), "inpaint:mask=FILE"),
        (Image.new("P", (20, 20)), "mode L or RGB, not P"),
        (Image.new("CMYK", (20, 20)), "mode L or RGB, not CMYK"),
        (with_a_clear_colour(), "not RGB with a transparent colour"),
        (b"a file", r"shape \(H, W\) or \(H, W, C\)"),
        (torch.empty(20, 20, device="meta"), "device 'meta' has no values"),
        (torch.zeros(20, 20).to_sparse(), r"plain tensor; give what its .to_dense\(\) returns"),
        (quantised(), r"plain tensor; give what its .dequantize\(\) returns"),
        (torch.zeros(20, 20, dtype=torch.complex64).conj(), "not complex64"),
        (closed(), "no array of numbers: ValueError: Operation on closed image"),
        ([[0.1, 0.2], [0.3]], "no array of numbers: ValueError: "),
    ],
)
def test_a_wrong_array_is_explained(array, says):
    for call in (lambda: priorlab.restore(array, "denoise", "tv"), lambda: priorlab.degrade(array)):
        with pytest.raises(UsageError, match=says):
            call()


@pytest.mark.parametrize(
    "same",
    [
        lambda image: torch.from_numpy(image).requires_grad_(),
        lambda image: np.asfortranarray(image),
        lambda image: image.astype(">f4"),
        lambda image: torch._neg_view(torch.from_numpy(-image)),
    ],
)
def test_the_same_image_in_another_container(same):
    image = picture(24, 20, 3).transpose(1, 2, 0).astype(np.float32)
    expected = priorlab.restore(image, TASK, "tv")
    assert np.array_equal(priorlab.restore(same(image), TASK, "tv"), expected)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_an_image_of_pillow_is_as_its_file(tmp_path, mode):
    """Upright, too."""
    pixels = np.rint(255 * picture(20, 24, 3).transpose(1, 2, 0)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).convert(mode).save(tmp_path / "a.png", exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        restored = priorlab.restore(image, TASK, "tv")
    assert restored.shape[:2] == (24, 20)
    assert np.array_equal(restored, priorlab.restore(tmp_path / "a.png", TASK, "tv"))


@pytest.mark.parametrize(
    "call",
    [
        lambda: priorlab.restore(np.zeros((20, 20)), 3, "tv"),
        lambda: priorlab.restore(np.zeros((20, 20)), TASK, None),
        lambda: priorlab.bench(3, TASK),
        lambda: priorlab.bench("tv", 5),
        lambda: priorlab.bench("tv", TASK, np.zeros((20, 20))),
        lambda: priorlab.restore(np.zeros((20, 20)), TASK, "tv", device=None),
        lambda: priorlab.restore_files([3], "out", TASK, "tv"),
        lambda: priorlab.restore_files(None, "out", TASK, "tv"),
    ],
)
def test_what_is_no_text_is_refused(call):
    with pytest.raises(UsageError, match=r", not (int|NoneType|ndarray)$"):
        call()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda x: priorlab.restore(x, Denoise(sigma=0.1), "tv"), "'denoise:sigma=25.5', not Den"),
        (lambda x: priorlab.restore(x, TASK, Denoiser), "not the class Denoiser$"),
        (lambda x: priorlab.bench(Denoiser, TASK), "not the class Denoiser$"),
        (lambda x: priorlab.restore(x, TASK, " "), "name a prior"),
        (lambda x: priorlab.restore(x, TASK, "tv", trace=None), "^trace=None is no object"),
    ],
)
def test_what_is_expected_is_said(call, says):
    with pytest.raises(UsageError, match=says):
        call(np.zeros((20, 20)))


def test_a_level_on_the_scale_of_files_is_told_from_that_of_python():
    with pytest.raises(UsageError, match=r"the most is 255 \(1 in Python\)$"):
        Denoise(sigma=25)


@pytest.mark.parametrize(("shape", "notes"), [((31, 40, 50), 1), ((40, 40, 5), 0), ((16, 99), 0)])
def test_how_an_array_was_understood_is_said_if_it_may_be_another(shape, notes):
    said = []
    priorlab.restore(np.full(shape, 0.5), TASK, "tikhonov", say=said.append)
    expected = ["the array is taken for 40x31 pixels with 50 channels, which come last"]
    assert said == expected[:notes]


def test_pictures_may_come_from_a_generator(photo, tmp_path):
    (tmp_path / "out").mkdir()
    done = priorlab.restore_files((path for path in [photo]), tmp_path / "out", TASK, "tikhonov")
    assert len(done.written) == 1


def test_denoising_is_the_default_and_a_prior_is_asked_for(photo, tmp_path):
    expected = priorlab.restore(photo, "denoise", "tv")
    assert np.array_equal(priorlab.restore(photo, prior="tv"), expected)
    done = priorlab.restore_files(photo, tmp_path / "out.npy", priors="tv")
    assert done.written == [tmp_path / "out.npy"]
    assert np.abs(np.load(tmp_path / "out.npy") - expected).max() < 1e-6
    for call in (priorlab.restore, lambda image: priorlab.restore_files(image, tmp_path / "b.png")):
        with pytest.raises(UsageError, match="name a prior, as in "):
            call(photo)


def test_a_seed_is_any_whole_number(photo, tmp_path):
    task = "denoise:sigma=25"
    expected = priorlab.restore(photo, task, "dip:iterations=2", seed=3)
    given = priorlab.restore(photo, task, "dip:iterations=2", seed=np.int64(3))
    assert np.array_equal(expected, given)
    (tmp_path / "out").mkdir()
    for seed in (np.uint8(3), 3):
        done = priorlab.restore_files([photo], tmp_path / "out", task, "tv", seed=seed)
    assert done.skipped
    for seed in (True, np.True_, 3.0, np.int64(-1), "3", None):
        with pytest.raises(UsageError, match="is not a whole number from 0 to"):
            priorlab.degrade(photo, seed=seed)


def refuse(v):
    raise Unsupported("too gray")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda v: v[..., 1:], r"broken: denoise returned a tensor of shape .*; expected"),
        (lambda v: v * torch.nan, "broken failed: restore returned NaN"),
        (refuse, "broken does not support this: too gray"),
        (lambda v: 1 / 0, "broken failed: ZeroDivisionError: division by zero"),
    ],
)
def test_a_prior_that_fails_is_named(answer, says):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Broken(Denoiser):
        name: ClassVar[str] = "broken"

        def denoise(self, v, sigma):
            return answer(v)

    with pytest.raises(UsageError, match=says):
        priorlab.restore(picture(20, 20)[0], task="denoise:sigma=25", prior=Broken())


@pytest.mark.slow
def test_restore_needs_nothing_that_only_unix_has(photo, tmp_path):
    """Windows lacks these modules; there `restore` works all the same."""
    code = (
        "import sys\n"
        "for name in ('resource', 'fcntl', 'pwd', 'grp', 'termios'): sys.modules[name] = None\n"
        "from priorlab.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    output = tmp_path / "restored.png"
    typed = ["restore", photo, "--task", "denoise:sigma=25", "--prior", "tv", "-o", output]
    subprocess.run([sys.executable, "-c", code, *map(str, typed)], check=True)
    assert output.exists()


def test_a_file_is_restored_as_an_array_is(photo, tmp_path):
    output = tmp_path / "restored.tif"
    lines = []
    api.restore_file(photo, output, "denoise:sigma=25", "tv", say=lines.append)
    array = priorlab.restore(photo, "denoise:sigma=25", "tv")
    written = reading.read(output).transpose(1, 2, 0)
    np.testing.assert_allclose(written, array, atol=0.5001 / 65535)
    assert lines == [f"wrote {output}"]


def test_a_task_that_raises_is_named(photo, tmp_path):
    file = tmp_path / "moody.py"
    file.write_text("""
import dataclasses
from typing import ClassVar

from priorlab import Task, hookimpl
from priorlab.forward.noise import Gaussian


@dataclasses.dataclass(frozen=True, kw_only=True)
class Moody(Task):
    name: ClassVar[str] = "moody"
    noise = Gaussian(0.1)

    def operator(self, shape, rng):
        raise ValueError("not today")


@hookimpl
def priorlab_tasks():
    return [Moody]
""")
    registry = api.load_plugins([file])
    says = r"^moody failed: ValueError: not today$"
    with pytest.raises(UsageError, match=says):
        api.degrade(photo, "moody", registry=registry)
    with pytest.raises(UsageError, match=says):
        api.restore(photo, "moody", "tv", registry=registry)


def test_one_task_and_one_prior_are_expected(photo):
    with pytest.raises(UsageError, match="expected one task"):
        priorlab.restore(photo, task="denoise:sigma=1|2", prior="tv")
    with pytest.raises(UsageError, match="expected one prior"):
        priorlab.restore(photo, task="denoise", prior="tv,dip")


def test_degrade_and_restore_agree_on_the_boundary():
    """Both take a photograph's boundary, so that deblurring leaves no frame of ringing."""
    clean = picture(48, 48)[0]
    blurred, mask = priorlab.degrade(clean, "deblur:width=1.6,sigma=0")
    assert mask is None
    restored = priorlab.restore(blurred, "deblur:width=1.6,sigma=0", "tv")
    frame = np.ones((48, 48), bool)
    frame[6:-6, 6:-6] = False
    assert np.abs(restored - clean)[frame].mean() < 0.6 * np.abs(blurred - clean)[frame].mean()


@pytest.mark.parametrize("prior", ["unet", "tv"])
def test_exact_data_of_a_dark_picture_are_not_taken_for_rounded_to_8_bits(prior, tmp_path):
    clean = photo_crop("camera", side=64)[0, 0].numpy()
    known = np.random.default_rng(0).random(clean.shape) > 0.5
    mask = save(tmp_path / "mask.png", known[None].astype(float))
    errors = []
    for factor in (1, 1 / 16):
        dark = np.float32(factor * known * clean)
        restored = priorlab.restore(dark, f"inpaint:mask={mask}", prior)
        errors.append(np.sqrt(np.square(np.asarray(restored) / factor - clean).mean()))
    assert errors[1] == pytest.approx(errors[0], rel=0.01)


@pytest.mark.slow
def test_exact_data_of_a_dark_dataset_are_not_taken_for_rounded_to_8_bits(tmp_path):
    """They are computed: undoing a blur loses 5 dB for a rounding that never was."""
    clean = photo_crop("camera", side=64)[0, 0].numpy()
    for name, factor in {"bright": 1, "dark": 1 / 16}.items():
        np.save(tmp_path / f"{name}.npy", factor * clean)
    rows = priorlab.bench(
        "tv,unet", "deblur:sigma=0,superres", tmp_path, out=tmp_path / "results", slots=1
    )
    psnr = rows.pivot_table(index=["task", "prior"], columns="image", values="psnr")
    gain = psnr["dark"] - psnr["bright"]
    assert gain.to_numpy() == pytest.approx(20 * np.log10(16), abs=0.1), gain


@pytest.mark.parametrize(
    "prior", mostly_slow(["tv", "nlm:steps=6", "wiener", "richardson-lucy"], "tv", "wiener")
)
def test_light_from_beyond_the_frame_does_not_ring(prior):
    """A picture cut from a larger blurred one comes back without ghosts along its border."""
    scene = picture(96, 112)[0]
    task = "deblur:kind=motion,length=9,angle=30,sigma=1"
    blurred = priorlab.degrade(scene, task)[0][20:-20, 24:-24]
    clean = scene[20:-20, 24:-24]
    error = {
        boundary: np.square(priorlab.restore(blurred, task + boundary, prior) - clean).mean()
        for boundary in ("", ",boundary=reflect")
    }
    assert error[""] < 0.8 * error[",boundary=reflect"]
    assert error[""] < 0.6 * np.square(blurred - clean).mean()


def test_an_estimated_kernel_is_written_beside_the_result(tmp_path, monkeypatch):
    """The kernel of a blur that nobody told can be looked at, and used again."""
    monkeypatch.chdir(tmp_path)
    scene = np.full((96, 112), 0.2)
    scene[30:70, 30:80], scene[45:60, 60:100] = 0.8, 0.5
    blurred = priorlab.degrade(scene, "deblur:kind=motion,length=7,angle=0,sigma=0")[0]
    Image.fromarray((blurred * 255).round().astype(np.uint8)).save("shaky.png")
    said = []
    task = "deblur:kind=estimate,size=11,sigma=1"
    priorlab.api.restore_file(Path("shaky.png"), Path("out.png"), task, "tv", say=said.append)
    assert "estimating a kernel of at most 11 pixels" in said
    assert not any("kernel found" in line for line in said)
    assert any(line.startswith("wrote out-kernel.png: kernel") for line in said)
    kernel = np.asarray(Image.open("out-kernel.png")).astype(float) / 255
    assert kernel.shape == (11, 11)
    columns, rows = ((kernel > 0.2).any(axis).sum() for axis in (0, 1))
    assert columns >= 5 and rows <= 3  # a movement to the side
    priorlab.restore("shaky.png", "deblur:kernel=out-kernel.png", "wiener")
    with pytest.raises(UsageError, match="say with what"):
        priorlab.degrade(scene, "deblur:kind=estimate")


@pytest.mark.parametrize("cut_out", mostly_slow([False, True], True))
def test_a_kernel_that_a_sharp_picture_contradicts_is_said(cut_out, tmp_path):
    photo = (photo_crop("coffee", 3, 160)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    if cut_out:
        opacity = np.zeros((*photo.shape[:2], 1), np.uint8)
        opacity[8:-8] = 255
        photo = np.concatenate([photo, opacity], -1)
    Image.fromarray(photo).save(tmp_path / "sharp.png")
    said = []
    priorlab.restore(
        tmp_path / "sharp.png", "deblur:kind=estimate,size=11,sigma=1", "wiener", say=said.append
    )
    assert any("no more blur than a sharp one has" in line for line in said)


def test_equal_seeds_degrade_equally():
    clean = picture(32, 32)[0]
    first, again, other = (priorlab.degrade(clean, seed=seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("channels", [2, 4])
def test_images_of_any_number_of_channels(channels):
    clean = picture(32, 32, channels).transpose(1, 2, 0)
    noisy, mask = priorlab.degrade(clean, "denoise:sigma=25")
    assert noisy.shape == clean.shape and mask is None
    restored = priorlab.restore(noisy, "denoise:sigma=25", "tv")
    assert restored.shape == clean.shape
    assert np.square(restored - clean).mean() < 0.5 * np.square(noisy - clean).mean()


@pytest.mark.slow
def test_bench_of_an_image_with_four_channels(tmp_path):
    """Each task runs or says in its rows why it cannot; none ends the run."""
    (tmp_path / "data").mkdir()
    np.save(tmp_path / "data" / "four.npy", picture(24, 24, 4).transpose(1, 2, 0))
    rows = priorlab.bench(
        priors=["tv", "degraded"],
        tasks=["denoise:sigma=25", "superres:factor=2", "dejpeg"],
        dataset=tmp_path / "data",
        out=tmp_path / "results",
    )
    done = rows[~rows.task.str.startswith("dejpeg")]
    assert (done.status == "ok").all() and done.psnr.between(10, 60).all()
    rest = rows[rows.task.str.startswith("dejpeg")]
    assert (rest.status != "ok").all()
    assert rest.message.str.contains("dejpeg treats 1 or 3 channels, like JPEG, not 4").all()


@pytest.mark.parametrize("sigma", [5, 15, 25, 50])
def test_the_noise_level_is_estimated(sigma):
    clean = picture(128, 128, 3)
    noise = np.random.default_rng(0).normal(0, sigma / 255, clean.shape)
    estimate = estimate_sigma((clean + noise).astype(np.float32)) * 255
    assert estimate == pytest.approx(sigma, rel=0.1)


@pytest.mark.slow
def test_the_clean_picture_that_is_shown_is_what_is_compared(photo, tmp_path):
    """Without the border that the task leaves out: else it would be moved against the others."""
    tasks = "deblur:boundary=unknown,superres:factor=3"
    rows = priorlab.bench("bicubic,tikhonov", tasks, photo, out=tmp_path, name="run", slots=1)
    rows = rows[rows["status"] == "ok"].drop_duplicates("task", keep="last")
    assert len(rows) == 2
    for row in rows.to_dict("records"):
        (folder,) = (tmp_path / "run" / "images").glob(f"{row['task'].partition(':')[0]}*/photo")
        clean, restored = (
            reading.read(folder / f"{name}.png") for name in ("_clean", row["prior"])
        )
        assert clean.shape == restored.shape
        if row["task"].startswith("deblur"):  # the other is compared in luma
            error = np.square(clean - restored).mean()
            assert -10 * np.log10(error) == pytest.approx(row["psnr"], abs=0.1)


def test_bench_returns_a_row_for_each_cell(tmp_path):
    for index in range(2):
        save(tmp_path / "data" / f"{index}.png", picture(24, 24 + index, 1 + 2 * index, index))
    rows = priorlab.bench(
        priors=["tv", "degraded"],
        tasks=["denoise:sigma=25", "inpaint"],
        dataset=tmp_path / "data",
        seeds=[0, 1],
        out=tmp_path / "results",
        slots=1,
    )
    assert len(rows) == 2 * 2 * 2 * 2
    columns = {"prior", "task", "image", "seed", "status", "psnr", "ssim", "seconds"}
    assert columns <= set(rows.columns)
    assert (rows.status == "ok").all()
    means = rows.groupby(["task", "prior"]).psnr.mean()
    assert means["denoise:sigma=25", "tv"] > means["denoise:sigma=25", "degraded"] + 2


def test_torch_keeps_its_state(photo):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    priorlab.restore(photo, "denoise:sigma=25", "dip:iterations=3")
    assert torch.equal(before, torch.get_rng_state())


def test_a_prior_from_outside_the_plugins_is_never_swapped_for_one_of_the_same_name(tmp_path):
    from priorlab.priors import Denoiser

    class Impostor(Denoiser):
        name = "tv"

        def denoise(self, v, sigma):
            return v * 0

    save(tmp_path / "data" / "a.png", picture(24, 24))
    with pytest.raises(UsageError, match="plugin"):
        priorlab.bench(priors=[Impostor()], dataset=tmp_path / "data", out=tmp_path / "results")


def test_a_prior_that_draws_from_the_global_generator_depends_on_the_seed_only():
    from priorlab.priors import Denoiser

    class Random(Denoiser):
        name = "random"

        def denoise(self, v, sigma):
            return torch.rand_like(v)

    image = picture(20, 20)[0]
    first, again, other = (
        priorlab.restore(image, "denoise:sigma=25", Random(), seed=seed) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_few_iterations_of_dip_return_an_image_and_not_black():
    restored = priorlab.restore(picture(32, 32)[0], "denoise:sigma=25", "dip:iterations=5")
    assert restored.std() > 0
    assert restored.max() > 0.1
