"""Adversarial training: a generator and a discriminator take turns (Goodfellow et al. 2014).

What Keras trains is one model that holds both. Its step draws noise, lets the generator make a
batch of images once, trains the discriminator to distinguish them from real ones, and then the
generator to pass for real. Every random number follows from a seed and the number of the step, so
that an interrupted training goes on exactly as it would have.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import Field

from zoo.common.errors import UsageError
from zoo.common.optional_imports import require
from zoo.contracts import Preprocessing
from zoo.contracts.declaration import Real, Share, Whole
from zoo.contracts.training import Section
from zoo.networks.building import normalization
from zoo.tasks.features import judge_in_graph
from zoo.tasks.frechet_metric import distance_class

#: What validation reports, and decides by.
DISTANCE = "distance"
#: Each use of random numbers within a step has a number of its own.
_LATENTS, _REAL_NOISE, _FAKE_NOISE, _SECOND_NOISE, _MIX, _VALIDATION = range(6)

Loss = Literal["cross-entropy", "hinge", "least-squares", "wasserstein"]


class AdversarialOptions(Section):
    """Options of adversarial training.

    Attributes:
        loss: ``cross-entropy``: non-saturating, Goodfellow 2014; ``hinge``: Lim & Ye 2017;
            ``least-squares``: Mao 2017; ``wasserstein``: Arjovsky 2017, with a gradient penalty.
        gradient_penalty: Weight of the penalty on the discriminator's gradient; 0 for none. With
            ``wasserstein`` its norm is drawn to 1 between real and generated (Gulrajani 2017),
            else to 0 at real images (Mescheder 2018).
        penalty_every: Steps from one computation of the penalty to the next; its weight grows by as
            much, so that it stays the same on average (Karras 2020, "lazy regularization").
        instance_noise: Standard deviation of what is added to all images that the discriminator
            sees, which range from -1 to 1; falls to 0 at the end (Sønderby 2017).
        l1: Weight of the sum of absolute values of the discriminator's kernels in its loss.
        l2: The same of their squares.
        average: What is kept is the moving average of the generator's weights, of this inertia
            (Karras 2018); 0 keeps the last.
        momentum: First moment of both optimizers (Radford 2015: 0.5).
        second_moment: Decay of the second moment of both optimizers; Adam's own is 0.999, and 0.99
            follows a loss that changes faster (Karras 2018).
        decay: Whether the learning rate rises over a tenth of the steps and then falls to 0.
            Without, it is constant: the moving average smooths what the steps scatter, and an
            epoch without instance noise is the same however many follow.
        discriminator_rate: Learning rate of the discriminator in units of the generator's
            (Heusel 2017).
    """

    loss: Loss = "cross-entropy"
    gradient_penalty: Annotated[Real, Field(ge=0)] = 0.0
    penalty_every: Annotated[Whole, Field(ge=1, le=1000)] = 1
    instance_noise: Annotated[Real, Field(ge=0, le=10)] = 0.1
    l1: Annotated[Real, Field(ge=0)] = 0.0
    l2: Annotated[Real, Field(ge=0)] = 0.0
    average: Share = 0.995
    momentum: Share = 0.5
    second_moment: Annotated[Share, Field(gt=0)] = 0.999
    decay: bool = True
    discriminator_rate: Annotated[Real, Field(gt=0, le=100)] = 1.0


def trainee(network: Any, preprocessing: Preprocessing, companion: Any | None = None) -> Any:
    """The Keras model that is trained, from raw images.

    Args:
        network: The generator that is kept: the average of the one that learns.
        preprocessing: A `LatentPreprocessing`.
        companion: The discriminator.

    Raises:
        UsageError: The architecture brings no discriminator.
    """
    if companion is None or not preprocessing.is_noise:
        raise UsageError(
            f"{network.name!r} cannot be trained to generate",
            why="adversarial training needs noise to start from, and a second network",
            fix="give the architecture a companion and the variant a LatentPreprocessing",
        )
    return _trainee_class()(network, companion, preprocessing)


def compile_model(model: Any, optimizer: Any, options: Any) -> str:
    """Gives both networks an optimizer; monitors the distance on the validation split."""
    chosen = AdversarialOptions.model_validate(options.task)
    if options.optimizer != "adamw" or options.schedule != "cosine":
        raise UsageError(
            "adversarial training has two optimizers of its own, both AdamW",
            fix="leave --optimizer and --schedule out; --task-option has options of the two",
        )
    smoothing = float(options.label_smoothing)
    if smoothing and chosen.loss not in ("cross-entropy", "least-squares"):
        raise UsageError(
            f"label smoothing means nothing to the {chosen.loss} loss",
            fix="leave it out, or use loss = cross-entropy or least-squares",
        )
    model.prepare(optimizer, chosen, smoothing)
    return DISTANCE


def state(model: Any) -> list[Any]:
    """The learning generator, the discriminator, and its optimizer."""
    return [*model.generator.variables, *model.companion.variables, *model.second.variables]


@lru_cache
def _trainee_class() -> Any:
    """The class, made when Keras is there."""
    keras, tf = require("keras"), require("tensorflow")

    class Adversarial(keras.Model):  # type: ignore[misc, name-defined, unused-ignore]
        """Generator and discriminator as one model."""

        def __init__(self, network: Any, companion: Any, preprocessing: Any) -> None:
            super().__init__(name=network.name)
            self.network = network
            self.companion = companion
            self.generator = keras.models.clone_model(network)
            self.generator.set_weights(network.get_weights())
            self.size = preprocessing.size
            self.scale = normalization(preprocessing.examples)
            # Drawn under the seed of the training, so another seed draws other noise.
            self.seed = int(keras.random.randint((), 0, 2**31 - 1))
            self.loss_tracker = keras.metrics.Mean(name="loss")
            self.generator_tracker = keras.metrics.Mean(name="generator_loss")
            self.distance = distance_class()(name=DISTANCE)
            # A plain function: the judge is no part of this model.
            self.judge = (judge_in_graph(preprocessing),)

        def prepare(self, optimizer: Any, chosen: AdversarialOptions, smoothing: float) -> None:
            """Sets options and optimizers; both follow the schedule of the one given."""
            self.chosen, self.smoothing = chosen, smoothing
            first, self.second = _optimizers(optimizer, chosen)
            first.build(self.generator.trainable_variables)
            self.second.build(self.companion.trainable_variables)
            self.steps = _steps(optimizer)
            self.compile(optimizer=first, jit_compile=False)

        def call(self, raw: Any, training: bool = False) -> Any:
            """The discriminator's logits of raw images; Keras requires a callable model."""
            return self.companion(self.scale(raw), training=training)

        def normal(self, shape: Any, use: int, step: Any = None) -> Any:
            """Normally distributed numbers that follow from seed, step and use alone."""
            return tf.random.stateless_normal(shape, self.key(use, step))

        def key(self, use: int, step: Any = None) -> Any:
            """What random numbers follow from."""
            step = self.optimizer.iterations if step is None else step
            return tf.stack([tf.cast(step, tf.int64) * 16 + use, tf.cast(self.seed, tf.int64)])

        def noisy(self, images: Any, use: int) -> Any:
            """Images with instance noise."""
            if not self.chosen.instance_noise:
                return images
            left = 1.0 - tf.cast(self.optimizer.iterations, tf.float32) / self.steps
            deviation = self.chosen.instance_noise * tf.maximum(left, 0.0)
            return images + deviation * self.normal(tf.shape(images), use)

        def train_step(self, data: Any) -> dict[str, Any]:
            """One step of each network."""
            real = self.scale(tf.cast(data[0], tf.float32))
            latents = self.normal((tf.shape(real)[0], self.size), _LATENTS)
            with tf.GradientTape() as outer:
                fake = self.generator(latents, training=True)
                loss = self.teach_discriminator(real, tf.stop_gradient(fake))
                judged = self.companion(self.noisy(fake, _SECOND_NOISE), training=True)
                own = _generator_loss(self.chosen.loss, judged)
            weights = self.generator.trainable_variables
            self.optimizer.apply(outer.gradient(own, weights), weights)
            self.follow()
            self.loss_tracker.update_state(loss)
            self.generator_tracker.update_state(own)
            return {m.name: m.result() for m in (self.loss_tracker, self.generator_tracker)}

        def teach_discriminator(self, real: Any, fake: Any) -> Any:
            """One step of the discriminator; returns its loss without penalties."""
            noisy_real, noisy_fake = self.noisy(real, _REAL_NOISE), self.noisy(fake, _FAKE_NOISE)
            weights = self.companion.trainable_variables
            with tf.GradientTape() as tape:
                of_real = self.companion(noisy_real, training=True)
                of_fake = self.companion(noisy_fake, training=True)
                loss = _discriminator_loss(self.chosen.loss, of_real, of_fake, self.smoothing)
                total = loss + self.penalties(noisy_real, noisy_fake)
            self.second.apply(tape.gradient(total, weights), weights)
            return loss

        def penalties(self, real: Any, fake: Any) -> Any:
            """What is added to the discriminator's loss."""
            total = tf.constant(0.0)
            if self.chosen.gradient_penalty:
                total += self.chosen.gradient_penalty * self.lazy_penalty(real, fake)
            kernels = [v for v in self.companion.trainable_variables if v.name == "kernel"]
            if self.chosen.l1:
                total += self.chosen.l1 * sum(tf.reduce_sum(tf.abs(k)) for k in kernels)
            if self.chosen.l2:
                total += self.chosen.l2 * sum(tf.reduce_sum(tf.square(k)) for k in kernels)
            return total

        def lazy_penalty(self, real: Any, fake: Any) -> Any:
            """The gradient penalty in every k-th step, k times; else 0."""
            every = self.chosen.penalty_every
            if every == 1:
                return self.gradient_penalty(real, fake)
            return tf.cond(
                self.optimizer.iterations % every == 0,
                lambda: float(every) * self.gradient_penalty(real, fake),
                lambda: tf.constant(0.0),
            )

        def gradient_penalty(self, real: Any, fake: Any) -> Any:
            """Mean squared distance of the gradient's norm from what it should be."""
            between = self.chosen.loss == "wasserstein"
            where = real
            if between:
                shape = (tf.shape(real)[0], 1, 1, 1)
                share = tf.random.stateless_uniform(shape, self.key(_MIX))
                where = share * real + (1.0 - share) * fake
            with tf.GradientTape() as tape:
                tape.watch(where)
                logits = tf.reduce_sum(self.companion(where, training=True))
            gradient = tape.gradient(logits, where)
            squares = tf.reduce_sum(tf.square(gradient), axis=(1, 2, 3))
            if between:
                return tf.reduce_mean(tf.square(tf.sqrt(squares + 1e-12) - 1.0))
            return tf.reduce_mean(squares) / 2.0

        def follow(self) -> None:
            """Moves what is kept towards what was learnt."""
            step = tf.cast(self.optimizer.iterations, tf.float32)
            # Without this the random beginning would weigh on the average for long.
            inertia = tf.minimum(self.chosen.average, (1.0 + step) / (10.0 + step))
            inertia = inertia if self.chosen.average else 0.0
            for kept, learnt in zip(self.network.weights, self.generator.weights, strict=True):
                kept.assign(learnt + inertia * (kept - learnt))

        def test_step(self, data: Any) -> dict[str, Any]:
            """The discriminator's loss, and the distance between real and generated so far."""
            real = self.scale(tf.cast(data[0], tf.float32))
            seen = tf.cast(self.distance.count, tf.int64)
            latents = self.normal((tf.shape(real)[0], self.size), _VALIDATION, step=seen)
            fake = self.network(latents, training=False)
            of_real = self.companion(real, training=False)
            of_fake = self.companion(fake, training=False)
            loss = _discriminator_loss(self.chosen.loss, of_real, of_fake, 0.0)
            self.loss_tracker.update_state(loss)
            (features,) = self.judge
            self.distance.update_state(features(real), features(fake))
            return {m.name: m.result() for m in (self.loss_tracker, self.distance)}

    return Adversarial


