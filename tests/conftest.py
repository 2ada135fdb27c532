"""What all tests share."""

import os

# Before torch is imported: idle threads are to sleep, not to spin on cores that others need.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
import torch
from sample_pictures import picture, save

torch.set_num_threads(1)


@pytest.fixture
def photo(tmp_path):
    """A colour PNG of 40 x 32 pixels."""
    return save(tmp_path / "photo.png", picture(32, 40, 3))
