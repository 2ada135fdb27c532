"""Parameters tuned for a kind of degradation: how they are found, kept, used and named."""

import tomllib

import pytest
from mostly_slow import mostly_slow, slow_where
from PIL import Image
from sample_pictures import PHOTOS, photo_crop, picture, save

from priorlab import api, plugins, restoration, tuned_parameters
from priorlab.api import tuning
from priorlab.api.tuning import training_pictures
from priorlab.cli import main
from priorlab.errors import UsageError
from priorlab.forward import degradation
from priorlab.pictures import datasets
from priorlab.tasks.builtin import Deblur, Denoise, DenoiseImpulse, DenoisePoisson, Inpaint
from priorlab.tasks.dejpeg import Dejpeg
from priorlab.tasks.superresolution import SuperResolution

PLUGIN = '''
from dataclasses import dataclass
from priorlab import Prior, hookimpl, parameter

@dataclass(frozen=True, kw_only=True)
class Level(Prior):
    """A picture of one gray."""
    name = "level"
    gray: float = parameter(0.2, "the gray", low=0, high=1, search=(0.1, 0.9))
    other: float = parameter(1.0, "nothing", low=0)
    def restore(self, measurement, trace=None, seed=0):
        return measurement.y.new_full(measurement.shape, self.gray)

@hookimpl
def priorlab_priors():
    return [Level]
'''


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A plugin of one file with a tuned parameter beside it."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "level_plugin.py"
    file.write_text(PLUGIN)
    (tmp_path / tuned_parameters.FILE).write_text("[level.blur]\ngray = 0.6\n")
    return file


def gray(spec, task, plugin, channels=1):
    (prior,) = plugins.load([plugin]).build_priors(spec)
    photo = photo_crop("coffee", channels)
    return round(float(restoration.run(prior, task.measure(photo, 0)).mean()), 3)


def test_a_prior_at_its_defaults_has_what_is_tuned_for_the_data(plugin):
    assert gray("level", Deblur(), plugin) == 0.6
    assert gray("level", Denoise(), plugin) == 0.2


def test_what_is_tuned_for_gray_pictures_comes_first_and_is_for_them_alone(plugin):
    with (plugin.parent / tuned_parameters.FILE).open("a") as file:
        file.write('[level."blur in gray"]\ngray = 0.4\n[level."noise in gray"]\ngray = 0.3\n')
    assert gray("level", Deblur(), plugin) == 0.4
    assert gray("level", Denoise(), plugin) == 0.3
    assert gray("level", Deblur(), plugin, channels=3) == 0.6
    assert gray("level", Denoise(), plugin, channels=3) == 0.2
    assert gray("level:tuned=false", Deblur(), plugin) == 0.2


def test_what_is_tuned_holds_only_together_and_can_be_turned_off(plugin):
    assert gray("level:tuned=false", Deblur(), plugin) == 0.2
    assert gray("level:other=2", Deblur(), plugin) == 0.2
    assert gray("level:gray=0.3", Deblur(), plugin) == 0.3
    assert gray("level:gray=0.2", Deblur(), plugin) == 0.2, "typed, though it is the default"


def test_a_result_is_stored_under_what_was_tuned(plugin):
    (prior,) = plugins.load([plugin]).build_priors("level")
    assert prior.fingerprint()["tuned"] == {"blur": {"gray": 0.6}}
    (untuned,) = plugins.load([plugin]).build_priors("level:tuned=false")
    assert "tuned" not in untuned.fingerprint()


def test_tables_name_what_is_tuned(plugin, capsys):
    save(plugin.parent / "set" / "one.png", picture(32, 32))
    command = "bench --priors level,degraded --tasks deblur,denoise --dataset set --slots 1"
    assert main([*command.split(), "--plugin", str(plugin), "--name", "tuned"]) == 0
    text = (plugin.parent / "results" / "tuned" / "table.md").read_text()
    assert text.count("Tuned for blur: level with gray=0.6.") == 1
    assert "Tuned for noise" not in text


@pytest.mark.slow
def test_tables_name_what_is_tuned_for_gray_pictures(plugin, capsys):
    (plugin.parent / tuned_parameters.FILE).write_text('[level."blur in gray"]\ngray = 0.4\n')
    save(plugin.parent / "gray" / "one.png", picture(32, 32)[:1])
    save(plugin.parent / "colour" / "one.png", picture(32, 32, 3))
    for folder, times in {"gray": 1, "colour": 0}.items():
        command = f"bench --priors level,degraded --tasks deblur --dataset {folder} --slots 1"
        assert main([*command.split(), "--plugin", str(plugin), "--name", folder]) == 0
        text = (plugin.parent / "results" / folder / "table.md").read_text()
        assert text.count("Tuned for blur in gray: level with gray=0.4.") == times


