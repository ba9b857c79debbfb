"""What descriptions of Keras networks may name: Keras' own parts, and what plugins registered.

Keras imports what a description names and, of a Lambda layer, runs Python's byte code that lies in
it. So descriptions are read here first, as data.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoo.common.errors import BadFile, Unsupported, UsageError
from zoo.common.optional_imports import require

#: Plain values that Keras writes with a class name of their own.
_DATA = frozenset(
    {"__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__", "__tuple__"}
)
_DATA |= {"__set__", "__complex__", "__keras_tensor__", "__typespec__", "TensorShape"}
#: Layers of Keras that run code, unpickle, or open other files than the network's own.
_CODE = frozenset({"Lambda", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer"})
#: Packages of Keras whose classes describe networks.
_PARTS = frozenset({"layers", "models", "ops", "initializers", "regularizers", "constraints"})
_PARTS |= {"dtype_policies", "activations", "quantizers", "applications"}
_REGISTER = (
    "put its class into a Python file, marked with "
    "@keras.saving.register_keras_serializable(), and name it: zoo --plugin my_layers.py …"
)
#: Deeper ones are no network: a layer in a model in a model takes some twelve.
_DEPTH = 200


def check_config(config: Any, origin: str) -> None:
    """Refuses a description that would run code, or that names what Keras does not have.

    Args:
        config: As read from JSON.
        origin: Names the file in messages.

    Raises:
        Unsupported: A Lambda layer, or another that holds code.
        UsageError: A layer or function of somebody's own that no plugin has registered.
        BadFile: No description of a network at all.
    """
    for layer, node in _named(config, origin):
        name = node["class_name"]
        if name in _DATA:
            continue
        if name in _CODE or name == "__lambda__":
            raise Unsupported(
                f"{origin}: the layer {layer!r} is a {name.strip('_')}, which is refused",
                why="it holds Python code, or loads another file: opening it would run what its "
                "author wrote"
                if name != "__lambda__"
                else "it holds Python's byte code",
                fix="make a layer of it, or use functions of keras.ops, and save the network anew; "
                "to keep it, " + _REGISTER,
            )
        vocabulary = _inner(node).get("vocabulary")
        if isinstance(vocabulary, str):
            raise Unsupported(
                f"{origin}: the layer {layer!r} reads the file {vocabulary!r}",
                why="a network may not open files of this machine",
                fix="save it with its words in it: vocabulary=[…]",
            )
        if not _is_known(node):
            what = "function" if name == "function" else "layer"
            own = node.get("registered_name") or (
                node.get("config") if name == "function" else name
            )
            raise UsageError(
                f"{origin}: {layer!r} is made by {own!r}, a {what} that Keras does not have",
                why="what it computes is defined in its author's program alone",
                fix=_REGISTER,
            )


def _named(config: Any, origin: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything with a class name, and the layer that it belongs to."""
    waiting: list[tuple[Any, str, int]] = [(config, "", 0)]
    while waiting:
        value, layer, depth = waiting.pop()
        if depth > _DEPTH:
            raise BadFile(f"{origin} describes no network", why="it is nested too deeply")
        if isinstance(value, dict):
            # How it was trained is not read.
            rest = {key: part for key, part in value.items() if key != "compile_config"}
            if isinstance(value.get("class_name"), str):
                layer = str(_inner(value).get("name") or layer or value["class_name"])
                yield layer, rest
            waiting.extend((part, layer, depth + 1) for part in rest.values())
        elif isinstance(value, list | tuple):
            waiting.extend((part, layer, depth + 1) for part in value)


def _inner(node: dict[str, Any]) -> dict[str, Any]:
    inner = node.get("config")
    return inner if isinstance(inner, dict) else {}


def _is_known(node: dict[str, Any]) -> bool:
    keras = require("keras")
    name, module = node["class_name"], node.get("module")
    registered = node.get("registered_name")
    if name == "function":
        named = node.get("config")
        known = isinstance(named, str) and callable(getattr(keras.activations, named, None))
        return known or _is_registered(registered) or _is_registered(named)
    if _is_registered(registered) or _is_registered(name):
        return True
    if name == "Functional":
        return True
    if module is None:  # Files of Keras 2 name classes alone.
        parts = [getattr(keras, part) for part in _PARTS]
        return any(isinstance(getattr(part, name, None), type) for part in parts)
    words = str(module).split(".")
    if words[0] != "keras":
        return False
    inner = words[2:] if words[1:2] == ["src"] else words[1:]
    # `keras` itself names Sequential, Model, DTypePolicy and the like.
    return not inner or inner[0] in _PARTS


def _is_registered(name: object) -> bool:
    saving = require("keras.saving")
    return isinstance(name, str) and saving.get_registered_object(name) is not None
