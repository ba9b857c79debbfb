"""TFLite files that leave sizes of their inputs open, before sizes are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.contracts import ForeignTensor

from .running import packed

if TYPE_CHECKING:
    from .opening import TfliteNetwork


@dataclass(frozen=True, kw_only=True)
class FreeTfliteNetwork:
    """A file whose signature leaves sizes open; the network is had when they are given.

    Attributes:
        content: The flatbuffer.
        origin: Names the file in messages.
        fixed: Opens the bytes of a file whose sizes are all fixed.
        called: Names of inputs and outputs in its signature; of a file without one those of
            tensors.
        given: Whether its inputs are what the file takes, whole numbers among them.
    """

    content: bytes
    origin: str
    fixed: Callable[[bytes], TfliteNetwork]
    inputs: tuple[ForeignTensor, ...]
    outputs: tuple[ForeignTensor, ...]
    stated: str = ""
    classes: tuple[str, ...] = ()
    called: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    given: bool = False
    in_half: bool = False
    notes: tuple[str, ...] = ()

    def with_shape(self, shape: tuple[int, ...]) -> TfliteNetwork:
        """The network for inputs of one shape."""
        return self.with_shapes({self.inputs[0].name: shape})

    def with_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> TfliteNetwork:
        """The network for inputs of these shapes."""
        sides = [(1, *shapes[one.name]) for one in self.inputs]
        made = self.fixed(_with_sizes(self.content, sides))
        return made.as_given if self.given else made

    @property
    def as_given(self) -> FreeTfliteNetwork:
        """Itself, its tensors by the names of its signature."""
        named = [
            tuple(
                replace(one, name=name)
                for one, name in zip(tensors, names or [t.name for t in tensors], strict=True)
            )
            for tensors, names in zip((self.inputs, self.outputs), self.called, strict=True)
        ]
        return replace(self, inputs=named[0], outputs=named[1], given=True)

    @property
    def model(self) -> Any:
        """Not before its sizes are known."""
        raise self._sizeless()

    def run(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """Not before its sizes are known."""
        raise self._sizeless()

    def answers(self, batch: Any) -> Any:
        """Not before its sizes are known."""
        raise self._sizeless()

    def _sizeless(self) -> Unsupported:
        shape = next(one.shape for one in self.inputs if None in one.shape[1:])
        return Unsupported(
            f"{self.origin} takes inputs of shape {shape}: the size of its input is free",
            why="it can only be converted at a fixed size",
            fix="state the size: --input 224x224, as HEIGHTxWIDTH; or give samples of one size",
        )


def leaves_sizes_open(model: Any) -> bool:
    """Whether a signature has sides other than the batch that are free."""
    graph = model.subgraphs[0]
    signatures = [graph.tensors[int(place)].shapeSignature for place in graph.inputs]
    return any(one is not None and (np.asarray(one)[1:] < 0).any() for one in signatures)


def described(model: Any, places: Any) -> tuple[ForeignTensor, ...]:
    """Tensors of the graph as the file describes them, with the batch free."""
    types = {
        value: name.lower()
        for name, value in vars(require("ai_edge_litert.schema_py_generated").TensorType).items()
        if isinstance(value, int)
    }
    found = []
    for place in places:
        tensor = model.subgraphs[0].tensors[int(place)]
        signature, shape = tensor.shapeSignature, tensor.shape
        own = signature if signature is not None and len(signature) else shape
        sides = [None if side < 0 else int(side) for side in ([] if own is None else own)]
        found.append(
            ForeignTensor(
                name=(tensor.name or b"").decode("utf-8", "replace"),
                dtype=types[tensor.type],
                shape=(None, *sides[1:]),
            )
        )
    return tuple(found)


def _with_sizes(content: bytes, shapes: list[tuple[int, ...]]) -> bytes:
    """The file with inputs of these shapes; LiteRT finds those of other tensors."""
    schema = require("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    for place, shape in zip(graph.inputs, shapes, strict=True):
        tensor = graph.tensors[int(place)]
        tensor.shape, tensor.shapeSignature = np.asarray(shape, np.int32), None
    return packed(model, len(content))
