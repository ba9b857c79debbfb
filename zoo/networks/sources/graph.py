"""Foreign Keras networks as one flat graph that travels, as text, with its weights."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from zoo.common.errors import BadFile, UsageError, first_line
from zoo.common.optional_imports import require
from zoo.contracts import Preprocessing, SourceReference
from zoo.networks.building import HEAD, leaves, take_up_weights
from zoo.networks.sources.config_check import check_config

#: Key of the graph in the metadata of a weights file.
GRAPH = "graph"
#: What normalized inputs reach at most, in their own units.
_FEW = 4.0
#: Types of numbers that are looked up.
_COUNTED = ("int32", "int64")
_REDUCED = ("mixed_float16", "mixed_bfloat16", "float16", "bfloat16")


def applied(model: Any, inputs: Any, called: Callable[..., Any] | None = None) -> Any:
    """What a model computes of symbolic inputs, each layer of models inside it called by itself.

    Layers keep their weights; a model of a class of its own is one layer. That a model inside was
    called as outside of training is dropped: Keras itself overrides it in each call that trains.

    Args:
        model: As its author made it.
        inputs: Symbolic tensors.
        called: Calls a layer, which is its first argument, with the others; None for the layer.
    """
    keras = require("keras")

    def call(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if _is_graph(operation):
            return applied(operation, args[0], called)
        if called is not None:
            return called(operation, *args, **kwargs)
        return operation(*args, **kwargs)

    if isinstance(model, keras.Sequential):
        for layer in model.layers:
            inputs = call(layer, inputs)
        return inputs
    if not _is_graph(model):
        return call(model, inputs)
    made = model._run_through_graph(inputs, lambda operation: partial(call, operation))
    return made[0] if isinstance(made, list | tuple) and len(made) == 1 else made


def _is_graph(operation: Any) -> bool:
    keras = require("keras")
    plain = isinstance(operation, keras.Model) and hasattr(operation, "_run_through_graph")
    return plain or isinstance(operation, keras.Sequential)


def flattened(model: Any, shape: tuple[int, ...], own_shape: tuple[int, ...]) -> Any:
    """A model of one input as one graph, whose layers have names of their own, all trainable.

    Args:
        model: As its author made it.
        shape: Of the inputs that it is to take, without the batch.
        own_shape: Of those that it takes; they are brought to it where it differs.
    """
    return flattened_inputs(model, [(shape, own_shape, "float32")])


def flattened_inputs(
    model: Any, shapes: Sequence[tuple[tuple[int, ...], tuple[int, ...], str]]
) -> Any:
    """The same for any number of inputs.

    Args:
        model: As its author made it.
        shapes: Of each input that it is to take, of each that it takes, and numpy's name of its
            type.
    """
    keras = require("keras")
    model.trainable = True
    inputs, given = [], []
    for number, (shape, own_shape, dtype) in enumerate(shapes):
        mark = f"_{number}" if number else ""
        inputs.append(keras.Input(shape, dtype=dtype, name=f"normalized{mark}"))
        own = inputs[-1]
        if shape != own_shape:
            taken = model.inputs[number].dtype if getattr(model, "inputs", None) else dtype
            if taken in _COUNTED and dtype not in _COUNTED:
                # Integer files hold what is reshaped in steps: a lookup would read other numbers.
                own = keras.ops.cast(own, taken)
            own = keras.layers.Reshape(own_shape, name=f"own_shape{mark}")(own)
        given.append(own)
    single = len(inputs) == 1
    outputs = applied(model, given[0] if single else given)
    names: set[str] = {one.name for one in inputs}
    for layer in operations_of(outputs):
        if isinstance(layer, keras.layers.InputLayer):
            continue
        base = _scope(layer.name)
        base = f"{base}_layer" if base == HEAD else base
        count, name = 0, base
        while name in names:
            count += 1
            name = f"{base}_{count}"
        names.add(name)
        layer.name = name
    return keras.Model(inputs[0] if single else inputs, outputs, name=_scope(model.name))


def _scope(name: str) -> str:
    """A name as a part of TensorFlow's, in which only some letters of ASCII may be."""
    return re.sub(r"[^A-Za-z0-9_.>-]", "_", name).lstrip("_.>-") or "layer"


def operations_of(outputs: Any) -> list[Any]:
    """All operations that symbolic tensors depend on, each once; not sorted topologically.

    Unlike `keras.Model.operations`, it needs no model, which Keras refuses while names repeat.
    """
    found, waiting, seen = [], require("keras").tree.flatten(outputs), set[tuple[int, int]]()
    while waiting:
        operation, node, _ = waiting.pop()._keras_history
        found.append(operation)
        if (id(operation), node) not in seen:
            seen.add((id(operation), node))
            waiting.extend(operation._inbound_nodes[node].input_tensors)
    return list(dict.fromkeys(reversed(found)))


def added(one: Any, other: Any) -> tuple[Any, Any]:
    """Two operands in the order in which `keras.ops.add` adds them as numpy does.

    It takes a second operand with one long axis for a bias, and adds that along the first axis
    behind the batch, or the last, whichever has its length: so such a one comes first, unless it is
    of the last axis.
    """
    sides, more = (tuple(getattr(value, "shape", ())) for value in (one, other))
    is_bias = sides[-1:] == more[-1:] and all(side == 1 for side in more[:-1])
    longer = sum(side != 1 for side in more) >= sum(side != 1 for side in sides)
    return (one, other) if is_bias or longer or not more else (other, one)


