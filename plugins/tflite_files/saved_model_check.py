"""What a SavedModel may hold: its operators are read as data before TensorFlow loads it.

Operators of TensorFlow read and write files, call Python and reach the network; some that
TensorFlow counts as free of state do, too, by names in their attributes: ``ImmutableConst`` maps a
file, ``DebugIdentity`` writes one. Loading restores variables, and runs the functions of tables and
of savers of somebody's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require

_GIVE_FLOAT = "save the network without it: model.export('folder')"
_GIVE_ALONE = "save a module without it that has the wanted signature alone: tf.saved_model.save"
#: Operators with state that hold or call what was checked.
_VARIABLES = frozenset(
    {"VarHandleOp", "VariableV2", "ReadVariableOp", "VarIsInitializedOp", "AssignVariableOp"}
    | {"AssignAddVariableOp", "AssignSubVariableOp"}
    | {"DisableCopyOnRead", "PartitionedCall", "StatefulPartitionedCall", "While", "If", "Case"}
)
#: Those that are of a variable, by other names.
_OF_VARIABLES = frozenset({"VarHandleOp", "VarIsInitializedOp", "DisableCopyOnRead"})
#: Operators that hand text on, and do nothing with it.
_CARRIERS = frozenset({"Const", "Placeholder", "Identity", "IdentityN", "NoOp"})
#: Attributes whose text chooses how an operator computes, and no file, function or machine.
_SETTINGS = frozenset(
    {"padding", "data_format", "src_format", "dst_format", "mode", "round_mode", "method"}
    | {"interpolation", "fill_mode", "kernel_type", "noise", "equation", "align", "message"}
    | {"bad_indices_policy", "frame_name", "rnn_mode", "input_mode", "direction"}
)
#: Names of operators, and of the text that they take, that reads or writes, by whatever state.
_FILES = re.compile("file|path|director|address|host", re.IGNORECASE)
_RANDOM = ("Random", "Multinomial", "Sample", "TruncatedNormal")


def check_saved_model(graph: Any, origin: str, signature: str) -> None:
    """Refuses operators that reach out of the network, before any runs.

    What only must not be a part of the network (text, random numbers) may
    stand where the signature does not reach: nothing but the signature is called.

    Args:
        graph: The `MetaGraphDef`, from the file.
        origin: Names the folder in messages.
        signature: The name of the one that will be called.

    Raises:
        Unsupported: Names the operator, or the part that would run while it is loaded.
    """
    for node in graph.object_graph_def.nodes:
        kind = node.WhichOneof("kind")
        if kind in ("resource", "asset"):
            raise Unsupported(
                f"{origin} holds "
                + ("a table of words" if kind == "resource" else "a file beside the network"),
                why="its functions would run while it is loaded; files for devices take numbers",
                fix=_GIVE_FLOAT,
            )
        if node.saveable_objects or node.registered_saver:
            raise Unsupported(
                f"{origin} restores a part of itself by functions of its own",
                why="they would run while it is loaded, and may read any file",
                fix=_GIVE_FLOAT,
            )
    calls = _saver_calls(graph)
    savers = {function for node in calls for function in _functions_of(node)}
    names = {node.name for node in calls}
    called = set(graph.object_graph_def.concrete_functions)
    for part in graph.object_graph_def.nodes:
        called.update(part.function.concrete_functions)
        called.add(part.bare_concrete_function.concrete_function_name)
    reached = _reached_functions(graph)
    own = reached.get(signature)
    named = own.union(*reached.values()) if own else set[str]()

    def says_less(one: tuple[str, Any]) -> tuple[bool, bool, bool]:
        """Functions may be there twice, and calls of functions hold less than what is inside."""
        function, node = one
        return function not in (own or ()), function not in named, bool(_functions_of(node))

    for function, node in sorted(_nodes(graph), key=says_less):
        # These are never called here: weights are read from the checkpoint as data.
        if function in savers or (not function and node.name in names):
            continue
        called.update(_functions_of(node))
        of = "".join(
            f" of its signature {n!r}" for n, all_of in reached.items() if function in all_of
        )
        # Without a function of its own all is taken for reached.
        _check_node(node, origin, of, called=own is None or function in own)
    if savers & called:
        raise Unsupported(
            f"{origin}: what saves and restores it is a part of the network",
            why="it would read and write files",
            fix=_GIVE_FLOAT,
        )


def check_nodes(graph: Any, origin: str) -> None:
    """Refuses operators that reach out of the network, in a graph whose variables are constants.

    Args:
        graph: A `GraphDef`.
        origin: Names the folder in messages.

    Raises:
        Unsupported: Names the operator.
    """
    known = require("tensorflow.python.framework.op_def_registry").get
    nodes = [*graph.node, *(n for function in graph.library.function for n in function.node_def)]
    for node in nodes:
        definition = known(node.op)
        by_reference = definition and any(argument.is_ref for argument in definition.input_arg)
        if by_reference or "Variable" in node.op or node.op in _OF_VARIABLES:
            raise Unsupported(
                f"{origin}: its operator {node.op} ({node.name}) is refused",
                why="the variable of it is changed, or handed to a function, while the network "
                "answers",
                fix="save it for inference, with its variables as constants: "
                "tf.compat.v1.graph_util.convert_variables_to_constants",
            )
        _check_node(node, origin)


def called_functions(graph: Any) -> list[Any]:
    """The functions of a `GraphDef` that its nodes call, and those that these call."""
    known = {function.signature.name: function for function in graph.library.function}
    waiting = {name for node in graph.node for name in _functions_of(node)}
    found: dict[str, Any] = {}
    while waiting:
        if (name := waiting.pop()) in known and name not in found:
            found[name] = known[name]
            waiting.update(*map(_functions_of, known[name].node_def))
    return list(found.values())


def _nodes(graph: Any) -> Iterator[tuple[str, Any]]:
    """Every operator, with the function that it is in."""
    for node in graph.graph_def.node:
        yield "", node
    for function in graph.graph_def.library.function:
        for node in function.node_def:
            yield function.signature.name, node


def _saver_calls(graph: Any) -> list[Any]:
    """The calls of the functions that save and restore."""
    saver = graph.saver_def
    names = {saver.save_tensor_name.split(":")[0], saver.restore_op_name}
    calls = ("PartitionedCall", "StatefulPartitionedCall")
    return [node for node in graph.graph_def.node if node.name in names and node.op in calls]


def _functions_of(node: Any) -> set[str]:
    found = {value.func.name for value in node.attr.values() if value.HasField("func")}
    for value in node.attr.values():
        found.update(function.name for function in value.list.func)
    return found


def _reached_functions(graph: Any) -> dict[str, set[str]]:
    """Signature → names of the functions that it calls, as TensorFlow's loader finds them."""
    nodes = graph.object_graph_def.nodes
    library = {one.signature.name: one for one in graph.graph_def.library.function}
    found: dict[str, set[str]] = {}
    for of_root in nodes[0].children:
        if of_root.local_name != "signatures":
            continue
        for child in nodes[of_root.node_id].children:
            part = nodes[child.node_id]
            waiting = {*part.function.concrete_functions}
            waiting.add(part.bare_concrete_function.concrete_function_name)
            own = found.setdefault(child.local_name, set())
            while waiting:
                name = waiting.pop()
                if name in library and name not in own:
                    own.add(name)
                    waiting.update(*map(_functions_of, library[name].node_def))
    return {name: own for name, own in found.items() if own}


