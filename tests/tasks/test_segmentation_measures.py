"""Measures of masks against scikit-learn, scikit-image and scipy, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from zoo.contracts.dataset import IGNORED
from zoo.tasks.semantic_segmentation.boundaries import (
    boundary_scores,
    mean_scores,
    tolerance,
)
from zoo.tasks.semantic_segmentation.class_maps import (
    CHOSEN,
    SAMPLED,
    condensed,
    sampled_labels,
    sampled_probabilities,
)
from zoo.tasks.semantic_segmentation.overlap import confusions, overlaps

Maps = NDArray[np.int64]
CLASSES = 4


def blobs(random: np.random.Generator, pictures: int, side: int = 24) -> Maps:
    """Masks of a few discs of random classes on class 0, and some pixels without a class."""
    rows, columns = np.mgrid[:side, :side]
    found = np.zeros((pictures, side, side), np.int64)
    for mask in found:
        for number in random.integers(0, CLASSES, 4):
            y, x, radius = [*random.uniform(0, side, 2).tolist(), random.uniform(2, side / 3)]
            mask[(rows - y) ** 2 + (columns - x) ** 2 < radius**2] = number
    return found


def without_some(random: np.random.Generator, masks: Maps) -> Maps:
    return np.where(random.uniform(size=masks.shape) < 0.1, IGNORED, masks)


def altered(random: np.random.Generator, masks: Maps) -> Maps:
    """Masks that others gave a shift and some other pixels."""
    moved = np.roll(masks, random.integers(-2, 3, 2).tolist(), axis=(1, 2))
    other = random.integers(0, CLASSES, masks.shape)
    return np.where(random.uniform(size=masks.shape) < 0.05, other, moved)


@pytest.mark.parametrize("seed", range(4))
def test_overlaps_are_those_of_scikit_learn(seed: int) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(seed)
    labels = without_some(random, blobs(random, 5))
    chosen = altered(random, np.maximum(labels, 0))
    real = labels != IGNORED
    counts = confusions(labels, chosen, CLASSES)
    whole = metrics.confusion_matrix(labels[real], chosen[real], labels=range(CLASSES))
    assert (counts.sum(axis=0) == whole).all()
    own = metrics.jaccard_score(labels[real], chosen[real], labels=range(CLASSES), average=None)
    assert overlaps(counts)[0] == pytest.approx(own, abs=1e-12)
    # A picture that counts twice is a picture that is there twice.
    twice = metrics.jaccard_score(
        np.concatenate([labels[:1][real[:1]], labels[real]]),
        np.concatenate([chosen[:1][real[:1]], chosen[real]]),
        labels=range(CLASSES),
        average=None,
    )
    weights = np.ones((1, 5))
    weights[0, 0] = 2
    assert overlaps(counts, weights)[0] == pytest.approx(twice, abs=1e-12)


def test_overlaps_by_hand() -> None:
    labels = np.array([[[0, 0, 1], [0, 1, IGNORED]]])
    chosen = np.array([[[0, 1, 1], [0, 1, 2]]])
    found = overlaps(confusions(labels, chosen, 3))[0]
    assert found[:2] == pytest.approx([2 / 3, 2 / 3])
    assert np.isnan(found[2])


def by_distances(labels: Maps, chosen: Maps, most: int) -> NDArray[np.float64]:
    """Boundary scores of one picture, by scikit-image's boundaries and scipy's distances."""
    segmentation = pytest.importorskip("skimage.segmentation")
    ndimage = pytest.importorskip("scipy.ndimage")
    scores = []
    outlines = [segmentation.find_boundaries(m + 1, 1, mode="inner") for m in (labels, chosen)]
    for number in range(CLASSES):
        true, own = (
            edge & (mask == number) for edge, mask in zip(outlines, (labels, chosen), strict=True)
        )
        if not true.any() or not own.any():
            scores.append(np.nan if not true.any() and not own.any() else 0.0)
            continue
        precision = (ndimage.distance_transform_edt(~true)[own] <= most).mean()
        recall = (ndimage.distance_transform_edt(~own)[true] <= most).mean()
        both = precision + recall
        scores.append(2 * precision * recall / both if both else 0.0)
    return np.array(scores)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("side", [24, 200])
def test_boundaries_are_those_of_scikit_image(seed: int, side: int) -> None:
    random = np.random.default_rng(seed)
    labels = blobs(random, 3, side)
    chosen = altered(random, labels)
    found = boundary_scores(labels, chosen, CLASSES)
    most = tolerance(side, side)
    assert most == {24: 1, 200: 2}[side]
    for own, true, answered in zip(found, labels, chosen, strict=True):
        assert own == pytest.approx(by_distances(true, answered, most), abs=1e-12, nan_ok=True)


def test_boundaries_by_hand() -> None:
    labels = np.zeros((3, 8, 8), np.int64)
    labels[:2, :, 4:] = 1
    chosen = labels.copy()
    chosen[1, :, 3:] = 1  # one pixel off
    chosen[2] = 0
    assert boundary_scores(labels, chosen, 2)[:2].tolist() == [[1.0, 1.0], [1.0, 1.0]]
    chosen[1, :, 1:] = 1  # three pixels off
    found = boundary_scores(labels, chosen, 2)
    assert found[1].tolist() == [0.0, 0.0]
    assert np.isnan(found[2]).all()
    # What is not labelled has no boundary, and makes none of others.
    labels[1, :, 4:] = IGNORED
    assert np.isnan(boundary_scores(labels, labels, 2)[1]).all()
    assert mean_scores(found)[0].tolist() == [0.5, 0.5]
    assert mean_scores(found, np.array([[1.0, 3.0, 7.0]]))[0].tolist() == [0.25, 0.25]


def test_probabilities_are_condensed_to_classes_and_a_sample() -> None:
    random = np.random.default_rng(0)
    outputs = random.dirichlet(np.ones(5), (3, 40, 40)).astype(np.float32)
    kept = condensed(outputs)
    assert condensed(kept) is kept
    assert (kept[CHOSEN] == outputs.argmax(axis=-1)).all()
    assert kept[CHOSEN].dtype == np.uint8
    assert sampled_probabilities(kept).shape == (3, SAMPLED, 5)
    assert kept.nbytes < outputs.nbytes * 0.75
    # Sampled pixels are those of sampled labels.
    labels = outputs.argmax(axis=-1)
    assert (sampled_labels(labels) == sampled_probabilities(outputs).argmax(axis=-1)).all()
    # Condensed at once and piece by piece is the same.
    pieces = np.concatenate([condensed(outputs[:1]), condensed(outputs[1:])])
    assert (pieces == kept).all()
    outputs[1, 39, 39, 2] = np.nan
    assert np.isnan(sampled_probabilities(outputs)).all(axis=(1, 2)).tolist() == [0, 1, 0]


@pytest.mark.parametrize("seed", [0, 1])
def test_the_dice_loss_is_that_of_numpy(seed: int) -> None:
    keras = pytest.importorskip("keras")
    from zoo.contracts.training import Training
    from zoo.tasks.semantic_segmentation.objective import compile_model

    random = np.random.default_rng(seed)
    labels = random.integers(-1, 3, (2, 4, 4)).astype(np.int16)
    logits = random.normal(size=(2, 4, 4, 4)).astype(np.float32) * 2  # no pixel has the last class

    def loss(**task: float) -> float:
        given = keras.Input((4, 4, 4))
        model = keras.Model(given, keras.layers.Activation("linear")(given))
        compile_model(model, keras.optimizers.SGD(0.0), Training(from_scratch=True, task=task))
        return float(np.mean(keras.ops.convert_to_numpy(model.loss(labels, logits))))

    powers = np.exp(logits.astype(np.float64))
    shares = (powers / powers.sum(axis=-1, keepdims=True))[labels >= 0]
    true = np.eye(4)[labels[labels >= 0]]
    entropy = -np.log(shares[true == 1]).mean()
    each = 1 - 2 * (shares * true).sum(axis=0) / (shares.sum(axis=0) + true.sum(axis=0))
    assert loss() == pytest.approx(entropy, rel=1e-5)
    assert loss(dice=2.0) == pytest.approx(entropy + 2 * each[:3].mean(), rel=1e-5)
    # A class that no pixel has would count as missed.
    assert each.mean() != pytest.approx(each[:3].mean(), rel=1e-2)
