"""TFLite's classic interpreter, which LiteRT and tflite-runtime have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..common import AgentError, Json, clock
from .base import LoadRequest, Model, Options, fixed_inputs

if TYPE_CHECKING:
    from ..arrays import Array


def open_model(module: Any, request: LoadRequest, options: Options) -> Model:
    """Opens a TFLite file."""
    return _InterpreterModel(module, request, options)


def tflite_tensor(detail: Json) -> Json:
    """What a request needs to know about a tensor; scale is None unless it is one per tensor.

    A free batch is the one that the interpreter has set, 1 at first; other free sides are None.
    """
    own, kept = [int(side) for side in detail["shape"]], detail["shape_signature"][1:]
    free = [False, *(int(side) == -1 for side in kept)] if len(kept) + 1 == len(own) else []
    quantization = detail["quantization_parameters"]
    dtype = np.dtype(detail["dtype"])
    scales = quantization["scales"]
    one = len(scales) == 1 and scales[0] > 0 and dtype.kind in "iu"
    return {
        "name": str(detail["name"]),
        "shape": [None if any(free[n : n + 1]) else side for n, side in enumerate(own)],
        "dtype": dtype.name,
        "scale": float(scales[0]) if one else None,
        "zero_point": int(quantization["zero_points"][0]) if one else None,
    }


def placement(interpreter: Any, name: str) -> Json:
    """How many partitions a delegate took, and which operations stayed outside."""
    try:
        partitions, plain, taken = delegated(interpreter)
    except (AttributeError, ValueError):
        return {"name": name, "partitions": None, "delegated": None, "remaining": None}
    return {
        "name": name if partitions else "none",
        "partitions": len(partitions),
        "delegated": len(taken),
        "remaining": [n["op_name"] for place, n in enumerate(plain) if place not in taken],
    }


def delegated(interpreter: Any) -> tuple[list[Json], list[Json], set[int]]:
    """A delegate's partitions, the file's own operations, and which of those it took."""
    nodes = interpreter._get_ops_details()
    partitions = [node for node in nodes if node["op_name"] == "DELEGATE"]
    plain = [node for node in nodes if node["op_name"] != "DELEGATE"]
    maker = {int(t): place for place, node in enumerate(plain) for t in node["outputs"]}
    taken = set()
    for partition in partitions:
        # Replaced nodes stay in the list: they are those between a partition's ends.
        border = {int(t) for t in partition["inputs"]}
        wanted = [int(t) for t in partition["outputs"]]
        while wanted:
            place = maker.get(wanted.pop())
            if place is not None and place not in taken:
                taken.add(place)
                wanted += [int(t) for t in plain[place]["inputs"] if int(t) not in border]
    return partitions, plain, taken


class _InterpreterModel(Model):
    """A TFLite file in the classic interpreter, which both TFLite runtimes have."""

    api = "Interpreter.invoke"

    def __init__(self, module: Any, request: LoadRequest, options: Options) -> None:
        self._module, self._request, self._options = module, request, options
        resolvers = module.OpResolverType
        started = clock()
        self._interpreter = module.Interpreter(
            model_path=request.path,
            num_threads=request.threads,
            experimental_op_resolver_type=resolvers.AUTO
            if options.xnnpack
            else resolvers.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        )
        self._interpreter.allocate_tensors()
        self.load_ns = clock() - started
        self._look()
        self.invoke = self._interpreter.invoke

    def _look(self) -> None:
        details = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self.inputs, self.outputs = ([tflite_tensor(d) for d in side] for side in details)
        self._places = [[d["index"] for d in side] for side in details]

    def resize(self, shapes: list[list[int]]) -> None:
        signatures = [one["shape_signature"] for one in self._interpreter.get_input_details()]
        free = [
            dict(tensor, shape=[None if int(s) == -1 else int(s) for s in signature])
            for tensor, signature in zip(self.inputs, signatures)  # noqa: B905 - Python 3.9
        ]
        fixed = fixed_inputs([f if f["shape"] else t for f, t in zip(free, self.inputs)], shapes)  # noqa: B905
        for index, tensor in zip(self._places[0], fixed):  # noqa: B905 - Python 3.9
            self._interpreter.resize_tensor_input(index, tensor["shape"], True)
        self._interpreter.allocate_tensors()
        self._look()
        self.inputs = fixed

    def take(self, batch: int) -> None:
        for detail in self._interpreter.get_input_details():
            shape = [int(side) for side in detail["shape"]]
            if [int(side) for side in detail["shape_signature"][:1]] == [-1]:
                self._interpreter.resize_tensor_input(detail["index"], [batch, *shape[1:]])
        self._interpreter.allocate_tensors()
        self._look()
        super().take(batch)

    def delegate(self) -> Json:
        return placement(self._interpreter, "XNNPACK")

    def profile(self, seconds: float) -> Json:
        from .prefixes import profile_by_prefixes

        try:
            _, plain, taken = delegated(self._interpreter)
        except (AttributeError, ValueError) as error:
            raise AgentError("NoProfile", f"the runtime hides its operators: {error}") from error
        where = {True: "XNNPACK", False: "built-in"}
        kinds = [(node["op_name"], where[place in taken]) for place, node in enumerate(plain)]
        return profile_by_prefixes(self._request.path, self._piece, kinds, seconds)

    def _piece(self, path: str) -> Model:
        """Another file, opened in the same way."""
        asked = self._request._replace(path=path)
        piece = _InterpreterModel(self._module, asked, self._options)
        if asked.shapes is not None:
            piece.resize(asked.shapes)
        return piece

    def reset(self) -> None:
        self._interpreter.reset_all_variables()

    def write(self, arrays: list[Array]) -> None:
        for place, values in enumerate(arrays):
            self._interpreter.set_tensor(self._places[0][place], values)

    def read(self) -> list[Array]:
        return [self._interpreter.get_tensor(index) for index in self._places[1]]
