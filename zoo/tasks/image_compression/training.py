"""Training of compression: errors of the picture against bits of the code, both differentiable."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require

if TYPE_CHECKING:
    from zoo.contracts import Preprocessing

_WHITE = 255.0
#: Of a channel that is the same everywhere, in steps of rounding.
_LEAST_SPREAD = 0.02


def trainee(network: Any, preprocessing: Preprocessing) -> Any:
    """What is trained: raw pictures to what each of them costs.

    Returns:
        `keras.Model`; float32 (batch, 3): bits per pixel and weighted error together, the mean
        squared error in pixel values of 0 to 255, and the bits per pixel.
    """
    from zoo.networks.building import normalization, raw_input
    from zoo.networks.rounding import error_weight_of

    keras = require("keras")
    ops = keras.ops
    raw = raw_input(preprocessing, None)
    made = network(normalization(preprocessing)(raw))
    given = ops.cast(raw, "float32") / _WHITE
    errors = ops.mean(ops.square(_WHITE * (made["picture"] - given)), axis=(1, 2, 3))
    height, width = preprocessing.input_shape[:2]
    bits = _bits_class()(name="bits")(made["code"]) / (height * width)
    cost = bits + error_weight_of(network) * errors
    return keras.Model(raw, ops.stack([cost, errors, bits], axis=1))


def state(model: Any) -> list[Any]:
    """The state of the noise that is added to codes, which the next epoch depends on."""
    return [one.noise.state for one in model.layers if isinstance(one, _bits_class())]


def negative_log2_laplace(values: Any, scale: Any) -> Any:
    """Bits of a whole number whose real one has a Laplace distribution around zero.

    The probability of the interval of length one around each value, in a form that loses nothing
    far from the middle.

    Args:
        values: Distances from the middle.
        scale: Mean absolute distance, above 0.
    """
    ops = require("keras").ops
    far = ops.abs(values)
    half = 0.5 / scale
    # Inside of half a step the interval holds the middle.
    inside = 1.0 - 0.5 * (
        ops.exp(-half - ops.minimum(far, 0.5) / scale)
        + ops.exp(-half + ops.minimum(far, 0.5) / scale)
    )
    outside = (
        -ops.maximum(far, 0.5) / scale + half + ops.log1p(-ops.exp(-2.0 * half)) - ops.log(2.0)
    )
    nats = ops.where(far < 0.5, -ops.log(ops.maximum(inside, 1e-12)), -outside)
    return nats / ops.log(2.0)


def _busy(relative: Any) -> Any:
    """By what factor numbers of a cell are larger than usual: (batch, rows, columns, 1).

    Of the cell and of those left of it and above, as the coder's contexts are.

    Args:
        relative: Distances from the middle in the channel's usual ones.
    """
    ops = require("keras").ops
    cell = ops.mean(relative, axis=-1, keepdims=True)
    left = ops.concatenate([cell[:, :, :1], cell[:, :, :-1]], axis=2)
    above = ops.concatenate([cell[:, :1], cell[:, :-1]], axis=1)
    return 0.05 + 0.45 * cell + 0.25 * (left + above)


@cache
def _bits_class() -> Any:
    keras = require("keras")
    ops = keras.ops

    class Bits(keras.layers.Layer):  # type: ignore[misc, name-defined, unused-ignore]
        """Bits of each code, (batch,), by a Laplace distribution for each channel.

        Its middle and spread are those of the batch, the likeliest ones: so it has no weights of
        its own. Files carry tables of what really occurs.
        """

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.noise = keras.random.SeedGenerator()

        def call(self, code: Any, training: bool | None = None) -> Any:
            """Of the code with noise in training, else of the rounded one."""
            middle = ops.stop_gradient(ops.mean(code, axis=(0, 1, 2), keepdims=True))
            if training:
                values = code + keras.random.uniform(ops.shape(code), -0.5, 0.5, seed=self.noise)
            else:
                values = ops.round(code)
            apart = values - middle
            far = ops.abs(apart)
            spread = ops.maximum(ops.mean(far, axis=(0, 1, 2), keepdims=True), _LEAST_SPREAD)
            scale = ops.stop_gradient(ops.maximum(spread * _busy(far / spread), _LEAST_SPREAD))
            return ops.sum(negative_log2_laplace(apart, scale), axis=(1, 2, 3))

        def compute_output_shape(self, input_shape: Any) -> Any:
            """One for each example."""
            return (input_shape[0],)

    return Bits
