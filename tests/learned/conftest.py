"""What the tests of learned priors share."""

import pytest
from torch_threads import threads


@pytest.fixture(autouse=True)
def one_thread():
    with threads(1):
        yield