def test_show_lists_what_is_tuned(plugin, capsys):
    assert main(["show", "level", "--plugin", str(plugin)]) == 0
    assert "blur: gray=0.6" in capsys.readouterr().out


def test_the_search_finds_the_gray_of_the_pictures_and_writes_it(plugin, capsys):
    for index in range(6):
        image = 0.7 + 0.1 * (picture(24, 24, seed=index) - 0.5)
        save(plugin.parent / "training" / f"{index}.png", image)
    command = "tune level --tasks denoise,deblur --dataset training --budget 15 -o found.toml"
    assert main([*command.split(), "--plugin", str(plugin)]) == 0
    found = tomllib.loads((plugin.parent / "found.toml").read_text())["level"]
    assert set(found) == {"noise", "blur"}
    assert abs(found["noise"]["gray"] - 0.7) < 0.07
    said, told = capsys.readouterr()
    assert f"priorlab {command}" in said and "adopted" in said and said.count("| gray=") == 30
    assert "wrote found.toml" in told and "wrote" not in said, "what stands in the record"


def test_what_does_not_gain_on_pictures_not_seen_is_not_written(plugin):
    for index in range(4):  # the search sees the even ones
        image = picture(24, 24, seed=index) * 0 + (0.8 if index % 2 == 0 else 0.2)
        save(plugin.parent / "training" / f"{index}.png", image)
    (found,) = api.tune("level", "denoise", "training", 10, registry=plugins.load([plugin]))
    assert found.psnr > found.default_psnr and not found.adopted


def test_what_lost_on_the_pictures_of_the_search_is_not_adopted(plugin):
    """A search that tries one setting does not know whether the default is better."""
    for index in range(4):
        image = picture(24, 24, seed=index) * 0 + (0.2 if index % 2 == 0 else 0.8)
        save(plugin.parent / "training" / f"{index}.png", image)
    (found,) = api.tune("level", "denoise", "training", 1, registry=plugins.load([plugin]))
    assert found.psnr < found.default_psnr and found.held_out > found.default_held_out
    assert not found.adopted


def test_what_is_no_better_than_what_is_tuned_today_is_not_adopted(plugin, capsys):
    """Today's settings are those that `restore` takes, not the defaults; they stay in the file."""
    for index in range(4):
        image = 0.6 + 0.1 * (picture(24, 24, seed=index) - 0.5)
        save(plugin.parent / "training" / f"{index}.png", image)
    file = plugin.parent / tuned_parameters.FILE
    file.write_text(text := f"# By hand.\n{file.read_text()}")
    command = "tune level --tasks deblur --dataset training --budget 5"
    assert main([*command.split(), "--plugin", str(plugin)]) == 0
    said, told = capsys.readouterr()
    assert told.endswith("nothing is adopted; tuned.toml stays as it is\n")
    assert "| the defaults | " in said and "| tuned today: `level:gray=0.6` | " in said
    assert "what is tuned today stays" in said
    assert file.read_text() == text
    (found,) = api.tune("level", "deblur", "training", 5, registry=plugins.load([plugin]))
    assert found.default_psnr < found.psnr < found.today_psnr


def test_what_is_found_takes_the_place_of_what_is_for_gray_pictures_alone(tmp_path):
    """It was compared on gray pictures, too; named by a plugin, a prior is looked up without it."""
    file = tmp_path / "tuned.toml"
    file.write_text('[tv."blur in gray"]\nweight = 1.5\n[tv."noise in gray"]\nweight = 3.0\n')
    text = tuned_parameters.merged(file, {"mine/tv": {"blur": {"weight": 2.0}}})
    assert tomllib.loads(text) == {
        "tv": {"blur": {"weight": 2.0}, "noise in gray": {"weight": 3.0}}
    }


