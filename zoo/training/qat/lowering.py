"""Lowering of a network's operations to those of the rounding twin, with their ranges.

TFLite's quantization specification lists operators whose output must have the input's range:
https://ai.google.dev/edge/litert/models/quantization_spec
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from zoo.common.optional_imports import require
from zoo.training.qat.graph import Graph, Node
from zoo.training.qat.kernels import KERNELS, Kernel, kernels_of
from zoo.training.qat.operations import Limits, Lowered, Op, Rule

#: What runtimes compute these functions into; their kernels support no other limits.
_SHARES: Limits = (0.0, 255 / 256)
_SIGNED_SHARES: Limits = (-1.0, 127 / 128)

#: Layers that do nothing once a network is trained.
_NOTHING = frozenset(
    {"Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout"}
    | {"AlphaDropout", "ActivityRegularization", "Identity"}
)
#: Those that only move or choose values.
_EXACT = frozenset(
    {"MaxPooling1D", "MaxPooling2D", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "Concatenate"}
    | {"Flatten", "Reshape", "Permute", "ZeroPadding1D", "ZeroPadding2D", "Cropping1D"}
    | {"Cropping2D", "UpSampling2D", "Maximum", "Minimum", "Transpose", "Squeeze", "ExpandDims"}
)
#: Those that must give the range they take, but compute values in between.
_AVERAGING = frozenset({"AveragePooling1D", "AveragePooling2D"})
_OWN = frozenset({"GlobalAveragePooling1D", "GlobalAveragePooling2D", "Mean"})
_PAIRED = frozenset({"Add", "Subtract", "Multiply"})


def lower(
    graph: Graph,
    *,
    input_limits: Limits | None,
    real_input: bool,
    per_channel: bool,
    per_channel_dense: bool,
) -> Lowered:
    """Turns a graph into operations whose ranges are known or can be learnt.

    Args:
        graph: Of the network, from raw inputs on.
        input_limits: Of raw inputs; None where real numbers come in.
        real_input: Whether these stay real until they are normalized.
        per_channel: Whether each output channel of a convolution has a scale of its own.
        per_channel_dense: Likewise of dense layers.
    """
    lowering = _Lowering(graph, input_limits, real_input, per_channel, per_channel_dense)
    for node in graph.nodes:
        lowering.add(node)
    return Lowered(
        ops=tuple(lowering.ops),
        inputs=graph.inputs,
        outputs=tuple(lowering.now(value) for value in graph.outputs),
        limits=lowering.limits,
        real=lowering.real,
        rounded=sum(op.kernel is not None for op in lowering.ops),
    )


class _Lowering:
    def __init__(
        self,
        graph: Graph,
        input_limits: Limits | None,
        real_input: bool,
        per_channel: bool,
        per_channel_dense: bool,
    ) -> None:
        self.ops: list[Op] = []
        self.limits: dict[int, Limits] = {}
        self.real: dict[str, str] = {}
        self._raw: set[int] = set()
        if input_limits is None and real_input:
            self._raw.update(graph.inputs)
        elif input_limits is not None:
            self.limits.update(dict.fromkeys(graph.inputs, input_limits))
        self._per_channel = {"convolution": per_channel, "dense": per_channel_dense}
        self._kernels: dict[int, list[Kernel]] = {}  # a layer that is used twice has one
        self._same_as: dict[int, int] = {}
        self._done: set[int] = set()
        self._calls = Counter(id(node.operation) for node in graph.nodes)
        self._readers: dict[int, list[Node | None]] = {}
        for node in graph.nodes:
            for value in node.inputs:
                self._readers.setdefault(value, []).append(node)
        for value in graph.outputs:
            self._readers.setdefault(value, []).append(None)
        self._next = 1 + max([*graph.inputs, *(r for node in graph.nodes for r in node.results)])

    def now(self, value: int) -> int:
        """The value that stands for one of the graph."""
        return self._same_as.get(value, value)

    def add(self, node: Node) -> None:
        """Adds what one node becomes."""
        if id(node) in self._done:
            return
        operation = node.operation
        inputs = tuple(self.now(value) for value in node.inputs)
        name = type(operation).__name__
        reason = self._why_real(node)
        if reason:
            self._leave(node, reason)
        elif name in _NOTHING:
            self._same_as[node.results[0]] = inputs[0]
        elif name in KERNELS:
            self._add_kernels(node, inputs[0])
        elif name == "BatchNormalization":
            factor, offset = _affine(operation)
            self._add_affine(inputs[0], factor, offset, node.results[0], operation.name)
        elif name == "Rescaling":
            self._add_affine(
                inputs[0], operation.scale, operation.offset, node.results[0], operation.name
            )
        elif name in _PAIRED:
            self._add_pairs(node, inputs)
        elif name in _EXACT or name in _AVERAGING:
            exact = name in _EXACT and getattr(operation, "interpolation", "nearest") == "nearest"
            self._emit(_call(node), inputs, node.results[0], operation, "same", exact=exact)
        elif name in _OWN:
            self._emit(_call(node), inputs, node.results[0], operation)
        else:
            function = _function_of(operation)
            assert function is not None  # else there were a reason to leave it
            self._add_function(function, operation, inputs[0], node.results[0])

    def _why_real(self, node: Node) -> str:
        """Why an operation cannot be rounded; empty when it can."""
        operation = node.operation
        kind = type(operation)
        name = kind.__name__
        if not kind.__module__.startswith("keras."):
            return f"{name} is a layer of the plugin's own, whose arithmetic is not known"
        if set(node.inputs) & self._raw and name in ("Rescaling", "Concatenate"):
            self._raw.update(node.results)  # the normalization of real numbers
            return "it normalizes real numbers"
        if getattr(operation, "data_format", None) == "channels_first":
            return "it has channels first"
        if name in KERNELS:
            return KERNELS[name].why_not(operation)
        if name == "BatchNormalization":
            last = len(node.arguments.keras_tensors[0].shape) - 1
            return "" if operation.axis in (-1, last) else "it normalizes another axis"
        if name == "Rescaling" or name in _NOTHING | _EXACT | _AVERAGING | _OWN:
            return ""
        if name in _PAIRED:
            several = len(node.inputs) >= 2
            return "" if several else f"{name} with a constant is not known"
        if _function_of(operation) is not None:
            return ""
        return f"rounding {name} is not known"

    def _leave(self, node: Node, reason: str) -> None:
        first, *rest = node.results
        self.real[node.operation.name] = reason

        def repeat(*tensors: Any) -> Any:
            made = node.call(dict(zip(node.inputs, tensors, strict=True)))
            return made if rest else made[0]

        inputs = tuple(self.now(value) for value in node.inputs)
        self.ops.append(
            Op(
                apply=repeat,
                inputs=inputs,
                output=first,
                rule="real",
                name=node.operation.name,
                also=tuple(rest),
            )
        )

    def _emit(
        self,
        apply: Callable[..., Any],
        inputs: tuple[int, ...],
        output: int,
        operation: Any,
        rule: Rule = "own",
        **more: Any,
    ) -> int:
        name = getattr(operation, "name", operation)
        self.ops.append(Op(apply=apply, inputs=inputs, output=output, rule=rule, name=name, **more))
        if rule == "same" and all(value in self.limits for value in inputs):
            lows, highs = zip(*(self.limits[value] for value in inputs), strict=True)
            self.limits[output] = min(lows), max(highs)
        return output

    def _new(self) -> int:
        self._next += 1
        return self._next

    def _add_kernels(self, node: Node, value: int) -> None:
        layer = node.operation
        output = node.results[0]
        function = _named(layer.activation)
        kernels: Sequence[Kernel] = self._kernels.setdefault(
            id(layer), kernels_of(layer, self._per_channel)
        )
        if function == "linear":
            output, kernels = self._folded(layer, output, kernels)
        for kernel in kernels:
            last = kernel is kernels[-1] and function == "linear"
            made = output if last else self._new()
            value = self._emit(lambda x: x, (value,), made, layer, kernel=kernel, fuses=True)
        if function != "linear":
            self._add_function(function, layer, value, output)

    def _folded(
        self, layer: Any, output: int, kernels: Sequence[Kernel]
    ) -> tuple[int, Sequence[Kernel]]:
        """Takes in the normalization behind a layer, as converters do."""
        readers = self._readers.get(output, [])
        reader = readers[0] if len(readers) == 1 else None
        if reader is None or self._calls[id(layer)] > 1 or self._why_real(reader):
            return output, kernels
        if type(reader.operation).__name__ != "BatchNormalization":
            return output, kernels
        self._done.add(id(reader))
        factor, offset = _affine(reader.operation)
        return reader.results[0], [*kernels[:-1], kernels[-1].scaled(factor, offset)]

    def _add_affine(self, value: int, factor: Any, offset: Any, output: int, name: str) -> None:
        """``value * factor + offset``, with one number for all channels or one for each."""
        import numpy as np

        ops = require("keras").ops
        factor, offset = (np.asarray(number, dtype=np.float32) for number in (factor, offset))
        known = self.limits.get(value)
        product = self._new() if offset.any() else output
        between = None if known is None else _interval(np.outer(known, factor))
        self._put(
            lambda x: ops.multiply(x, factor), value, product, between, name, factor.size == 1
        )
        if offset.any():
            ends = None
            if known is not None:
                ends = _interval(np.multiply.outer(np.asarray(known), factor) + offset)
            self._put(lambda x: ops.add(x, offset), product, output, ends, name, False)

    def _put(
        self,
        apply: Callable[..., Any],
        value: int,
        output: int,
        limits: Limits | None,
        name: str,
        exact: bool,
    ) -> None:
        if limits is None:
            self._emit(apply, (value,), output, name, fuses=True)
        else:
            self.limits[output] = limits
            self._emit(apply, (value,), output, name, "fixed", limits=limits, exact=exact)

    def _add_pairs(self, node: Node, inputs: tuple[int, ...]) -> None:
        """Sums and products of several, two at a time, as files have them."""
        ops = require("keras").ops
        names = {"Add": ops.add, "Subtract": ops.subtract, "Multiply": ops.multiply}
        apply = names[type(node.operation).__name__]
        value = inputs[0]
        for number, other in enumerate(inputs[1:], start=2):
            output = node.results[0] if number == len(inputs) else self._new()
            value = self._emit(apply, (value, other), output, node.operation, fuses=True)

    def _add_function(self, function: str, operation: Any, value: int, output: int) -> None:
        keras = require("keras")
        ops = keras.ops
        name = operation.name
        if function == "linear":
            self._same_as[output] = value
        elif function in ("relu", "relu6"):
            # The runtimes' own operators, so that converters fuse them.
            apply = ops.relu if function == "relu" else ops.relu6
            self._emit(apply, (value,), output, name, fused=True)
        elif function == "tanh":
            self._emit(ops.tanh, (value,), output, name, "fixed", limits=_SIGNED_SHARES)
        elif function == "sigmoid":
            self._emit(ops.sigmoid, (value,), output, name, "fixed", limits=_SHARES)
        elif function == "softmax":
            self._emit(ops.softmax, (value,), output, name, "fixed", limits=_SHARES)
        elif function == "silu":
            share = self._new()
            self._emit(ops.sigmoid, (value,), share, name, "fixed", limits=_SHARES)
            self._emit(ops.multiply, (value, share), output, name)
        elif function == "leaky_relu":
            slope = float(getattr(operation, "negative_slope", 0.2))
            self._emit(lambda x: ops.leaky_relu(x, slope), (value,), output, name)


def _call(node: Node) -> Callable[..., Any]:
    def apply(*tensors: Any) -> Any:
        return node.call(dict(zip(node.inputs, tensors, strict=True)))[0]

    return apply


def _interval(values: Any) -> Limits:
    return float(values.min()), float(values.max())


def _affine(layer: Any) -> tuple[Any, Any]:
    """What a batch normalization computes once trained: factor and offset of each channel."""
    import numpy as np

    variance, mean = np.asarray(layer.moving_variance), np.asarray(layer.moving_mean)
    factor = 1.0 / np.sqrt(variance + layer.epsilon)
    if layer.scale:
        factor = factor * np.asarray(layer.gamma)
    offset = -mean * factor
    if layer.center:
        offset = offset + np.asarray(layer.beta)
    return factor, offset


_FUNCTIONS = frozenset(
    {"linear", "relu", "relu6", "tanh", "sigmoid", "softmax", "silu", "leaky_relu"}
)


def _named(function: Any) -> str:
    return "linear" if function is None else str(getattr(function, "__name__", function))


def _function_of(operation: Any) -> str | None:
    """The function that an activation layer or operation computes; None for all others."""
    kind = type(operation).__name__
    if kind == "Activation":
        name = _named(operation.activation)
        return name if name in _FUNCTIONS and name != "leaky_relu" else None
    if kind == "ReLU":  # both a layer and an operation
        if getattr(operation, "threshold", 0) or getattr(operation, "negative_slope", 0):
            return None
        most = getattr(operation, "max_value", None)
        return {None: "relu", 6: "relu6"}.get(most)
    if kind in ("LeakyReLU", "LeakyRelu"):
        return "leaky_relu"
    if kind == "Softmax":
        return "softmax" if operation.axis == -1 else None
    plain = {"Relu": "relu", "Relu6": "relu6", "Tanh": "tanh", "Sigmoid": "sigmoid"}
    return {**plain, "Silu": "silu"}.get(kind)
