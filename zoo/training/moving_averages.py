"""Moving averages of batch normalizations that follow the network while it is trained.

Outside of training a batch normalization uses averages of means and variances. With the usual
momentum of 0.99 they take hundreds of steps to forget where they began: at zero and one, or, in a
network that is fine-tuned, at what the pretraining saw. A short training ends before that, and the
network then answers at chance with weights that are right (keras-team/keras#7177, #9214).

Two remedies, for every layer that is trained, those inside layers and models of one's own included:

* the momentum grows with the steps that the layer made, as that of TensorFlow's
  ``ExponentialMovingAverage`` does, so that the first ones count for more;
* before each validation of the first epochs the averages are computed anew, over examples of the
  training split, with the weights as they are (Wu & Johnson 2021, arXiv:2105.07576, section 3).

A layer that is frozen runs as outside of training and keeps its averages.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from zoo.common.optional_imports import require

#: Examples that averages are computed over, and how many of them at a time, at least.
EXAMPLES = 512
BATCH = 32
#: From so many steps on, moving averages with a momentum that has grown are the better estimate:
#: they have seen thousands of examples, and the network changes little while they look back.
FOLLOWING_STEPS = 1000


def normalizations(layer: Any) -> list[Any]:
    """Every built batch normalization in a Keras layer or model, however deep inside, once."""
    kind = require("keras").layers.BatchNormalization
    # Keras has no public name for the walk through layers of one's own.
    return [one for one in layer._flatten_layers() if isinstance(one, kind) and one.built]


class MovingAverages:
    """The moving averages of one training.

    Args:
        model: The compiled `keras.Model` that is trained.
    """

    def __init__(self, model: Any) -> None:
        tf = require("tensorflow")
        self._model = model
        self._layers = [layer for layer in normalizations(model) if _takes_training(layer)]
        self._starts: dict[int, int] = {}
        self._estimating = False
        # By layer, since one may be called several times in a pass.
        self._seen = {id(layer): tf.Variable(0.0, trainable=False) for layer in self._layers}
        self._runs: dict[tuple[Any, ...], Callable[[Any], Any]] = {}

    def set_first_step(self, layer: Any, step: int) -> None:
        """Sets the step of the optimizer at which a Keras layer is thawed; else it is the first."""
        self._starts.update((id(one), step) for one in normalizations(layer))

    @contextmanager
    def growing_momenta(self) -> Iterator[None]:
        """Within the block, momenta grow with the steps of the model's optimizer."""
        before = [vars(layer).get("call") for layer in self._layers]
        for layer in self._layers:
            layer.call = self._call(layer, layer.call)
        try:
            yield
        finally:
            for layer, call in zip(self._layers, before, strict=True):
                if call is None:
                    del layer.call
                else:
                    layer.call = call

    def estimate(self, model: Any, batches: Iterable[Any]) -> None:
        """Computes averages anew: mean and variance over all examples of some batches.

        Everything else runs as outside of training, dropout for one. To be called within
        `growing_momenta`.

        Args:
            model: A `keras.Model` that holds layers of the one that is trained; itself, mostly.
            batches: Inputs of this model, tensors with the examples first.
        """
        learning = tuple(layer.trainable for layer in self._layers)
        if not any(learning):
            return
        key = (id(model), *learning)
        if key not in self._runs:
            self._runs[key] = self._run(model)
        self._estimating = True
        try:
            for seen in self._seen.values():
                seen.assign(0.0)
            for batch in batches:
                self._runs[key](batch)
        finally:
            self._estimating = False

    def _run(self, model: Any) -> Callable[[Any], Any]:
        tf = require("tensorflow")

        def run(batch: Any) -> None:
            model(batch, training=False)

        function: Callable[[Any], Any] = tf.function(run, autograph=False, reduce_retracing=True)
        return function

    def _call(self, layer: Any, plain: Callable[..., Any]) -> Callable[..., Any]:
        """The layer's call, with another momentum where averages are assigned."""
        tf = require("tensorflow")
        # Not at each call: parts of a batch are computed in turns, and another may have set it.
        signature, own = inspect.signature(plain), layer.momentum

        def call(*args: Any, **kwargs: Any) -> Any:
            given = signature.bind(*args, **kwargs)
            if self._estimating:
                given.arguments["training"] = layer.trainable
            if not (given.arguments.get("training") and layer.trainable):
                return plain(*given.args, **given.kwargs)
            share = self._momentum(layer, own, tf.shape(given.args[0])[0])
            before = tf.identity(layer.moving_mean.value)
            # Past Keras' bookkeeping of attributes: a tensor of one trace is none of the layer's.
            vars(layer)["momentum"] = share
            try:
                result = plain(*given.args, **given.kwargs)
            finally:
                vars(layer)["momentum"] = own
            if self._estimating and not getattr(layer, "renorm", False):
                # What batches differ by is part of the variance (Chan et al. 1979).
                apart = share / (1.0 - share) * (before - layer.moving_mean.value) ** 2
                layer.moving_variance.assign_add(apart)
            return result

        return call

    def _momentum(self, layer: Any, own: Any, examples: Any) -> Any:
        keras, tf = require("keras"), require("tensorflow")
        dtype = keras.backend.result_type(layer.compute_dtype, "float32")
        if self._estimating:
            seen = self._seen[id(layer)]
            before = tf.identity(seen)
            return tf.cast(before / seen.assign_add(tf.cast(examples, tf.float32)), dtype)
        steps = self._model.optimizer.iterations.value - self._starts.get(id(layer), 0)
        done = tf.cast(steps, dtype)
        return tf.minimum(tf.cast(own, dtype), (1.0 + done) / (10.0 + done))


def _takes_training(layer: Any) -> bool:
    return "training" in inspect.signature(layer.call).parameters
