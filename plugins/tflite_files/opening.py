"""TFLite files, read as data, checked by LiteRT, and turned into Keras networks."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from zoo.common.errors import BadFile, Unsupported, first_line
from zoo.common.files import open_file
from zoo.common.optional_imports import require
from zoo.contracts import ForeignTensor
from zoo.networks.sources.files import begin_of

from . import arithmetic, logic, pooling, shapes, weights
from .custom_operators import with_built_in
from .free_sizes import FreeTfliteNetwork, described, leaves_sizes_open
from .graph import Array, TfliteGraph, read_graph
from .metadata import read_metadata
from .network import keras_network
from .running import MARK, interpreter
from .variables import Variable, with_states

_Read = TypeVar("_Read")
_MOST_APPENDED = 64 << 20
_CONVERTERS = {
    **weights.CONVERTERS,
    **arithmetic.CONVERTERS,
    **pooling.CONVERTERS,
    **shapes.CONVERTERS,
    **logic.CONVERTERS,
}


@dataclass(kw_only=True)
class TfliteNetwork:
    """A TFLite file with its tensors; the Keras model is made when it is asked for."""

    content: bytes
    graph: TfliteGraph
    inputs: tuple[ForeignTensor, ...]
    outputs: tuple[ForeignTensor, ...]
    stated: str = ""
    classes: tuple[str, ...] = ()
    #: Names of inputs and of outputs in its signature; of a file without one those of tensors.
    called: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    #: Constants in 16 bits become 32 before LiteRT computes.
    in_half: bool = False
    notes: tuple[str, ...] = ()
    #: Whether its inputs are what the file takes, whole numbers among them.
    given: bool = False
    #: What the file kept in itself, the last of inputs and outputs; and the file as it was.
    variables: tuple[Variable, ...] = ()
    keeping: bytes = b""

    @property
    def states(self) -> Mapping[str, str]:
        """Inputs that its variables have become, and the outputs that give them."""
        return {one.input: one.output for one in self.variables}

    def with_shape(self, shape: tuple[int, ...]) -> TfliteNetwork:
        """Itself: no side of its input is free."""
        return self

    @cached_property
    def model(self) -> Any:
        """The same network in Keras."""
        return keras_network(self.graph, _CONVERTERS, whole_numbers=self.given)

    def with_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> TfliteNetwork:
        """Likewise."""
        return self

    @property
    def as_given(self) -> TfliteNetwork:
        """Itself, its tensors by the names of its signature."""
        return replace(
            self,
            inputs=_called(self.inputs, self.called[0]),
            outputs=_called(self.outputs, self.called[1]),
            given=True,
        )

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Its outputs by name, by LiteRT, as float32; each example begins without state."""
        runner = self._interpreter
        takes, gives = runner.get_input_details(), runner.get_output_details()
        found: dict[str, list[Array]] = {one.name: [] for one in self.outputs}
        for number in range(len(next(iter(inputs.values())))):
            runner.reset_all_variables()
            for detail, one in zip(takes, self.inputs, strict=True):
                example = inputs[one.name][number : number + 1]
                runner.set_tensor(detail["index"], example.astype(detail["dtype"]))
            runner.invoke()
            for detail, one in zip(gives, self.outputs, strict=True):
                found[one.name].append(runner.get_tensor(detail["index"]).astype(np.float32))
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def run_sequences(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """The outputs that the file as it was gives step by step, its variables at their first."""
        found: dict[str, list[Array]] = {}
        count = len(self.variables)
        for number in range(len(next(iter(inputs.values())))):
            runner = interpreter(self.keeping)  # `CALL_ONCE` sets variables once in its lifetime
            runner.allocate_tensors()
            takes, gives = runner.get_input_details(), runner.get_output_details()
            own = list(zip(takes, self.inputs[: len(self.inputs) - count], strict=True))
            made = list(zip(gives, self.outputs[: len(self.outputs) - count], strict=True))
            steps: dict[str, list[Array]] = {one.name: [] for _, one in made}
            for step in range(next(iter(inputs.values())).shape[1]):
                for detail, one in own:
                    example = inputs[one.name][number : number + 1, step]
                    runner.set_tensor(detail["index"], example.astype(detail["dtype"]))
                runner.invoke()
                for detail, one in made:
                    values = runner.get_tensor(detail["index"]).astype(np.float32)
                    shape = [side or 1 for side in one.shape[1:]]
                    # Of single numbers it has no batch itself.
                    fits = values.size == np.prod(shape)
                    steps[one.name].append(values.reshape(shape) if fits else values)
            for name, parts in steps.items():
                found.setdefault(name, []).append(np.stack(parts))
        return {name: np.stack(parts) for name, parts in found.items()}

    @cached_property
    def _interpreter(self) -> Any:
        made = interpreter(self.content)
        made.allocate_tensors()
        return made

    def answers(self, batch: Array) -> Array:
        """Its outputs by LiteRT, (batch, …), as float32; each example begins without state."""
        runner = self._interpreter
        (given,), made = runner.get_input_details(), runner.get_output_details()[0]
        found = []
        for example in batch:
            runner.reset_all_variables()
            runner.set_tensor(given["index"], example[None].astype(given["dtype"]))
            runner.invoke()
            found.append(runner.get_tensor(made["index"])[0].astype(np.float32))
        return np.stack(found)


def open_network(path: Path) -> TfliteNetwork | FreeTfliteNetwork:
    """Opens a float TFLite file, of which sizes may be free.

    Raises:
        BadFile: Truncated, damaged, of another type than its suffix, or too large.
        Unsupported: It is quantized, or does what cannot be brought in.
    """
    given, appended = _parts(path)
    origin, schema = path.name, require("ai_edge_litert.schema_py_generated")
    model = _guarded(origin, lambda: schema.ModelT.InitFromPackedBuf(given, 0))
    if not _guarded(origin, lambda: leaves_sizes_open(model)):
        return network_of(given, origin, appended)
    content = _guarded(origin, lambda: with_built_in(model, given))
    _refuse_custom(model, schema, origin)
    # LiteRT verifies the flatbuffer, which Python's reader does not.
    _guarded(origin, lambda: interpreter(content))
    graph = model.subgraphs[0]
    stated, classes = read_metadata(model, appended)
    return FreeTfliteNetwork(
        content=content,
        origin=origin,
        fixed=lambda made: network_of(made, origin, appended),
        inputs=_guarded(origin, lambda: described(model, graph.inputs)),
        outputs=_guarded(origin, lambda: described(model, graph.outputs)),
        stated=stated,
        classes=classes,
        called=_signature(model),
    )


def network_of(
    content: bytes, origin: str, appended: dict[str, bytes], taken: Collection[str] = ()
) -> TfliteNetwork:
    """A network from the bytes of a file of fixed sizes, and the files appended to them.

    Args:
        content: The flatbuffer.
        origin: Names the file in messages.
        appended: Files by their names, the labels among them.
        taken: Names that its variables may not have as inputs and outputs.
    """
    schema = require("ai_edge_litert.schema_py_generated")
    model = _guarded(origin, lambda: schema.ModelT.InitFromPackedBuf(content, 0))
    content = _guarded(origin, lambda: with_built_in(model, content))
    _refuse_custom(model, schema, origin)
    keeping = content
    content, variables = _guarded(origin, lambda: with_states(model, keeping, origin, taken))
    # LiteRT verifies the flatbuffer, which Python's reader does not.
    checked = _guarded(origin, lambda: interpreter(content, keeps=True))
    graph = _guarded(origin, lambda: read_graph(model, checked, origin))
    stated, classes = read_metadata(model, appended)
    called = _signature(model)
    if variables and not all(called):
        makes = [graph.names[place] for place in graph.outputs[: -len(variables)]]
        takes = tuple(graph.names[place] for place in graph.inputs)
        called = takes, (*makes, *(one.output for one in variables))
    return TfliteNetwork(
        content=content,
        graph=graph,
        inputs=tuple(_tensor(graph, place, model) for place in graph.inputs),
        outputs=tuple(_tensor(graph, place, model) for place in graph.outputs),
        stated=stated,
        classes=classes,
        called=called,
        variables=variables,
        keeping=keeping if variables else b"",
    )


def _signature(model: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of inputs and outputs, in the order of the graph; empty without a signature."""
    graph, signatures = model.subgraphs[0], model.signatureDefs or []
    if len(signatures) != 1:
        return (), ()
    found = []
    for places, named in (
        (graph.inputs, signatures[0].inputs),
        (graph.outputs, signatures[0].outputs),
    ):
        # One tensor may have several names: it is an output as often.
        waiting: dict[int, list[str]] = {}
        for one in named or []:
            waiting.setdefault(int(one.tensorIndex), []).append(one.name.decode("utf-8", "replace"))
        names = [(waiting.get(int(place)) or [""]).pop(0) for place in places]
        found.append(tuple(names) if all(names) else ())
    return found[0], found[1]


def _called(
    tensors: tuple[ForeignTensor, ...], names: tuple[str, ...]
) -> tuple[ForeignTensor, ...]:
    return tuple(
        replace(one, name=name)
        for one, name in zip(tensors, names or [t.name for t in tensors], strict=True)
    )


def _tensor(graph: TfliteGraph, place: int, model: Any) -> ForeignTensor:
    shape: tuple[int | None, ...] = graph.shapes[place]
    return ForeignTensor(
        name=graph.names[place], dtype=graph.dtypes[place], shape=(None, *shape[1:])
    )


def _guarded(origin: str, read: Callable[[], _Read]) -> _Read:
    """What is read of a file; what its reader raises says that it is damaged."""
    try:
        return read()
    except (BadFile, Unsupported, MemoryError):
        raise
    # Damaged offsets and indices surface as whatever numpy, struct, LiteRT or a list raises.
    except Exception as error:
        raise BadFile(
            f"{origin} is a damaged TFLite file",
            why=first_line(error),
            fix="make it anew, or copy it again",
        ) from error


def _refuse_custom(model: Any, schema: Any, origin: str) -> None:
    custom = schema.BuiltinOperator.CUSTOM
    for code in model.operatorCodes or []:
        if max(code.builtinCode, code.deprecatedBuiltinCode) == custom:
            name = (code.customCode or b"?").decode("utf-8", "replace")
            flex = name.startswith("Flex")
            raise Unsupported(
                f"{origin} has the custom operator {name}",
                why="it is TensorFlow's own, which files for devices lack"
                if flex
                else "what it computes is known to its author's program alone",
                fix="make the file of built-in operators alone: "
                "converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]",
            )


def _parts(path: Path) -> tuple[bytes, dict[str, bytes]]:
    """The flatbuffer, and the files appended to it as a zip archive."""
    begins = begin_of(path, 8)
    if begins[4:] != MARK:
        raise BadFile(
            f"{path} is no TFLite file, whatever its name",
            why="it is empty" if not begins else "it does not begin as one does",
            fix="check the path; TFLite files come from tf.lite.TFLiteConverter",
        )
    with open_file(path) as file:
        data = file.read()
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return data, {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > _MOST_APPENDED:
                raise zipfile.BadZipFile("they would unpack to more than any model has")
            start = min((entry.header_offset for entry in entries), default=len(data))
            return data[:start], {entry.filename: archive.read(entry) for entry in entries}
    # Beside its own error, zipfile raises those of zlib, of seeking and of decoding.
    except Exception as error:
        raise BadFile(f"the files appended to {path} are damaged", why=first_line(error)) from error
