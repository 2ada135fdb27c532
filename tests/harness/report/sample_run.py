"""A run in a folder, without having to run anything: two tasks, two images, odd names."""

import json

import numpy as np

from priorlab.harness.results import outputs, runs
from priorlab.harness.results.folder import RunFolder
from priorlab.harness.results.runs import Result
from priorlab.harness.results.schema import Outcome
from priorlab.harness.results.shown import Shown
from priorlab.harness.results.store import Store

EVIL = "<script>alert(1)</script>&\x1b[31m"
TASKS = {"denoise:sigma=25": 0.1, "superres:factor=2": 0.05}
IMAGES = ["house", EVIL]
PRIORS = {"good": 0.02, "fair": 0.04, "dip": 0.06, "=cmd()": 0.08}
METRICS = {"psnr": "code", "ssim": "code"}
HEIGHT, WIDTH = 40, 48


def pictures(name, colour, task):
    """The clean, the measured and the restored pictures of an image, each (C, H, W)."""
    rng = np.random.default_rng(len(name))
    across, down = np.meshgrid(np.linspace(0, 6, WIDTH), np.linspace(0, 5, HEIGHT))
    planes = [0.5 + 0.4 * np.sin(across * (1 + c) + down) for c in range(3 if colour else 1)]
    clean = np.stack(planes).astype(np.float32)
    noise = rng.standard_normal(clean.shape).astype(np.float32)
    measured = clean + TASKS[task] * noise
    if task.startswith("superres"):
        measured = measured[:, ::2, ::2]
    return clean, measured, {prior: clean + level * noise for prior, level in PRIORS.items()}


def psnr(one, other):
    return float(-10 * np.log10(np.mean((np.clip(one, 0, 1) - other) ** 2)))


def outcome_of(prior, task, image, clean, measured, restored):
    """What the store knows of a cell, its scores and its pictures."""
    if prior == "=cmd()" and image == EVIL:
        log = f"Traceback:\n  ValueError: {EVIL}"
        return Outcome("failed", message=f"ValueError: {EVIL}", details=log), {}, {}
    output, files = outputs.encode(np.clip(restored, 0, 1))
    facts = {}
    for kind, picture in (("clean", clean), ("degraded", measured)):
        facts[kind], more = outputs.encode(np.clip(picture, 0, 1), [outputs.VIEW])
        files |= more
    score = psnr(restored, clean)
    if prior == "dip":
        curve = [[i, i / 10, score - 10 / i] for i in range(1, 30)]
        facts |= {"curve": json.dumps(curve), "stop": 20, "oracle_step": 25}
        facts["oracle_psnr"] = score + 0.5
    seconds = 1 / (1 + list(PRIORS).index(prior))
    facts |= {"seconds": seconds, "height": HEIGHT, "width": WIDTH, "channels": len(clean)}
    return Outcome("ok", output=output, **facts), {"psnr": score, "ssim": 0.9}, files


def make(out, name="first"):
    """Write such a run and its store into a results folder, and return the run."""
    store, folder, results, cells = Store(out), RunFolder(out / name), {}, []
    shown = Shown(folder.pictures)
    for task in TASKS:
        for image in IMAGES:
            clean, measured, restored = pictures(image, image == "house", task)
            for prior in PRIORS:
                labels = {"prior": prior, "task": task, "image": image, "seed": 0}
                key = f"key{len(cells)}"
                outcome, scores, files = outcome_of(
                    prior, task, image, clean, measured, restored[prior]
                )
                store.put(key, labels, outcome, METRICS, scores, files)
                shown.show(labels, outcome, files.get)
                results[key] = Result(outcome, scores, cached=False)
                cells.append((labels, key))
    shown.finish()
    store.close()
    info = {
        "name": name, "command": "priorlab bench --tasks <b>", "total": len(cells), "problems": [],
        "dataset": "tiny", "known_dataset": "", "images": len(IMAGES), "priors": list(PRIORS),
        "tasks": dict.fromkeys(TASKS, "on all channels (RGB)"), "seeds": [0],
        "metrics": {"psnr": "10 log10(1 / MSE)", "ssim": "windows"}, "machine": "a machine",
        "versions": {"priorlab": "0.1.0"}, "started": "then", "finished": "now",
    }  # fmt: skip
    folder.finish(info, runs.to_rows(cells, results), [])
    return runs.load(folder.path)
