import numpy as np
import pytest
from scipy import special

from byel_tf.adaptation.prototypes import class_prototypes, matching_scale


def unit(vector):
    return vector / np.linalg.norm(vector)


def reference(representations, probabilities, kernel, bias, temperature, kept):
    """T3A, image by image, as its paper's algorithm 1."""
    supports = {k: [] for k in range(kernel.shape[1])}
    for k in range(kernel.shape[1]):
        said = special.softmax((kernel.T @ kernel[:, k] + bias) / temperature)
        supports[int(said.argmax())].append(
            (-(said * np.log(said)).sum(), kernel[:, k])
        )
    for z, p in zip(representations, probabilities, strict=True):
        supports[int(p.argmax())].append((-(p * np.log(p)).sum(), z))
    columns = []
    for members in supports.values():
        members.sort(key=lambda pair: pair[0])
        columns.append(unit(sum(unit(z) for _, z in members[: kept or None])))
    return np.stack(columns, axis=1)


@pytest.mark.parametrize("kept", [0, 1, 5])
def test_as_the_paper(rng, kept):
    kernel = rng.normal(size=(7, 3))
    representations = np.abs(rng.normal(size=(60, 7)))
    bias, temperature = rng.normal(size=3), 3.0
    logits = (representations @ kernel + bias) / temperature
    said = special.softmax(logits, axis=1), kernel, bias, temperature, kept
    prototypes = class_prototypes(representations, *said)
    expected = reference(representations, *said)
    np.testing.assert_allclose(prototypes, expected, atol=1e-12)


def test_a_class_without_images_keeps_its_column(rng):
    kernel = rng.normal(size=(5, 3))
    kernel[:, 2] *= 3
    sure = np.eye(3)[[0, 1, 0, 1]]
    prototypes = class_prototypes(
        rng.normal(size=(4, 5)), sure, kernel, np.zeros(3), 1.0, 0
    )
    np.testing.assert_allclose(prototypes[:, 2], unit(kernel[:, 2]))


def test_scale(rng):
    logits = rng.normal(size=(100, 4))
    scale = matching_scale(logits, 0.6)
    sure = special.softmax(scale * logits, axis=1).max(axis=1)
    assert sure.mean() == pytest.approx(0.6)
    assert matching_scale(logits, 1.0) == pytest.approx(1e4)
    assert matching_scale(np.zeros((3, 4)), 0.6) == pytest.approx(1e4)
