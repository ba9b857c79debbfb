"""What a training is fed: labels that follow their pictures, and weights of classes."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from short_training import REGISTRY, TASK, VARIANT, train
from short_training import digits as digits

from zoo.common.errors import UsageError
from zoo.contracts import Dataset, ImagePreprocessing, Split
from zoo.contracts.training import Training
from zoo.data.preprocessing.augment import augment
from zoo.training.batches import TrainingBatches, balanced_weights
from zoo.training.qat.distillation import LogitDistillation

SIDE = 12
RULE = ImagePreprocessing(height=SIDE, width=SIDE, channels=1)


def marked(labels: Any, pixels: Any) -> Dataset:
    split = Split(labels=labels, read=lambda i: pixels[i], content_hash="0" * 64)
    splits = {"train": split, "validation": split, "test": split}
    return Dataset(name="made", classes=("no", "yes"), splits=splits, content_hash="0" * 64)


def masks(count: int = 32) -> np.ndarray:
    random = np.random.default_rng(0)
    made = np.zeros((count, SIDE, SIDE), np.int64)
    for mask in made:
        left = random.integers(1, 4)
        mask[2:7, left : left + 3] = 1
    return made


def fed(dataset: Dataset, task: Any = TASK, **options: Any) -> Any:
    return TrainingBatches(dataset, RULE, Training(**options), task, 0).train(1)


def test_masks_move_along_with_their_pictures() -> None:
    labels = masks()
    pixels = (labels[..., None] * 255).astype(np.uint8)
    moved = 0
    for values, found in fed(marked(labels, pixels), augment=("flip",)):
        np.testing.assert_array_equal(values.numpy()[..., 0] > 127, found.numpy() == 1)
        moved += int((found.numpy()[:, :, SIDE // 2 + 2 :] == 1).any((1, 2)).sum())
    assert 8 < moved < 24


def test_random_changes_follow_from_seed_and_epoch_however_the_stream_is_read() -> None:
    names = ("shift", "flip", "erase")
    pixels = np.random.default_rng(1).integers(0, 256, (40, SIDE, SIDE, 1), dtype=np.uint8)
    dataset = marked(np.arange(40) % 2, pixels)
    plain, changed, resumed = (
        TrainingBatches(dataset, RULE, Training(augment=own, batch_size=16), TASK, 5)
        for own in ((), names, names)
    )
    seen: list[np.ndarray] = []
    for epoch in (1, 2, 3):
        change = augment(names, 5 + epoch)  # a function of its own for each epoch, called in order
        expected = [change(*batch) for batch in plain.train(epoch)]
        found = [*changed.train(epoch)]
        assert len(found) == 3
        for (values, labels), (wanted, known) in zip(found, expected, strict=True):
            assert np.array_equal(values, wanted)
            assert np.array_equal(labels, known)
        seen.append(np.concatenate([values for values, _ in found]))
    assert changed.train(1) is changed.train(2)  # building it anew costs more than an epoch of few
    assert not np.array_equal(seen[0], seen[1])
    again = np.concatenate([values for values, _ in resumed.train(3)])
    assert np.array_equal(again, seen[2])


@pytest.mark.parametrize("shape", [(4,), (3, 4), (SIDE, SIDE)])
def test_places_that_nobody_knows_how_to_move_are_refused(shape: tuple[int, ...]) -> None:
    """Boxes, key points and depths are numbers: moved pictures would leave them behind."""
    labels = np.zeros((32, *shape), np.float32)
    dataset = marked(labels, np.zeros((32, SIDE, SIDE, 1), np.uint8))
    for name in ("flip", "shift", "rotate"):
        with pytest.raises(UsageError, match="pictures cannot be moved at random") as caught:
            fed(dataset, augment=(name,))
        assert "Task.transform_labels" in str(caught.value)
    next(iter(fed(dataset, augment=("erase",))))
    next(iter(fed(dataset)))


def test_a_task_says_how_its_labels_follow() -> None:
    class Points(type(TASK)):  # type: ignore[misc]
        def transform_labels(self, labels: Any, transform: Any) -> Any:
            return transform.apply_to_points(labels)

    task = Points(name="points", summary="Points", outputs=TASK.outputs)
    labels = np.full((32, 2), 2.0, np.float32)
    pixels = np.zeros((32, SIDE, SIDE, 1), np.uint8)
    pixels[:, 2, 2] = 255
    sides = set()
    for values, found in fed(marked(labels, pixels), task, augment=("flip",)):
        for picture, (x, y) in zip(values.numpy(), found.numpy(), strict=True):
            assert picture[round(float(y)), round(float(x)), 0] == 255
            sides.add(float(x))
    assert sides == {2.0, SIDE - 3.0}


def test_one_label_per_picture_stays_and_a_teacher_needs_none() -> None:
    pixels = np.zeros((32, SIDE, SIDE, 1), np.uint8)
    for _, found in fed(marked(np.ones(32, np.int64), pixels), augment=("flip", "rotate")):
        assert (found.numpy() == 1).all()
    lesson = LogitDistillation(name="x", chooses=False)
    next(iter(fed(marked(np.zeros((32, 4), np.float32), pixels), lesson, augment=("flip",))))


def test_each_class_weighs_the_same() -> None:
    labels = np.repeat([0, 1, 3], [80, 15, 5]).astype(np.int64)
    weights = balanced_weights(TASK, labels)
    assert weights.dtype == np.float32
    assert weights.mean() == pytest.approx(1.0)
    for number in (0, 1, 3):
        assert weights[labels == number].sum() == pytest.approx(100 / 3)


def test_steps_are_weighted_one_by_one_and_padding_is_none_of_them() -> None:
    tagging = REGISTRY.tasks.get("sequence-tagging")
    labels = np.int64([[0, 0, 0, 1], [0, 0, -1, -1]])
    weights = balanced_weights(tagging, labels)
    assert weights.shape == (2, 4)
    real = labels != -1
    assert weights[real].mean() == pytest.approx(1.0)
    assert weights[labels == 1].sum() == pytest.approx(weights[labels == 0].sum())


@pytest.mark.parametrize("task", ["image-generation", "image-classification"])
def test_labels_without_classes_cannot_be_balanced(task: str) -> None:
    labels = np.zeros(32 if task == "image-generation" else (32, 2), np.int64)
    with pytest.raises(UsageError, match="no classes that could be balanced"):
        balanced_weights(REGISTRY.tasks.get(task), labels)


def test_a_loss_of_balanced_classes_is_that_of_repeated_examples(digits: Dataset) -> None:
    """Weights 1/2 and 2 mean what seeing an example half or twice as often does."""
    import keras

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2)])
    task = TASK
    task.compile(model, keras.optimizers.SGD(0.0), Training())
    inputs = np.random.default_rng(0).normal(size=(5, 2)).astype("f4")
    labels = np.int64([0, 0, 0, 0, 1])
    weighted = model.evaluate(
        inputs, labels, sample_weight=balanced_weights(task, labels), verbose=0
    )[0]
    repeated = model.evaluate(
        np.concatenate([inputs, *[inputs[4:]] * 3]), np.int64([*labels, 1, 1, 1]), verbose=0
    )[0]
    assert weighted == pytest.approx(repeated, rel=1e-5)


def test_the_loss_of_taggings_is_the_mean_of_real_steps_with_weights() -> None:
    import keras

    tagging = REGISTRY.tasks.get("sequence-tagging")
    model = keras.Sequential([keras.Input((4, 3))])
    tagging.compile(model, keras.optimizers.SGD(0.0), Training())
    logits = np.random.default_rng(0).normal(size=(2, 4, 3)).astype("f4")
    labels = np.int64([[0, 0, 0, 1], [0, 2, -1, -1]])
    real = labels != -1
    likely = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    each = -np.take_along_axis(likely, np.maximum(labels, 0)[..., None], -1)[..., 0]
    assert model.evaluate(logits, labels, verbose=0)[0] == pytest.approx(
        each[real].mean(), rel=1e-5
    )
    weights = balanced_weights(tagging, labels)
    weighted = model.evaluate(logits, labels, sample_weight=weights, verbose=0)[0]
    assert weighted == pytest.approx((each * weights)[real].mean(), rel=1e-5)


@pytest.mark.slow
def test_a_rare_class_is_learnt_where_classes_are_balanced(digits: Dataset) -> None:
    split = digits.splits["train"]
    rare = [i for i, label in enumerate(split.labels) if label != 8 or i % 8 == 0]
    few = Split(
        labels=split.labels[rare], read=lambda i: split.read(rare[i]), content_hash="0" * 64
    )
    skewed = dataclasses.replace(digits, splits={**digits.splits, "train": few})

    def found(how: str) -> float:
        options = Training(epochs=4, from_scratch=True, learning_rate=0.004, class_weights=how)
        network, _, _ = train(skewed, options)
        return share_of_eights(network, digits)

    assert found("balanced") > found("none") + 0.2


def share_of_eights(network: Any, digits: Dataset) -> float:
    from zoo.data.preprocessing.inputs import read_inputs
    from zoo.networks.building import raw_model

    split = digits.splits["validation"]
    eights = np.flatnonzero(split.labels == 8)
    inputs = read_inputs(split, VARIANT.preprocessing, eights.tolist()).astype("f4")
    answers = np.asarray(raw_model(network, VARIANT.preprocessing)(inputs)).argmax(-1)
    return float((answers == 8).mean())
