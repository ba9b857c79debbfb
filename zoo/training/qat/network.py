"""The twin of a network that rounds values and weights where an int8 file will."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.contracts import Preprocessing, Target, Task
from zoo.networks.building import normalization, raw_input
from zoo.training.qat.graph import graph_of
from zoo.training.qat.layers import fake_quantize, freeze_quantizers, quantized_kernel
from zoo.training.qat.lowering import lower
from zoo.training.qat.operations import Limits, Lowered, Op

#: Of raw bytes.
_BYTES: Limits = (0.0, 255.0)


@dataclass(frozen=True, kw_only=True)
class RoundingNetwork:
    """A rounding network under quantization-aware training.

    Attributes:
        trained: `keras.Model` from raw inputs to logits; its variables are all there are.
        deployed: `keras.Model` from raw inputs to the task's output, of the same layers.
        real: Layers that compute in real numbers, with the reason of each.
        rounded: Number of layers whose weights are rounded.
        logits: The layer that rounds logits which become probabilities; None where they do not,
            or where something else is rounded together with them.
    """

    trained: Any
    deployed: Any
    real: Mapping[str, str]
    rounded: int
    logits: Any | None

    def freeze_quantizers(self) -> None:
        """Freezes limits and rounded weights, before export."""
        freeze_quantizers(self.trained)


def build_rounding_network(
    network: Any,
    preprocessing: Preprocessing,
    task: Task,
    *,
    target: Target,
    batch: int | None = None,
) -> RoundingNetwork:
    """Builds the twin of a network, with copies of its weights.

    Args:
        network: A functional `keras.Model` from normalized inputs to logits; it is not changed.
        preprocessing: From raw examples to inputs.
        task: Brings the function behind the logits.
        target: Says what shares a scale.
        batch: Size of a batch; None for any.

    Raises:
        Unsupported: There is nothing to round, or the target rounds differently.
    """
    keras = require("keras")
    if target.symmetric:
        raise Unsupported(
            f"quantization-aware training is not possible for the target {target.name!r}",
            why="its activations have no zero point, and ranges are trained with one",
            fix="leave --qat out, or choose another target",
        )
    raw = raw_input(preprocessing, batch)
    logits = network(normalization(preprocessing)(raw))
    answers = task.activation(logits)
    tree = keras.tree
    graph = graph_of(keras.Model(raw, [*tree.flatten(logits), *tree.flatten(answers)]))
    lowered = lower(
        graph,
        input_limits=_BYTES if preprocessing.whole_bytes else None,
        real_input=target.interface in ("auto", "float32"),
        per_channel=target.per_channel,
        per_channel_dense=target.per_channel_dense,
    )
    if not lowered.rounded:
        raise Unsupported(
            f"{network.name!r} has nothing that quantization-aware training could round",
            why="; ".join(f"{name}: {reason}" for name, reason in list(lowered.real.items())[:4])
            or "no layer of it multiplies by weights",
            fix="leave --qat out: int8 files are calibrated",
        )
    inputs = raw_input(preprocessing, batch)
    builder = _Builder(lowered)
    made = builder.build([inputs])
    count = len(tree.flatten(logits))
    own, given = (tree.pack_sequence_as(logits, p) for p in (made[:count], made[count:]))
    return RoundingNetwork(
        trained=keras.Model(inputs, own, name=f"{network.name}_rounding"),
        deployed=keras.Model(inputs, given, name=network.name),
        real=lowered.real,
        rounded=lowered.rounded,
        logits=builder.rounds(lowered.outputs[0]) if _is_softmax(lowered) else None,
    )


def _is_softmax(lowered: Lowered) -> bool:
    if len(lowered.outputs) != 2:
        return False
    logits, output = lowered.outputs
    last = next((op for op in lowered.ops if op.output == output), None)
    softmax = require("keras").ops.softmax
    return last is not None and last.apply is softmax and last.inputs == (logits,)


class _Builder:
    """Calls the operations in order, with roundings between them."""

    def __init__(self, lowered: Lowered) -> None:
        self._lowered = lowered
        self._names: Counter[str] = Counter()
        self._kernels: dict[int, Any] = {}
        self._readers: dict[int, list[Op | None]] = {}
        for op in lowered.ops:
            for value in op.inputs:
                self._readers.setdefault(value, []).append(op)
        for value in lowered.outputs:
            self._readers.setdefault(value, []).append(None)
        self._groups = _Groups()
        for op in lowered.ops:
            if op.rule == "same":
                self._groups.join(*op.inputs, op.output)
        self._makers = {op.output: op for op in lowered.ops}
        self._sites = self._place()
        self._layers: dict[int, Any] = {}

    def build(self, inputs: list[Any]) -> list[Any]:
        """The outputs for symbolic inputs."""
        values = {
            value: self._rounded(value, tensor)
            for value, tensor in zip(self._lowered.inputs, inputs, strict=True)
        }
        for op in self._lowered.ops:
            made = self._apply(op, [values[value] for value in op.inputs])
            tensors = made if op.also else [made]
            for value, tensor in zip((op.output, *op.also), tensors, strict=True):
                values[value] = self._rounded(value, tensor)
        return [values[value] for value in self._lowered.outputs]

    def rounds(self, value: int) -> Any | None:
        """The layer that rounds this value, and no other one."""
        group = self._groups.find(value)
        return self._layers.get(group) if self._sites.get(group) == [value] else None

    def _apply(self, op: Op, tensors: list[Any]) -> Any:
        kernel = op.kernel
        if kernel is None:
            return op.apply(*tensors)
        if id(kernel) not in self._kernels:
            self._kernels[id(kernel)] = quantized_kernel(
                self._name(op.name + kernel.suffix),
                kernel.values,
                kernel.bias,
                kernel.product,
                kernel.channels if kernel.per_channel else None,
            )
        return self._kernels[id(kernel)](tensors[0])

    def _place(self) -> dict[int, list[int]]:
        """The values that are rounded, by group, in order."""
        places: dict[int, list[int]] = {}
        values = [*self._lowered.inputs]
        for op in self._lowered.ops:
            values += [op.output, *op.also]
        for value in values:
            if self._is_rounded(value):
                places.setdefault(self._groups.find(value), []).append(value)
        return places

    def _is_rounded(self, value: int) -> bool:
        maker = self._makers.get(value)
        readers = self._readers.get(value, [])
        if maker is None or maker.rule == "real":
            return any(reader is not None and reader.rule != "real" for reader in readers)
        only = readers[0] if len(readers) == 1 else None
        return not (maker.fuses and maker.rule == "own" and only is not None and only.fused)

    def _rounded(self, value: int, tensor: Any) -> Any:
        group = self._groups.find(value)
        sites = self._sites.get(group, [])
        if value not in sites:
            return tensor
        learning = [v for v in sites if not self._passes(v)] or sites[:1]
        if group not in self._layers:
            fixed = {self._fixed(v) for v in learning}
            limits = next(iter(fixed)) if len(fixed) == 1 else None
            name = f"range_{len(self._layers)}"
            self._layers[group] = fake_quantize(name, len(learning), limits)
        maker = self._makers.get(value)
        exact = maker is None and value in self._lowered.limits
        exact = exact or (maker is not None and maker.exact)
        learns = value in learning
        site = learning.index(value) if learns else 0
        return self._layers[group](tensor, site=site, learns=learns, exact=exact)

    def _passes(self, value: int) -> bool:
        """Whether a value has the range of what it was made from."""
        maker = self._makers.get(value)
        return maker is not None and maker.rule == "same"

    def _fixed(self, value: int) -> Limits | None:
        maker = self._makers.get(value)
        return self._lowered.limits.get(value) if maker is None else maker.limits

    def _name(self, wanted: str) -> str:
        count = self._names[wanted]
        self._names[wanted] += 1
        return f"{wanted}_{count + 1}" if count else wanted


class _Groups:
    """Values that must share a range."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def find(self, value: int) -> int:
        """One value that stands for the group."""
        while value in self._above:
            value = self._above[value]
        return value

    def join(self, *values: int) -> None:
        """Makes one group of those of these values."""
        first = self.find(values[0])
        for value in values[1:]:
            other = self.find(value)
            if other != first:
                self._above[other] = first