def test_a_setting_that_is_the_default_is_tried_as_such(plugin):
    """Not with what is tuned today, which serves a prior whose parameters have their defaults."""
    text = PLUGIN.replace("search=(0.1, 0.9)", "search=(0.2, 0.2001)")
    plugin.write_text(text)
    for index in range(2):
        save(plugin.parent / "training" / f"{index}.png", picture(24, 24, seed=index))
    (found,) = api.tune("level", "deblur", "training", 1, registry=plugins.load([plugin]))
    assert found.psnr == found.default_psnr != found.today_psnr


def test_a_prior_that_has_nothing_to_search_for_the_tasks_is_refused(tmp_path, capsys):
    for index in range(2):
        save(tmp_path / f"{index}.png", picture(24, 24, seed=index))
    output = tmp_path / "tuned.toml"
    command = ["tune", "unet", "--tasks", "denoise", "--dataset", str(tmp_path), "-o", str(output)]
    assert main(command) == 2 and not output.exists()
    assert "to search that matters for noise" in capsys.readouterr().err


def test_an_exact_result_does_not_decide_all(plugin, capsys):
    """A blank page is restored exactly without noise, whatever is tuned."""
    for index in range(4):
        image = picture(24, 24, seed=index) if index > 1 else 0.2 + 0 * picture(24, 24)
        save(plugin.parent / "training" / f"{index}.png", image)
    command = "tune level,tv --tasks denoise:sigma=0 --dataset training --budget 2 -o found.toml"
    assert main([*command.split(), "--plugin", str(plugin)]) == 0
    said = capsys.readouterr().out
    assert "inf" not in said and said.count("the defaults stay") == 1
    assert said.count("what is tuned today stays") == 1, "tv has settings for noise"
    assert tomllib.loads((plugin.parent / "found.toml").read_text()) == {}


@pytest.mark.parametrize("seed", mostly_slow([2**32, 2**63 - 1], 2**63 - 1))
def test_every_seed_is_one_of_the_search(plugin, seed):
    for index in range(2):
        save(plugin.parent / "training" / f"{index}.png", picture(24, 24, seed=index))
    registry = plugins.load([plugin])
    assert [*api.tune("level", "denoise", "training", 2, seed=seed, registry=registry)]


@pytest.mark.parametrize("typed", ["-1", "9223372036854775808", "1.5"])
def test_what_is_no_seed_is_said_in_a_sentence(plugin, capsys, typed):
    save(plugin.parent / "training" / "0.png", picture(24, 24))
    command = f"tune level --tasks denoise --dataset training --seed {typed}"
    assert main([*command.split(), "--plugin", str(plugin)]) == 2
    assert "is not a whole number" in capsys.readouterr().err
    with pytest.raises(UsageError, match="is not a whole number from 0"):
        api.tune("level", "denoise", "training", seed=float(typed), registry=plugins.load([plugin]))


def test_the_same_seed_finds_the_same(plugin):
    for index in range(2):
        save(plugin.parent / "training" / f"{index}.png", picture(24, 24, seed=index))
    registry = plugins.load([plugin])
    first, again = ([*api.tune("level", "denoise", "training", 5, registry=registry)] for _ in "ab")
    assert first == again


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"budget": 2.5}, r"budget=2\.5 is not a whole number"),
        ({"budget": "2"}, "budget='2' is not a whole number"),
        ({"budget": 0}, "budget=0 is too small"),
        ({"dataset": 3}, "a dataset is a name or a folder of images, not int"),
    ],
)
def test_what_is_of_another_kind_is_said_at_once(settings, said):
    with pytest.raises(UsageError, match=said):
        api.tune(**{"priors": "tv", "tasks": "denoise", "dataset": "photos"} | settings)


@pytest.mark.parametrize(
    ("priors", "dataset", "said"),
    [
        ("tv", "photos", "is an image of the bundled photos"),
        ("tv:weight=1", "training", "name a prior without parameters"),
        ("degraded", "training", "declares no parameter with a range"),
        ("level", "one", "1 picture"),
    ],
)
def test_what_cannot_be_tuned_is_said(priors, dataset, said, plugin):
    save(plugin.parent / "one" / "0.png", picture(24, 24))
    for index in range(2):
        save(plugin.parent / "training" / f"{index}.png", picture(24, 24, seed=index))
    with pytest.raises(UsageError, match=said):
        api.tune(priors, "denoise", dataset, 2, registry=plugins.load([plugin]))


def test_a_folder_called_as_a_test_set_is_told_how_to_name_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "photos" / "own.png", picture(24, 24))
    said = "of the bundled photos.*; .* write ./photos for the folder photos here"
    with pytest.raises(UsageError, match=said):
        api.tune("tv", "denoise", "photos", 2)


