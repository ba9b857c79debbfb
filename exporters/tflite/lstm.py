"""LSTM layers in TFLite: one fused operator, its steps written out, or a loop.

Keras 3 cannot write the fused operator by itself. The converter recognizes it by an attribute of a
`tf.function` that computes one layer with six arguments in Keras' order, and replaces the whole
function; see `prepare_composite_functions_tf.cc` and `lstm_utils.cc` in TensorFlow.
"""

from __future__ import annotations

import math
import struct
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from zoo.common.errors import Unsupported
from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest

from ..shared.recurrent import changed_attributes, recurrent_layers

#: The form when neither user nor target chose one. The fused operator is ten to twenty times
#: smaller than written out steps, and the one that microcontrollers have; 16-bit activations it
#: does not know.
FORMS = {
    "float32": "fused",
    "float16": "fused",
    "dynamic-int8": "fused",
    "int8": "fused",
    "int16x8": "unrolled",
    "int4-blocks": "fused",
    "int4-weights": "fused",
}
OPERATOR = "UNIDIRECTIONAL_SEQUENCE_LSTM"
#: Place of the cell's state among the operator's inputs.
CELL_STATE = 19
#: Place of the largest cell state in the table of the operator's options.
CELL_CLIP = 6
#: Exponents of the cell state's scale that the 8-bit kernel can compute with: its fixed-point
#: tanh has 15 fractional bits at the finest, and the kernel refuses less than 9.
FINEST, COARSEST = -15, -9
#: Precisions in which weights alone are integers.
_SMALL_WEIGHTS = frozenset({"dynamic-int8", "int4-blocks", "int4-weights"})
#: Smaller matrices the converter leaves in float when it quantizes weights alone.
LEAST_WEIGHTS = 1024


def form_of(request: ExportRequest) -> str:
    """The form in which layers are written: the one asked for, the target's, or ours.

    Raises:
        Unsupported: No file of this precision can have the requested form.
    """
    wanted, precision = request.recurrent, request.precision
    if wanted == "auto":
        own = {} if request.target is None else request.target.recurrent
        wanted = own.get(precision, FORMS[precision])
        if wanted == "while" and any(
            layer.return_sequences for layer in recurrent_layers(request.model)
        ):
            # The converter makes the outputs of all steps a list, whose shape is lost in the file.
            wanted = FORMS[precision]
    if wanted == "while" and precision in ("int8", "int16x8"):
        raise Unsupported(
            f"a recurrent layer cannot be a WHILE loop in {precision}",
            why="TensorFlow's quantizer crashes on loops",
            fix=f"choose another form, or another precision: {FORMS[precision]}, dynamic-int8",
        )
    if wanted == "fused" and precision == "int16x8":
        raise Unsupported(
            f"{OPERATOR} cannot be {precision}",
            why="its kernel has 8-bit activations alone",
            fix="choose the form unrolled, or the precision int8",
        )
    return wanted


@contextmanager
def written_as(form: str, precision: str, model: Any) -> Iterator[Collection[str]]:
    """While the block runs, tracing the model writes its recurrent layers in this form.

    Yields:
        Remarks, complete when the block ends: one for each layer that took another form.
    """
    layers = recurrent_layers(model)
    tracing = _Tracing(precision)
    with ExitStack() as stack:
        stack.enter_context(changed_attributes(layers, unroll=form != "while"))
        if form == "fused":
            for layer in layers:
                fused = partial(tracing.inner_loop, layer, layer.inner_loop)
                stack.enter_context(changed_attributes([layer], inner_loop=fused))
        yield tracing.others.values()


class _Tracing:
    """Traces of the layers; a layer may be traced several times, also with a free batch."""

    def __init__(self, precision: str) -> None:
        self.precision = precision
        self.others: dict[str, str] = {}
        self._fused: set[str] = set()

    def inner_loop(
        self,
        layer: Any,
        written_out: Callable[..., Any],
        sequences: Any,
        initial_state: Any,
        mask: Any,
        training: bool = False,
    ) -> Any:
        """Stands in for Keras' ``inner_loop``: last output, all outputs, states."""
        reason = _why_not(layer, initial_state, mask, self.precision)
        if not reason:
            self._fused.add(layer.name)
            self.others.pop(layer.name, None)
            return _call_fused(layer, sequences, initial_state)
        if layer.name not in self._fused:
            self.others[layer.name] = f"{layer.name}: its steps are written out, since {reason}"
        return written_out(sequences, initial_state, mask, training=training)


