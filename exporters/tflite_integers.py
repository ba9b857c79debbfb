"""Integer TFLite files: what they take and give, and what must stay real inside them."""

from __future__ import annotations

import re
from typing import Any

from zoo.contracts import ExportRequest
from zoo.errors import Unsupported
from zoo.extras import require

#: What the quantizer says of each operator that it cannot treat.
_NO_16_BITS = re.compile(r"16x8-bit not yet supported for op: '(\w+)'")
_ELEMENTWISE = frozenset({"MUL", "ADD", "SUB", "DIV"})


def convert_to_integers(converter: Any, request: ExportRequest) -> bytes:
    """Runs a converter whose model is to compute in integers.

    An int8 file for raw bytes takes and gives uint8. Every other file takes and gives real
    numbers: an application has them as such, and would have to quantize them with a scale that
    it must first read out of the file.
    """
    tf = require("tensorflow")
    assert request.calibration is not None  # the core never asks without
    samples = request.calibration.copy()
    sets = tf.lite.OpsSet
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
    if request.precision == "int16x8":
        if samples.dtype.kind in "iu":
            raise Unsupported(
                "a network that takes whole numbers (word numbers, say) cannot be int16x8",
                why="TensorFlow's quantizer for 16-bit activations measures a range of every "
                "input, and these have none",
                fix="choose the precision int8, or dynamic-int8",
            )
        kernels = sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        converter.target_spec.supported_ops = [kernels]
        return _with_16_bits(converter)
    converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8]
    if request.integer_input:
        # Two corner pixels of one image span the full range, so that the input's scale is
        # exactly 1 and applications hand over their bytes unchanged.
        samples[0].flat[0], samples[0].flat[-1] = 0.0, 255.0
        converter.inference_input_type = converter.inference_output_type = tf.uint8
        return bytes(converter.convert())
    return _behind_normalization(converter)


def _with_16_bits(converter: Any) -> bytes:
    try:
        return bytes(converter.convert())
    except RuntimeError as error:
        missing = sorted(set(_NO_16_BITS.findall(str(error))))
        if not missing:
            raise
        raise Unsupported(
            f"TFLite has no 16-bit kernel for {', '.join(missing)}",
            why="int16x8 exists for the commonest operators alone",
            fix="choose the precision int8, or build the network without them",
        ) from error


def _behind_normalization(converter: Any) -> bytes:
    """Quantizes everything but the arithmetic that raw input goes through first.

    Raw channels may differ a thousandfold: 256 steps over all of them together would leave
    nothing of the smaller ones for the normalization to bring back.
    """
    from tensorflow.lite.python.convert import mlir_quantize

    converter._experimental_calibrate_only = True
    calibrated = bytes(converter.convert())
    # Without names the quantizer's list must be None: an empty one is not accepted.
    return bytes(mlir_quantize(calibrated, denylisted_nodes=first_arithmetic(calibrated) or None))


def first_arithmetic(data: bytes) -> list[str]:
    """Names of the results of those operators that add or multiply constants to raw input."""
    schema = require("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    codes = vars(schema.BuiltinOperator)
    wanted = {codes[name] for name in _ELEMENTWISE}
    names = []
    reached = {int(index) for index in graph.inputs}
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        inputs = [int(i) for i in operator.inputs if i >= 0]
        raw = [i for i in inputs if i in reached]
        constant = [i for i in inputs if model.buffers[graph.tensors[i].buffer].data is not None]
        elementwise = max(code.builtinCode, code.deprecatedBuiltinCode) in wanted
        if elementwise and len(raw) == 1 and len(constant) == 1:
            result = int(operator.outputs[0])
            reached.add(result)
            names.append(graph.tensors[result].name.decode())
    return names
