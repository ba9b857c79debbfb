"""TensorFlow: networks before their export, as SavedModels in zips."""

from __future__ import annotations

import importlib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common import AgentError, Json, clock
from ..running import seeded_inputs
from .base import LoadRequest, Model, Options, fixed_inputs

if TYPE_CHECKING:
    from ..arrays import Array

MODULE = "tensorflow"
RUNS_ON_GPU = True
#: Of TensorFlow's nodes, those that compute nothing.
NO_WORK = re.compile(
    r"Const|NoOp|Identity|ReadVariableOp|VarHandleOp|_Arg|_Retval|_(Host)?(Send|Recv)"
)


def open_model(module: Any, request: LoadRequest, options: Options) -> Model:
    """Opens a SavedModel in a zip."""
    return _TensorFlowModel(module, request, options)


class _TensorFlowModel(Model):
    """A network before its export: a SavedModel in a zip, run as TensorFlow runs it.

    The results are read back as numpy's arrays inside `invoke`, so that a GPU is waited for.
    """

    api = "SavedModel signature, results read back"
    own_threads = True

    def __init__(self, module: Any, request: LoadRequest, options: Options) -> None:
        self._tf, self._path, self._where = module, request.path, "CPU"
        if options.gpu is not None:
            self._where = self._choose_gpu(options.gpu)
            self.invoke = self._invoke_there  # type: ignore[method-assign]
        else:
            module.config.set_visible_devices([], "GPU")
        module.config.threading.set_intra_op_parallelism_threads(request.threads)
        module.config.threading.set_inter_op_parallelism_threads(1)
        self._loaded, self._call, self.load_ns = self._load()
        takes, gives = self._call.structured_input_signature[1], self._call.structured_outputs
        self.inputs = [self._tensor(name, takes[name]) for name in sorted(takes)]
        self.outputs = [self._tensor(name, gives[name]) for name in sorted(gives)]
        self._names = [tensor["name"] for tensor in self.outputs]
        self._feed: Json = {}
        self._results: list[Array] = []

    def _choose_gpu(self, number: int) -> str:
        """Leaves TensorFlow one GPU, which it calls GPU:0; returns what the GPU is called."""
        config = self._tf.config
        there = config.list_physical_devices("GPU")
        if number >= len(there):
            seen = "no GPU" if not there else f"{len(there)} of them, and no GPU {number}"
            raise AgentError("NotOnGpu", f"TensorFlow finds {seen}")
        config.set_visible_devices([there[number]], "GPU")
        # It would take all memory at once, from other programs too.
        config.experimental.set_memory_growth(there[number], True)
        config.set_soft_device_placement(False)
        details = config.experimental.get_device_details(there[number])
        return str(details.get("device_name") or f"GPU {number}")

    def _load(self) -> tuple[Any, Any, int]:
        """The network, the function that computes its answers, and how long loading took."""
        with unpacked(self._path) as folder:
            started = clock()
            loaded = self._tf.saved_model.load(folder)
            call = loaded.signatures["serving_default"]
            return loaded, call, clock() - started

    @staticmethod
    def _tensor(name: str, spec: Any) -> Json:
        shape, dtype = spec.shape.as_list(), spec.dtype.name
        unscaled = {"scale": None, "zero_point": None}
        return {"name": name, "shape": shape, "dtype": dtype, **unscaled}

    def resize(self, shapes: list[list[int]]) -> None:
        # It takes whatever it is fed.
        self.inputs = fixed_inputs(self.inputs, shapes)

    def delegate(self) -> Json:
        return {"name": self._where}

    def locate(self) -> Json:
        nodes, later_load_ns = self._placed()
        elsewhere = [node.op for node in nodes if "GPU" not in node.device]
        kernels: dict[str, int] = {}
        for node in nodes:
            kernels[node.op] = kernels.get(node.op, 0) + 1
        told = {"name": self._where, "operators": len(nodes), "kernels": kernels}
        if self._where == "CPU":
            return told
        if len(elsewhere) == len(nodes):
            raise AgentError("NotOnGpu", f"TensorFlow ran all {len(nodes)} operators on the CPU")
        taken = len(nodes) - len(elsewhere)
        return {**told, "delegated": taken, "remaining": elsewhere, "later_load_ns": later_load_ns}

    def _placed(self) -> tuple[list[Any], int]:
        """The nodes that compute, each with its device; and what a later load takes."""
        # TensorFlow tells where it places nodes only while it prepares a function.
        context = importlib.import_module("tensorflow.python.eager.context").context()
        if not self._feed:
            self.write(seeded_inputs(self, 0, 0.0, 1.0))
        kept = self._loaded, self._call
        context.enable_run_metadata()
        try:
            self._loaded, self._call, took = self._load()
            self.invoke()
            told = context.export_run_metadata()
        finally:
            context.disable_run_metadata()
            self._loaded, self._call = kept
        parts = [part for graph in told.function_graphs for part in graph.partition_graphs]
        nodes = [node for part in parts for node in part.node if not NO_WORK.fullmatch(node.op)]
        return nodes, took

    def invoke(self) -> None:
        answer = self._call(**self._feed)
        self._results = [answer[name].numpy() for name in self._names]

    def _invoke_there(self) -> None:
        with self._tf.device("/GPU:0"):
            _TensorFlowModel.invoke(self)

    def write(self, arrays: list[Array]) -> None:
        with self._tf.device("/CPU:0"):  # As with other runtimes, the way to a GPU is timed.
            self._feed = {
                self.inputs[place]["name"]: self._tf.constant(values)
                for place, values in enumerate(arrays)
            }

    def read(self) -> list[Array]:
        return self._results


@contextmanager
def unpacked(path: str) -> Iterator[str]:
    """A temporary folder with what is in a zip; refuses all that would not stay inside it."""
    zipfile = importlib.import_module("zipfile")
    with zipfile.ZipFile(path) as packed, tempfile.TemporaryDirectory(prefix="zoo-zip-") as folder:
        members = packed.infolist()
        for member in members:
            name = member.filename
            link = (member.external_attr >> 16) & 0o170000 == 0o120000
            if link or name.startswith("/") or ".." in name.split("/") or re.search(r"[\\:]", name):
                raise AgentError("CannotLoad", f"{name!r} in {Path(path).name} leads out of it")
        if sum(member.file_size for member in members) > Path(path).stat().st_size:
            raise AgentError("CannotLoad", f"{Path(path).name} would unpack to more than it holds")
        packed.extractall(folder)
        yield folder
