"""SavedModels: converted to a float TFLite file by TensorFlow, which becomes a Keras network."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.errors import BadFile, UnknownName, Unsupported, first_line
from zoo.common.files import read_file
from zoo.common.optional_imports import require
from zoo.contracts import ForeignTensor
from zoo.networks.sources.files import MOST_BYTES, check_size

from .graph import Array
from .opening import TfliteNetwork, network_of
from .saved_model_check import check_saved_model
from .saved_model_loops import loop_of, without_loops
from .saved_model_steps import SavedSteps, assigns
from .saved_model_v1 import function_of

#: The description of a folder's network.
FILE = "saved_model.pb"
_SIGNATURE = "serving_default"
_INPUT = "input_{:02}"
_WANTED = "save it with one: model.export('folder') of Keras, or tf.saved_model.save"


@dataclass(kw_only=True)
class SavedNetwork:
    """A SavedModel's signature with its tensors; it says nothing of preprocessing or classes."""

    origin: str
    inputs: tuple[ForeignTensor, ...]
    outputs: tuple[ForeignTensor, ...]
    function: Callable[..., Any]
    loaded: Any
    stated: str = ""
    classes: tuple[str, ...] = ()
    in_half: bool = False
    notes: tuple[str, ...] = ()

    def with_shape(self, shape: tuple[int, ...]) -> SavedNetwork:
        """The same network for inputs of one shape, if a side of its only one is free."""
        (tensor,) = self.inputs
        if None not in tensor.shape[1:]:
            return self
        return replace(self, inputs=(replace(tensor, shape=(tensor.shape[0], *shape)),))

    def with_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> SavedNetwork:
        """Likewise, for any number of inputs."""
        fixed = (replace(one, shape=(one.shape[0], *shapes[one.name])) for one in self.inputs)
        return replace(self, inputs=tuple(fixed))

    @cached_property
    def model(self) -> Any:
        """The same network in Keras, by way of a float TFLite file, or of ONNX if it has loops."""
        return self._made(lambda found: found)

    def _made(self, as_taken: Callable[[TfliteNetwork], TfliteNetwork]) -> Any:
        """The Keras model of its converted form, inputs and outputs in its own order."""
        traced, specs, call = self._traced()
        if (loop := loop_of(traced)) is not None:
            return without_loops(call, specs, loop, self.origin)
        found = as_taken(network_of(self._tflite(traced), self.origin, {}))
        model = found.model
        if len(self.inputs) == len(self.outputs) == 1:
            return model
        # The converter orders them as it likes, and calls them as they were given to it.
        takes, gives = found.called
        inputs = [model.inputs[takes.index(_INPUT.format(n))] for n in range(len(self.inputs))]
        outputs = [model.outputs[gives.index(f"output_{n}")] for n in range(len(self.outputs))]
        single = len(inputs) == 1
        return require("keras").Model(inputs[0] if single else inputs, outputs)

    def answers(self, batch: Array) -> Array:
        """Its outputs by TensorFlow, (batch, …), as float32."""
        tensor = self.inputs[0]
        given = batch.astype(tensor.dtype)
        size = tensor.shape[0] or len(batch)
        parts = [given[start : start + size] for start in range(0, len(given), size)]
        tf = require("tensorflow")
        made = [self.function(**{tensor.name: tf.constant(part)}) for part in parts]
        return np.concatenate([np.asarray(one[self.outputs[0].name], np.float32) for one in made])

    @property
    def states(self) -> Mapping[str, str]:
        """Inputs that variables which it assigns have become, and the outputs that give them."""
        return self._steps.states if assigns(self.function) else {}

    @cached_property
    def _steps(self) -> SavedSteps:
        """The same with its variables as inputs and outputs."""
        return SavedSteps(self.origin, self.inputs, self.outputs, self.function, self.to_tflite)

    @property
    def as_given(self) -> GivenSavedNetwork | SavedSteps:
        """The same, whose tensors have the names of its signature, with inputs of whole numbers."""
        if assigns(self.function):
            return self._steps
        return GivenSavedNetwork(**{one.name: getattr(self, one.name) for one in fields(self)})

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Its outputs by name, by TensorFlow, as float32, one example after the other."""
        tf, found = require("tensorflow"), []
        for number in range(len(next(iter(inputs.values())))):
            given = {
                one.name: tf.constant(inputs[one.name][number : number + 1].astype(one.dtype))
                for one in self.inputs
            }
            found.append(self.function(**given))
        return {
            one.name: np.concatenate([np.asarray(made[one.name], np.float32) for made in found])
            for one in self.outputs
        }

    def _traced(self) -> tuple[Any, list[Any], Callable[..., Any]]:
        """The network for one example as a concrete function, what it takes, and what it is of."""
        tf = require("tensorflow")
        for tensor in self.inputs:
            if None in tensor.shape[1:] or tensor.shape[:1] not in ((1,), (None,)):
                raise Unsupported(
                    f"{self.origin} takes inputs of shape {tensor.shape}: "
                    + ("their size is free" if None in tensor.shape[1:] else "a fixed batch"),
                    why="it is converted for one example of a fixed size",
                    fix="say it: --input 224x224; or fix it where it is saved: "
                    "keras.Input((224, 224, 3)), or tf.TensorSpec((1, 224, 224, 3))",
                )

        def call(*given: Any) -> list[Any]:
            named = zip(self.inputs, given, strict=True)
            made = self.function(**{tensor.name: value for tensor, value in named})
            return [made[tensor.name] for tensor in self.outputs]

        specs = [
            tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name=_INPUT.format(number))
            for number, tensor in enumerate(self.inputs)
        ]
        try:
            traced = tf.function(call, autograph=False).get_concrete_function(*specs)
        # TensorFlow raises errors of its own where a size does not fit what follows.
        except Exception as error:
            raise Unsupported(
                f"{self.origin} takes no inputs of the shape "
                + ", ".join(str(tuple(spec.shape)) for spec in specs),
                why=first_line(error),
                fix="say another size: --input 224x224",
            ) from error
        return traced, specs, call

    def to_tflite(self) -> bytes:
        """The network as a TFLite file that keeps its state, in which inputs are `_INPUT`."""
        traced, _, _ = self._traced()
        if (loop := loop_of(traced)) is not None:
            raise Unsupported(
                f"{self.origin}: its operator {loop.op} ({loop.name}) cannot be brought in",
                why="it is a loop in a network that keeps state from one call to the next, and "
                "files here have one path",
                fix="unroll it where it is made (Keras: unroll=True of the layer); a Keras network "
                "comes in with its recurrent layers: model.save('my.keras')",
            )
        return self._tflite(traced)

    def _tflite(self, traced: Any) -> bytes:
        tf = require("tensorflow")
        try:
            converter = tf.lite.TFLiteConverter.from_concrete_functions([traced], self.loaded)
            return bytes(converter.convert())
        # The converter raises errors of its own, of MLIR and of the graph.
        except Exception as error:
            lacking = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", str(error))))
            raise Unsupported(
                f"{self.origin}: its operator{'s' * (len(lacking) > 1)} {', '.join(lacking)} "
                "cannot be brought in"
                if lacking
                else f"{self.origin} cannot be converted to TFLite",
                why="TFLite has no such operator" if lacking else first_line(error),
                fix="make it of other layers; a Keras network comes in as it is: "
                "model.save('my.keras')",
            ) from error


class GivenSavedNetwork(SavedNetwork):
    """A SavedModel's signature whose Keras model takes what it takes, whole numbers among it."""

    @cached_property
    def model(self) -> Any:
        """The same network in Keras, with inputs of the file's types."""
        return self._made(lambda found: found.as_given)


