"""Training batches, from memory when the prepared examples fit, else from disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.named_arrays import fields_of
from zoo.common.optional_imports import require
from zoo.contracts.dataset import Split
from zoo.contracts.preprocessing import Preprocessing
from zoo.data.preprocessing.inputs import labels_for, read_inputs

#: Prepared examples are kept in memory up to so many bytes.
MEMORY_LIMIT = 1 << 30

#: Turns a batch of uint8 pixels and their labels into float32 pixels, 0-255, of the same shape, and
#: labels that fit them. Random numbers follow from the third argument, int64 of shape (2,).
Augmentation = Callable[[Any, Any, Any], tuple[Any, Any]]


class Examples:
    """A split, ready to be read in batches any number of times.

    What fits is read and prepared once, here, so that several epochs share the work.

    Args:
        split: Where to read.
        preprocessing: What the network wants.
        weights: Of the labels in the loss, float32 of their shape; batches hold them last.
        memory_limit_bytes: Larger splits are read from disk, batch by batch.

    Attributes:
        in_memory: Whether the prepared examples are held.
    """

    def __init__(
        self,
        split: Split,
        preprocessing: Preprocessing,
        *,
        weights: NDArray[np.float32] | None = None,
        memory_limit_bytes: int = MEMORY_LIMIT,
    ) -> None:
        tf = require("tensorflow")
        self._split = split
        self._preprocessing = preprocessing
        values = len(split) * int(np.prod(preprocessing.input_shape))
        size = values * np.dtype(preprocessing.dtype).itemsize
        self.in_memory = size <= memory_limit_bytes
        # On the CPU by name: a GPU would otherwise receive the whole split.
        with tf.device("CPU:0"):
            labels = labels_for(split, preprocessing)
            named = {name: tf.constant(one) for name, one in fields_of(labels).items()}
            self._labels = named.get("", named)
            self._weights = () if weights is None else (tf.constant(weights),)

    @cached_property
    def _held(self) -> Any:
        """All examples of a split that fits into memory, read when they are first asked for."""
        tf = require("tensorflow")
        if not self.in_memory:
            return None
        with tf.device("CPU:0"):
            return tf.constant(read_inputs(self._split, self._preprocessing))

    def batches(
        self,
        *,
        batch: int,
        shuffle_seed: int | None = None,
        augment: Augmentation | None = None,
        first_epoch: int = 0,
        epoch_now: Callable[[], int] | None = None,
    ) -> Any:
        """Batches of one epoch; iterating again gives the next epoch.

        Args:
            batch: Examples per batch; the last may hold fewer.
            shuffle_seed: Each epoch has an order of its own that follows from this seed; None
                keeps the split's order.
            augment: Applied to each batch; AutoGraph does not rewrite it. The random numbers of a
                batch follow from the epoch and its number there; where epochs are counted here,
                from its number among those of all epochs.
            first_epoch: Number of the first iteration's epoch. A resumed run sees the order that
                an unbroken one would have seen.
            epoch_now: Asked for the epoch's number at each iteration, counted from 0, instead of
                counting them.

        Returns:
            A `tf.data.Dataset` of (raw inputs, labels): of pixels uint8 (batch, height, width,
            channels), or float32 0-255 when augmented, and labels, of several a dictionary; behind
            them weights, if there are any.
        """
        tf = require("tensorflow")
        epoch = first_epoch
        _ = self._held  # a tensor of the stream, and none of the function that loads its batches
        batches = -(-len(self._split) // batch)

        def orders() -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
            nonlocal epoch
            counted, number = epoch, epoch if epoch_now is None else epoch_now()
            epoch += 1
            key = (0, counted * batches) if epoch_now is None else (number, 0)
            yield epoch_order(len(self._split), shuffle_seed, number), np.array(key, np.int64)

        # AutoGraph would rewrite every function below the mapped ones, our imports included.
        as_it_is = tf.autograph.experimental.do_not_convert

        def cut(order: Any, key: Any) -> Any:
            numbers = tf.data.Dataset.range(batches)
            return numbers.map(
                as_it_is(
                    lambda n: (
                        order[n * batch : (n + 1) * batch],
                        tf.stack([key[0], key[1] + n + 1]),
                    )
                )
            )

        def made(indices: Any, key: Any) -> tuple[Any, ...]:
            values, labels, *weights = self._load(indices)
            if augment is not None:
                values, labels = augment(values, labels, key)
            return values, labels, *weights

        # Python is asked once for the order, not for each batch, for which training would wait.
        one = tf.TensorSpec((None,), tf.int64), tf.TensorSpec((2,), tf.int64)
        stream = tf.data.Dataset.from_generator(orders, output_signature=one).flat_map(
            as_it_is(cut)
        )
        stream = stream.apply(tf.data.experimental.assert_cardinality(batches))
        # Order is kept, and random numbers follow from it, so threads do not make it random.
        quick = self.in_memory and augment is None
        stream = stream.map(as_it_is(made), num_parallel_calls=1 if quick else 2)
        return stream.prefetch(tf.data.AUTOTUNE)

    def _load(self, indices: Any) -> tuple[Any, ...]:
        tf = require("tensorflow")
        beside = tf.nest.map_structure(
            lambda held: tf.gather(held, indices), (self._labels, *self._weights)
        )
        if self._held is not None:
            return tf.gather(self._held, indices), *beside
        values = tf.numpy_function(self._read, [indices], self._preprocessing.dtype)
        return tf.ensure_shape(values, (None, *self._preprocessing.input_shape)), *beside

    def _read(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        return read_inputs(self._split, self._preprocessing, indices.tolist())


def stream(
    split: Split,
    preprocessing: Preprocessing,
    *,
    batch: int,
    shuffle_seed: int | None,
    augment: Augmentation | None = None,
    memory_limit_bytes: int = MEMORY_LIMIT,
) -> Any:
    """`Examples.batches` as one `tf.data.Dataset`."""
    examples = Examples(split, preprocessing, memory_limit_bytes=memory_limit_bytes)
    return examples.batches(batch=batch, shuffle_seed=shuffle_seed, augment=augment)


def epoch_order(count: int, seed: int | None, epoch: int) -> NDArray[np.int64]:
    """Indices 0 to count - 1 in the order of one epoch, int64.

    Args:
        count: Number of examples.
        seed: None keeps them in order.
        epoch: Counted from 0.
    """
    if seed is None:
        return np.arange(count, dtype=np.int64)
    return np.random.default_rng((seed, epoch)).permutation(count).astype(np.int64)
