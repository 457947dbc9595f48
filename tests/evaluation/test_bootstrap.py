import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import (
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from byel_tf.evaluation.bootstrap import (
    accuracy,
    balanced_accuracy,
    class_f1,
    class_precision,
    class_recall,
    cohen_kappa,
    count_confusions,
    macro_f1,
    percentile_interval,
    resampled_confusions,
    resampled_macro_f1,
    resampled_means,
    resampling_units,
)
from byel_tf.evaluation.metrics import score

K = 4

IMAGES = st.lists(st.tuples(*[st.integers(0, K - 1)] * 3), min_size=1, max_size=40).map(
    lambda rows: np.array(rows).T
)


def sklearn_f1(labels, predictions):
    return f1_score(labels, predictions, average="macro", zero_division=0)


def noisy(rng, labels, share, num_classes=K):
    """Predictions of which about a share is right."""
    guesses = rng.integers(num_classes, size=len(labels))
    return np.where(rng.random(len(labels)) < share, labels, guesses)


@settings(deadline=None)
@given(images=IMAGES)
def test_confusions_and_macro_f1_are_those_of_scikit_learn(images):
    labels, *predictions = images
    confusions = count_confusions(labels, np.array(predictions), K)
    for row, counts, value in zip(
        predictions, confusions, macro_f1(confusions), strict=True
    ):
        np.testing.assert_array_equal(
            counts, confusion_matrix(labels, row, labels=range(K))
        )
        assert value == pytest.approx(sklearn_f1(labels, row), abs=1e-12)
        assert value == pytest.approx(score(labels, row, "abcd").macro_f1, abs=1e-12)


def test_macro_f1_keeps_leading_axes():
    assert macro_f1(np.zeros((2, 3, K, K), int)).tolist() == [[0, 0, 0]] * 2


@settings(deadline=None)
@given(images=IMAGES, seed=st.integers(0, 99))
def test_every_resample_is_that_of_the_drawn_images(images, seed):
    """The same draws, taken image by image and scored by scikit-learn."""
    labels, *predictions = images
    scores = resampled_macro_f1(
        labels, np.array(predictions), K, 3, np.random.default_rng(seed)
    )
    rng = np.random.default_rng(seed)
    for row in scores:
        drawn = rng.integers(len(labels), size=len(labels))
        expected = [sklearn_f1(labels[drawn], p[drawn]) for p in predictions]
        np.testing.assert_allclose(row, expected, atol=1e-12)


def test_image_interval_is_that_of_scipy(rng):
    labels = rng.integers(K, size=300)
    predictions = noisy(rng, labels, 0.6)
    ours = percentile_interval(
        resampled_macro_f1(labels, predictions[None], K, 2000, rng)[:, 0]
    )
    oracle = stats.bootstrap(
        (labels, predictions),
        lambda y, p: macro_f1(count_confusions(y, p[None], K))[0],
        paired=True,
        vectorized=False,
        n_resamples=2000,
        method="percentile",
        rng=rng,
    ).confidence_interval
    np.testing.assert_allclose(ours, oracle, atol=0.006)
    assert ours[1] - ours[0] > 0.05


def test_interval_holds_the_estimate(rng):
    labels = rng.integers(K, size=500)
    for share in (0.1, 0.5, 0.9):
        predictions = np.array([noisy(rng, labels, share) for _ in range(3)])
        estimate = macro_f1(count_confusions(labels, predictions, K)).mean()
        resampled = resampled_macro_f1(labels, predictions, K, 1000, rng)
        lower, upper = percentile_interval(resampled.mean(axis=1))
        assert lower < estimate < upper
        narrow = percentile_interval(resampled.mean(axis=1), level=0.5)
        assert lower < narrow[0] < estimate < narrow[1] < upper


def test_paired_images_give_a_narrower_difference(rng):
    """Two variants that err on the same images."""
    labels = rng.integers(K, size=400)
    first = noisy(rng, labels, 0.5)
    second = np.where(rng.random(400) < 0.05, labels, first)
    both = np.array([first, second])
    paired = resampled_macro_f1(labels, both, K, 1000, rng)
    other = resampled_macro_f1(labels, both, K, 1000, rng)
    lower, upper = percentile_interval(paired[:, 1] - paired[:, 0])
    unpaired = percentile_interval(other[:, 1] - paired[:, 0])
    assert upper - lower < 0.5 * (unpaired[1] - unpaired[0])
    assert unpaired[0] < 0 < lower < upper < unpaired[1]


def test_seeds_vary_the_mean_as_new_seeds_would(rng):
    """Variance of the mean of S seeds: the sample variance over S, unbiased."""
    for values in ([0.4, 0.5, 0.9], [0.1, 0.2], [0.3, 0.1, 0.4, 0.15, 0.9]):
        means = resampled_means(np.tile(values, (200_000, 1)), rng)
        assert means.mean() == pytest.approx(np.mean(values), abs=2e-3)
        expected = np.var(values, ddof=1) / len(values)
        assert means.var() == pytest.approx(expected, rel=0.02)


def test_seeds_are_drawn_within_their_resample(rng):
    """Images move all scores of a row together, and stay in the mean."""
    images = rng.normal(size=1000)
    means = resampled_means(np.repeat(images[:, None], 3, axis=1), rng)
    np.testing.assert_allclose(means, images)


def test_one_seed_has_no_spread_of_its_own(rng):
    scores = rng.random((10, 1))
    assert resampled_means(scores, rng).tolist() == scores[:, 0].tolist()


def test_the_difference_of_seeds_that_differ_is_wider_than_that_of_images(rng):
    labels = rng.integers(K, size=2000)
    weak, strong = (
        np.array([noisy(rng, labels, share) for share in shares])
        for shares in ((0.3, 0.5, 0.7), (0.4, 0.6, 0.8))
    )
    scores = resampled_macro_f1(labels, np.concatenate([weak, strong]), K, 1000, rng)
    first, second = scores[:, :3], scores[:, 3:]
    images = percentile_interval(second.mean(axis=1) - first.mean(axis=1))
    whole = percentile_interval(
        resampled_means(second, rng) - resampled_means(first, rng)
    )
    assert images[0] > 0
    assert whole[0] < 0 < whole[1]


@pytest.mark.parametrize(("label", "prediction", "expected"), [(2, 2, 1), (0, 3, 0)])
def test_one_image(rng, label, prediction, expected):
    scores = resampled_macro_f1(np.array([label]), np.array([[prediction]]), K, 10, rng)
    assert percentile_interval(scores[:, 0]) == (expected, expected)


def test_a_class_that_is_absent_counts_only_when_predicted(rng):
    labels = np.repeat([0, 1], 50)
    perfect, once = labels, np.where(np.arange(100) == 0, 3, labels)
    scores = resampled_macro_f1(labels, np.array([perfect, once]), K, 500, rng)
    assert (scores[:, 0] == 1).all()
    # Drawn, image 0 adds a class with F1 0; not drawn, everything is right.
    assert set(np.unique(scores[:, 1] == 1)) == {False, True}
    assert scores[scores[:, 1] < 1, 1].max() < 0.68


def test_labels_without_any_right_prediction(rng):
    labels = np.zeros(20, int)
    scores = resampled_macro_f1(labels, np.ones((1, 20), int), K, 20, rng)
    assert not scores.any()


@pytest.mark.filterwarnings(
    "ignore:A single label", "ignore::sklearn.exceptions.UndefinedMetricWarning"
)
def test_scores_of_many_matrices_are_those_of_scikit_learn(rng):
    for _ in range(200):
        size, present = rng.integers(1, 30), rng.integers(1, K + 1)
        labels = rng.permutation(K)[rng.integers(present, size=size)]
        predicted = rng.permutation(K)[rng.integers(rng.integers(1, K + 1), size=size)]
        (confusion,) = count_confusions(labels, predicted[None], K)
        precisions, recalls, f1, supports = precision_recall_fscore_support(
            labels, predicted, labels=range(K), zero_division=0
        )
        occurs = np.isin(range(K), [*labels, *predicted])
        np.testing.assert_array_equal(class_precision(confusion), precisions)
        np.testing.assert_array_equal(class_recall(confusion), recalls)
        np.testing.assert_allclose(class_f1(confusion), f1, atol=1e-12)
        kappa = cohen_kappa_score(labels, predicted)
        assert cohen_kappa(confusion) == pytest.approx(kappa, abs=1e-12, nan_ok=True)
        assert macro_f1(confusion) == pytest.approx(f1[occurs].mean(), abs=1e-12)
        assert accuracy(confusion) == np.mean(labels == predicted)
        expected = recalls[supports > 0].mean()
        assert balanced_accuracy(confusion) == pytest.approx(expected, abs=1e-12)


def test_scores_of_an_empty_matrix():
    empty = np.zeros((2, K, K), int)
    assert accuracy(empty).tolist() == balanced_accuracy(empty).tolist() == [0, 0]
    for by_class in (class_precision, class_recall, class_f1):
        assert by_class(empty).tolist() == [[0] * K] * 2
    assert np.isnan(cohen_kappa(empty)).all()


def test_images_of_unknown_persons_are_units_of_their_own():
    units = resampling_units(["Ada", "", "Bo", "Ada", "", "Bo"])
    assert units.tolist() == [0, 1, 2, 0, 3, 2]
    assert resampling_units([]).tolist() == []


@settings(deadline=None, max_examples=40)
@given(images=IMAGES, seed=st.integers(0, 99), persons=st.integers(1, 5))
def test_drawn_persons_bring_all_their_images(images, seed, persons):
    """The same draws, taken person by person, image by image."""
    labels, *predictions = images
    units = np.arange(len(labels)) % persons
    persons = min(persons, len(labels))
    confusions = resampled_confusions(
        labels, np.array(predictions), K, 3, np.random.default_rng(seed), units
    )
    rng = np.random.default_rng(seed)
    for matrices in confusions:
        drawn = rng.integers(persons, size=persons)
        rows = np.concatenate([np.flatnonzero(units == unit) for unit in drawn])
        for matrix, row in zip(matrices, predictions, strict=True):
            expected = confusion_matrix(labels[rows], row[rows], labels=range(K))
            np.testing.assert_array_equal(matrix, expected)


def test_alike_images_of_a_person_widen_the_interval(rng):
    """Ten copies of every image: drawn singly they pass for ten times the evidence."""
    labels = rng.integers(K, size=100)
    predictions = noisy(rng, labels, 0.5)
    copies, units = np.repeat(labels, 10), np.repeat(np.arange(100), 10)
    many = np.repeat(predictions, 10)[None]

    def width(labels, predictions, units=None):
        scores = resampled_macro_f1(labels, predictions, K, 1500, rng, units)
        lower, upper = percentile_interval(scores[:, 0])
        return upper - lower

    honest = width(labels, predictions[None])
    assert width(copies, many, units) == pytest.approx(honest, rel=0.1)
    assert width(copies, many) == pytest.approx(honest / np.sqrt(10), rel=0.15)
