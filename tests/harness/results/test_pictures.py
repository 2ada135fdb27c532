"""Pictures in the store are named by what they show, and that is checked when it matters."""

import numpy as np
import pytest
from harness.results import samples

from priorlab.errors import UsageError
from priorlab.harness.results import outputs
from priorlab.harness.results.store import Store

RNG = np.random.default_rng(0)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "results")
    yield store
    store.close()


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_an_image_keeps_16_bits(channels):
    image = RNG.random((channels, 20, 30)).astype(np.float32)
    digest, files = outputs.encode(image)
    assert set(files) == {digest + ".tiff", digest + ".png"}
    again = outputs.decode(digest + ".tiff", files[digest + ".tiff"])
    np.testing.assert_array_equal(again, outputs.rounded(image))
    assert outputs.encode(again) == (digest, files)


def test_any_damage_to_an_image_is_found():
    digest, files = outputs.encode(RNG.random((1, 16, 20)).astype(np.float32))
    name, content = digest + outputs.DATA, files[digest + outputs.DATA]
    middle = len(content) // 2
    changed = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    for wrong in (b"", b"no picture", content[:middle], changed):
        with pytest.raises(UsageError, match=r"the stored picture \w+.tiff is damaged: "):
            outputs.decode(name, wrong)


def test_an_image_in_the_place_of_another_is_found():
    (digest, _), (other, files) = (outputs.encode(np.full((1, 16, 20), v)) for v in (0.5, 0.6))
    with pytest.raises(UsageError, match="is damaged: it shows something else"):
        outputs.decode(digest + outputs.DATA, files[other + outputs.DATA])


def test_pictures_are_put_with_their_cell_and_mended(store):
    outcome = samples.put(store, "k")
    name = outcome.output + outputs.DATA
    content = store.picture(name)
    assert outputs.decode(name, content)[0, 0, 0] == pytest.approx(0.5, abs=1e-4)
    assert store.picture("unknown.png") is None
    store.database.execute("update pictures set data = 'damaged' where name = ?", (name,))
    assert store.picture(name) == b"damaged"
    samples.put(store, "k")
    assert store.picture(name) == content


def test_a_cell_whose_picture_is_lost_is_not_known(store):
    outcome = samples.put(store, "lost", 0.1)
    samples.put(store, "there", 0.2)
    samples.fail(store, "failed")
    samples.fail(store, "unsupported", status="unsupported")
    store.database.execute("delete from pictures where name = ?", (outcome.output + ".tiff",))
    keys = ["lost", "there", "failed", "unsupported", "never seen"]
    assert set(store.known(keys)) == {"there", "unsupported"}
    assert set(store.outcomes(keys)) == set(keys[:4])


def test_many_cells_are_known_in_few_queries(store):
    keys = [f"k{index}" for index in range(1234)]
    for key in keys[::2]:
        samples.fail(store, key, status="unsupported")
    counted = []
    store.database._connection.set_trace_callback(counted.append)
    assert set(store.known(keys)) == set(keys[::2])
    assert len(store.scores(keys, samples.METRICS)) == 1234
    assert len(counted) <= 8


@pytest.mark.parametrize("text", ["half of a pair \udcff", "zero \0 inside", "long " * 200_000])
def test_any_text_can_be_stored(store, text):
    labels = samples.LABELS | {"image": text[:100]}
    store.put("k", labels, samples.FAILED.__class__("failed", message=text, details=text), {}, {})
    found = store.outcomes(["k"])["k"]
    assert found.message.replace("?", "") == text.replace("\0", "").replace("\udcff", "")
    assert found.details == found.message


def test_a_number_that_is_too_large_is_stored_as_it_can_be(store):
    outcome, _ = samples.cell(stop=10**30)
    store.put("k", samples.LABELS, outcome, {}, {})
    assert store.outcomes(["k"])["k"].stop == 1e30
