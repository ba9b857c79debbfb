"""SavedModels of TensorFlow 1: a signature's part of the graph, its variables as constants.

TensorFlow restores such a folder by running operators of the folder itself. None run here: what a
signature computes is cut out of the graph, read as data, and the values of its variables come from
the checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from zoo.common.errors import BadFile, Unsupported, first_line
from zoo.common.optional_imports import require
from zoo.contracts import ForeignTensor

from .saved_model_check import called_functions, check_nodes

_CHECKPOINT = "variables/variables"
_VARIABLES = ("Variable", "VariableV2", "AutoReloadVariable")
_HANDLE, _READ, _GATHER = "VarHandleOp", "ReadVariableOp", "ResourceGather"
_COPY = "DisableCopyOnRead"

Tensors = tuple[ForeignTensor, ...]


def function_of(
    graph: Any, signature: str, folder: Path, origin: str
) -> tuple[Tensors, Tensors, Callable[..., Mapping[str, Any]], Any]:
    """Inputs and outputs of a signature, what computes it, and the module that it is of.

    Args:
        graph: The `MetaGraphDef`, from the file.
        signature: One of its names.
        folder: With the checkpoint.
        origin: Names the folder in messages.

    Raises:
        BadFile: Its graph or checkpoint is damaged.
        Unsupported: Names the operator that may reach out of the network, or the variable that is
            no plain one.
    """
    asked = graph.signature_def[signature]
    given, made = dict(sorted(asked.inputs.items())), dict(sorted(asked.outputs.items()))
    for name, one in (*given.items(), *made.items()):
        if one.WhichOneof("encoding") != "name":
            raise Unsupported(
                f"{origin} has the sparse tensor {name}",
                why="files for devices take and give dense ones",
                fix="make it dense where the network is saved: tf.sparse.to_dense",
            )
    tf = require("tensorflow")
    v1 = tf.compat.v1
    try:
        part = v1.graph_util.extract_sub_graph(graph.graph_def, [_node(t) for t in made.values()])
    # It asserts that all names are there.
    except Exception as error:
        raise BadFile(f"{origin} is damaged", why=first_line(error)) from error
    fed = {_node(tensor): tensor.dtype for tensor in given.values()}
    frozen = _frozen(part, fed, folder, origin)
    check_nodes(frozen, origin)

    def imported() -> None:
        v1.import_graph_def(frozen, name="")

    try:
        wrapped = v1.wrap_function(imported, [])
        tensors = {n: wrapped.graph.as_graph_element(one.name) for n, one in given.items()}
        results = {n: wrapped.graph.as_graph_element(one.name) for n, one in made.items()}
        pruned = wrapped.prune(list(tensors.values()), results)
        inputs = tuple(_tensor(n, tensors[n].dtype, given[n]) for n in given)
        outputs = tuple(_tensor(n, results[n].dtype, made[n]) for n in made)
    # TensorFlow raises errors of its own, and what its Python raises on a damaged description.
    except Exception as error:
        raise BadFile(
            f"{origin} cannot be opened by TensorFlow {tf.__version__}", why=first_line(error)
        ) from error

    def call(**named: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = pruned(*(named[one.name] for one in inputs))
        return found

    # Nothing hangs on it: there are no variables.
    return inputs, outputs, call, tf.Module()


def _node(tensor: Any) -> str:
    return str(tensor.name).partition(":")[0]


def _tensor(name: str, kind: Any, described: Any) -> ForeignTensor:
    if described.tensor_shape.unknown_rank:
        raise ValueError(f"{name} has a shape of unknown rank")
    sides = (int(side.size) for side in described.tensor_shape.dim)
    shape = tuple(None if side < 0 else side for side in sides)
    return ForeignTensor(name=name, dtype=kind.name, shape=shape)


def _frozen(part: Any, fed: Mapping[str, int], folder: Path, origin: str) -> Any:
    """The same graph, its variables constants, and its inputs placeholders."""
    values = _Checkpoint(folder, origin)
    nodes = {node.name: node for node in part.node}
    made = type(part)(versions=part.versions)
    made.library.function.extend(called_functions(part))

    def variable(name: str) -> Any:
        """The node that a handle or a reference comes from."""
        node = nodes.get(name.removeprefix("^").partition(":")[0])
        while node is not None and node.op in ("Identity", _COPY) and node.input:
            node = nodes.get(node.input[0].partition(":")[0])
        return node

    for node in part.node:
        if node.op in (_HANDLE, _COPY):
            continue
        new = made.node.add()
        new.CopyFrom(node)
        if node.name in fed:
            _become_placeholder(new, fed[node.name])
        elif node.op in _VARIABLES:
            _become_constant(new, values.of(node, node.name))
        elif node.op in (_READ, _GATHER):
            read = variable(node.input[0])
            if read is None or read.op != _HANDLE:
                continue  # the check names it
            value = values.of(read, read.attr["shared_name"].s.decode() or read.name)
            if node.op == _READ:
                _become_constant(new, value)
            else:
                _become_gather(made, new, value)
        elif node.op == "PlaceholderWithDefault":
            new.op = "Identity"
            kind = node.attr["dtype"].type
            new.attr.clear()
            new.attr["T"].type = kind
    kept = {node.name for node in made.node}
    for node in made.node:
        # What a handle's own node had to wait for is of no use any more.
        names = [n for n in node.input if not (n.startswith("^") and n[1:] not in kept)]
        del node.input[:]
        node.input.extend(names)
    return made


def _become_placeholder(node: Any, kind: int) -> None:
    """What is fed may be computed in the whole graph."""
    if node.op != "Placeholder":
        node.op = "Placeholder"
        node.attr.clear()
        node.attr["dtype"].type = kind
    del node.input[:]


def _become_constant(node: Any, value: Any) -> None:
    tf = require("tensorflow")
    node.op = "Const"
    del node.input[:]
    node.attr.clear()
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
    node.attr["dtype"].type = tf.as_dtype(value.dtype).as_datatype_enum


def _become_gather(graph: Any, node: Any, value: Any) -> None:
    """Rows of a table, as of a layer of embeddings."""
    import numpy as np

    places, indices = node.input[1], node.attr["Tindices"].type
    table, axis = (
        graph.node.add(name=f"{node.name}/table"),
        graph.node.add(name=f"{node.name}/axis"),
    )
    _become_constant(table, value)
    _become_constant(axis, np.zeros((), np.int32))
    node.op = "GatherV2"
    node.attr.clear()
    node.attr["Tparams"].type = table.attr["dtype"].type
    node.attr["Tindices"].type = indices
    node.attr["Taxis"].type = axis.attr["dtype"].type
    del node.input[:]
    node.input.extend([table.name, places, axis.name])


class _Checkpoint:
    """The values of variables; read when the first is asked for."""

    def __init__(self, folder: Path, origin: str) -> None:
        self._path, self._origin = folder / _CHECKPOINT, origin
        self._reader: Any = None

    def of(self, node: Any, key: str) -> Any:
        try:
            self._reader = self._reader or require("tensorflow").train.load_checkpoint(self._path)
            known = self._reader.has_tensor(key)
            value = self._reader.get_tensor(key) if known else None
        # TensorFlow raises errors of its own.
        except Exception as error:
            raise BadFile(
                f"the variables of {self._origin} cannot be read",
                why=first_line(error),
                fix="copy the whole folder again, variables/ among it, or save it anew",
            ) from error
        if value is None or value.dtype.kind not in "fiub":
            raise Unsupported(
                f"{self._origin}: its variable {node.name} has no value in the checkpoint",
                why="it is one of several parts, or was saved under another name"
                if value is None
                else "it is text",
                fix="save it with its variables as constants: "
                "tf.compat.v1.graph_util.convert_variables_to_constants, then simple_save",
            )
        return value
