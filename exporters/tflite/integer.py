"""Integer TFLite files: conversion, interface types, and operators that stay in float."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zoo.common.errors import Unsupported
from zoo.common.named_arrays import each_of, fields_of
from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest, Target
from zoo.contracts.exporter import Written

from ..shared.integer_layout import scheme_of
from ..shared.layer_mapping import check_layers, layers_of, operators_of
from ..shared.not_finite import MEND, is_held, not_finite, stay_in_float
from ..shared.recurrent import recurrent_layers, reuse_folder
from .free_sides import at_sizes_of_data
from .lstm import with_usable_states
from .schema import float_results, operators, read_model, schema
from .tensor_names import with_ordered_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..quantization.histograms import Histogram

#: Operators whose kernels take no 16-bit tensors, though TensorFlow's quantizer writes them so.
_REFUSED_BY_KERNELS = {"SQUARED_DIFFERENCE"}
#: The quantizer's message for each operator that it cannot treat.
_NO_16_BITS = re.compile(r"16x8-bit not yet supported for op: '(\w+)'")
#: What rounding of raw values may cost, as a share of their span; the gate refuses what loses more.
_MOST_LOST = 0.05
#: Operators that the quantizer cannot select by name: all or none are kept.
_KNOWN_BY_KIND = frozenset({"TRANSPOSE_CONV"})


def convert_to_integers(converter: Any, request: ExportRequest) -> tuple[bytes, Written]:
    """Runs a converter whose model is to compute in integers."""
    # Lists and help load this file, and must not wait for numpy.
    from ..quantization.method_search import choose_method
    from ..quantization.reuse import reused, reused_histograms
    from .calibration import compute_outputs, observe_ranges, with_ranges

    tf = require("tensorflow")
    assert request.calibration is not None  # the core never asks without
    check_layers(request.model, request.keep)
    samples = request.calibration
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if request.precision == "int16x8":
        converter.representative_dataset = lambda: _each(samples, request)
        return _with_16_bits(converter, request), Written(method="minmax")
    check_integer_input(request)
    # The converter has to see all samples for the inner tensors of fused operators alone: every
    # other range is measured here, and in a fraction of the time.
    few = samples if recurrent_layers(request.model) else samples[:2]
    converter.representative_dataset = lambda: _each(few, request)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter._experimental_calibrate_only = True
    folder = reuse_folder(request)
    made = reused(folder, "calibrated.tflite", lambda: bytes(converter.convert()))
    calibrated = with_ordered_inputs(made, request.model)
    calibrated = at_sizes_of_data(calibrated, request)
    scheme = scheme_of(request)
    seen = reused_histograms(folder, "histograms.npz", lambda: observe_ranges(calibrated, samples))
    broken, layers, told = stay_in_float(
        not_finite(_by_name(calibrated, seen)) | _infinite_constants(calibrated),
        found := operators(calibrated),
        request.model,
        {operator.kind for operator in found},
    )

    def build(method: str) -> bytes:
        ranged = with_ranges(
            calibrated,
            seen,
            method,
            symmetric=scheme.symmetric,
            integer_input=request.integer_input,
            whole_input=request.whole_input,
            whole_outputs=request.whole_outputs,
        )
        made = with_usable_states(_quantized(ranged, request, scheme, broken))
        return at_sizes_of_data(made, request)

    real = with_usable_states(calibrated)
    data, method, remarks = choose_method(
        request, build, compute_outputs, lambda inputs: compute_outputs(real, inputs)
    )
    kept = (*layers, *_kept_together(calibrated, request))
    return data, Written(remarks=(*told, *remarks), method=method, kept=kept)


def _by_name(data: bytes, seen: Mapping[int, Histogram]) -> Iterator[tuple[str, Histogram]]:
    tensors = read_model(data).subgraphs[0].tensors
    return ((tensors[index].name.decode(), held) for index, held in seen.items())


def _infinite_constants(data: bytes) -> set[str]:
    """Names of the constants of the main graph that hold infinity."""
    import numpy as np

    content, real = read_model(data), schema().TensorType.FLOAT32
    stored = [
        (one.name.decode(), content.buffers[one.buffer].data)
        for one in content.subgraphs[0].tensors
        if one.type == real
    ]
    return {
        name
        for name, values in stored
        if values is not None and not is_held(np.asarray(values).view(np.float32))
    }


def _each(samples: NDArray[Any], request: ExportRequest) -> Iterator[Any]:
    """Raw inputs as the converter takes them: a list for each call; several by name."""
    arrays, names = each_of(samples), [tensor.name for tensor in request.model.inputs]
    for number in range(len(samples)):
        given = [values[number : number + 1] for values in arrays]
        yield dict(zip(names, given, strict=True)) if len(given) > 1 else given


def takes_integers(samples: NDArray[Any]) -> bool:
    """Whether an input is of whole numbers, which no scale stands behind."""
    return any(values.dtype.kind in "iub" for values in fields_of(samples).values())


def _kept_together(calibrated: bytes, request: ExportRequest) -> tuple[str, ...]:
    """Layers that stay in float because another of their kind does."""
    found = operators(calibrated)
    own = operators_of(request.keep, found, request.model, "TFLite")
    kinds = {operator.kind for operator in own} & _KNOWN_BY_KIND
    of_each = zip(found, layers_of(found, request.model), strict=True)
    return tuple(sorted({name for o, layers in of_each if o.kind in kinds for name in layers}))


def interface_of(request: ExportRequest, scheme: Target) -> str:
    """The type of inputs, and of most outputs, by numpy's name.

    An int8 file for raw bytes takes and gives uint8. Every other file takes and gives real
    numbers: an application has them as such, and would have to quantize them with a scale that
    it must first read out of the file. Targets without float arithmetic differ.
    """
    if scheme.interface != "auto":
        return scheme.interface
    return "uint8" if request.integer_input else "float32"


def outputs_of(request: ExportRequest, scheme: Target) -> str:
    """The type of outputs, by numpy's name: of those in units of their own real numbers.

    A layer that is kept in float is of no use in front of an output of 256 steps.
    """
    free = scheme.interface == "auto" and request.real_outputs
    return "float32" if free else interface_of(request, scheme)


def check_integer_input(request: ExportRequest) -> None:
    """Refuses an input of 8-bit integers that nothing is left of one of its channels in.

    The range of an input holds 0, since zero points are numbers of its type: all of it goes to an
    offset that is large beside the signal, or to another channel.

    Raises:
        Unsupported: Names the channel.
    """
    import numpy as np

    samples, interface = request.calibration, interface_of(request, scheme_of(request))
    if samples is None or takes_integers(samples) or request.integer_input:
        return
    if interface == "float32" or "channel" not in request.axes:
        return
    channels = np.moveaxis(samples, 1 + request.axes.index("channel"), 0)
    channels = channels.reshape(len(channels), -1).astype(np.float64)
    low, high = min(0.0, float(channels.min())), max(0.0, float(channels.max()))
    step = (high - low) / 255 or 1.0
    lost = np.abs(np.rint(channels / step) * step - channels).max(1)
    for number, values in enumerate(channels):
        least, most = float(values.min()), float(values.max())
        if lost[number] > _MOST_LOST * (most - least) > 0:
            raise Unsupported(
                f"channel {number}, from {least:,.8g} to {most:,.8g}, does not fit into an input "
                f"of {interface}",
                why=f"its 256 numbers, the same for all channels, are {step:,.4g} apart, from "
                f"{low:,.8g} to {high:,.8g}",
                fix="subtract a constant such as the mean, and divide, in the data and in the "
                "application; or choose a target whose files take real numbers",
            )


def _quantized(
    calibrated: bytes, request: ExportRequest, scheme: Target, broken: list[str]
) -> bytes:
    """8-bit integers from a float file with ranges, but for what must stay real."""
    from tensorflow.lite.python.convert import mlir_quantize

    from .normalization import first_arithmetic

    tf = require("tensorflow")
    interface = interface_of(request, scheme)
    kept = operators_of(request.keep, operators(calibrated), request.model, "TFLite")
    nodes = [*(operator.key for operator in kept), *broken]
    kinds = sorted({operator.kind for operator in kept} & _KNOWN_BY_KIND)
    if interface == "float32" and not request.integer_input:
        # Raw channels may differ a thousandfold: 256 steps over all of them together would leave
        # nothing of the smaller ones for the normalization to bring back. Bytes have one scale.
        nodes += first_arithmetic(calibrated)
    assert request.calibration is not None
    words = takes_integers(request.calibration)
    data = bytes(
        mlir_quantize(
            calibrated,
            disable_per_channel=not scheme.per_channel,
            disable_per_channel_for_dense_layers=not scheme.per_channel_dense,
            input_data_type=tf.float32 if words else tf.as_dtype(interface),
            output_data_type=tf.as_dtype(outputs_of(request, scheme)),
            # Without names the quantizer's lists must be None: empty ones are not accepted.
            denylisted_nodes=nodes or None,
            denylisted_ops=kinds or None,
        )
    )
    _check_kept(data, request)
    return data


def _check_kept(data: bytes, request: ExportRequest) -> None:
    """Reads the file back, since the quantizer ignores unknown names."""
    if not request.keep:
        return
    real = float_results(data)
    for name in request.keep:
        own = operators_of([name], operators(data), request.model, "TFLite")
        if not any(real.intersection(operator.makes) for operator in own):
            kinds = ", ".join(sorted({operator.kind for operator in own}))
            raise Unsupported(
                f"layer {name!r} cannot stay in float",
                why=f"TensorFlow's quantizer quantizes its {kinds} all the same",
                fix="keep another layer, or choose the precision float16",
            )


def _with_16_bits(converter: Any, request: ExportRequest) -> bytes:
    """By TensorFlow's older quantizer: the newer one gives 16-bit tensors zero points.

    Kernels refuse such tensors. The older one quantizes all or nothing, so no layer can be kept.
    """
    tf = require("tensorflow")
    assert request.calibration is not None
    if takes_integers(request.calibration):
        raise Unsupported(
            "a network that takes whole numbers (word numbers, say) cannot be int16x8",
            why="TensorFlow's quantizer for 16-bit activations measures a range of every "
            "input, and these have none",
            fix="choose the precision int8, or dynamic-int8",
        )
    if request.keep:
        raise Unsupported(
            "an int16x8 file cannot keep layers in float",
            why="TensorFlow's quantizer for 16-bit activations takes all operators or none",
            fix="choose the precision int8, or keep no layers",
        )
    kernels = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
    converter.target_spec.supported_ops = [kernels]
    try:
        data = bytes(converter.convert())
    except RuntimeError as error:
        missing = set(_NO_16_BITS.findall(str(error)))
        if not missing:
            raise
        raise _without_kernel(missing) from error
    # The quantizer lets them through, and no runtime prepares the file.
    _refuse_endless_scales(data)
    real = float_results(data)
    written = {one.kind for one in operators(data) if not real.intersection(one.makes)}
    if missing := _REFUSED_BY_KERNELS & written:
        raise _without_kernel(missing)
    if request.integer_input or request.input_names:
        return data
    from .normalization import with_real_normalization

    return with_real_normalization(data, request.model)


def _refuse_endless_scales(data: bytes) -> None:
    """Refuses a file in which a tensor holds infinity, which the quantizer takes for a number."""
    for tensor in read_model(data).subgraphs[0].tensors:
        scales = None if tensor.quantization is None else tensor.quantization.scale
        if scales is not None and len(scales) and not is_held(32_768.0 * scales):
            raise Unsupported(
                f"this network cannot be int16x8: {tensor.name.decode()!r} holds infinity, or "
                "numbers near the largest of float32",
                why="no step is left for other numbers beside it, and in int16x8 no layer can stay "
                "in float",
                fix=f"choose the precision int8, in which such layers stay in float; or {MEND}",
            )


def _without_kernel(kinds: set[str]) -> Unsupported:
    return Unsupported(
        f"TFLite has no 16-bit kernel for {', '.join(sorted(kinds))}",
        why="int16x8 exists for the commonest operators alone",
        fix="choose the precision int8, or build the network without them",
    )


def convert_trained(converter: Any, request: ExportRequest) -> bytes:
    """Runs a converter whose model holds fake quantization: its limits become the file's.

    Weights lie on their grid already, so that the scale that the converter computes from the
    largest weight of each channel is the one they were trained with.
    """
    tf = require("tensorflow")
    check_integer_input(request)
    scheme = scheme_of(request)
    interface = tf.as_dtype(interface_of(request, scheme))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = interface
    converter.inference_output_type = tf.as_dtype(outputs_of(request, scheme))
    if not scheme.per_channel:
        converter._experimental_disable_per_channel = True
    if not scheme.per_channel_dense:
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True
    return bytes(converter.convert())
