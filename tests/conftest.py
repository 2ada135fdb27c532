"""What all tests share."""

import pytest
import torch
from sample_pictures import picture, save

torch.set_num_threads(1)


@pytest.fixture
def photo(tmp_path):
    """A colour PNG of 40 x 32 pixels."""
    return save(tmp_path / "photo.png", picture(32, 40, 3))
