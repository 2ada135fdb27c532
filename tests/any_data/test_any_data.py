"""Images of any number of channels, and data of any shape, real or complex: each is a plugin.

What a task asks for that the core did not foresee fits in a file of at most 60 lines.
"""

from pathlib import Path

import numpy as np
import pytest
import torch
from sample_pictures import photo_crop

import priorlab
from priorlab import plugins
from priorlab.testing import check_adjoint

FOLDER = Path(__file__).parent
TASKS = {"demosaick": "bayer.py", "tomography": "tomography.py", "mri": "mri.py"}
PRIORS = "degraded,tv,wavelet,bm3d,dip:iterations=80,channels=8"


def bench(plugin_files, tasks, dataset, out, priors):
    return priorlab.bench(
        priors=priors, tasks=tasks, dataset=dataset, out=out, slots=1, plugin_files=plugin_files
    )


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """The rows of one small colour picture under the tasks of the three plugins."""
    out = tmp_path_factory.mktemp("solved")
    crop = photo_crop("chelsea", 3)[0, :, 30:62, 20:52]
    np.save(out / "cat.npy", crop.numpy().transpose(1, 2, 0))
    plugin_files = [FOLDER / name for name in TASKS.values()]
    return bench(plugin_files, ",".join(TASKS), str(out / "cat.npy"), out / "results", PRIORS)


@pytest.fixture(scope="module")
def four_channels(tmp_path_factory):
    """The rows of a picture of four channels."""
    out = tmp_path_factory.mktemp("four")
    files = [FOLDER / "four_channels.py"]
    return bench(files, "denoise,inpaint", "four-channels", out, f"{PRIORS},unet")


def gains(rows):
    """Return by prior how many decibels it gains over the input."""
    by_prior = rows.set_index("prior")["psnr"]
    return by_prior - by_prior["degraded"]


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_every_kind_of_prior_solves_a_task_of_a_plugin(solved, task):
    rows = solved[solved["task"].str.startswith(task)]
    assert rows["status"].eq("ok").all(), rows["message"].tolist()
    gain = gains(rows)
    assert (gain[["wavelet", "bm3d"]] > 1).all(), gain.to_dict()
    # Total variation couples the colours, which a Bayer filter takes from different pixels.
    assert gain["tv"] > (-1 if task == "demosaick" else 1), gain.to_dict()
    # Eighty steps of a small network are no more than the beginning of a fit.
    assert rows["psnr"].min() > 18


@pytest.mark.slow
@pytest.mark.parametrize("task", ["denoise", "inpaint"])
def test_every_kind_of_prior_restores_four_channels(four_channels, task):
    rows = four_channels[four_channels["task"].str.startswith(task)]
    assert rows["channels"].eq(4).all()
    able = rows[rows["prior"] != "unet"]
    assert able["status"].eq("ok").all(), able["message"].tolist()
    gain = gains(rows)
    assert (gain[["wavelet", "bm3d"]] > 1).all(), gain.to_dict()
    assert able["psnr"].min() > 18


@pytest.mark.slow
def test_a_prior_that_cannot_says_so_in_its_row(four_channels):
    rows = four_channels[four_channels["prior"] == "unet"]
    assert set(rows["status"]) == {"unsupported"}
    assert set(rows["message"]) == {"it only treats images with 1 or 3 channels, not 4"}


@pytest.mark.parametrize("name", ["bayer", "four_channels", "mri", "tomography"])
def test_such_a_plugin_is_short(name):
    assert len((FOLDER / f"{name}.py").read_text().splitlines()) <= 60


@pytest.mark.parametrize(
    ("plugin", "task", "dtype"),
    [
        ("bayer.py", "demosaick", torch.float32),
        ("tomography.py", "tomography", torch.float32),
        ("mri.py", "mri", torch.complex64),
    ],
)
def test_their_operators_have_the_adjoint_that_they_say(plugin, task, dtype):
    (built,) = plugins.load([FOLDER / plugin]).build_tasks(task)
    operator = built.operator((1, 3, 14, 17), np.random.default_rng(0))
    check_adjoint(operator, (2, 3, 14, 17))
    assert built.measure(photo_crop("chelsea", 3)[..., :20, :18], seed=0).y.dtype == dtype
