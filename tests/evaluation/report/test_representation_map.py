import dataclasses

import numpy as np
import pytest

from byel_tf.evaluation.predictions import Predictions
from byel_tf.evaluation.report.representation_map import (
    data_set_map_png,
    map_png,
    map_representations,
)


def predictions(rng, count, offset=0.0):
    labels = rng.integers(2, size=count)
    representations = rng.normal(size=(count, 8)) + 12 * labels[:, None] + offset
    return Predictions(
        tuple(map(str, range(count))),
        labels,
        labels,
        np.eye(2)[labels],
        representations=representations.astype(np.float32),
    )


@pytest.fixture
def sets():
    rng = np.random.default_rng(1)
    return {"synthetic": predictions(rng, 60), "$real$": predictions(rng, 40, 1.0)}


def test_classes_of_all_sets_lie_together(sets):
    places = map_representations(sets)
    assert list(places) == list(sets)
    assert [len(p.positions) for p in places.values()] == [60, 40]
    positions = np.concatenate([p.positions for p in places.values()])
    labels = np.concatenate([p.labels for p in places.values()])
    distances = np.linalg.norm(positions[:, None] - positions, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (labels[distances.argmin(axis=1)] == labels).mean() > 0.97


def test_labels_stay_with_their_images(sets):
    places = map_representations(sets, seed=3, most=50)
    found = places["synthetic"]
    assert len(found.positions) == 25
    # Two groups, one a class: each lies around its own centre.
    centres = [found.positions[found.labels == label].mean(axis=0) for label in (0, 1)]
    distances = [np.linalg.norm(found.positions - c, axis=1) for c in centres]
    assert (np.argmin(distances, axis=0) == found.labels).all()


def test_the_seed_decides(sets):
    first, again = map_representations(sets, 1, 50), map_representations(sets, 1, 50)
    other = map_representations(sets, 2, 50)
    for name in sets:
        np.testing.assert_array_equal(first[name].positions, again[name].positions)
    assert not np.array_equal(first["synthetic"].labels, other["synthetic"].labels)


def test_too_little_to_map(sets):
    few = {"a": predictions(np.random.default_rng(1), 5)}
    assert map_representations(few) == {}
    assert map_representations({}) == {}
    for representation in np.ones(8, np.float32), np.arange(8, dtype=np.float32):
        representations = np.tile(representation, (60, 1))
        same = dataclasses.replace(sets["synthetic"], representations=representations)
        assert map_representations({"same": same}) == {}


@pytest.mark.parametrize("distance", [1e-6, 1e6])
def test_one_image_unlike_the_others(sets, distance):
    representations = np.tile(np.arange(8, dtype=np.float32), (60, 1))
    representations[7, 0] += distance
    found = dataclasses.replace(sets["synthetic"], representations=representations)
    places = map_representations({"a": found})
    assert np.isfinite(places["a"].positions).all()


@pytest.mark.filterwarnings("error")
def test_pictures(sets):
    sets["$real$"].labels[:3] = -1
    places = map_representations(sets)
    pictures = [map_png(places, ("a", "b"))]
    pictures += [data_set_map_png(places, name, ("a", "b")) for name in places]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
    assert len(set(pictures)) == 3
