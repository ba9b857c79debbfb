"""GRU layers as ONNX' GRU operator.

tf2onnx recognizes GRUs of TensorFlow's older versions alone. While a network is traced, each layer
that the operator can compute is one node of a type that TensorFlow has for another library's GRU;
the converter's handler for that type writes the operator with the weights of the layer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from zoo.common.optional_imports import require

from ..shared.recurrent import changed_attributes

#: The type of a layer's node in TensorFlow's graph; its attribute `seed` is the layer's number.
MARKER = "CudnnRNNV2"
#: Keras' activation → the operator's, with alpha and beta where it has them.
_ACTIVATIONS: dict[str, tuple[str, float, float]] = {
    "tanh": ("Tanh", 0.0, 0.0),
    "sigmoid": ("Sigmoid", 0.0, 0.0),
    "relu": ("Relu", 0.0, 0.0),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "softsign": ("Softsign", 0.0, 0.0),
    "linear": ("Affine", 1.0, 0.0),
}


@dataclass(kw_only=True)
class GruOperators:
    """The layers that became nodes.

    Attributes:
        weights: Of each layer, as the operator takes them.
        written: The layers by the number of their node.
        others: Why a layer wrote its steps out.
    """

    weights: dict[Any, tuple[Any, Any, Any]]
    written: list[Any] = field(default_factory=list)
    others: dict[Any, str] = field(default_factory=dict)

    def handler(self, graph: Any, node: Any, name: str, _: Any) -> None:
        """Writes the operator in the place of a layer's node, as tf2onnx calls it."""
        layer = self.written[node.get_attr_int("seed")]
        name = name.replace(MARKER, "GRU")
        outputs, dtypes = node.output[:2], [graph.get_dtype(output) for output in node.output[:2]]
        shapes = [graph.get_shape(output) for output in outputs]
        graph.remove_node(node.name)
        weights = [
            graph.make_const(f"{name}_{part}", array).output[0]
            for part, array in zip("WRB", self.weights[layer], strict=True)
        ]
        activations = [_ACTIVATIONS[kind] for kind in _kinds(layer.cell)]
        sloped = [(alpha, beta) for _, alpha, beta in activations if alpha or beta]
        slopes = {
            f"activation_{name}": [pair[place] for pair in sloped]
            for place, name in enumerate(("alpha", "beta"))
            if sloped
        }
        steps = f"{name}_steps"  # (steps, directions, batch, units)
        graph.make_node(
            "GRU",
            [node.input[0], *weights, "", node.input[1]],
            outputs=[steps, outputs[1]],
            name=name,
            shapes=[[shapes[0][0], 1, *shapes[0][1:]], shapes[1]],
            dtypes=dtypes,
            attr={
                "hidden_size": layer.cell.units,
                "direction": "reverse" if layer.go_backwards else "forward",
                "linear_before_reset": int(layer.cell.reset_after),
                "activations": [activation for activation, _, _ in activations],
                **slopes,
            },
        )
        axes = graph.make_const(f"{name}_axes", _axis(1)).output[0]
        graph.make_node(
            "Squeeze",
            [steps, axes],
            outputs=outputs[:1],
            name=f"{name}_squeezed",
            shapes=shapes[:1],
            dtypes=dtypes[:1],
        )


@contextmanager
def gru_operators(layers: Collection[Any]) -> Iterator[GruOperators]:
    """While the block runs, tracing these layers makes nodes for `GruOperators.handler`.

    Those of its layers that the operator cannot compute write their steps out.
    """
    # Read beforehand: within a graph variables have no values.
    found = GruOperators(weights={layer: _weights(layer.cell) for layer in layers})
    with ExitStack() as stack:
        stack.enter_context(changed_attributes([*layers], unroll=True))
        for layer in layers:
            inner = partial(_inner_loop, found, layer, layer.inner_loop)
            stack.enter_context(changed_attributes([layer], inner_loop=inner))
        yield found


def _inner_loop(
    found: GruOperators,
    layer: Any,
    written_out: Any,
    sequences: Any,
    initial_state: Any,
    mask: Any,
    training: bool = False,
) -> Any:
    """Stands in for Keras' ``inner_loop``: last output, all outputs, states."""
    tf = require("tensorflow")
    if reason := _why_not(layer, mask):
        found.others[layer] = reason
        return written_out(sequences, initial_state, mask, training=training)
    (state,) = tf.nest.flatten(initial_state)
    found.written.append(layer)
    steps, last, *_ = tf.raw_ops.CudnnRNNV2(
        input=tf.transpose(sequences, [1, 0, 2]),
        input_h=state[None],
        input_c=[],
        params=[0.0],
        rnn_mode="gru",
        input_mode="linear_input",
        direction="unidirectional",
        seed=len(found.written) - 1,
        is_training=False,
    )
    if not layer.return_sequences:
        return last[0], last, [last[0]]
    # The operator gives the steps of either direction in the order of the input, Keras in its own.
    ordered = tf.reverse(steps, [0]) if layer.go_backwards else steps
    return last[0], tf.transpose(ordered, [1, 0, 2]), [last[0]]


def _why_not(layer: Any, mask: Any) -> str:
    """Why the operator cannot compute this layer; empty when it can."""
    tf = require("tensorflow")
    if any(part is not None for part in tf.nest.flatten(mask)):
        return "the GRU operator of ONNX has no mask"
    if type(layer.cell) is not require("keras").layers.GRUCell:
        return f"its cell is a {type(layer.cell).__name__}"
    if layer.stateful:
        return "its state is kept by the network itself"
    strange = [kind for kind in _kinds(layer.cell) if kind not in _ACTIVATIONS]
    return f"ONNX' GRU has no activation {strange[0]}" if strange else ""


def _kinds(cell: Any) -> tuple[str, str]:
    """Names of the activations of gates and of the state; of foreign functions their own."""
    activations = require("keras").activations
    known = {getattr(activations, kind): kind for kind in _ACTIVATIONS}
    own = (cell.recurrent_activation, cell.activation)
    gates, state = (known.get(a, getattr(a, "__name__", type(a).__name__)) for a in own)
    return gates, state


def _weights(cell: Any) -> tuple[Any, Any, Any]:
    """Kernel (1, 3 units, channels), recurrent kernel (1, 3 units, units), biases (1, 6 units).

    Gates are in the same order in both: update, reset, state. With the reset gate in front of the
    product Keras has no second bias.
    """
    import numpy as np

    kernel, recurrent = (np.asarray(w, np.float32).T for w in (cell.kernel, cell.recurrent_kernel))
    bias = np.zeros((2, 3 * cell.units), np.float32)
    if cell.bias is not None:
        own = np.asarray(cell.bias, np.float32).reshape(-1, 3 * cell.units)
        bias[: len(own)] = own
    return kernel[None], recurrent[None], bias.reshape(1, -1)


def _axis(number: int) -> Any:
    import numpy as np

    return np.array([number], np.int64)