def _check_node(node: Any, origin: str, of: str = "", *, called: bool = True) -> None:
    """Refuses one operator.

    Args:
        node: The `NodeDef`.
        origin: Names the folder in messages.
        of: The signature that it belongs to, in words.
        called: Whether the network computes it.
    """
    definition = require("tensorflow.python.framework.op_def_registry").get(node.op)
    name = f"{origin}: its operator {node.op} ({node.name}){of}"
    if definition is None:
        raise Unsupported(
            f"{name} is unknown to TensorFlow",
            why="what it computes is known to its author's program alone",
            fix="save the network with operators of TensorFlow alone",
        )
    known = node.op in _VARIABLES or node.op == "Placeholder"
    random = any(word in node.op for word in _RANDOM)
    names_others = _names_others(definition)
    stateful = definition.is_stateful and (called or not random)
    if not known and (stateful or names_others or _takes_names_of_files(definition)):
        raise Unsupported(
            f"{name} is refused",
            why="its answers would differ each time"
            if random
            else "it may reach out of the network: to files, Python, or other machines",
            fix=_GIVE_FLOAT if called else _GIVE_ALONE,
        )
    if called and node.op not in _CARRIERS and _takes_text(node, definition):
        raise Unsupported(
            f"{name} is refused",
            why="it works on text, by which files are named; networks for devices take numbers",
            fix=_GIVE_FLOAT,
        )


def _names_others(definition: Any) -> bool:
    """Whether an operator's attributes may name what lies outside of the network."""
    return any(
        attribute.type in ("string", "list(string)") and attribute.name not in _SETTINGS
        for attribute in definition.attr
    )


def _takes_names_of_files(definition: Any) -> bool:
    """Whether an operator or its text is called after files or machines, such as ``ReadFile``."""
    string = require("tensorflow").string.as_datatype_enum
    texts = [argument.name for argument in definition.input_arg if argument.type == string]
    return bool(texts) and any(map(_FILES.search, (definition.name, *texts)))


def _takes_text(node: Any, definition: Any) -> bool:
    string = require("tensorflow").string.as_datatype_enum
    fixed = (argument.type for argument in (*definition.input_arg, *definition.output_arg))
    chosen = (value.type for value in node.attr.values())
    listed = (kind for value in node.attr.values() for kind in value.list.type)
    return string in (*fixed, *chosen, *listed)
