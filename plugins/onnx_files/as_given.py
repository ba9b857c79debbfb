"""ONNX networks with the inputs and outputs that their files have: names, order, axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.errors import ZooError, first_line
from zoo.common.optional_imports import require
from zoo.contracts import ForeignTensor

from .batch_axes import axis_of_one, batch_axes, behind
from .conversion import keras_network
from .missing_kernels import not_opened
from .preparing import computes_in_half, inputs_of, prepared, shape_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OnnxAsGiven:
    """An ONNX model, axes in the file's own order."""

    def __init__(
        self,
        model: Any,
        origin: str,
        answer: Callable[..., Sequence[NDArray[Any]]] | None = None,
        batch: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Keeps a checked model proto, with all its data in memory.

        Args:
            model: The proto.
            origin: Names the file in messages.
            answer: Computes all outputs in the framework that the file was exported from; None for
                ONNX Runtime.
            batch: The axis that is the batch of inputs and outputs, by name, where it is not the
                first.
        """
        self._proto, self._origin, self._answer, self._batch = model, origin, answer, batch

    @cached_property
    def inputs(self) -> tuple[ForeignTensor, ...]:
        """What it takes."""
        return tuple(self._tensor(one) for one in inputs_of(self._proto))

    @cached_property
    def outputs(self) -> tuple[ForeignTensor, ...]:
        """What it gives."""
        return tuple(self._tensor(one) for one in self._proto.graph.output)

    def _tensor(self, value: Any) -> ForeignTensor:
        axis = self._batch.get(value.name, 0)
        return tensor_of(value, (axis, *behind(axis, len(shape_of(value)))) if axis else None)

    @cached_property
    def in_half(self) -> bool:
        """Whether it computes in 16 bits."""
        return computes_in_half(self._proto)

    def with_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> OnnxAsGiven:
        """The network with the free sides of its inputs fixed."""
        axes = {name: self._behind(name, len(shape) + 1) for name, shape in shapes.items()}
        fixed = with_sides(self._proto, axes, shapes)
        return OnnxAsGiven(fixed, self._origin, self._answer, self._batch)

    def batch_first(self, states: Mapping[str, str]) -> OnnxAsGiven:
        """The network with its batch first, as PyTorch's recurrent layers do not have it."""
        found = batch_axes(self._proto, states)
        return OnnxAsGiven(self._proto, self._origin, self._answer, found)

    def _behind(self, name: str, rank: int) -> tuple[int, ...]:
        return behind(self._batch.get(name, 0), rank)

    @cached_property
    def model(self) -> Any:
        """The network as a `keras.Model`, its outputs in the file's order.

        Raises:
            Unsupported: An operator has no equivalent in Keras.
        """
        copy = type(self._proto)()
        copy.CopyFrom(self._proto)
        axes = [self._behind(one.name, len(one.shape)) for one in self.inputs]
        return keras_network(
            prepared(copy, self._origin, self._batch),
            axes,
            self._origin,
            whole=True,
            batch=self._batch,
        )

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Its outputs by name, as float32, computed by ONNX Runtime, one example after the other.

        A batch of one is what the network is made for.
        """
        names = [one.name for one in self.outputs]
        if self._answer is not None and not self._batch:
            told = self._answer(*(inputs[one.name].astype(one.dtype) for one in self.inputs))
            pairs = zip(names, told, strict=True)
            return {name: np.asarray(values, np.float32) for name, values in pairs}
        fixed, made = self.inputs[0].shape[0] or 1, []
        for number in range(len(next(iter(inputs.values())))):
            feed = {}
            for one in self.inputs:
                example = np.repeat(inputs[one.name][number : number + 1], fixed, axis=0)
                moved = np.moveaxis(example, 0, self._batch.get(one.name, 0))
                feed[one.name] = np.ascontiguousarray(moved, one.dtype)
            found = (
                run_session(self._session, names, feed, self._origin)
                if self._answer is None
                else self._answer(*feed.values())
            )
            made.append(
                [self._first(name, values) for name, values in zip(names, found, strict=True)]
            )
        return {
            name: np.concatenate(parts).astype(np.float32)
            for name, parts in zip(names, zip(*made, strict=True), strict=True)
        }

    def _first(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        """An output for the first example of a batch of one, or of several alike."""
        one = axis_of_one(values.shape) if self.inputs[0].shape[0] in (None, 1) else 0
        return np.moveaxis(values, self._batch.get(name, one), 0)[:1]

    @cached_property
    def _session(self) -> Any:
        return session_of(self._proto, self._origin)


def run_session(
    session: Any, names: list[str] | None, feed: dict[str, Any], origin: str
) -> list[NDArray[Any]]:
    """The outputs of these names, or all, of one inference.

    Raises:
        ZooError: ONNX Runtime cannot run it.
    """
    try:
        found: list[NDArray[Any]] = session.run(names, feed)
    # ONNX Runtime's errors have no common class but this.
    except Exception as error:
        raise ZooError(
            f"{origin} cannot be run by ONNX Runtime",
            why=first_line(error),
            fix="check it where it was made",
        ) from error
    return found


def session_of(model: Any, origin: str) -> Any:
    """ONNX Runtime's session of a model proto.

    Raises:
        BadFile: It cannot be opened.
        Unsupported: An operator cannot be computed in its numbers.
    """
    runtime = require("onnxruntime")
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    try:
        return runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    # ONNX Runtime's errors have no common class but this.
    except Exception as error:
        raise not_opened(model, origin, error) from error


def with_sides(
    model: Any, axes: Mapping[str, Sequence[int]], shapes: Mapping[str, tuple[int, ...]]
) -> Any:
    """A copy of a model whose inputs have these sides, by name, at these axes."""
    copy = type(model)()
    copy.CopyFrom(model)
    for given in inputs_of(copy):
        for axis, side in zip(axes[given.name], shapes[given.name], strict=True):
            given.type.tensor_type.shape.dim[axis].dim_value = side
    return copy


def tensor_of(value: Any, order: tuple[int, ...] | None = None) -> ForeignTensor:
    """An input or output, its axes in this order."""
    shape, tensor = shape_of(value), value.type.tensor_type
    return ForeignTensor(
        name=value.name,
        dtype=str(require("onnx").helper.tensor_dtype_to_np_dtype(tensor.elem_type)),
        shape=shape if order is None else tuple(shape[axis] for axis in order),
    )