def _call_fused(layer: Any, sequences: Any, initial_state: Any) -> Any:
    tf = require("tensorflow")
    cell = layer.cell
    bias = tf.zeros(4 * cell.units) if cell.bias is None else tf.convert_to_tensor(cell.bias)
    function = tf.function(
        _one_layer,
        autograph=False,
        experimental_attributes={
            # The converter replaces each function of this name once, so each call has its own.
            "api_implements": f"lstm_{uuid.uuid4()}",
            "api_preferred_device": "CPU",
            "go_backwards": bool(layer.go_backwards),
            "time_major": False,
        },
    )
    last, outputs, hidden, carry, _ = function(
        sequences,
        *initial_state,
        tf.convert_to_tensor(cell.kernel),
        tf.convert_to_tensor(cell.recurrent_kernel),
        bias,
    )
    return last, outputs, [hidden, carry]


def _why_not(layer: Any, initial_state: Any, mask: Any, precision: str) -> str:
    """Why the fused operator cannot compute this layer; empty when it can."""
    keras = require("keras")
    tf = require("tensorflow")
    if not isinstance(layer, keras.layers.LSTM):
        return f"TFLite has no fused {type(layer).__name__}"
    if mask is not None and any(part is not None for part in tf.nest.flatten(mask)):
        return "the fused operator has no mask"
    if layer.stateful:
        return "its state is kept by the network itself"
    own = (layer.cell.activation, layer.cell.recurrent_activation)
    if own != (keras.activations.tanh, keras.activations.sigmoid):
        return "the fused operator has tanh and sigmoid alone"
    smallest = layer.cell.units * min(layer.cell.units, layer.cell.kernel.shape[0])
    whole = 4 * layer.cell.units**2
    if precision in _SMALL_WEIGHTS and smallest < LEAST_WEIGHTS <= whole:
        return f"the fused operator has matrices of fewer than {LEAST_WEIGHTS:,} weights"
    for state in tf.nest.flatten(initial_state):
        value = tf.get_static_value(state)
        if value is None or value.any():
            return "the fused operator begins with zeros"
    return ""


def _one_layer(x: Any, h: Any, c: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> Any:
    """The function that the converter replaces by the fused operator.

    Args:
        x: (batch, steps, features).
        h: Hidden state, (batch, units).
        c: Cell state, (batch, units).
        kernel: (features, 4 × units), gates in Keras' order: input, forget, cell, output.
        recurrent_kernel: (units, 4 × units).
        bias: (4 × units,).

    Returns:
        Last output, all outputs (batch, steps, units), both states, and the number of the runtime
        that Keras 2 chose; five results, as the converter expects them.
    """
    tf = require("tensorflow")
    by_step = tf.transpose(x, [1, 0, 2])
    steps = by_step.shape[0]

    def one_step(step: Any, h: Any, c: Any, outputs: Any) -> Any:
        gates = tf.matmul(by_step[step], kernel) + tf.matmul(h, recurrent_kernel) + bias
        i, f, g, o = tf.split(gates, 4, axis=1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        h = tf.sigmoid(o) * tf.tanh(c)
        return step + 1, h, c, outputs.write(step, h)

    outputs = tf.TensorArray(x.dtype, steps)
    state = (tf.constant(0), h, c, outputs)
    _, h, c, outputs = tf.while_loop(lambda step, *_: step < steps, one_step, state)
    return h, tf.transpose(outputs.stack(), [1, 0, 2]), h, c, tf.constant(1.0)


def with_usable_states(data: bytes) -> bytes:
    """The file, with cell states that the kernels compute as Keras does.

    Two corrections in place, for each fused operator:

    * The converter clips the state to 10 either way, which Keras does not: a cell that counts
      would be cut short. In float there is no clip afterwards; integers saturate where their
      range, which was measured with the clip, ends.
    * Calibration on small states gives an 8-bit file a finer scale than its kernel can compute
      with, and the kernel computes garbage silently. A coarser scale loses nothing: the
      state is not stored in the file, and it still has 15 bits.
    """
    schema = require("ai_edge_litert.schema_py_generated")
    buffer = bytearray(data)
    model = schema.Model.GetRootAs(buffer, 0)
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    wanted = getattr(schema.BuiltinOperator, OPERATOR)
    for graph in (model.Subgraphs(i) for i in range(model.SubgraphsLength())):
        for operator in (graph.Operators(i) for i in range(graph.OperatorsLength())):
            code = codes[operator.OpcodeIndex()]
            if max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) != wanted:
                continue
            options = operator.BuiltinOptions()
            clip = options.Offset(CELL_CLIP)
            if clip:  # else it is left out, which means none
                struct.pack_into("<f", buffer, options.Pos + clip, 0.0)
            state = graph.Tensors(operator.Inputs(CELL_STATE))
            if state.Type() == schema.TensorType.INT16:
                scale = state.Quantization().ScaleAsNumpy()  # a view: writing changes the file
                exponent = round(math.log2(float(scale[0])))
                scale[0] = 2.0 ** min(max(exponent, FINEST), COARSEST)
    return bytes(buffer)
