"""SavedModels with loops over steps, as of recurrent layers: LSTM layers are found in them.

TFLite's own converter makes no layer of such a loop. tf2onnx makes the operator LSTM of it, which
ONNX files are brought in with.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zoo.common.errors import Unsupported, first_line
from zoo.common.optional_imports import require

from ..onnx_files.as_given import OnnxAsGiven
from ..onnx_files.reading import checked_model

_LOOPS = ("While", "StatelessWhile")
_STILL_LOOPS = ("Loop", "Scan")
_OPSET = 17


def loop_of(traced: Any) -> Any:
    """The first loop in a concrete function, as its node; None if it has none."""
    graph = traced.graph.as_graph_def()
    functions = (node for function in graph.library.function for node in function.node_def)
    return next((node for node in (*graph.node, *functions) if node.op in _LOOPS), None)


def without_loops(call: Callable[..., Any], specs: Sequence[Any], loop: Any, origin: str) -> Any:
    """The network as a `keras.Model`, its LSTM layers as such.

    Args:
        call: Computes the outputs, a list, of one example.
        specs: `tensorflow.TensorSpec` of its inputs, each with a name.
        loop: Node of the first, for messages.
        origin: Names the folder in messages.

    Raises:
        Unsupported: A loop is no LSTM layer; names it.
    """
    logger = logging.getLogger("tf2onnx")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        made, _ = require("tf2onnx.convert").from_function(
            require("tensorflow").function(call), list(specs), opset=_OPSET
        )
    # It raises what its own checks and TensorFlow raise.
    except Exception as error:
        raise _refused(loop, origin, first_line(error)) from error
    finally:
        logger.setLevel(before)
    if any(node.op_type in _STILL_LOOPS for node in made.graph.node):
        raise _refused(loop, origin, "it is a loop over steps, and no LSTM layer was found in it")
    with tempfile.TemporaryDirectory(prefix="zoo-saved-model-") as folder:
        file = Path(folder) / "net.onnx"
        file.write_bytes(made.SerializeToString())
        model = checked_model(file, origin)
    return OnnxAsGiven(model, origin).model


def _refused(loop: Any, origin: str, why: str) -> Unsupported:
    return Unsupported(
        f"{origin}: its operator {loop.op} ({loop.name}) cannot be brought in",
        why=why,
        fix="a Keras network comes in with all its recurrent layers: model.save('my.keras'); one "
        "of PyTorch as well: net.pt2",
    )
