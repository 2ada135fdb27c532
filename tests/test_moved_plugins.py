"""A plugin whose folder was moved is found under the name by which files on disk call it."""

import pickle
import sys

import pytest

from priorlab.candidates import Candidate

TEXT = """
def smooth(image):
    return {number}
"""


def load(folder, number=1):
    folder.mkdir(exist_ok=True)
    file = folder / "loops.py"
    file.write_text(TEXT.format(number=number))
    return Candidate(file.name, str(file)).load()


@pytest.fixture
def kept(tmp_path):
    """What is kept of a function of a plugin, as numba keeps compiled loops by names."""
    module = load(tmp_path / "before")
    data = pickle.dumps(module.smooth)
    yield data
    forget()


def forget():
    for name in [name for name in sys.modules if name.startswith("priorlab_plugin_loops_")]:
        del sys.modules[name]


def test_what_was_kept_is_that_of_the_plugin_where_it_is_now(kept, tmp_path):
    forget()
    module = load(tmp_path / "after")
    spec, name = module.__spec__, module.__name__
    assert pickle.loads(kept) is module.smooth
    assert (module.__spec__, module.__name__) == (spec, name)
    assert pickle.loads(kept) is module.smooth


def test_of_two_plugins_of_one_name_none_is_taken_for_the_other(kept, tmp_path):
    forget()
    load(tmp_path / "one")
    load(tmp_path / "two", number=2)
    with pytest.raises(ModuleNotFoundError):
        pickle.loads(kept)


def test_a_plugin_that_is_where_it_was_is_itself(kept, tmp_path):
    module = sys.modules[pickle.loads(kept).__module__]
    load(tmp_path / "other", number=2)
    assert pickle.loads(kept) is module.smooth
