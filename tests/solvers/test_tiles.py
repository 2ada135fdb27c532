"""Images in tiles: the same as in one piece, whatever the size of the tiles."""

import pytest
import torch
from torch.nn.functional import avg_pool2d

from priorlab.solvers.tiles import Locality, in_tiles, tiles


@pytest.mark.parametrize("grid", [1, 3, 8])
@pytest.mark.parametrize("size", [(1, 700), (65, 129), (200, 64)])
def test_tiles_cover_each_pixel_once_and_see_their_surroundings(size, grid):
    count = torch.zeros(size)
    for tile in tiles(*size, Locality(reach=5, grid=grid, side=64)):
        count[tile.place] += 1
        for place, window, inner, extent in zip(
            tile.place, tile.window, tile.inner, size, strict=True
        ):
            assert window.start == 0 or place.start - window.start >= 5
            assert window.stop == extent or window.stop - place.stop >= 5
            assert window.start % grid == 0
            assert window.start + inner.start == place.start
            assert window.start + inner.stop == place.stop
    assert bool((count == 1).all())


def test_a_small_image_and_a_prior_that_is_not_local_are_done_in_one_piece():
    assert len(tiles(1024, 1000, Locality(reach=3))) == 1
    sizes = []
    for locality in (None, Locality(reach=3, side=4096)):
        in_tiles(
            lambda part: sizes.append(part.shape) or part, torch.zeros(1, 1, 9, 3000), locality
        )
    assert sizes == 2 * [(1, 1, 9, 3000)]


def test_the_result_is_that_of_the_whole_image():
    x = torch.rand(2, 3, 150, 200, generator=torch.Generator().manual_seed(0))

    def smooth(part):
        return avg_pool2d(part, 5, 1, 2, count_include_pad=False)

    torch.testing.assert_close(in_tiles(smooth, x, Locality(2, side=40)), smooth(x))
    assert not torch.allclose(in_tiles(smooth, x, Locality(0, side=40)), smooth(x))
