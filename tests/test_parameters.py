"""Every parameter of every prior that comes with priorlab changes what the prior returns."""

import dataclasses
import functools

import pytest
import torch
from sample_pictures import photo_crop

import priorlab_dip
import priorlab_handcrafted
import priorlab_learned
from priorlab.solvers.image_space import ImageSpaceSettings
from priorlab.solvers.plug_and_play.settings import SolverSettings
from priorlab.tasks.builtin import Deblur, Denoise, DenoiseImpulse, Inpaint, SuperResolution
from priorlab_handcrafted.sliding_dct import SlidingDCT

PLUGINS = (priorlab_handcrafted, priorlab_dip, priorlab_learned)
PRIORS = {prior.name: prior for plugin in PLUGINS for prior in plugin.priorlab_priors()}
del PRIORS["checkpoint"]  # without a file it does nothing: tests/learned/test_checkpoint.py

TASKS = [Denoise(), Deblur(), Inpaint(), SuperResolution(), DenoiseImpulse(amount=0.9)]
"""A prior is asked on the first of these that it supports."""

SMALL = {
    "dip": {"iterations": 4, "channels": 6, "inputs": 8, "depth": 2},
    "siren": {"iterations": 4, "units": 8},
    "self2self": {"iterations": 4, "channels": 4, "depth": 2, "window": 16, "samples": 2},
    "zs-n2n": {"iterations": 4, "channels": 4, "window": 16},
    # Long enough for two looks at the whole picture.
    "noise2fast": {"iterations": 40, "channels": 4, "depth": 2, "window": 16, "averaged": 2},
    "wavelet": {"levels": 2},
}
"""What makes a prior quick, and its picture large enough for the parameter to matter."""

NEEDS = {
    ("dip", "code"): {"inputs": 32},
    ("dip", "langevin"): {"stop": "never"},
    ("dip", "weight_red"): {"red": SlidingDCT()},
    ("siren", "langevin"): {"stop": "never"},
    ("siren", "weight_red"): {"red": SlidingDCT()},
    ("siren", "bandwidth"): {"encoding": "fourier"},
    ("wavelet", "recipe"): {"levels": 4},  # the paper's
}
"""What a parameter has a meaning with only."""

OTHER = {
    ("adaptive-median", "largest"): [3],
    ("dct", "scales"): [1],
    ("nlm", "passes"): [1],
    # Each size is compiled for itself; this one is, for the second pass.
    ("nlm", "patch"): [3],
    # Each filter is compiled for itself; test_wavelet_shrinkage.py sees all.
    ("wavelet", "filter"): ["haar"],
    ("zs-n2n", "window"): [24],
    ("self2self", "window"): [24],
    ("noise2fast", "window"): [24],
    ("noise2fast", "averaged"): [1],
    ("richardson-lucy", "iterations"): [2],
    # A fit of four steps: the running mean forgets faster than either of the defaults.
    ("dip", "averaging"): [0.0],
    ("siren", "averaging"): [0.0],
    # How the rules differ shows in long fits: tests/solvers. This one hides no pixels.
    ("dip", "stop"): ["never"],
    ("siren", "stop"): ["never"],
    ("dip", "warm_up"): [0],
    ("dip", "red"): [SlidingDCT()],
    ("siren", "red"): [SlidingDCT()],
}
"""Values to try, where the next greater one says nothing."""

OF_FORMS = [*dataclasses.fields(SolverSettings), *dataclasses.fields(ImageSpaceSettings)]
"""Settings that all denoisers and all regularisers inherit: one prior of each form is asked, on
a task whose solver takes them."""

OF_EACH_FORM = {"dct": SolverSettings, "tv": ImageSpaceSettings}

FORM_VALUES = {
    "iterations": 3,
    "tolerance": 0.1,
    "growth": 1.0,
    "strong": 30 / 255,
    "solver": "red",
    "steps": 3,
    "first_level": 60 / 255,
    "last_level": 20 / 255,
    "data_weight": 4.0,
}
"""Values to try of those, where twice the default says little or it is automatic."""

FORM_NEEDS = {"strong": {"growth": 1.0}}
"""What a setting has a meaning with only."""

WITHOUT_EFFECT = {
    "tuned": "only where something is tuned: test_tuning.py",
    "batch": "only how many networks are fitted side by side",
    "weights": "a file: tested where it is read",
}

LONG = {(name, "recipe") for name in ("dip", "zs-n2n", "noise2fast", "self2self")}
"""The paper's recipe has the paper's steps: tests/dip/test_dip_recipes.py."""

IN_STEPS = {("bm3d", "passes")}
"""They decide what a step of plug-and-play does: tests/handcrafted/test_bm3d.py."""


def values(prior, field, base):
    """Return other values of a field than that of the prior `base`."""
    present = getattr(base, field.name)
    if (prior, field.name) in OTHER:
        return OTHER[prior, field.name]
    if choices := field.metadata["choices"]:
        return [choice for choice in choices if choice != present]
    if isinstance(present, bool):
        return [not present]
    return [2 * present or 1.0] if isinstance(present, float) else [present + 1]


def base_of(prior, field):
    return PRIORS[prior](**SMALL.get(prior, {}) | NEEDS.get((prior, field), {}))


CASES = [
    (name, field.name, value)
    for name, prior in PRIORS.items()
    for field in dataclasses.fields(prior)
    if field.name not in WITHOUT_EFFECT
    and field not in OF_FORMS
    and (name, field.name) not in LONG | IN_STEPS
    for value in values(name, field, base_of(name, field.name))
]


@functools.cache
def restored(prior):
    """Return what a prior makes of a colour picture, computed once."""
    clean = photo_crop("chelsea", 3)[..., 20:52, 30:62]
    measurements = (task.measure(clean, seed=0) for task in TASKS)
    measurement = next(one for one in measurements if prior.unsupported(one) is None)
    return prior.restore(measurement)


@pytest.mark.parametrize(("name", "field", "value"), CASES)
def test_a_parameter_changes_the_picture(name, field, value):
    base = base_of(name, field)
    changed = dataclasses.replace(base, **{field: value})
    assert (restored(changed) - restored(base)).abs().max() > 1e-4
    assert torch.isfinite(restored(changed)).all()


@pytest.mark.parametrize(
    ("name", "field"),
    [(name, f.name) for name, kind in OF_EACH_FORM.items() for f in dataclasses.fields(kind)],
)
def test_a_setting_of_the_solver_changes_the_picture(name, field):
    clean = photo_crop("chelsea", 3)[..., 20:52, 30:62]
    measurement = Inpaint(sigma=10 / 255).measure(clean, seed=0)
    prior = PRIORS[name](**FORM_NEEDS.get(field, {}))
    value = FORM_VALUES[field]
    changed = dataclasses.replace(prior, **{field: value})
    difference = changed.restore(measurement) - prior.restore(measurement)
    assert difference.abs().max() > 1e-4
    assert difference.isfinite().all()
