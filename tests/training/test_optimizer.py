"""The fused optimizer takes the steps of Keras' AdamW, and knows rates of single variables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from zoo.training.optimizer import adamw

STEPS = 7


def schedule() -> Any:
    return keras.optimizers.schedules.CosineDecay(0.001, 20, warmup_target=0.05, warmup_steps=3)


def plain() -> Any:
    optimizer = keras.optimizers.AdamW(schedule(), weight_decay=0.1)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def variables() -> list[Any]:
    rng = np.random.default_rng(0)
    shapes = {"kernel": (4, 3), "bias": (3,), "gamma": (3,), "table": (6, 2)}
    return [
        keras.Variable(rng.normal(size=shape).astype("f4"), name=name)
        for name, shape in shapes.items()
    ]


def gradients(step: int) -> list[Any]:
    rng = np.random.default_rng((1, step))
    return [tf.constant(rng.normal(size=v.shape).astype("f4")) for v in variables()]


def after(optimizer: Any, prepare: Callable[[Any, list[Any]], None] | None = None) -> list[Any]:
    chosen = variables()
    optimizer.build(chosen)
    if prepare is not None:
        prepare(optimizer, chosen)

    @tf.function
    def step(values: list[Any]) -> None:
        optimizer.apply(values, chosen)

    for number in range(STEPS):
        step(gradients(number))
    return [variable.numpy() for variable in chosen]


def test_steps_are_those_of_keras() -> None:
    for ours, theirs in zip(after(adamw(schedule(), 0.1)), after(plain()), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-6)


def test_another_weight_decay_would_be_noticed() -> None:
    ours, theirs = after(adamw(schedule(), 0.2)), after(plain())
    assert np.abs(ours[0] - theirs[0]).max() > 1e-3  # a kernel
    np.testing.assert_allclose(ours[1], theirs[1], rtol=0, atol=2e-6)  # a bias decays never


def test_a_slower_group_is_keras_with_a_smaller_rate() -> None:
    def slow(optimizer: Any, chosen: list[Any]) -> None:
        optimizer.set_rates([(chosen[0], 0.25, 0)])

    ours = after(adamw(0.04, 0.1), slow)
    smaller = after(keras.optimizers.AdamW(0.01, weight_decay=0.1))
    np.testing.assert_allclose(ours[0], smaller[0], rtol=0, atol=2e-6)
    normal = keras.optimizers.AdamW(0.04, weight_decay=0.1)
    normal.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    np.testing.assert_allclose(ours[1], after(normal)[1], rtol=0, atol=2e-6)


@pytest.mark.parametrize("start", [0, 10_000])
def test_a_thawed_variable_begins_as_at_the_first_step(start: int) -> None:
    """Adam corrects its young averages by counting steps; a wrong count overshoots threefold."""
    chosen = variables()[:1]
    before = chosen[0].numpy()
    optimizer = adamw(0.01, 0.0)
    optimizer.build(chosen)
    optimizer.iterations.assign(10_000)
    optimizer.set_rates([(chosen[0], 1.0, start)])
    optimizer.apply(gradients(0)[:1], chosen)
    steps = np.abs(chosen[0].numpy() - before)
    if start == 10_000:
        np.testing.assert_allclose(steps, 0.01, rtol=1e-3)  # Adam's first step is the rate itself
    else:
        assert steps.min() > 0.025


def test_rows_of_an_embedding_are_taken() -> None:
    table = variables()[3]
    optimizer = adamw(0.01, 0.0)
    optimizer.build([table])
    before = table.numpy()
    rows = tf.IndexedSlices(tf.ones((2, 2)), tf.constant([1, 4]), tf.constant([6, 2]))
    optimizer.apply([rows], [table])
    changed = np.any(table.numpy() != before, axis=1)
    assert changed.tolist() == [False, True, False, False, True, False]


def test_it_is_copied_as_keras_copies_optimizers() -> None:
    first = adamw(schedule(), 0.1)
    copy = type(first).from_config(first.get_config())
    copy.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    for ours, theirs in zip(after(copy), after(first), strict=True):
        np.testing.assert_array_equal(ours, theirs)
