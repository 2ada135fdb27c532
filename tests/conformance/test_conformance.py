"""Each check finds the prior that does this one thing wrong, and says what would be right."""

import dataclasses

import pytest
import torch
from conformance.bad_priors import (
    BAD,
    Collects,
    Draws,
    Exits,
    Good,
    Gray,
    GrowsInArrays,
    GrowsUnseen,
    KeepsAFew,
    MeanEnergy,
    Moved,
    Norm,
    Precise,
    Ridge,
    SharedEnergy,
    Unchecked,
    Untypable,
    WithoutDefaults,
    WrongGradient,
    WrongProx,
    Yes,
)
from mostly_slow import slow_where

from priorlab import plugins
from priorlab.conformance import checks, choosing, form_checks, running, suite
from priorlab.errors import UsageError
from priorlab.forward.noise import Gaussian
from priorlab.forward.operators import Identity, LinearOperator
from priorlab.tasks.builtin import Denoise
from priorlab.testing import check_prior, check_task

PRIORS = plugins.load()
TELLS = {
    "parameters": "strength: declare a parameter as",
    "tasks": "NotImplementedError: inpainting (bad_priors.py, line",
    "channels": "gray pictures only",
    "sizes": "17 x 31 pixels: restore returned an image of shape (1, 1, 16, 30)",
    "range": "white is 1",
    "determinism": "keep nothing between calls",
    "input": "work on a copy",
    "batch": "treat each image by itself",
    "threads": "one thread and two",
    "surroundings": "torch.is_grad_enabled() from True to False",
    "scale": "knows_exposure: ClassVar[bool] = True",
    "gain": "of the degraded picture",
    "place": "rather the picture with red and blue exchanged; channels are RGB",
    "timing": "the same picture again took",
    "memory": "times as much as the picture has with each picture that it restores",
    "denoise": "the same image for sigma = 0.005 and 0.5",
}


def failed(prior):
    outcomes = [checks.run(check, prior) for check in suite.of_prior(prior)]
    return {one.check: one.reason for one in outcomes if one.status == "FAIL"}


@pytest.mark.parametrize("prior", [Good(), WithoutDefaults(), KeepsAFew()])
def test_a_good_prior_passes(prior):
    check_prior(prior)


@pytest.mark.parametrize("check", BAD)
def test_a_bad_prior_fails_just_the_check_that_is_meant(check):
    found = failed(BAD[check]())
    assert list(found) == [check]
    assert TELLS[check] in found[check]


@pytest.mark.parametrize(
    ("prior", "check", "says"),
    slow_where(
        lambda prior, check, says: check in ("parameters", "memory"),
        [
            (Gray, "place", "without its colours"),
            (Moved, "place", "moved by a pixel right"),
            (
                Precise,
                "surroundings",
                "torch.get_float32_matmul_precision() from highest to medium",
            ),
            (Unchecked, "parameters", "a value below the least one was accepted"),
            (
                Untypable,
                "parameters",
                "widths: what users type is an int, a float, a str or a bool",
            ),
            (GrowsInArrays, "memory", "times as much as the picture has with each picture"),
            (GrowsUnseen, "memory", "MB more with each picture that it restores; keep nothing"),
            (Yes, "tasks", "unsupported returned True; it is to return a text or None"),
        ],
    ),
)
def test_a_check_finds_the_relatives_too(prior, check, says):
    assert says in failed(prior())[check]


def test_who_keeps_what_it_saw_of_a_picture_in_files_is_found(tmp_path):
    Collects.folder = tmp_path
    (check,) = (one for one in suite.of_prior(Collects()) if one.name == "determinism")
    outcome = checks.run(check, Collects())
    assert "keep nothing between calls" in outcome.reason


def test_who_draws_random_numbers_as_advised_passes():
    outcomes = {check.name: checks.run(check, Draws()) for check in suite.of_prior(Draws())}
    assert "FAIL" not in {one.status for one in outcomes.values()}
    assert outcomes["batch"].status == "skipped"


def test_there_is_a_bad_prior_for_every_check():
    made = {check.name for check in suite.of_prior(Good())}
    assert made - {"device"} == set(BAD) == set(TELLS)


@pytest.mark.parametrize(
    ("prior", "check", "tells"),
    [
        (WrongGradient(), form_checks.energy, "in which its gradient says"),
        (WrongProx(), form_checks.prox, "is not the minimum of energy"),
        (MeanEnergy(), form_checks.energy, "instead of taking a mean"),
        (SharedEnergy(), form_checks.energy, "of two images are .* take no mean over dimension 0"),
    ],
)
def test_a_wrong_gradient_and_a_wrong_prox_are_found_by_one_check_each(prior, check, tells):
    with pytest.raises(checks.Failed, match=tells):
        check(prior)
    others = {form_checks.energy, form_checks.prox} - {check}
    for function in (*others,):
        function(prior)
        function(Ridge())


@pytest.mark.parametrize("prior", [Ridge(), Norm(weight=2.0)])
def test_energies_that_sum_over_the_pixels_pass_and_so_do_norms(prior):
    form_checks.energy(prior)
    form_checks.prox(prior)