def _optimizers(optimizer: Any, chosen: AdversarialOptions) -> tuple[Any, Any]:
    """The given optimizer with its own momentum, and a copy for the discriminator."""
    keras = require("keras")
    rate, made = optimizer.get_config()["learning_rate"], []
    if not chosen.decay and isinstance(rate, dict):
        rate = rate["config"]["warmup_target"]
    for factor in (1.0, chosen.discriminator_rate):
        twin = keras.optimizers.AdamW(
            _scaled(rate, factor),
            weight_decay=optimizer.weight_decay or 0.0,
            beta_1=chosen.momentum,
            beta_2=chosen.second_moment,
        )
        twin.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        made.append(twin)
    return made[0], made[1]


def _scaled(rate: Any, factor: float) -> Any:
    """A learning rate, or a cosine schedule as Keras stores it, times a factor."""
    if not isinstance(rate, dict):
        return float(rate) * factor
    values = dict(rate["config"])
    for name in ("initial_learning_rate", "warmup_target"):
        values[name] *= factor
    return require("keras").optimizers.schedules.CosineDecay(**values)


def _steps(optimizer: Any) -> float:
    """Number of steps of the schedule; infinite without one."""
    rate = optimizer.get_config()["learning_rate"]
    if not isinstance(rate, dict):
        return math.inf
    return float(rate["config"]["decay_steps"]) + float(rate["config"]["warmup_steps"])


def _discriminator_loss(kind: str, real: Any, fake: Any, smoothing: float) -> Any:
    tf = require("tensorflow")
    if kind == "hinge":
        return tf.reduce_mean(tf.nn.relu(1.0 - real)) + tf.reduce_mean(tf.nn.relu(1.0 + fake))
    if kind == "wasserstein":
        return tf.reduce_mean(fake) - tf.reduce_mean(real)
    if kind == "least-squares":
        wanted = 1.0 - smoothing
        return (tf.reduce_mean((real - wanted) ** 2) + tf.reduce_mean(fake**2)) / 2.0
    # One-sided: only what is real counts for less (Salimans 2016).
    return _cross_entropy(real, 1.0 - smoothing) + _cross_entropy(fake, 0.0)


def _generator_loss(kind: str, fake: Any) -> Any:
    tf = require("tensorflow")
    if kind in ("hinge", "wasserstein"):
        return -tf.reduce_mean(fake)
    if kind == "least-squares":
        return tf.reduce_mean((fake - 1.0) ** 2) / 2.0
    return _cross_entropy(fake, 1.0)


def _cross_entropy(logits: Any, target: float) -> Any:
    tf = require("tensorflow")
    targets = target * tf.ones_like(logits)
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits))
