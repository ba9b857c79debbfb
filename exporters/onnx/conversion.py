"""From Keras to ONNX in float32: static shapes, and LSTM and GRU as one operator each."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zoo.common.errors import Unsupported, ZooError
from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest
from zoo.networks.building import layer_names
from zoo.networks.multiply_adds import functions_inlined

from ..shared.enlarging import enlarged_by_resizing
from ..shared.recurrent import recurrent_layers, unrolled
from .converter_memory import with_few_copies
from .external_data import inline_constants, is_large
from .gru import MARKER, GruOperators, gru_operators
from .operators import handlers, refuse_leftovers
from .options import OPSET

BATCH = "batch"
#: Operators whose result follows from shapes alone.
_OF_SHAPES = {"Shape", "Size"}
_OLD_NAME = "product"


def convert(request: ExportRequest, *, channels_first: bool = False) -> tuple[Any, tuple[str, ...]]:
    """The model as an `onnx.ModelProto` with a batch of one, and remarks on how it was written.

    Args:
        request: Wants it.
        channels_first: Whether the input is an image with its channels before height and width.

    Raises:
        Unsupported: The requested form of recurrent layers is none of this format.
    """
    layers = recurrent_layers(request.model)
    if request.free_sides:
        return _with_free_sides(request, layers, channels_first), ()
    if not layers:
        model = _trace(request, static=True, channels_first=channels_first)
        return (_with_static_shapes(model) if _computes_shapes(model) else model), ()
    if request.recurrent == "while":
        raise Unsupported(
            "a recurrent layer cannot be a loop in ONNX files",
            why="each of the loop's steps would be interpreted anew, at ten times the time of the "
            "LSTM operator",
            fix="choose the form fused, or unrolled",
        )
    if request.recurrent == "unrolled":
        return _written_out(request, layers), ()
    kinds = require("keras").layers
    fused = [layer for layer in layers if isinstance(layer, kinds.LSTM)]
    grus = [layer for layer in layers if isinstance(layer, kinds.GRU)]
    others = [layer for layer in layers if not isinstance(layer, (kinds.LSTM, kinds.GRU))]
    with gru_operators(grus) as found:
        model = None
        if fused:
            with unrolled(others):
                # Only a free batch makes the LSTM operator; a static one makes a loop.
                model = _with_static_batch(_trace(request, static=False, found=found))
        if model is None or any(node.op_type == "Loop" for node in model.graph.node):
            others = [*fused, *others]
            model = _written_out(request, others, found)
    why = {
        layer: f"the converter makes no ONNX operator of this {_kind(layer)}" for layer in others
    }
    why.update(found.others)
    return model, tuple(
        f"{layer.name}: its steps are written out, since {why[layer]}"
        for layer in layers
        if layer in why
    )


def _with_free_sides(request: ExportRequest, layers: list[Any], channels_first: bool) -> Any:
    """The model whose inputs keep their free sides."""
    from .free_sides import name_sides, refuse_loops, refuse_other_forms

    refuse_other_forms(request, layers, channels_first)
    # Only a free batch makes the LSTM operator.
    model = _trace(request, static=not layers)
    refuse_loops(model, layers)
    if layers and not all(sides[0] for sides in request.free_sides.values()):
        model = _with_static_batch(model)
    name_sides(model, request)
    return model


def _kind(layer: Any) -> str:
    return type(layer).__name__


def _trace(
    request: ExportRequest,
    *,
    static: bool,
    channels_first: bool = False,
    found: GruOperators | None = None,
) -> Any:
    tf = require("tensorflow")
    tf2onnx = require("tf2onnx")
    source, names = request.model, request.output_names
    signature = [
        tf.TensorSpec(tuple(one.shape) if static else (None, *one.shape[1:]), one.dtype, name=own)
        for one, own in zip(source.inputs, _trace_names(request), strict=True)
    ]

    def run(*given: Any) -> Any:
        inputs = given[0] if len(given) == 1 else list(given)
        return _in_order(source(inputs, training=False), names)

    function = tf.function(run, signature)
    large = is_large(source)
    # Recurrent layers are recognized by their functions. On a GPU, LSTMs would become an operator
    # of that device's library.
    tracing = functions_inlined() if static else tf.device("CPU:0")
    with (
        tracing,
        enlarged_by_resizing(source, divides=True),
        _unsupported_operators_unlogged(),
        names_of_old_numpy(),
    ):
        traced = function.get_concrete_function(*signature)
        model, apart = with_few_copies(
            lambda: tf2onnx.convert.from_function(
                function,
                signature,
                opset=request.options.get("opset", OPSET),
                custom_op_handlers={
                    **handlers(),
                    **({} if found is None else {MARKER: (found.handler, [])}),
                },
                inputs_as_nchw=[f"{request.input_name}:0"] if channels_first else None,
                large_model=large,
            )
        )
    refuse_leftovers(model, layer_names(source))
    if large:
        inline_constants(model, apart.name_to_tensor_data)
    _keep_captured(model.graph, traced)
    _rename_outputs(model.graph, names)
    if request.input_names:
        _rename_inputs(model.graph, request)
    return model


def _trace_names(request: ExportRequest) -> tuple[str, ...]:
    """Names of inputs while they are traced: TensorFlow allows fewer than files have."""
    if not request.input_names:
        return (request.input_name,)
    return tuple(f"input_{number:02}" for number in range(len(request.input_names)))


@contextmanager
def _unsupported_operators_unlogged() -> Iterator[None]:
    """What the converter leaves over is an error afterwards; its log would print it twice."""
    logger = logging.getLogger("tf2onnx")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _keep_captured(graph: Any, traced: Any) -> None:
    """Tensors that layers hold outside of variables are constants, no inputs.

    Args:
        graph: Has an input for each of them.
        traced: The concrete function that it was made from.
    """
    onnx = require("onnx")
    held = {
        inner.name: outer
        for outer, inner in zip(traced.captured_inputs, traced.graph.internal_captures, strict=True)
        if outer.dtype != "resource"
    }
    for value in [value for value in graph.input if value.name in held]:
        array = held[value.name].numpy()
        graph.initializer.append(onnx.numpy_helper.from_array(array, value.name))
        graph.input.remove(value)


@contextmanager
def names_of_old_numpy() -> Iterator[None]:
    """The converter still calls by its old name what it needs for large models."""
    import numpy as np

    if hasattr(np, _OLD_NAME):
        yield
        return
    setattr(np, _OLD_NAME, np.prod)
    try:
        yield
    finally:
        delattr(np, _OLD_NAME)


def _written_out(
    request: ExportRequest, layers: list[Any], found: GruOperators | None = None
) -> Any:
    """The steps of recurrent layers one by one; what follows from their shapes is constant."""
    from .quantization import simplified

    with unrolled(layers):
        return simplified(_trace(request, static=True, found=found))


def _with_static_batch(model: Any) -> Any:
    """A free batch becomes one, and what followed from it becomes constants."""
    from onnxruntime.tools.onnx_model_utils import make_dim_param_fixed

    from .quantization import simplified

    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = BATCH
    make_dim_param_fixed(model.graph, BATCH, 1)
    return simplified(model)


def _computes_shapes(model: Any) -> bool:
    """Whether operators compute shapes, which all are constants in a graph of static ones."""
    return any(node.op_type in _OF_SHAPES for node in model.graph.node)


def _with_static_shapes(model: Any) -> Any:
    """The model with what follows from its shapes folded to constants, as often as it helps.

    A shape that was folded makes the tensors behind it static, and their shapes constant in turn.
    """
    from .quantization import simplified

    nodes = 0
    while nodes != (nodes := len(model.graph.node)):
        model = simplified(model)
    return model


def _in_order(outputs: Any, names: tuple[str, ...]) -> Any:
    """One output as it is, several in this order: the converter numbers them."""
    return [outputs[name] for name in names] if isinstance(outputs, dict) else outputs


def _rename_inputs(graph: Any, request: ExportRequest) -> None:
    """Puts inputs in their order, under their names; one that nothing reads stays an input."""
    onnx = require("onnx")
    there = {value.name.removesuffix(":0"): value.name for value in graph.input}
    names = dict(zip(_trace_names(request), request.inputs, strict=True))
    new = {there[own]: name for own, name in names.items() if own in there}
    inner = {name for node in graph.node for name in node.output}
    inner |= {tensor.name for tensor in graph.initializer}
    # A tensor inside that is called as an input gets another name.
    new.update({name: f"{name}/inner" for name in inner & {*new.values()} - {*there.values()}})
    del graph.input[:]
    for tensor, name in zip(request.model.inputs, names.values(), strict=True):
        kind = onnx.helper.np_dtype_to_tensor_dtype(require("numpy").dtype(tensor.dtype))
        graph.input.append(onnx.helper.make_tensor_value_info(name, kind, tensor.shape))
    for tensor in graph.initializer:
        tensor.name = new.get(tensor.name, tensor.name)
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]


def _rename_outputs(graph: Any, names: tuple[str, ...]) -> None:
    if len(graph.output) != len(names):
        wanted = "one was" if len(names) == 1 else f"{len(names)} were"
        raise ZooError(f"the converter made {len(graph.output)} outputs where {wanted} expected")
    new = {value.name: name for value, name in zip(graph.output, names, strict=True)}
    for value in graph.output:
        value.name = new[value.name]
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
