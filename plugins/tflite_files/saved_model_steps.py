"""SavedModels whose signature assigns variables: their state becomes inputs and outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from zoo.common.optional_imports import require
from zoo.contracts import ForeignTensor

from .graph import Array
from .opening import network_of

_ASSIGNING = frozenset({"AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp"})


def assigns(function: Any) -> bool:
    """Whether a concrete function assigns a variable; functions that are none never do."""
    graph = getattr(function, "graph", None)
    if graph is None:
        return False
    described = graph.as_graph_def()
    inner = (node for one in described.library.function for node in one.node_def)
    return any(node.op in _ASSIGNING for node in (*described.node, *inner))


class SavedSteps:
    """A signature one step at a time, its variables explicit: see `zoo.contracts.StateKeeping`.

    One step is computed by LiteRT, in the form that TensorFlow converts it to; whole sequences by
    TensorFlow, which keeps the variables itself.
    """

    in_half = False

    def __init__(
        self,
        origin: str,
        inputs: Sequence[ForeignTensor],
        outputs: Sequence[ForeignTensor],
        function: Any,
        to_tflite: Callable[[], bytes],
    ) -> None:
        """Converts the signature, while its variables have the values that they were saved with.

        Args:
            origin: Names the folder in messages.
            inputs: Of the signature.
            outputs: Likewise.
            function: Its concrete function.
            to_tflite: Gives the file, in which inputs and outputs are numbered.
        """
        self._takes, self._gives, self._function = inputs, outputs, function
        self._first = [(one, one.numpy()) for one in function.variables]
        names = {f"input_{number:02}": one.name for number, one in enumerate(inputs)}
        names |= {f"output_{number}": one.name for number, one in enumerate(outputs)}
        self._file = network_of(to_tflite(), origin, {}, {*names.values()}).as_given
        self._names = names

    @cached_property
    def inputs(self) -> tuple[ForeignTensor, ...]:
        """Those of the signature, and states."""
        return self._called(self._file.inputs)

    @cached_property
    def outputs(self) -> tuple[ForeignTensor, ...]:
        """Likewise."""
        return self._called(self._file.outputs)

    def _called(self, tensors: Sequence[ForeignTensor]) -> tuple[ForeignTensor, ...]:
        return tuple(replace(one, name=self._names.get(one.name, one.name)) for one in tensors)

    @property
    def states(self) -> Mapping[str, str]:
        """Inputs that were variables, and the outputs that give them."""
        return self._file.states

    @property
    def model(self) -> Any:
        """The same network in Keras."""
        return self._file.model

    def with_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> SavedSteps:
        """Itself: sizes are fixed."""
        return self

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """The outputs of one step by name, by LiteRT, as float32."""
        pairs = zip(self._file.inputs, self.inputs, strict=True)
        made = self._file.run({own.name: inputs[one.name] for own, one in pairs})
        return {self._names.get(name, name): values for name, values in made.items()}

    def run_sequences(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """The outputs of sequences by TensorFlow, as float32, its variables as they were saved."""
        tf, count = require("tensorflow"), len(next(iter(inputs.values())))
        shapes = {one.name: [side or 1 for side in one.shape[1:]] for one in self.outputs}
        found: dict[str, list[Any]] = {one.name: [] for one in self._gives}
        for number in range(count):
            for variable, value in self._first:
                variable.assign(value)
            steps: dict[str, list[Array]] = {name: [] for name in found}
            for step in range(next(iter(inputs.values())).shape[1]):
                given = {
                    one.name: tf.constant(
                        inputs[one.name][number : number + 1, step].astype(one.dtype)
                    )
                    for one in self._takes
                }
                made = self._function(**given)
                for name, parts in steps.items():
                    values = np.asarray(made[name], np.float32)
                    fits = values.size == np.prod(shapes[name])
                    parts.append(values.reshape(shapes[name]) if fits else values)
            for name, parts in steps.items():
                found[name].append(np.stack(parts))
        return {name: np.stack(parts) for name, parts in found.items()}
