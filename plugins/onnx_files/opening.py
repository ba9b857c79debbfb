"""ONNX files, read as data first; Keras networks are made of them, and ONNX Runtime answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.errors import Unsupported, ZooError
from zoo.contracts import ForeignTensor

from .as_given import OnnxAsGiven, run_session, session_of, tensor_of, with_sides
from .conversion import keras_network
from .layout import layout_of
from .metadata import class_names, stated_input
from .preparing import computes_in_half, inlined, inputs_of, prepared, shape_of
from .reading import checked_model

if TYPE_CHECKING:
    from numpy.typing import NDArray


class OnnxNetwork:
    """An ONNX model, its input with channels last."""

    def __init__(
        self,
        model: Any,
        origin: str,
        answer: Callable[..., Sequence[NDArray[Any]]] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        """Reads what it takes.

        Args:
            model: A checked model proto, with all its data in memory.
            origin: Names the file in messages.
            answer: Computes all outputs in the framework that the file was exported from; None for
                ONNX Runtime.
            notes: What users should know of it.
        """
        self._proto = inlined(model)
        self._origin = origin
        self._answer = answer
        self.notes = notes
        self._takes_any: bool = True
        self._layout = tuple(layout_of(self._proto, one) for one in inputs_of(self._proto))

    @cached_property
    def inputs(self) -> tuple[ForeignTensor, ...]:
        """What it takes, channels last."""
        return tuple(
            tensor_of(one, (0, *layout))
            for one, layout in zip(inputs_of(self._proto), self._layout, strict=True)
        )

    @cached_property
    def outputs(self) -> tuple[ForeignTensor, ...]:
        """What it gives."""
        return tuple(tensor_of(one) for one in self._proto.graph.output)

    @cached_property
    def stated(self) -> str:
        """What its metadata say of its input, in the words of ``--input``."""
        free = any(None in tensor.shape[1:] for tensor in self.inputs)
        return stated_input(self._proto, free=free)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes that its metadata hold."""
        return class_names(self._proto)

    @cached_property
    def in_half(self) -> bool:
        """Whether it computes in 16 bits."""
        return computes_in_half(self._proto)

    def with_shape(self, shape: tuple[int, ...]) -> OnnxNetwork:
        """The network with the free sides of its input fixed."""
        if shape == self.inputs[0].shape[1:]:
            return self
        name = self.inputs[0].name
        copy = with_sides(self._proto, {name: self._layout[0]}, {name: shape})
        return OnnxNetwork(copy, self._origin, self._answer, self.notes)

    @cached_property
    def model(self) -> Any:
        """The network as a `keras.Model`.

        Raises:
            Unsupported: An operator has no equivalent in Keras, or there are several inputs.
        """
        for what, tensors in (("inputs", self.inputs), ("outputs", self.outputs)):
            if len(tensors) != 1:
                raise Unsupported(
                    f"{self._origin} has {len(tensors)} {what}",
                    why="only networks with one input and one output can be brought in",
                    fix="save the part of it that has one of each",
                )
        copy = type(self._proto)()
        copy.CopyFrom(self._proto)
        return keras_network(prepared(copy, self._origin), self._layout, self._origin)

    @property
    def as_given(self) -> OnnxAsGiven:
        """The network with the inputs and outputs that its file has."""
        return OnnxAsGiven(self._proto, self._origin, self._answer)

    @cached_property
    def _session(self) -> Any:
        return session_of(self._proto, self._origin)

    def answers(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Its outputs, as float32, computed by ONNX Runtime or what it was exported from."""
        layout = self._layout[0]
        back = [0, *(layout.index(axis) + 1 for axis in range(1, len(layout) + 1))]
        given = np.ascontiguousarray(batch.transpose(back)).astype(self.inputs[0].dtype)
        fixed = shape_of(inputs_of(self._proto)[0])[0]
        if fixed is None and self._takes_any:
            try:
                return _answers(self._run(given))
            except ZooError:  # a reshape inside that holds for one example alone
                self._takes_any = False
        size = fixed or 1
        made = []
        for begin in range(0, len(given), size):
            part = given[begin : begin + size]
            full = np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])
            made.append(self._run(full)[: len(part)])
        return _answers(np.concatenate(made))

    def _run(self, batch: NDArray[Any]) -> NDArray[Any]:
        if self._answer is not None:
            (found,) = self._answer(batch)
            return found
        session = self._session
        feed = {session.get_inputs()[0].name: batch}
        (found,) = run_session(session, None, feed, self._origin)
        return np.asarray(found, np.float32)


def _answers(found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Answers as the converted network gives them: of one axis, if only one has elements."""
    wide = [side for side in found.shape[1:] if side != 1]
    return found.reshape(len(found), *wide) if len(wide) == 1 else found


def open_onnx(path: Path) -> OnnxNetwork:
    """Opens an ONNX file.

    Raises:
        BadFile: Truncated, of another type than its suffix, or data that lie elsewhere.
        Unsupported: Quantized, with control flow, or with operators of somebody's own.
    """
    return OnnxNetwork(checked_model(path), path.name)
