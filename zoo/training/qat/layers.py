"""Layers of the rounding twin: fake quantization of values and of weights.

Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-
Only Inference" (arXiv:1712.05877), section 3: values are rounded in the forward pass as the file
will round them, and gradients pass through (those of clipped values do not).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from zoo.common.optional_imports import require

#: How much of a range stays with each batch, once enough batches were seen.
MOMENTUM = 0.99
#: A range narrower than this, and a channel of smaller weights, are those of a dead unit.
LEAST = 1e-6


def fake_quantize(name: str, sites: int, fixed: tuple[float, float] | None) -> Any:
    """A layer that rounds values to 256 levels between two limits.

    Args:
        name: Of the layer.
        sites: How many tensors share the limits.
        fixed: The limits, if they are known; None learns them as moving averages of the lowest
            and highest values of each batch.
    """
    return _fake_quantize_class()(sites, fixed, name=name)


def quantized_kernel(
    name: str,
    kernel: Any,
    bias: Any,
    product: Callable[[Any, Any], Any],
    channels: Sequence[int] | None,
) -> Any:
    """A layer that multiplies by weights rounded to 255 levels around zero, and adds a bias.

    Args:
        name: Of the layer.
        kernel: Weights to begin with, float32.
        bias: Likewise, shape (output channels,). It stays real: files hold it in 32 bits.
        product: From an input and a kernel to an output, such as a convolution.
        channels: Axes of the kernel, in order, along which each channel has a scale of its own;
            None: one scale for all.
    """
    return _quantized_kernel_class()(kernel, bias, product, channels, name=name)


def freeze_quantizers(model: Any) -> None:
    """Freezes limits and rounded weights as constants, the form that converters require."""
    kinds = (_fake_quantize_class(), _quantized_kernel_class())
    for layer in model.layers:
        if isinstance(layer, kinds):
            layer.freeze_quantizers()


def quantization_parameters(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point, as one of 256 levels, for these limits."""
    scale = (high - low) / 255.0
    return scale, min(255, max(0, round(-low / scale)))


@cache
def _fake_quantize_class() -> Any:
    keras = require("keras")
    ops, base = keras.ops, keras.layers.Layer

    class FakeQuantize(base):  # type: ignore[misc,valid-type]
        """See `fake_quantize`."""

        def __init__(self, sites: int, fixed: tuple[float, float] | None, **options: Any) -> None:
            super().__init__(**options)
            self.sites = sites
            self.fixed = fixed
            self._learns = fixed is None
            self._settled: tuple[Any, Any] | None = None

        def build(self, shape: Any) -> None:
            if self.fixed is not None:
                return
            for name in ("low", "high", "seen"):
                weight = self.add_weight(
                    shape=(self.sites,), initializer="zeros", trainable=False, name=name
                )
                setattr(self, name, weight)

        def call(
            self,
            x: Any,
            site: int = 0,
            learns: bool = True,
            exact: bool = False,
            training: Any = None,
        ) -> Any:
            """Rounds.

            Args:
                x: float32.
                site: Which of the tensors that share the limits this is.
                learns: Whether this tensor may move the limits.
                exact: Whether its values were rounded already, and nothing rounds them anew.
                training: Whether limits are learnt.
            """
            if exact and self._settled is None:
                return x
            if training and learns and self._learns:
                self._learn(x, site)
            low, high = self._settled or self.limits()
            return keras.quantizers.fake_quant_with_min_max_vars(x, low, high)

        def compute_output_shape(self, shape: Any, **_: Any) -> Any:
            return shape

        def _learn(self, x: Any, site: int) -> None:
            here = ops.one_hot(site, self.sites)
            # The first batch sets the limits; those after it are averaged, at first evenly.
            kept = here * ops.minimum(MOMENTUM, self.seen / (self.seen + 1.0)) + (1.0 - here)
            for variable, value in ((self.low, ops.min(x)), (self.high, ops.max(x))):
                variable.assign(variable * kept + ops.stop_gradient(value) * (1.0 - kept))
            self.seen.assign(self.seen + here)

        def hold(self, low: float, high: float) -> None:
            """Sets the limits for good: training does not move them any more."""
            self._learns = False
            self.low.assign([low] * self.sites)
            self.high.assign([high] * self.sites)

        def limits(self) -> tuple[Any, Any]:
            """Low and high; zero lies between them, so that it has a level of its own."""
            if self.fixed is not None:
                return self.fixed
            low = ops.minimum(ops.min(self.low), 0.0)
            return low, ops.maximum(ops.max(self.high), low + LEAST)

        def freeze_quantizers(self) -> None:
            import numpy as np

            low, high = (float(limit) for limit in self.limits())
            self._settled = np.float32(low), np.float32(high)

    return FakeQuantize


@cache
def _quantized_kernel_class() -> Any:
    keras = require("keras")
    ops, base = keras.ops, keras.layers.Layer

    class QuantizedKernel(base):  # type: ignore[misc,valid-type]
        """See `quantized_kernel`."""

        def __init__(
            self,
            kernel: Any,
            bias: Any,
            product: Callable[[Any, Any], Any],
            channels: Sequence[int] | None,
            **options: Any,
        ) -> None:
            super().__init__(**options)
            self._product = product
            self._channels = channels
            self._settled: Any = None
            self.kernel = self.add_weight(shape=kernel.shape, name="kernel")
            self.bias = self.add_weight(shape=bias.shape, name="bias")
            self.kernel.assign(kernel)
            self.bias.assign(bias)

        def call(self, x: Any) -> Any:
            """The product of `x` and the rounded weights, plus the bias."""
            kernel = self.rounded() if self._settled is None else self._settled
            return ops.add(self._product(x, kernel), self.bias)

        def rounded(self) -> Any:
            """The weights as a file holds them; each scale is the largest weight by 127."""
            kernel = ops.convert_to_tensor(self.kernel)
            rest = [a for a in range(kernel.ndim) if a not in (self._channels or ())]
            own = [*rest, *(self._channels or ())]
            flat = ops.reshape(ops.transpose(kernel, own), (-1, *self._width(kernel)))
            size = ops.stop_gradient(ops.max(ops.abs(flat), axis=0 if self._channels else None))
            size = ops.maximum(size, LEAST)
            flat = keras.quantizers.fake_quant_with_min_max_vars(
                flat, -size, size, narrow_range=True, axis=-1 if self._channels else None
            )
            wide = ops.reshape(flat, [kernel.shape[a] for a in own])
            return ops.transpose(wide, [own.index(a) for a in range(kernel.ndim)])

        def _width(self, kernel: Any) -> tuple[int, ...]:
            count = 1
            for axis in self._channels or ():
                count *= int(kernel.shape[axis])
            return (count,) if self._channels else (1,)

        def freeze_quantizers(self) -> None:
            import numpy as np

            self._settled = np.asarray(self.rounded())

    return QuantizedKernel
