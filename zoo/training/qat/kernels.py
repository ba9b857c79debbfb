"""Kernels: layers with weights, as products of inputs and rounded weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from zoo.common.optional_imports import require


@dataclass(frozen=True, kw_only=True)
class Kernel:
    """A product with weights, with its bias.

    Attributes:
        values: The weights, float32.
        bias: Shape (output channels,), zeros where the layer has none.
        product: From an input and weights to an output.
        channels: Axes of the weights that number the output channels.
        per_channel: Whether each of these has a scale of its own.
        suffix: Of the layer's name, where one layer has several kernels.
    """

    values: Any
    bias: Any
    product: Callable[[Any, Any], Any]
    channels: tuple[int, ...]
    per_channel: bool = True
    suffix: str = ""

    def scaled(self, factor: Any, offset: Any) -> Kernel:
        """The kernel that does what this one does, then ``* factor + offset`` by channel."""
        shape = [1] * self.values.ndim
        for axis in self.channels:
            shape[axis] = self.values.shape[axis]
        return replace(
            self,
            values=(self.values * factor.reshape(shape)).astype("float32"),
            bias=(self.bias * factor + offset).astype("float32"),
        )


@dataclass(frozen=True, kw_only=True)
class KernelKind:
    """A kind of layer.

    Attributes:
        make: From a layer to its kernels.
        family: ``convolution`` or ``dense``.
        why_not: Why a layer of this kind cannot be rounded; empty when it can.
    """

    make: Callable[[Any], list[Kernel]]
    family: str = "convolution"
    why_not: Callable[[Any], str] = lambda layer: _why_not(layer)


def kernels_of(layer: Any, per_channel: Mapping[str, bool]) -> list[Kernel]:
    """The kernels of a layer of one of `KERNELS`, in the order in which they are applied."""
    kind = KERNELS[type(layer).__name__]
    own = per_channel[kind.family]
    return [replace(kernel, per_channel=own) for kernel in kind.make(layer)]


def _why_not(layer: Any) -> str:
    function = getattr(layer.activation, "__name__", "linear") if layer.activation else "linear"
    known = {"linear", "relu", "relu6", "tanh", "sigmoid", "softmax", "silu"}
    if function not in known:
        return f"rounding its activation {function} is not known"
    if getattr(layer, "padding", "") == "causal":
        return "its padding is causal"
    if getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None):
        return "its weights are not plain ones"
    return ""


def _values(layer: Any, name: str) -> Any:
    import numpy as np

    return np.asarray(getattr(layer, name), dtype=np.float32)


def _bias(layer: Any, count: int) -> Any:
    import numpy as np

    if getattr(layer, "bias", None) is None:
        return np.zeros(count, dtype=np.float32)
    return np.asarray(layer.bias, dtype=np.float32)


def _how(layer: Any) -> dict[str, Any]:
    steps = tuple(layer.strides)
    return {"strides": steps[0] if len(set(steps)) == 1 else steps, "padding": layer.padding}


def _convolution(layer: Any) -> list[Kernel]:
    ops = require("keras").ops
    values, how = _values(layer, "kernel"), {**_how(layer), "dilation_rate": layer.dilation_rate}
    return [
        Kernel(
            values=values,
            bias=_bias(layer, values.shape[-1]),
            product=lambda x, k: ops.conv(x, k, **how),
            channels=(values.ndim - 1,),
        )
    ]


def _depthwise(layer: Any) -> list[Kernel]:
    values = _values(layer, "kernel")
    return [_by_channel(layer, values, _bias(layer, values.shape[-1] * values.shape[-2]))]


def _by_channel(layer: Any, values: Any, bias: Any, suffix: str = "") -> Kernel:
    ops = require("keras").ops
    how = {**_how(layer), "dilation_rate": layer.dilation_rate}
    return Kernel(
        values=values,
        bias=bias,
        product=lambda x, k: ops.depthwise_conv(x, k, **how),
        channels=(values.ndim - 2, values.ndim - 1),
        suffix=suffix,
    )


def _separable(layer: Any) -> list[Kernel]:
    import numpy as np

    ops = require("keras").ops
    depthwise = _values(layer, "depthwise_kernel")
    pointwise = _values(layer, "pointwise_kernel")
    between = np.zeros(depthwise.shape[-1] * depthwise.shape[-2], dtype=np.float32)
    return [
        _by_channel(layer, depthwise, between, suffix="_depthwise"),
        Kernel(
            values=pointwise,
            bias=_bias(layer, pointwise.shape[-1]),
            product=lambda x, k: ops.conv(x, k),
            channels=(pointwise.ndim - 1,),
        ),
    ]


def _transposed(layer: Any) -> list[Kernel]:
    ops = require("keras").ops
    values = _values(layer, "kernel")
    how = {**_how(layer), "output_padding": layer.output_padding}
    how["dilation_rate"] = layer.dilation_rate
    return [
        Kernel(
            values=values,
            bias=_bias(layer, values.shape[-2]),
            product=lambda x, k: ops.conv_transpose(x, k, **how),
            channels=(values.ndim - 2,),
        )
    ]


def _dense(layer: Any) -> list[Kernel]:
    ops = require("keras").ops
    values = _values(layer, "kernel")
    return [
        Kernel(
            values=values,
            bias=_bias(layer, values.shape[-1]),
            product=ops.matmul,
            channels=(1,),
        )
    ]


KERNELS: Mapping[str, KernelKind] = {
    "Conv1D": KernelKind(make=_convolution),
    "Conv2D": KernelKind(make=_convolution),
    "DepthwiseConv1D": KernelKind(make=_depthwise),
    "DepthwiseConv2D": KernelKind(make=_depthwise),
    "SeparableConv1D": KernelKind(make=_separable),
    "SeparableConv2D": KernelKind(make=_separable),
    "Conv2DTranspose": KernelKind(make=_transposed),
    "Dense": KernelKind(make=_dense, family="dense"),
}
