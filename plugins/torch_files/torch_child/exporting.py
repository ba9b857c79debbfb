"""PyTorch modules as exported programs, and these as ONNX files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from torch.utils import _pytree as nesting

from .archive_check import SAVE
from .refusal import RefusedError, first_line

_NODE = re.compile(
    r"Error when translating node %?(\w+).*?call_function\[target=(?:torch\.ops\.)?([\w.]+)\]", re.S
)


def exported(module: Any, shape: tuple[int, ...], name: str) -> Any:
    """The program of a module for inputs of one shape and, if it can be, any batch.

    Args:
        module: As it answers, outside of training.
        shape: Of one input, without the batch.
        name: Names it in messages.

    Raises:
        RefusedError: PyTorch cannot run it on such inputs, or cannot trace it.
    """
    try:
        with torch.no_grad():
            given = module(_sample(2, shape))
    except Exception as error:
        raise RefusedError(
            f"{name} cannot be run on inputs of shape {_shown(shape)}",
            why=first_line(error),
            fix="say what it takes: ?shape=3x224x224, as PyTorch has it, without the batch; or, "
            "where images are opened with data, --input 224x224",
            kind="UsageError",
        ) from error
    if not any(isinstance(one, torch.Tensor) for one in nesting.tree_leaves(given)):
        raise RefusedError(
            f"{name} gives no tensor",
            why=f"its forward returns {type(given).__name__}",
            fix="return the tensor of its outputs there",
            kind="UsageError",
        )
    reasons = []
    for batch, free in ((2, ({0: torch.export.Dim.AUTO},)), (1, None)):
        try:
            program = torch.export.export(module, (_sample(batch, shape),), dynamic_shapes=free)
        # Whatever tracing raises; the module runs, so that another way may do.
        except Exception as error:
            reasons.append(first_line(error))
            continue
        if batch == 1 or not isinstance(_batch_of(program), int):
            return program
    raise RefusedError(
        f"{name} cannot be exported by PyTorch {torch.__version__}",
        why=reasons[-1],
        fix="its code must compute the same for each input: torch.export.export(module, (sample,)) "
        "says where it does not",
        kind="Unsupported",
    )


def _sample(batch: int, shape: tuple[int, ...]) -> Any:
    return torch.rand((batch, *shape), generator=torch.Generator().manual_seed(0))


def _shown(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape))


def _batch_of(program: Any) -> Any:
    names = set(program.graph_signature.user_inputs)
    given = next(node for node in program.graph.nodes if node.name in names)
    return given.meta["val"].shape[0]


def refuse_training(program: Any, name: str) -> None:
    """Refuses a program with a layer that computes as in training.

    A batch normalization takes the mean and deviation of the batch then, and dropout is random.

    Raises:
        RefusedError: It has one; names it.
    """
    for node in program.graph.nodes:
        schema = getattr(node.target, "_schema", None)
        if node.op != "call_function" or schema is None:
            continue
        names = [argument.name for argument in schema.arguments]
        given = {**dict(zip(names, node.args, strict=False)), **node.kwargs}
        share = next((given[key] for key in ("dropout", "p") if key in given), 1)
        if share and (given.get("training") or given.get("train")):
            stack = list(node.meta.get("nn_module_stack", {}).values())
            layer = str(stack[-1][0]) if stack else ""
            raise RefusedError(
                f"{name}: the operator {schema.name.partition('::')[2]} of "
                f"{layer or 'the network'!r} computes as in training",
                why="a batch normalization depends on the other examples of the batch then, and "
                "dropout is random: each example has other answers from call to call",
                fix=f"export it as it answers, with running statistics: {SAVE}",
                kind="Unsupported",
            )


def write_onnx(program: Any, path: Path, name: str) -> None:
    """Writes an exported program as an ONNX file whose nodes have the names of its layers.

    Raises:
        RefusedError: An operator cannot be written; names its layer.
    """
    from onnxscript import optimizer

    try:
        # Not optimized: a batch normalization that is trained must not be in its convolution.
        made = torch.onnx.export(
            program, (), dynamo=True, optimize=False, verbose=False, external_data=False
        )
    except Exception as error:
        raise _unsupported(program, error, name) from error
    # Of its optimizations, those that leave layers as they are: lists of parts become parts.
    optimizer.inline(made.model)
    optimizer.fold_constants(made.model)
    optimizer.remove_unused_nodes(made.model)
    for place, node in enumerate(made.model.graph):
        scope = node.metadata_props.get("pkg.torch.onnx.name_scopes", "")
        parts = re.findall(r"'([^']*)'", scope)[:-1]
        layer = parts[-1] if parts else ""
        node.name = f"{layer or 'network'}/{node.op_type}_{place}"
    made.save(str(path), external_data=False)


def _unsupported(program: Any, error: BaseException, name: str) -> RefusedError:
    """The error for a program that cannot be written, with the operator and its layer."""
    cause, found = error, None
    while cause.__cause__ is not None and not (found := _NODE.search(str(cause))):
        cause = cause.__cause__
    if not found:
        return RefusedError(
            f"{name} cannot be written as ONNX by PyTorch {torch.__version__}",
            why=first_line(cause),
            fix="please report it, with the network if you may",
            kind="Unsupported",
        )
    layer, operator = _layer_of(program, found[1]), found[2]
    return RefusedError(
        f"{name}: the operator {operator}{f' of {layer!r}' if layer else ''} cannot be brought in",
        why="PyTorch does not write it as operators of ONNX",
        fix="write that layer with operators that ONNX has",
        kind="Unsupported",
    )


def _layer_of(program: Any, node_name: str) -> str:
    """The layer of a node; it has its name in the program of basic operators."""
    for node in program.run_decompositions().graph.nodes:
        if node.name == node_name:
            stack = list(node.meta.get("nn_module_stack", {}).values())
            return str(stack[-1][0]) if stack else ""
    return ""