def foreign_metadata(
    model: Any,
    came: SourceReference | None,
    preprocessing: Preprocessing | None,
    classes: tuple[str, ...],
) -> dict[str, str]:
    """What the weights of a foreign network hold beside their tensors; empty for a plugin's own.

    All that its answers depend on is in it, so that the weights' SHA-256 tells networks apart which
    differ in their input alone.
    """
    if came is None:
        return {}
    depends = {"source": asdict(came), "classes": classes}
    own = None if preprocessing is None else asdict(preprocessing)
    return {
        GRAPH: graph_text(model),
        "from": json.dumps({**depends, "preprocessing": own}, sort_keys=True),
    }


def range_in_graph(model: Any) -> tuple[float, float] | None:
    """The range of inputs for which a flat model's first layer is made, if that normalizes.

    A rescaling or normalization brings either 0 to 255 or 0 to 1 to a few units; None where there
    is none, or it brings neither there.
    """
    keras = require("keras")
    kinds = (keras.layers.Rescaling, keras.layers.Normalization)
    # A change of shape before it leaves the values as they are.
    shapes = (keras.layers.InputLayer, keras.layers.Reshape)
    first = next((one for one in model.operations if not isinstance(one, shapes)), None)
    if not isinstance(first, kinds):
        return None
    for low, high in ((0.0, 255.0), (0.0, 1.0)):
        made = [_normalized(first, value) for value in (low, high)]
        if max(map(abs, made)) <= _FEW and abs(made[1] - made[0]) >= 1 / _FEW:
            return low, high
    return None


def _normalized(layer: Any, value: float) -> float:
    """A value behind a rescaling or normalization, of the mean channel."""
    import numpy as np

    if hasattr(layer, "scale"):
        return float(np.mean(value * np.asarray(layer.scale) + np.asarray(layer.offset)))
    mean, variance = np.asarray(layer.mean), np.asarray(layer.variance)
    return float(np.mean((value - mean) / np.maximum(np.sqrt(variance), 1e-7)))


def computes_in_half(model: Any) -> bool:
    """Whether any layer computes in 16 bits."""
    # By layers: a model that was loaded has the policy of its process.
    return any(layer.compute_dtype in _REDUCED for layer in leaves(model))


def graph_text(model: Any) -> str:
    """The graph of a flat model as JSON, computing in float32."""
    config = require("keras.saving").serialize_keras_object(model)
    return json.dumps(_in_float32(config))


def _in_float32(value: Any) -> Any:
    """A description whose layers compute in float32, whatever they were trained in."""
    if isinstance(value, dict):
        if value.get("class_name") == "DTypePolicy" and (
            value.get("config", {}).get("name") in _REDUCED
        ):
            return {**value, "config": {"name": "float32"}}
        return {
            key: "float32" if key == "dtype" and part in _REDUCED else _in_float32(part)
            for key, part in value.items()
        }
    return [_in_float32(part) for part in value] if isinstance(value, list) else value


def model_of(text: str, origin: str, classes: int | None = None) -> Any:
    """A `keras.Model` from its graph, with random weights.

    Args:
        text: From `graph_text`.
        origin: Names the file in messages.
        classes: Of the head, if it has one; None for its own.

    Raises:
        BadFile: It cannot be built.
    """
    config = json.loads(text)
    check_config(config, origin)
    if classes is not None:
        _set_classes(config, classes)
    try:
        return require("keras.saving").deserialize_keras_object(config, safe_mode=True)
    # Keras raises whatever its layers raise.
    except Exception as error:
        raise BadFile(f"the graph of {origin} cannot be built", why=first_line(error)) from error


def _set_classes(config: Any, classes: int) -> None:
    layers = config.get("config", {}).get("layers", [])
    for layer in layers:
        if layer.get("config", {}).get("name") == HEAD:
            layer["config"]["units"] = classes


def rebuilt(model: Any, origin: str) -> Any:
    """A flat model read back from its own graph, with the same weights: as it will be from now on.

    Keras names variables by how a layer came to be, so those of a file may have names of their own.
    """
    again = model_of(graph_text(model), origin)
    for layer in model.layers:
        if layer.weights:
            again.get_layer(layer.name).set_weights(layer.get_weights())
    take_up_weights(again)
    return again


def builder(weights: Path) -> Callable[..., Any]:
    """The `build` function of a network whose graph lies in a weights file."""

    def build(inputs: Any, classes: int) -> Any:
        """Builds the logits."""
        model = model_of(read_graph(weights), weights.name, classes)
        if not isinstance(model.output, dict) and model.output.shape[-1] != classes:
            raise UsageError(
                f"{weights.name} has {model.output.shape[-1]} outputs, and no head that "
                f"{classes} classes could be given",
                why="its last layer with weights is no dense layer with one unit for each class",
                fix="use data of its own classes",
            )
        return applied(model, inputs)

    return build


def read_graph(weights: Path) -> str:
    """The graph in a weights file.

    Raises:
        BadFile: There is none.
    """
    safetensors = require("safetensors")
    try:
        with safetensors.safe_open(weights, "numpy") as file:
            return str((file.metadata() or {})[GRAPH])
    except (safetensors.SafetensorError, OSError, KeyError) as error:
        raise BadFile(
            f"{weights} holds no graph",
            why="its card says that its network came from elsewhere; such weights bring their own "
            "graph",
            fix="open the network anew, from the file that it came from",
        ) from error
