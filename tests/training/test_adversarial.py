"""Adversarial training: repeatable, resumable, steered by options that are checked."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadData, UsageError
from zoo.contracts import Dataset, Split
from zoo.contracts.options import declared_options
from zoo.contracts.training import Training, check_training
from zoo.data.opening import open_dataset
from zoo.networks.building import build_companion, build_network, variable_names
from zoo.registry import PluginSettings, load_registry
from zoo.tasks.adversarial import trainee
from zoo.training.trainer import Trainer

REGISTRY = load_registry(PluginSettings(installed=False))
ARCHITECTURE, VARIANT = REGISTRY.variant("dcgan28")
TASK = REGISTRY.tasks.get(VARIANT.task)
SMALL = {"width": 4, "discriminator_width": 4, "dropout": 0.2}


def options(epochs: int = 3, **changes: Any) -> Training:
    task = declared_options(TASK.options, changes, f"the task {TASK.name}")
    return Training(epochs=epochs, batch_size=64, learning_rate=0.002, patience=0, task=task)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """Scanned digits, cut down so that an epoch takes a moment."""
    full = open_dataset(REGISTRY, "digits")
    splits = {
        name: Split(labels=s.labels[:200], read=s.read, content_hash=s.content_hash)
        for name, s in full.splits.items()
    }
    return dataclasses.replace(full, splits=splits)


class Interruption(Exception):
    """Stands for a kill at the end of an epoch."""


@dataclasses.dataclass
class Ended:
    """What a training left behind."""

    network: Any
    companion: Any
    trainer: Trainer
    events: list[dict[str, Any]]

    def values(self) -> dict[str, np.ndarray]:
        both = {**variable_names(self.network)}
        both |= {f"companion/{n}": v for n, v in variable_names(self.companion).items()}
        return {name: variable.numpy() for name, variable in both.items()}


def train(
    dataset: Dataset,
    given: Training,
    *,
    seed: int = 3,
    folder: Path | None = None,
    sketches: Path | None = None,
    stop_after: int | None = None,
) -> Ended:
    import keras

    keras.utils.set_random_seed(seed)
    network = build_network(ARCHITECTURE, VARIANT, 10, SMALL)
    companion = build_companion(ARCHITECTURE, VARIANT, 10, network, SMALL)
    events: list[dict[str, Any]] = []

    def emit(event: dict[str, Any]) -> None:
        events.append(event)
        if event["event"] == "batch" and stop_after is not None and event["epoch"] > stop_after:
            raise Interruption

    trainer = Trainer(
        network,
        TASK,
        VARIANT.preprocessing,
        given,
        seed=seed,
        folder=folder,
        emit=emit,
        companion=companion,
        sketches=sketches,
    )
    trainer.fit(dataset)
    return Ended(network, companion, trainer, events)


def assert_equal(first: Ended, second: Ended) -> None:
    others = second.values()
    for name, value in first.values().items():
        np.testing.assert_array_equal(value, others[name], err_msg=name)


@pytest.fixture(scope="module")
def unbroken(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return train(digits, options(), sketches=tmp_path_factory.mktemp("sketches"))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_networks_bit_by_bit(digits: Dataset, unbroken: Ended) -> None:
    assert_equal(unbroken, train(digits, options()))
    other = train(digits, options(epochs=1), seed=4).values()
    assert any(not np.array_equal(v, other[n]) for n, v in unbroken.values().items())


@pytest.mark.slow
def test_an_interrupted_training_goes_on_as_if_nothing_had_happened(
    digits: Dataset, unbroken: Ended, tmp_path: Path
) -> None:
    """Both networks, both optimizers, the average, dropout and noise are where they were."""
    checkpoint, sketches = tmp_path / "checkpoint", tmp_path / "sketches"
    with pytest.raises(Interruption):
        train(digits, options(), folder=checkpoint, stop_after=2)
    resumed = train(digits, options(), folder=checkpoint, sketches=sketches)
    assert {"event": "resumed", "epoch": 2} in resumed.events
    assert_equal(unbroken, resumed)
    # Without a folder for sketches, the first two epochs were drawn by nobody.
    assert list(resumed.trainer.sample_images_kept()) == [3]


@pytest.mark.slow
def test_each_epoch_leaves_a_picture_and_tells_where(unbroken: Ended) -> None:
    from PIL import Image

    kept = unbroken.trainer.sample_images_kept()
    assert list(kept) == [1, 2, 3]
    told = [e["sketch"] for e in unbroken.events if e["event"] == "epoch"]
    assert len(set(told)) == 1
    newest = np.asarray(Image.open(told[0]))
    # Pictures of 28 pixels, and 2 between them.
    assert newest.shape == (4 * 30 - 2, 12 * 30 - 2)
    assert newest.std() > 1
    last = Path(told[0]).with_name(kept[3])
    np.testing.assert_array_equal(newest, np.asarray(Image.open(last)))


def test_the_epoch_with_the_least_distance_is_kept(unbroken: Ended) -> None:
    epochs = unbroken.trainer.epochs
    assert unbroken.trainer.metric_name == "distance"
    distances = [epoch.validation_metric for epoch in epochs]
    assert unbroken.trainer.best_epoch == 1 + int(np.argmin(distances))
    assert all(epoch.metric is None for epoch in epochs)
    json.dumps([dataclasses.asdict(epoch) for epoch in epochs], allow_nan=False)


def test_the_distance_in_training_is_that_of_the_reported_kind(
    digits: Dataset, unbroken: Ended
) -> None:
    """The running sums of the graph against numpy, on the same images."""
    import keras

    from zoo.data.preprocessing.inputs import read_inputs
    from zoo.tasks.distances import Moments, frechet
    from zoo.tasks.features import features_of

    model = trainee(unbroken.network, VARIANT.preprocessing, unbroken.companion)
    TASK.compile(model, keras.optimizers.Adam(0.001), options())
    pixels = read_inputs(digits.splits["validation"], VARIANT.preprocessing.examples)
    metric = model.distance
    (features,) = model.judge
    real, other = (p.astype(np.float32) / 127.5 - 1 for p in (pixels, 255 - pixels))
    for start in range(0, len(pixels), 64):
        part = slice(start, start + 64)
        metric.update_state(features(real[part]), features(other[part]))
    judged = [features_of(p, VARIANT.preprocessing.judge) for p in (pixels, 255 - pixels)]
    expected = frechet(*(Moments.of(sample) for sample in judged))
    assert float(metric.result()) == pytest.approx(expected, rel=1e-3)


@pytest.fixture(scope="module")
def plain(digits: Dataset) -> dict[str, np.ndarray]:
    """After one epoch of the usual loss."""
    return train(digits, options(epochs=1)).values()


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "hinge"},
        {"loss": "least-squares", "l1": 0.001, "l2": 0.001},
        {"loss": "wasserstein", "gradient_penalty": 10.0},
        {"loss": "cross-entropy", "gradient_penalty": 1.0, "instance_noise": 0.0},
        {"average": 0.0, "discriminator_rate": 2.0},
        {"gradient_penalty": 1.0, "penalty_every": 2, "second_moment": 0.99, "decay": False},
    ],
    ids=str,
)
def test_every_loss_and_penalty_trains_both_networks(
    digits: Dataset, plain: dict[str, np.ndarray], changes: dict[str, Any]
) -> None:
    values, others = train(digits, options(epochs=1, **changes)).values(), plain
    assert all(np.isfinite(value).all() for value in values.values())
    for prefix in ("companion/", ""):
        own = [n for n in values if n.startswith("companion/") == bool(prefix)]
        assert any(not np.array_equal(values[n], others[n]) for n in own), prefix


@pytest.mark.slow
def test_a_penalty_makes_kernels_smaller(digits: Dataset, unbroken: Ended) -> None:
    def size(ended: Ended) -> float:
        return sum(float((v**2).sum()) for n, v in ended.values().items() if "down" in n)

    # Twelve steps, and Adam moves a weight by the learning rate at most.
    assert size(train(digits, options(epochs=3, l2=1.0))) < 0.97 * size(unbroken)


@pytest.mark.slow
def test_a_loss_that_explodes_is_told(digits: Dataset) -> None:
    wild = options(epochs=2, loss="wasserstein").model_copy(update={"learning_rate": 10.0})
    wild.task["gradient_penalty"] = 1e30
    with pytest.raises(BadData, match="loss became"):
        train(digits, wild)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"los": "hinge"}, "did you mean 'loss'"),
        ({"loss": "hing"}, "loss: must be"),
        ({"gradient_penalty": -1.0}, "gradient_penalty"),
        ({"average": 1.0}, "average"),
        ({"l1": True}, "l1"),
        ({"penalty_every": 0}, "penalty_every"),
        ({"second_moment": 0.0}, "second_moment"),
    ],
)
def test_wrong_task_options_are_refused_with_what_is_right(
    given: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match="options of the task image-generation") as caught:
        check_training(Training(task=given), VARIANT, TASK)
    assert said in str(caught.value)


def test_a_task_without_options_takes_none() -> None:
    classifier = REGISTRY.variant("lenet5")[1]
    task = REGISTRY.tasks.get(classifier.task)
    assert check_training(Training(), classifier, task) == {}
    with pytest.raises(UsageError, match="has no options of its own"):
        check_training(Training(task={"loss": "hinge"}), classifier, task)


def test_options_that_would_do_nothing_are_refused(digits: Dataset) -> None:
    with pytest.raises(UsageError, match="cannot be trained with freeze"):
        check_training(Training(freeze="backbone"), VARIANT, TASK)
    smoothed = options(loss="hinge").model_copy(update={"label_smoothing": 0.1})
    with pytest.raises(UsageError, match="means nothing to the hinge loss"):
        train(digits, smoothed)


def test_a_network_without_companion_cannot_be_trained_adversarially() -> None:
    network = build_network(ARCHITECTURE, VARIANT, 10, SMALL)
    with pytest.raises(UsageError, match="cannot be trained to generate"):
        trainee(network, VARIANT.preprocessing)


def compiled(**changes: Any) -> Any:
    """A model as it is trained, with the schedule of a training of 100 steps."""
    import keras

    still = {**SMALL, "dropout": 0.0}
    network = build_network(ARCHITECTURE, VARIANT, 10, still)
    companion = build_companion(ARCHITECTURE, VARIANT, 10, network, still)
    model = trainee(network, VARIANT.preprocessing, companion)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0001, 90, warmup_target=0.002, warmup_steps=10
    )
    TASK.compile(model, keras.optimizers.AdamW(schedule), options(**changes))
    return model


def test_a_lazy_penalty_counts_for_the_steps_that_are_left_out() -> None:
    model = compiled(gradient_penalty=1.0, penalty_every=3)
    import tensorflow as tf

    images = tf.random.stateless_uniform((8, 28, 28, 1), [0, 1], -1, 1)
    once = float(model.gradient_penalty(images, images))
    found = []
    for step in range(7):
        model.optimizer.iterations.assign(step)
        found.append(float(model.lazy_penalty(images, images)))
    assert once > 0
    assert [value > 0 for value in found] == [True, False, False] * 2 + [True]
    assert found[3] == pytest.approx(3 * once, rel=1e-4)


def test_rates_are_constant_without_decay_and_moments_are_those_asked_for() -> None:
    model = compiled(decay=False, second_moment=0.9, momentum=0.25, discriminator_rate=2.0)
    for step in (0, 50, 100):
        for optimizer, rate in ((model.optimizer, 0.002), (model.second, 0.004)):
            optimizer.iterations.assign(step)
            assert float(optimizer.learning_rate) == pytest.approx(rate)
            assert (optimizer.beta_1, optimizer.beta_2) == (0.25, 0.9)
    falling = compiled()
    falling.optimizer.iterations.assign(100)
    assert float(falling.optimizer.learning_rate) == pytest.approx(0.0, abs=1e-9)
    assert falling.optimizer.beta_2 == 0.999


def test_spectral_normalization_holds_the_largest_singular_value_at_one() -> None:
    hyper = {**SMALL, "discriminator_stages": 3, "normalization": "spectral", "dropout": 0.0}
    network = build_network(ARCHITECTURE, VARIANT, 10, SMALL)
    companion = build_companion(ARCHITECTURE, VARIANT, 10, network, hyper)
    assert companion is not None
    images = np.random.default_rng(0).uniform(-1, 1, (4, 28, 28, 1)).astype(np.float32)
    for _ in range(60):
        companion(images, training=True)
    kernels = {n: v.numpy() for n, v in variable_names(companion).items() if n.endswith("kernel")}
    assert len(kernels) == 4
    for name, kernel in kernels.items():
        largest = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]
        assert largest == pytest.approx(1.0, rel=0.03), name
    with pytest.raises(UsageError, match="must be 'batch', 'spectral' or 'none'"):
        build_companion(ARCHITECTURE, VARIANT, 10, network, {"normalization": "layer"})
