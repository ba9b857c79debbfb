"""The Fréchet distance as a Keras metric, for choosing the best epoch of a generator."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from zoo.common.optional_imports import require


@lru_cache
def distance_class() -> Any:
    """A Keras metric; the class is made when Keras is there."""
    keras, tf = require("keras"), require("tensorflow")

    class Distance(keras.metrics.Metric):  # type: ignore[misc, name-defined, unused-ignore]
        """Fréchet distance between two samples of features, from running sums."""

        def __init__(self, name: str) -> None:
            super().__init__(name=name)
            self.count = self.add_variable((), "zeros", dtype="float64", name="count")
            self.sums: list[Any] = []

        def update_state(self, real: Any, fake: Any) -> None:
            """Adds a batch of each: float32, shape (examples, features)."""
            size = int(real.shape[1])
            if not self.sums:
                shapes = [(size,), (size, size)] * 2
                self.sums = [self.add_variable(s, "zeros", dtype="float64") for s in shapes]
            self.count.assign_add(tf.cast(tf.shape(real)[0], tf.float64))
            for features, (total, outer) in zip(
                (real, fake), (self.sums[:2], self.sums[2:]), strict=True
            ):
                values = tf.cast(features, tf.float64)
                total.assign_add(tf.reduce_sum(values, axis=0))
                outer.assign_add(tf.matmul(values, values, transpose_a=True))

        def result(self) -> Any:
            """As in `zoo.tasks.distances.frechet`."""
            if not self.sums:
                return tf.constant(0.0)
            n = tf.maximum(self.count, 2.0)
            means, covariances = [], []
            for total, outer in (self.sums[:2], self.sums[2:]):
                mean = total / n
                means.append(mean)
                covariances.append((outer - n * tf.tensordot(mean, mean, 0)) / (n - 1.0))
            values, vectors = tf.linalg.eigh(covariances[0])
            root = (vectors * tf.sqrt(tf.maximum(values, 0.0))) @ tf.transpose(vectors)
            product = tf.linalg.eigvalsh(root @ covariances[1] @ root)
            shared = tf.reduce_sum(tf.sqrt(tf.maximum(product, 0.0)))
            spread = tf.linalg.trace(covariances[0]) + tf.linalg.trace(covariances[1])
            between = tf.reduce_sum(tf.square(means[0] - means[1]))
            return tf.cast(tf.maximum(between + spread - 2.0 * shared, 0.0), tf.float32)

    return Distance
