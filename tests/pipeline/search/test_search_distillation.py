"""A network that learns from another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.common.optional_imports import require
from zoo.contracts import ImagePreprocessing
from zoo.contracts.training import Training
from zoo.registry import PluginSettings, load_registry

pytest.importorskip("tensorflow")

from zoo.training.distillation import (
    TEACHER_SHARE,
    TEMPERATURE,
    can_distill,
    distillation_task,
    divergence,
)

REGISTRY = load_registry(PluginSettings(installed=False))
TASK = REGISTRY.tasks.get("image-classification")
PIXELS = ImagePreprocessing(height=4, width=4, channels=1)


def network(seed: int) -> Any:
    keras = require("keras")
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((4, 4, 1), name="normalized")
    x = keras.layers.Flatten(name="flatten")(inputs)
    return keras.Model(inputs, keras.layers.Dense(3, name="head")(x), name="tiny")


def test_the_divergence_is_that_of_the_formula() -> None:
    random = np.random.default_rng(0)
    teacher, student = random.normal(size=(2, 5, 3)).astype("float32") * 4

    def soft(logits: Any) -> Any:
        powers = np.exp(logits / TEMPERATURE)
        return powers / powers.sum(-1, keepdims=True)

    p, q = soft(teacher), soft(student)
    expected = (p * np.log(p / q)).sum(-1)
    found = np.asarray(divergence(teacher, student, TEMPERATURE))
    np.testing.assert_allclose(found, expected, rtol=1e-3)
    assert not np.allclose(divergence(teacher, student), expected, rtol=0.1)
    np.testing.assert_allclose(divergence(teacher, teacher), 0.0, atol=1e-6)


def test_the_loss_is_the_labels_and_the_teachers_and_validation_is_the_labels_alone() -> None:
    keras = require("keras")
    teacher, student = network(1), network(2)
    model = distillation_task(TASK, teacher).trainee(student, PIXELS)  # type: ignore[misc]
    TASK.compile(model, keras.optimizers.SGD(0.0), Training())
    images = np.random.default_rng(0).integers(0, 255, (6, 4, 4, 1)).astype("float32")
    labels = np.array([0, 1, 2, 0, 1, 2])
    logits = model(images)
    plain = float(model.compute_loss(images, labels, logits, training=False))
    both = float(model.compute_loss(images, labels, logits, training=True))
    apart = float(np.mean(divergence(teacher(images / 255.0), logits, TEMPERATURE)))
    expected = (1 - TEACHER_SHARE) * plain + TEACHER_SHARE * TEMPERATURE**2 * apart
    assert both == pytest.approx(expected, rel=1e-3)
    assert both != pytest.approx(plain)


def test_the_teacher_learns_nothing() -> None:
    keras = require("keras")
    teacher, student = network(1), network(2)
    before, own = teacher.get_weights(), student.get_weights()
    model = distillation_task(TASK, teacher).trainee(student, PIXELS)  # type: ignore[misc]
    TASK.compile(model, keras.optimizers.SGD(0.1), Training())
    images = np.random.default_rng(0).integers(0, 255, (6, 4, 4, 1)).astype("float32")
    model.fit(images, np.array([0, 1, 2, 0, 1, 2]), epochs=1, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(before, teacher.get_weights(), strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(own, student.get_weights(), strict=True))


def test_generators_are_not_taught_by_logits() -> None:
    assert can_distill(TASK, network(1))
    assert not can_distill(REGISTRY.tasks.get("image-generation"), network(1))