def open_saved_model(folder: Path, signature: str = "") -> SavedNetwork:
    """Opens a signature of a SavedModel.

    Args:
        folder: With `FILE`.
        signature: Its name; empty for ``serving_default``, or the only one.

    Raises:
        BadFile: Truncated, damaged, incomplete, or too large.
        Unsupported: It holds what may reach out of the network, or has no signature.
        UsageError: It has no such signature.
    """
    origin = folder.name
    graph = _description(folder)
    signature = _signature(graph, signature, folder)
    if not graph.object_graph_def.nodes:
        found = function_of(graph, signature, folder, origin)
        return SavedNetwork(
            origin=origin, inputs=found[0], outputs=found[1], function=found[2], loaded=found[3]
        )
    check_saved_model(graph, origin, signature)
    tf = require("tensorflow")
    try:
        loaded = tf.saved_model.load(str(folder))
        function = loaded.signatures[signature]
        _, given = function.structured_input_signature
        made = function.structured_outputs
        inputs = tuple(_tensor(name, given[name]) for name in sorted(given))
        outputs = tuple(_tensor(name, made[name]) for name in sorted(made))
    # TensorFlow raises errors of its own, and what its Python raises on a damaged description.
    except Exception as error:
        raise BadFile(
            f"{folder} cannot be opened by TensorFlow {tf.__version__}",
            why=first_line(error),
            fix="copy the whole folder again, variables/ among it, or save it anew",
        ) from error
    return SavedNetwork(
        origin=origin,
        inputs=inputs,
        outputs=outputs,
        function=function,
        loaded=loaded,
        in_half=any(one.dtype in ("float16", "bfloat16") for one in (*inputs, *outputs)),
    )


def _signature(graph: Any, asked: str, folder: Path) -> str:
    """The name of the signature that is meant."""
    names: list[str] = sorted(name for name in graph.signature_def if not name.startswith("__"))
    if asked in names or (not asked and _SIGNATURE in names):
        return asked or _SIGNATURE
    if not asked and len(names) == 1:
        return names[0]
    if asked:
        raise UnknownName(f"signature of {folder.name}", asked, names)
    raise Unsupported(
        f"{folder.name} has no signature {_SIGNATURE!r}",
        why=f"it has {', '.join(names) or 'none'}",
        fix=f"name one: {folder}?signature={names[0]}" if names else _WANTED,
    )


def _tensor(name: str, spec: Any) -> ForeignTensor:
    if spec.shape.rank is None:
        raise ValueError(f"{name} has a shape of unknown rank")
    return ForeignTensor(name=name, dtype=spec.dtype.name, shape=tuple(spec.shape))


def _description(folder: Path) -> Any:
    """The graph for serving, as its protocol buffer describes it."""
    require("tensorflow")
    check_size(folder, sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))
    model = require("tensorflow.core.protobuf.saved_model_pb2").SavedModel()
    try:
        model.ParseFromString(read_file(folder / FILE, MOST_BYTES))
    except OSError as error:
        raise BadFile(f"{folder / FILE} cannot be read", why=error.strerror) from error
    # Protocol buffers raise a class of their own.
    except Exception as error:
        raise BadFile(
            f"{folder / FILE} is truncated or damaged",
            why=first_line(error),
            fix="copy the whole folder again, or save it anew",
        ) from error
    graphs = [graph for graph in model.meta_graphs if "serve" in graph.meta_info_def.tags]
    # TensorFlow 1 wrote one for training beside it.
    alone = len(model.meta_graphs) == 1 or not any(g.object_graph_def.nodes for g in graphs)
    if len(graphs) != 1 or not alone:
        raise BadFile(
            f"{folder / FILE} describes {len(model.meta_graphs)} graphs, of which {len(graphs)} "
            "are for serving",
            why="one is needed",
            fix=_WANTED,
        )
    return graphs[0]