def test_a_part_of_a_test_set_under_other_names_is_refused(tmp_path):
    image = datasets.load("photos").images[2]
    (tmp_path / "mine.png").write_bytes(image.path.read_bytes())
    save(tmp_path / "own.png", picture(24, 24))
    with pytest.raises(UsageError, match="mine is an image of the bundled photos"):
        training_pictures(datasets.load(str(tmp_path)))


def test_a_gray_test_image_that_is_stored_as_rgb_is_refused(tmp_path):
    Image.open(PHOTOS["camera"]).convert("RGB").save(tmp_path / "mine.png")
    save(tmp_path / "own.png", picture(24, 24))
    with pytest.raises(UsageError, match="mine is an image of the bundled photos"):
        training_pictures(datasets.load(str(tmp_path)))


def test_a_file_keeps_what_is_not_tuned_again(tmp_path):
    file = tmp_path / "tuned.toml"
    file.write_text('[tv.blur]\nweight = 1.5\n\n[unet."missing pixels"]\nsolver = "drs"\n')
    text = tuned_parameters.merged(file, {"tv": {"blur": {}, "noise": {"weight": 2.0}}})
    assert tomllib.loads(text) == {
        "tv": {"noise": {"weight": 2.0}},
        "unet": {"missing pixels": {"solver": "drs"}},
    }


def test_a_file_keeps_odd_texts(tmp_path):
    odd = {"fog é": {"kind": 'a "b"\\\n'}, 'in "quotes"': {"größe": 1e-05}}
    file = tmp_path / "tuned.toml"
    file.write_text(tuned_parameters.merged(file, {"tv": odd}), "utf-8")
    assert tomllib.loads(tuned_parameters.merged(file, {})) == {"tv": odd}


