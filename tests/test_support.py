"""Each prior takes the tasks that support.toml says, and gives the reason there for the others."""

import functools

import pytest
from sample_pictures import picture
from support import PRIORS, TASKS, UNSUPPORTED, WORSE, reason

from priorlab.forward.measurement import Measurement
from priorlab.pictures import arrays


@functools.cache
def measurement(task: str, channels: int) -> Measurement:
    return TASKS[task]().measure(arrays.to_tensor(picture(64, 48, channels)), seed=0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("prior", PRIORS)
def test_a_prior_takes_a_task_or_gives_the_reason(prior: str, task: str, channels: int) -> None:
    assert PRIORS[prior]().unsupported(measurement(task, channels)) == reason(prior, task)


@pytest.mark.parametrize("table", [UNSUPPORTED, WORSE])
def test_the_tables_name_what_exists(table: dict[str, dict[str, str]]) -> None:
    assert table.keys() <= PRIORS.keys()
    for tasks in table.values():
        assert tasks.keys() <= TASKS.keys()
