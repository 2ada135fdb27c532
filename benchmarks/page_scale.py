"""How large the page of a large run is, and how long a browser takes to open it.

python benchmarks/page_scale.py PHOTOGRAPHS [PRIORS]

The run has 20 priors, 12 images and 4 tasks: pictures of 256 x 256 pixels from the folder
PHOTOGRAPHS, gray and then in colour, and restorations by total variation with as many weights.
Needs chromium and its driver, as tests/harness/report/test_page_in_browser.py does.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from skimage.restoration import denoise_tv_chambolle

from priorlab.harness.report.page import writing
from priorlab.harness.results import runs
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.runs import Result, Run
from priorlab.harness.results.schema import Outcome
from priorlab.harness.results.shown import cell_file, cell_folder
from priorlab.pictures import reading
from priorlab.pictures import writing as pictures

IMAGES, SIDE = 12, 256
SIGMAS = (15, 25, 50, 75)
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


def crops(folder: Path) -> list[NDArray[np.float32]]:
    """Return the middle of the first photographs that are large enough."""
    found: list[NDArray[np.float32]] = []
    for file in sorted(folder.iterdir()):
        picture = reading.read(file)
        top, left = (picture.shape[1] - SIDE) // 2, (picture.shape[2] - SIDE) // 2
        if min(top, left) >= 0:
            found.append(picture[:, top : top + SIDE, left : left + SIDE])
        if len(found) == IMAGES:
            break
    return found


def make(out: Path, clean: list[NDArray[np.float32]], priors: int) -> Run:
    """Write a run of such images, without a store."""
    folder, results, cells = RunFolder(out / "large"), {}, []
    rng = np.random.default_rng(0)
    for sigma in SIGMAS:
        for index, image in enumerate(clean):
            task = f"denoise:sigma={sigma}"
            place = folder.pictures / cell_folder({"task": task, "image": f"{index:02d}"})
            place.mkdir(parents=True)
            noisy = image + sigma / 255 * rng.standard_normal(image.shape).astype(np.float32)
            pictures.write(place / "_clean.png", image)
            pictures.write(place / "_measured.png", np.clip(noisy, 0, 1))
            for number in range(priors):
                weight = sigma / 255 * (0.4 + 1.2 * number / priors)
                restored = denoise_tv_chambolle(noisy, weight, max_num_iter=25, channel_axis=0)
                labels = {"prior": f"tv:weight={number}", "task": task, "image": f"{index:02d}"}
                labels["seed"] = 0
                pictures.write(place / cell_file(labels), np.clip(restored, 0, 1))
                psnr = float(-10 * np.log10(np.mean((restored - image) ** 2)))
                key = str(len(cells))
                outcome = Outcome("ok", seconds=0.1 + number, height=SIDE, width=SIDE, channels=1)
                results[key] = Result(outcome, {"psnr": psnr, "ssim": 0.9}, cached=False)
                cells.append((labels, key))
    info = {
        "command": "", "total": len(cells), "problems": [], "dataset": "crops", "metrics": {},
        "known_dataset": "", "images": IMAGES, "tasks": {}, "versions": {},
    }  # fmt: skip
    rows = runs.to_rows(cells, results)
    folder.finish(info, rows, [])
    return Run(folder.path, rows, info)


def opened(file: Path) -> float:
    """Return the seconds from the call to a page whose pictures are shown."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for option in (*OPTIONS, f"--user-data-dir={profile}"):
            options.add_argument(option)
        driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            driver.get("about:blank")
            start = time.perf_counter()
            driver.get(file.as_uri())
            while not driver.execute_script("return window.priorlab?.viewer.panes.length"):
                time.sleep(0.01)
            return time.perf_counter() - start
        finally:
            driver.quit()


def main() -> None:
    """Make both runs and print what was measured."""
    clean = crops(Path(sys.argv[1]))
    priors = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    gray = [image.mean(axis=0, keepdims=True) for image in clean]
    for kind, images in (("gray", gray), ("colour", clean)):
        with tempfile.TemporaryDirectory() as out:
            run = make(Path(out), images, priors)
            start = time.perf_counter()
            written = writing.write(run)
            seconds = time.perf_counter() - start
            beside = "pictures in a folder" if written.folder else "one file"
            print(
                f"{kind}: {len(run.rows)} pictures of {SIDE} x {SIDE}, {beside},"
                f" {written.size / 1e6:.1f} MB, written in {seconds:.0f} s,"
                f" opened in {opened(written.file):.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
