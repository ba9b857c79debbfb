"""The twin learns to answer as its network, and the limits of logits are chosen for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rounding_networks import PIXELS, pictures, tangled, target, task

from zoo.contracts import Split
from zoo.contracts.precision import precision_named
from zoo.contracts.preprocessing import TensorPreprocessing
from zoo.contracts.training import Training
from zoo.contracts.training_objective import TargetUnits
from zoo.training.qat.distillation import choose_logit_limits, logit_distillation
from zoo.training.qat.logits import best_limits
from zoo.training.qat.network import RoundingNetwork, build_rounding_network

keras = pytest.importorskip("keras")


def images(count: int) -> Split:
    values = pictures(count).astype("uint8")
    return Split(labels=np.zeros(count, np.int64), read=values.__getitem__, content_hash="x")


def pair() -> tuple[RoundingNetwork, Any]:
    network = tangled()
    return build_rounding_network(network, PIXELS, task(), target=target()), tangled()


def learner(twin: RoundingNetwork, teacher: Any) -> Any:
    lesson = logit_distillation(task(), teacher, chooses=True)
    assert lesson.trainee is not None
    model = lesson.trainee(twin.trained, PIXELS)
    schedule = keras.optimizers.schedules.CosineDecay(0.02, 200)
    assert lesson.compile(model, keras.optimizers.AdamW(schedule), Training()) == "agreement"
    return model


@pytest.mark.slow
def test_a_damaged_twin_finds_back_and_the_network_stays_as_it_is() -> None:
    twin, teacher = pair()
    choose_logit_limits(twin, teacher, images(64), PIXELS)
    for _ in range(3):
        twin.trained(pictures(128), training=True)  # Its ranges are seen: the damage alone counts.
    kernel = twin.trained.get_layer("head").kernel
    kernel.assign(kernel * np.random.default_rng(0).uniform(0.6, 1.4, kernel.shape))
    before = [np.array(weights) for weights in teacher.get_weights()]
    model = learner(twin, teacher)
    labels = np.zeros(128, np.int64)
    first = model.evaluate(pictures(128), labels, verbose=0, return_dict=True)
    model.fit(pictures(128), labels, batch_size=16, epochs=12, verbose=0)
    last = model.evaluate(pictures(128), labels, verbose=0, return_dict=True)
    assert last["loss"] < first["loss"] / 100
    assert last["agreement"] >= first["agreement"]
    assert all((a == b).all() for a, b in zip(before, teacher.get_weights(), strict=True))


def test_what_is_learnt_from_does_not_change_while_it_is_learnt_from() -> None:
    """A network in training mode drops units: the twin would learn from noise."""
    twin, teacher = pair()
    model = learner(twin, teacher)
    answers = [np.asarray(model(pictures(8), training=True))[:, 1] for _ in range(2)]
    assert (answers[0] == answers[1]).all()
    noisy = [np.asarray(teacher(pictures(8) / 255, training=True)) for _ in range(2)]
    assert (noisy[0] != noisy[1]).any(), "the test's network has no dropout: it proves nothing"


def test_real_targets_are_learnt_beside_their_spread_not_their_size() -> None:
    """Years around 2000 and angles around 0.01: the same mistakes, in any units, weigh the same."""
    inputs = keras.Input((2,))
    losses = []
    for spread, offset in ([1.0, 1.0], [0.0, 0.0]), ([5.0, 1e-3], [2000.0, 1e-2]):
        units = TargetUnits(offset=np.array(offset), spread=np.array(spread))
        teacher, twin = (keras.Model(inputs, keras.layers.Dense(2)(inputs)) for _ in range(2))
        teacher.set_weights([np.eye(2) * spread, np.array(offset)])
        twin.set_weights([np.array([[0.9, 0], [0, 0.7]]) * spread, np.array(offset)])
        lesson = logit_distillation(task(), teacher, chooses=False, units=units)
        assert lesson.trainee is not None
        model = lesson.trainee(twin, TensorPreprocessing(name="x", shape=(2,), low=-9.0, high=9.0))
        lesson.compile(
            model,
            keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.02, 9)),
            Training(),
        )
        given = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
        losses.append(model.evaluate(given, np.zeros(64), batch_size=64, verbose=0)[0])
    assert losses[0] == pytest.approx(0.05, abs=0.01)
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)


def test_limits_of_logits_tell_likely_classes_apart() -> None:
    """Half of the range belongs to classes that nobody would choose anyway."""
    random = np.random.default_rng(5)
    logits = random.normal(0, 1.0, (500, 10))
    logits[:, :5] -= 40.0
    low, high = best_limits(logits.astype("float32"))
    assert -20 < low < -2
    assert 2 < high < 6
    close = np.sort(logits, axis=-1)[:, -1] - np.sort(logits, axis=-1)[:, -2]
    assert (close < (high - low) / 255).mean() < (close < (logits.max() + 45) / 255).mean() / 2


def test_limits_that_are_held_are_not_learnt() -> None:
    twin, teacher = pair()
    held = choose_logit_limits(twin, teacher, images(64), PIXELS)
    assert held is not None
    assert twin.logits is not None
    for _ in range(3):
        twin.trained(pictures(16), training=True)
    np.testing.assert_allclose([float(v) for v in twin.logits.limits()], held, rtol=1e-6)


@pytest.mark.parametrize("logits", [np.zeros((4, 3), "float32"), np.full((4, 3), -2.0, "float32")])
def test_limits_of_logits_that_say_nothing(logits: Any) -> None:
    low, high = best_limits(logits)
    assert low <= logits.min() or low == high == 0
    assert high >= 0


def test_a_wrong_conversion_is_seen_whatever_the_network_says() -> None:
    from zoo.artifacts.gate import compare_outputs, conversion_parity

    twin = np.eye(5, dtype="float32")[np.arange(100) % 5]
    same = compare_outputs(task(), twin, twin, np.zeros(100, np.int64))
    assert conversion_parity(task(), same, precision_named("int8")).passed
    other = compare_outputs(task(), twin, np.roll(twin, 1, axis=1), np.zeros(100, np.int64))
    found = conversion_parity(task(), other, precision_named("int8"))
    assert (found.name, found.passed) == ("conversion", False)
    assert "another class on 100 of 100" in found.reason
    few = compare_outputs(task(), twin[:3], twin[:3], np.zeros(3, np.int64))
    assert not conversion_parity(task(), few, precision_named("int8")).passed
