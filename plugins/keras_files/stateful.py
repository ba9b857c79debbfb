"""Keras models with stateful recurrent layers: their states become inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.contracts import ForeignTensor
from zoo.networks.sources.graph import applied, operations_of

from .as_given import KerasAsGiven

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PARTS = {"LSTM": ("h", "c"), "GRU": ("h",), "SimpleRNN": ("h",)}


@dataclass(frozen=True, kw_only=True)
class KerasSteps(KerasAsGiven):
    """A model one step at a time, its states explicit: see `zoo.contracts.StateKeeping`.

    Attributes:
        own: The model as its file has it.
        states: Inputs that were states of layers, and the outputs that give them.
    """

    own: KerasAsGiven
    states: Mapping[str, str]

    def run_sequences(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """The outputs of sequences by the stateful model, reset before each, as float32."""
        first = next(iter(inputs.values()))
        size = self.own.inputs[0].shape[0] or 1
        found: dict[str, list[NDArray[Any]]] = {one.name: [] for one in self.own.outputs}
        for start in range(0, len(first), size):
            # A batch of another size than the layers' is none: the last sequence fills it up.
            places = np.minimum(np.arange(start, start + size), len(first) - 1)
            for layer in stateful_layers(self.own.model):
                layer.reset_state()
            steps = [
                self.own.run({name: one[places, step] for name, one in inputs.items()})
                for step in range(first.shape[1])
            ]
            for name, parts in found.items():
                whole = np.stack([made[name] for made in steps], axis=1)
                parts.append(whole[: len(first) - start])
        return {name: np.concatenate(parts) for name, parts in found.items()}


def with_states(own: KerasAsGiven, origin: str) -> KerasSteps:
    """The model with each state of its layers as an input and an output.

    Args:
        own: The model as its file has it; its layers keep their weights.
        origin: Names the file in messages.

    Raises:
        Unsupported: Its layer is of a kind whose states are not known, or used twice.
    """
    keras = require("keras")
    names = [one.name for one in (*own.inputs, *own.outputs)]
    given = [keras.Input(one.shape[1:], dtype=one.dtype) for one in own.model.inputs]
    fed: dict[str, Any] = {}
    made: dict[str, Any] = {}
    seen: set[str] = set()

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        if not getattr(layer, "stateful", False):
            return layer(*args, **kwargs)
        if type(layer).__name__ not in _PARTS or not isinstance(layer, keras.layers.RNN):
            raise _refused(layer, origin, "only LSTM, GRU and SimpleRNN layers are supported")
        if layer.name in seen or len(args) > 1 or kwargs.get("initial_state") is not None:
            raise _refused(layer, origin, "it is used twice, or called with an initial state")
        seen.add(layer.name)
        states = []
        for part, state in zip(_PARTS[type(layer).__name__], layer.states, strict=True):
            name = _unused(f"{layer.name}_{part}", names)
            fed[name] = keras.Input(tuple(state.shape)[1:])
            states.append(fed[name])
        config = {**layer.get_config(), "stateful": False, "return_state": True}
        explicit = type(layer).from_config(config)
        result, *after = explicit(*args, **{**kwargs, "initial_state": states})
        for variable, value in zip(explicit.cell.weights, layer.cell.weights, strict=True):
            variable.assign(value)
        made.update(zip([f"{name}_next" for name in list(fed)[-len(states) :]], after, strict=True))
        return (result, *after) if layer.return_state else result

    outputs = keras.tree.flatten(applied(own.model, given[0] if len(given) == 1 else given, call))
    # Layers inside of others do not come by here.
    left = [layer for one in operations_of(outputs) for layer in stateful_layers(one)]
    if left:
        raise _refused(left[0], origin, "it is inside of another layer, such as Bidirectional")
    model = keras.Model([*given, *fed.values()], [*outputs, *made.values()])
    return KerasSteps(
        inputs=(*_free(own.inputs), *_states(fed)),
        outputs=(*_free(own.outputs), *_states(made)),
        model=model,
        own=own,
        states=dict(zip(fed, made, strict=True)),
    )


def stateful_layers(operation: Any) -> list[Any]:
    """The layers of a model or in a layer, itself among them, that keep their state."""
    if not isinstance(operation, require("keras").Layer):
        return []
    every = operation._flatten_layers()
    return [one for one in every if getattr(one, "stateful", False)]


def _free(tensors: tuple[ForeignTensor, ...]) -> list[ForeignTensor]:
    """Tensors of any batch: that of the file is one of the states that it keeps."""
    return [
        ForeignTensor(name=one.name, dtype=one.dtype, shape=(None, *one.shape[1:]))
        for one in tensors
    ]


def _states(tensors: Mapping[str, Any]) -> list[ForeignTensor]:
    return [
        ForeignTensor(name=name, dtype="float32", shape=tuple(one.shape))
        for name, one in tensors.items()
    ]


def _unused(base: str, names: list[str]) -> str:
    """A name that neither an input nor an output has; it is added to them, as is its output's."""
    number, name = 1, base
    while {name, f"{name}_next"} & {*names}:
        number += 1
        name = f"{base}_{number}"
    names += [name, f"{name}_next"]
    return name


def _refused(layer: Any, origin: str, why: str) -> Unsupported:
    return Unsupported(
        f"{origin} keeps state from one call to the next: its layer {layer.name!r} is stateful",
        why=f"files keep no state, and that of this layer ({type(layer).__name__}) cannot become "
        f"an input and an output: {why}",
        fix="build it without stateful=True, load its weights, and save it anew; or with the state "
        "as an input and an output, and name them: --state INPUT=OUTPUT",
    )