def test_the_testing_function_names_every_check_that_fails():
    with pytest.raises(AssertionError, match=r"^range: restore returned values") as error:
        check_prior(BAD["range"]())
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_a_crash_is_the_failure_of_one_check_and_the_next_ones_are_made(tmp_path):
    """In processes of their own, as the command does it."""
    file = tmp_path / "plugin.py"
    file.write_text(
        "import sys\n"
        f"sys.path.append({str(__file__).rpartition('/conformance')[0]!r})\n"
        "from priorlab import hookimpl\n"
        "from conformance.bad_priors import Exits\n"
        "@hookimpl\n"
        "def priorlab_priors():\n"
        "    return [Exits]\n"
    )
    (subject,), registry = choosing.subjects(str(file))
    assert (subject.kind, subject.name) == ("priors", Exits.name)
    outcomes = {one.check: one for one in running.outcomes(subject, registry)}
    bad = {name: one.reason for name, one in outcomes.items() if one.status == "FAIL"}
    # It ends with any picture in colour, and one of those is looked at for its colours.
    ends = "it ended the process with the status 3"
    assert bad == {"channels": ends, "place": "the same as channels"}
    assert len(outcomes) == len(suite.of_prior(Exits()))


@pytest.mark.slow
def test_the_scale_of_a_fit_is_skipped_with_the_reason_or_checked_where_few_steps_show_it():
    kind = PRIORS.priors["zs-n2n"]
    (check,) = (check for check in suite.of_prior(kind()) if check.name == "scale")
    outcome = checks.run(check, kind())
    assert outcome.status == "skipped"
    assert "over more steps than the 20 of a check; see that a whole fit" in outcome.reason
    shown = type("Shown", (kind,), {"name": "shown", "knows_exposure": True})
    assert checks.run(check, shown()).status == "pass"


def test_what_does_not_exist_is_said():
    with pytest.raises(UsageError, match="unknown plugin or name 'tvv'; did you mean 'tv'"):
        choosing.subjects("tvv")


def test_an_installed_plugin_is_checked_once_beside_its_folder(tmp_path, monkeypatch):
    """Where `plugins new` wrote it and `pip install -e` found it, a folder has the same name."""
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "handcrafted" / "mine"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from priorlab import Metric, hookimpl\n"
        "@hookimpl\n"
        "def priorlab_metrics():\n"
        "    return [Metric(name='mine', doc='Mine.', spec='mine', function=max)]\n"
    )
    installed, _ = choosing.subjects("handcrafted")
    assert {one.plugin.name for one in installed} == {"handcrafted"}
    assert [one.name for one in choosing.subjects("./handcrafted")[0]] == ["mine"]


def test_a_plugin_that_provides_nothing_is_said(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "from priorlab import hookimpl\n@hookimpl\ndef priorlab_priors():\n    return []\n"
    )
    with pytest.raises(UsageError, match=r"^the plugin mine\.py provides nothing: its hooks"):
        choosing.subjects(str(file))


@pytest.mark.parametrize("name", ["tv", "tikhonov", "degraded"])
def test_some_of_our_priors_pass(name):
    check_prior(PRIORS.priors[name]())


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("package", ["handcrafted", "learned", "dip", "deepinv", "metrics"])
def test_our_packages_pass(package):
    subjects, registry = choosing.subjects(package)
    failed = [
        f"{subject.name}: {one.check}: {one.reason}"
        for subject in subjects
        for one in running.outcomes(subject, registry)
        if one.status == "FAIL"
    ]
    assert not failed, "\n".join(failed)


@pytest.mark.parametrize("name", ["denoise", "inpaint", "superres", "deblur", "dejpeg"])
def test_our_tasks_pass(name):
    checks.verify(suite.checks_of("tasks", PRIORS.tasks[name]()), PRIORS.tasks[name]())


class Zeroing(Identity):
    """Forgets what it is given."""

    def adjoint(self, y):
        image = y.clone()
        y.zero_()
        return image


@dataclasses.dataclass(frozen=True, kw_only=True)
class Wiped(Denoise):
    """Its operator writes into its input."""

    name = "wiped"

    def operator(self, shape, rng):
        return Zeroing()


class Halves(LinearOperator):
    """Every second pixel, which are put back twice: odd sides become even."""

    def forward(self, x):
        return x[..., ::2, ::2]

    def adjoint(self, y):
        return y.repeat_interleave(2, -1).repeat_interleave(2, -2)


class Spectral(LinearOperator):
    """Returns a complex image."""

    def forward(self, x):
        return torch.fft.fft2(x, norm="ortho")

    def adjoint(self, y):
        return torch.fft.ifft2(y, norm="ortho")


@pytest.mark.parametrize(
    ("operator", "says"),
    [
        (Halves(), r"shapes: 1 x 33 x 47: Halves\.adjoint .*; expected .*\(1, 1, 33, 47\)"),
        (Spectral(), r"shapes: 1 x 48 x 60: Spectral\.adjoint returned complex numbers; .* \.real"),
    ],
)
def test_what_an_operator_returns_is_named_with_the_picture(operator, says):
    task = type("Own", (Denoise,), {"name": "own", "operator": lambda self, shape, rng: operator})
    with pytest.raises(AssertionError, match=says):
        check_task(task())


def test_a_level_of_noise_on_the_scale_of_users_is_named():
    task = type("Own", (Denoise,), {"name": "own", "noise": Gaussian(25.0)})
    with pytest.raises(AssertionError, match=r"^noise: the standard deviation of the noise is 25,"):
        check_task(task())


def test_an_operator_that_changes_its_input_is_named():
    with pytest.raises(AssertionError, match=r"input: Zeroing\.adjoint changed its input"):
        check_task(Wiped())
