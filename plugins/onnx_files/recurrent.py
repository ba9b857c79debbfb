"""Recurrent layers over the steps of a series."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.common.optional_imports import require

from .held import Constant, Held
from .nodes import Made, Node, converts

_LAYERS = {"LSTM": "LSTM", "GRU": "GRU", "RNN": "SimpleRNN"}
_USUAL = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
_ACTIVATIONS = {"Sigmoid": "sigmoid", "Tanh": "tanh", "Relu": "relu"}
#: ONNX' blocks of weights in Keras' order: of an LSTM input, forget, cell, output.
_BLOCKS = {"LSTM": [0, 2, 3, 1], "GRU": [0, 1, 2], "RNN": [0]}


@converts("LSTM", "GRU", "RNN")
def recurrent(node: Node) -> Made:
    """In one direction or both, from states of zeros or those that are given."""
    held, graph = node.held(), node.graph
    batch_first = bool(node.get("layout", 0))
    if batch_first:
        held = graph.transposed(held, (1, 0, 2))
    steps, batch, _ = held.shape
    _check(node, steps, batch)
    series = graph.arranged(held, (0, 2))
    directions = {"forward": [False], "reverse": [True], "bidirectional": [False, True]}[
        node.get("direction", "forward")
    ]
    made = [_one(node, series, place, back) for place, back in enumerate(directions)]
    found: list[Held | None] = []
    # Of all steps, of the last one, and an LSTM's cells there, with ONNX' axes if all are held.
    for parts, axes in zip(zip(*made, strict=True), ((0, 1, 3), (0, 2), (0, 2)), strict=True):
        if parts[0] is None:
            found.append(None)
            continue
        rank = axes[-1] + 1
        place = 1 if rank == 4 else 0
        if len(parts) == 1:
            tensor, axes = parts[0], tuple(axis for axis in axes if axis != place)
        else:
            stack = require("keras.ops").stack
            tensor = graph.function(stack, list(parts), axis=axes.index(place) + 1)
        value = Held(tensor=tensor, axes=axes, rank=rank)
        if batch_first:
            value = graph.transposed(value, (2, 0, 1, 3) if rank == 4 else (1, 0, 2))
        found.append(value)
    return tuple(found)


def _check(node: Node, steps: int, batch: int) -> None:
    if batch != 1:
        node.refuse("what it takes as its batch is made of parts of one example")
    lengths = node.constant(4)
    if lengths is not None and (lengths != steps).any():
        node.refuse("it stops before the end of a series")
    for place, what in ((5, "a constant state"), (6, "a constant state"), (7, "peepholes")):
        given = node.given(place)
        if isinstance(given, Held) and place != 7:
            continue
        if given is not None and (isinstance(given, Held) or np.any(given)):
            node.refuse(f"it has {what} other than zeros")
    if node.get("clip", 0.0) or node.get("input_forget", 0):
        node.refuse("it limits its sums, or has one gate for input and forgetting")


def _states(node: Node, place: int, units: int) -> list[Any]:
    """What one direction begins with, (examples, units) each; none where all are zeros."""
    given = [node.given(number) for number in ((5, 6) if node.kind == "LSTM" else (5,))]
    parts = [
        _direction(node, one, place, units) if isinstance(one, Held) else None for one in given
    ]
    like = next((one for one in parts if one is not None), None)
    if like is None:
        return []
    # One of two that is zeros has the batch of the other.
    zeros_like = require("keras.ops").zeros_like
    return [node.graph.function(zeros_like, like) if one is None else one for one in parts]


def _direction(node: Node, state: Held, place: int, units: int) -> Any:
    """One direction's part of a state."""
    graph = node.graph
    if node.get("layout", 0):
        state = graph.transposed(state, (1, 0, 2))
    both = graph.arranged(state, (0, 2))
    if both.shape[1] == 1:
        return graph.reshaped(both, (units,))
    return graph.function(require("keras.ops").get_item, both, (slice(None), place))


def _one(node: Node, series: Any, place: int, back: bool) -> tuple[Any, Any, Any]:
    """One direction: all steps, the last, and the last of an LSTM's cells; None if not asked."""
    kind, graph, ops = node.kind, node.graph, require("keras.ops")
    units = int(node.attributes["hidden_size"])
    every, last, cells = (*node.used, False, False, False)[:3]
    states = _states(node, place, units)
    options = _activations(node, place)
    matrices = [node.weights(1)[place], node.weights(2)[place]]
    kernels = [_ordered(kind, values, units).T for values in matrices]
    given = node.constant(3)
    biases = np.zeros((2, kernels[0].shape[1])) if given is None else given[place].reshape(2, -1)
    biases = np.stack([_ordered(kind, values, units) for values in biases])
    if kind == "GRU":
        options["reset_after"] = bool(node.get("linear_before_reset", 0))
    if not options.get("reset_after", False):
        biases = biases.sum(0)
    weights = [*kernels, biases]
    if states and series.shape[1] == 1:  # which is one step of a sequence: no loop
        step = graph.reshaped(series, (series.shape[-1],))
        end, after = graph.weighted(
            f"{_LAYERS[kind]}Cell", step, weights, units, states=states, **options
        )
        whole = graph.reshaped(end, (1, units)) if every else None
        return whole, end if last else None, after[-1] if cells else None
    options.update(go_backwards=back, return_sequences=every, return_state=cells)
    made = graph.weighted(_LAYERS[kind], series, weights, units, states=states, **options)
    results = made if isinstance(made, list | tuple) else [made]
    whole = results[0] if every else None
    end = results[0] if not every else None
    if every and last:
        end = graph.function(ops.get_item, whole, (slice(None), -1))
    if every and back:
        whole = graph.function(ops.flip, whole, axis=1)
    return whole, end, results[-1] if cells else None


def _activations(node: Node, place: int) -> dict[str, Any]:
    usual = _USUAL[node.kind]
    named = list(node.get("activations", usual * (place + 1)))
    own = named[place * len(usual) : (place + 1) * len(usual)]
    unknown = [name for name in own if name not in _ACTIVATIONS]
    if unknown or (node.kind == "LSTM" and own[1] != own[2]):
        node.refuse(f"its activations are {', '.join(own)}")
    words = [_ACTIVATIONS[name] for name in own]
    if node.kind == "RNN":
        return {"activation": words[0]}
    return {"recurrent_activation": words[0], "activation": words[1]}


def _ordered(kind: str, values: Constant, units: int) -> Constant:
    """The blocks of gates in Keras' order, along the first axis."""
    blocks = values.reshape(-1, units, *values.shape[1:])
    made: Constant = blocks[_BLOCKS[kind]].reshape(values.shape)
    return made