@pytest.mark.parametrize(
    ("text", "says"),
    slow_where(
        lambda text, says: (
            says.startswith("level.noise is") or "'blurr" in says or "gray = [1]" in text
        ),
        [
            ("level = 3", "level.KIND is no table, such as"),
            ("[level]\nnoise = 3", "level.noise is no table, such as"),
            ("[[level.noise]]\ngray = 0.3", "level.noise is no table, such as"),
            (
                "[level.noise]\ngray = nan",
                "level.noise: gray is no text, finite number, true or false",
            ),
            (
                "[level.noise]\ngray = [1]",
                "level.noise: gray is no text, finite number, true or false",
            ),
            (
                "[level.noise]\ngrey = 0.3",
                "level.noise: unknown field of level 'grey'; did you mean",
            ),
            ("[level.noise]\ngray = 3.0", "level.noise: level: gray=3 is too large; the most is 1"),
            (
                "[level.blurr]\ngray = 0.3",
                "unknown kind of degradation 'blurr'; did you mean 'blur'",
            ),
            ("[level.'blurr in gray']\ngray = 0.3", "unknown kind of degradation 'blurr in gray'"),
            ("level", "cannot read the tuned parameters"),
        ],
    ),
)
def test_a_file_of_another_form_is_said_in_a_sentence(plugin, text, says, capsys):
    (plugin.parent / tuned_parameters.FILE).write_text(text)
    command = "bench --priors level --tasks denoise --dry-run --plugin"
    for typed in (command, "tune level --tasks denoise --dataset none --plugin"):
        assert main([*typed.split(), str(plugin)]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert len(lines) in (1, 2) and all(says in line for line in lines)


def test_a_file_that_cannot_be_read_concerns_its_own_plugin_alone(plugin, capsys):
    (plugin.parent / tuned_parameters.FILE).write_text("level")
    command = "bench --priors tv --tasks denoise --dry-run --plugin"
    assert main([*command.split(), str(plugin)]) == 0
    assert "cannot read the tuned parameters" in capsys.readouterr().err


def test_a_misspelt_prior_is_said_and_stops_nothing(plugin, capsys):
    (plugin.parent / tuned_parameters.FILE).write_text("[levell.blur]\ngray = 0.6\n")
    command = "bench --priors level --tasks denoise --dry-run --plugin"
    assert main([*command.split(), str(plugin)]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("plugin level_plugin.py: the tuned parameters ")
    assert "unknown prior 'levell'; did you mean 'level'?" in line


def test_what_is_tuned_may_be_of_other_plugins_and_of_files_beside(plugin, capsys):
    """Such as what `tune` writes by default, into the working folder."""
    (plugin.parent / "other.py").write_text(PLUGIN.replace('"level"', "'level-two'"))
    tuned = "[tv.blur]\nweight = 0.6\n[level-two.blur]\ngray = 0.3\n"
    (plugin.parent / tuned_parameters.FILE).write_text(tuned)
    command = "bench --priors level --tasks denoise --dry-run --plugin"
    assert main([*command.split(), str(plugin)]) == 0
    assert capsys.readouterr().err == ""


def test_the_kind_of_a_degradation_is_that_of_its_data():
    clean = photo_crop("camera")
    tasks = {
        Denoise(): degradation.NOISE,
        DenoisePoisson(): degradation.NOISE,
        DenoiseImpulse(): degradation.IMPULSES,
        Inpaint(kind="box"): degradation.MISSING,
        Inpaint(sigma=0.1): degradation.NOISY_MISSING,
        Deblur(): degradation.BLUR,
        SuperResolution(): degradation.SUPERRES,
        SuperResolution(sigma=0.1): degradation.NOISY_SUPERRES,
        Dejpeg(): degradation.OTHER_NOISE,
    }
    assert {task: degradation.kind_of(task.measure(clean, 0)) for task in tasks} == tasks


def test_what_is_tuned_for_missing_pixels_serves_noisy_ones_until_they_are_tuned():
    """A plugin's file of before there was that kind says what it said."""
    values = {"missing pixels": {"gray": 0.3}, "missing pixels in gray": {"gray": 0.4}}
    kinds = degradation.serving(degradation.NOISY_MISSING)
    assert [tuned_parameters.fitting(values, kinds, one) for one in (3, 1)] == [
        {"gray": 0.3},
        {"gray": 0.4},
    ]
    values[kinds[0]] = {"gray": 0.6}
    assert tuned_parameters.fitting(values, kinds, 1) == {"gray": 0.6}
    exact = degradation.serving(degradation.MISSING)
    assert tuned_parameters.fitting(values, exact, 3) == {"gray": 0.3}


def test_every_tuned_parameter_that_ships_can_be_used():
    registry = plugins.load()
    for name, prior in registry.priors.items():
        for kind, given in tuned_parameters.values(prior).items():
            assert kind.removesuffix(" in gray") in degradation.KINDS
            assert tuned_parameters.parsed(prior, given).spec().startswith(f"{name}:")


def test_what_was_found_before_ctrl_c_is_kept(plugin, capsys, monkeypatch):
    for index in range(2):
        image = 0.7 + 0.1 * (picture(24, 24, seed=index) - 0.5)
        save(plugin.parent / "training" / f"{index}.png", image)
    search = tuning._search

    def interrupted(prior, kind, *more):
        if kind == "blur":
            raise KeyboardInterrupt
        return search(prior, kind, *more)

    monkeypatch.setattr(tuning, "_search", interrupted)
    command = "tune level --tasks denoise,deblur --dataset training --budget 15 -o found.toml"
    assert main([*command.split(), "--plugin", str(plugin)]) == 3
    output = capsys.readouterr()
    assert "## level: noise" in output.out
    assert "Traceback" not in output.err
    assert {*tomllib.loads((plugin.parent / "found.toml").read_text())["level"]} == {"noise"}


def test_a_log_file_has_a_line_for_each_setting(plugin, capsys):
    for index in range(2):
        save(plugin.parent / "training" / f"{index}.png", picture(24, 24, seed=index))
    command = "tune level --tasks denoise --dataset training --budget 2"
    assert main([*command.split(), "--plugin", str(plugin)]) == 0
    first, second, last = capsys.readouterr().err.splitlines()
    assert first.startswith("level, noise: 1 of 2") and second.startswith("level, noise: 2 of 2")
    assert last == "wrote tuned.toml"
    assert "\r" not in first and "\033" not in first + second


def test_where_nothing_can_be_written_nothing_is_searched(plugin, capsys):
    for index in range(2):
        save(plugin.parent / "training" / f"{index}.png", picture(24, 24, seed=index))
    command = "tune level --tasks denoise --dataset training --budget 2 -o missing/found.toml"
    assert main([*command.split(), "--plugin", str(plugin)]) == 2
    output = capsys.readouterr()
    assert "there is no folder" in output.err and not output.out
