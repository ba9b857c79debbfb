"""One step of adversarial training against the plainest Keras equivalent, in one process.

    $ .venv/bin/python benchmarks/gan_step.py

The peer is the training step of Keras' own guide to GANs: draw noise and generate, one step of the
discriminator on real and generated images, draw and generate again, one step of the generator. Ours
also averages the generator's weights and adds instance noise. Both train the same two networks on
the same batches and take turns, so that a busy machine hurts both alike.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np

from zoo.common.optional_imports import require
from zoo.contracts.training import Training
from zoo.networks.building import build_companion, build_network
from zoo.registry import PluginSettings, load_registry


def main() -> None:
    """Prints both times per step and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--variant", default="dcgan28")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=20, help="of each, in every round")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    steps = {"edgezoo": ours(given.variant), "plain Keras": plain(given.variant)}
    shape = load_registry(PluginSettings(installed=False)).variant(given.variant)[1].output_shape
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (given.batch, *shape)).astype(np.float32)
    tensor = require("tensorflow").constant(images)
    times: dict[str, list[float]] = {name: [] for name in steps}
    for step in steps.values():
        step(tensor)
    for _ in range(given.rounds):
        for name, step in steps.items():
            started = time.perf_counter()
            for _ in range(given.steps):
                step(tensor)
            times[name].append((time.perf_counter() - started) / given.steps)
    medians = {name: statistics.median(found) for name, found in times.items()}
    for name, median in medians.items():
        print(f"{name:12s} {1000 * median:7.1f} ms per step, {given.batch / median:7.0f} images/s")
    ratios = [a / b for a, b in zip(*times.values(), strict=True)]
    print(f"ratio        {statistics.median(ratios):7.2f} (median of {len(ratios)} rounds)")


def networks(name: str) -> tuple[Any, Any, Any, Any]:
    """Generator, discriminator, and their records."""
    registry = load_registry(PluginSettings(installed=False))
    architecture, variant = registry.variant(name)
    generator = build_network(architecture, variant, variant.classes)
    companion = build_companion(architecture, variant, variant.classes, generator)
    return generator, companion, variant, registry.tasks.get(variant.task)


def ours(name: str) -> Any:
    """The product's step, compiled as ``fit`` compiles it."""
    keras, tf = require("keras"), require("tensorflow")
    generator, companion, variant, task = networks(name)
    model = task.trainee(generator, variant.preprocessing, companion)
    task.compile(model, keras.optimizers.Adam(0.0002), Training(task={"instance_noise": 0.1}))
    labels = tf.zeros((1,), tf.int64)
    compiled = tf.function(lambda images: model.train_step((images, labels)))
    return lambda images: compiled(images)["loss"].numpy()


def plain(name: str) -> Any:
    """The step of https://keras.io/examples/generative/dcgan_overriding_train_step/."""
    keras, tf = require("keras"), require("tensorflow")
    generator, companion, variant, _ = networks(name)
    size = variant.preprocessing.size
    first, second = (keras.optimizers.Adam(0.0002, beta_1=0.5) for _ in range(2))
    first.build(generator.trainable_variables)
    second.build(companion.trainable_variables)
    loss_of = keras.losses.BinaryCrossentropy(from_logits=True)

    @tf.function
    def step(images: Any) -> Any:
        images = images / 127.5 - 1.0
        count = tf.shape(images)[0]
        made = generator(tf.random.normal((count, size)), training=True)
        both = tf.concat([made, images], axis=0)
        labels = tf.concat([tf.zeros((count, 1)), tf.ones((count, 1))], axis=0)
        with tf.GradientTape() as tape:
            loss = loss_of(labels, companion(both, training=True))
        weights = companion.trainable_variables
        second.apply(tape.gradient(loss, weights), weights)
        latents = tf.random.normal((count, size))
        with tf.GradientTape() as tape:
            judged = companion(generator(latents, training=True), training=True)
            own = loss_of(tf.ones((count, 1)), judged)
        weights = generator.trainable_variables
        first.apply(tape.gradient(own, weights), weights)
        return loss

    return lambda images: step(images).numpy()


if __name__ == "__main__":
    main()
