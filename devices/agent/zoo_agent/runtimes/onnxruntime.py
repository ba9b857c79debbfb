"""ONNX Runtime: one session, sequential, on the processor or a GPU's execution provider."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..common import AgentError, Json, clock
from ..running import seeded_inputs
from .base import PROFILE_RUNS, LoadRequest, Model, Options, fixed_inputs, middle

if TYPE_CHECKING:
    from ..arrays import Array

MODULE = "onnxruntime"
RUNS_ON_GPU = True
ORT_TYPES = {"float": "float32", "double": "float64"}
#: Where ONNX Runtime runs operators of a file that is to run on a GPU, the best first.
GPU_PROVIDERS = ("CUDAExecutionProvider", "ROCMExecutionProvider", "DmlExecutionProvider")
CPU_PROVIDER = "CPUExecutionProvider"


def open_model(module: Any, request: LoadRequest, options: Options) -> Model:
    """Opens an ONNX file."""
    module.disable_telemetry_events()
    return OnnxModel(module, request, options, providers(module, options))


def providers(module: Any, options: Options) -> list[str]:
    """ONNX Runtime's execution providers: a GPU's, or the processor's."""
    if options.gpu is None:
        return [CPU_PROVIDER]
    if hasattr(module, "preload_dlls"):
        module.preload_dlls()  # CUDA's libraries, where they came as packages
    there = module.get_available_providers()
    best = next((name for name in GPU_PROVIDERS if name in there), None)
    if best is None:
        raise AgentError(
            "NotOnGpu",
            f"this ONNX Runtime has no GPU support; its execution providers are {', '.join(there)}",
        )
    return [best, CPU_PROVIDER]


class OnnxModel(Model):
    """An ONNX file in ONNX Runtime: one session, sequential, threads as asked.

    `run` copies the results into numpy's arrays, so that a GPU is waited for.

    Args:
        chosen: Execution providers, the one that is to run operators first.
        configured: Options of that one, where it is a GPU's; None for its number.
    """

    api = "InferenceSession.run"

    def __init__(
        self,
        module: Any,
        request: LoadRequest,
        options: Options,
        chosen: list[str],
        configured: dict[str, str] | None = None,
    ) -> None:
        self._configured = {"device_id": options.gpu} if configured is None else configured
        self._first = chosen[0]
        self._open = partial(self._session_of, module, request, chosen, options)
        started = clock()
        self._session = self._open()
        self.load_ns = clock() - started
        used = self._session.get_providers()
        if self._first != used[0]:
            raise AgentError(
                "NotOnGpu", f"ONNX Runtime could not start {self._first} and uses {used[0]} instead"
            )
        self.inputs = [self._tensor(value) for value in self._session.get_inputs()]
        self.outputs = [self._tensor(value) for value in self._session.get_outputs()]
        self._feed: dict[str, Array] = {}
        self._results: list[Array] = []

    def _session_of(
        self,
        module: Any,
        request: LoadRequest,
        providers: list[str],
        options: Options,
        trace: str = "",
    ) -> Any:
        """A session; with `trace`, the beginning of a path, one that writes down what it does."""
        asked = module.SessionOptions()
        asked.intra_op_num_threads = request.threads
        asked.inter_op_num_threads = 1
        asked.execution_mode = module.ExecutionMode.ORT_SEQUENTIAL
        if options.plain:  # Fused operators and integer products are what optimization makes.
            asked.graph_optimization_level = module.GraphOptimizationLevel.ORT_DISABLE_ALL
        if trace:
            asked.enable_profiling, asked.profile_file_prefix = True, trace
        if options.gpu is None:
            return module.InferenceSession(request.path, asked, providers=providers)
        each = [{} if name == CPU_PROVIDER else self._configured for name in providers]
        return module.InferenceSession(
            request.path, asked, providers=providers, provider_options=each
        )

    def resize(self, shapes: list[list[int]]) -> None:
        """Keeps the shapes: it takes whatever it is fed."""
        self.inputs = fixed_inputs(self.inputs, shapes)

    def delegate(self) -> Json:
        """The execution providers of the session."""
        used = list(self._session.get_providers())
        # Its CUDA provider multiplies in TF32 where the GPU can (the option `use_tf32`).
        rounds = {"precision": "tf32"} if used[0] == "CUDAExecutionProvider" else {}
        return {"name": used[0], "providers": used, **rounds}

    def locate(self) -> Json:
        """The provider of each operator, from a profile of one more session."""
        nodes = list(self._trace(1, 0.0).values())
        later = {"later_load_ns": self._later_load_ns} if self._first != CPU_PROVIDER else {}
        each = dict.fromkeys(self._session.get_providers(), 0)
        for node in nodes:
            each[node["executor"]] = each.get(node["executor"], 0) + 1
        elsewhere = [node["operator"] for node in nodes if node["executor"] != self._first]
        if nodes and len(elsewhere) == len(nodes) and self._first != CPU_PROVIDER:
            raise AgentError(
                "NotOnGpu", f"ONNX Runtime ran all {len(nodes)} operators outside {self._first}"
            )
        return {
            "name": self._first,
            "providers": each,
            "operators": len(nodes),
            "delegated": len(nodes) - len(elsewhere),
            "remaining": elsewhere,
            **later,
        }

    def profile(self, seconds: float) -> Json:
        """What each operator takes, by ONNX Runtime's own profiler."""
        keys = ("name", "operator", "executor", "calls", "ns")
        # The time of a loop is that of the operators inside it, which have rows of their own.
        rows = [
            {key: node[key] for key in keys}
            for node in self._trace(PROFILE_RUNS, seconds).values()
            if node["operator"] not in ("Loop", "If", "Scan")
        ]
        return {
            "method": "ONNX Runtime's profiler, middle half of runs",
            "operators": rows,
        }

    def _trace(self, runs: int, seconds: float) -> dict[str, Json]:
        """Each operator by name: kind, provider, calls and time per run, the first two left out."""
        import tempfile

        feed = self._feed
        if not feed:
            made = seeded_inputs(self, 0, 0.0, 1.0)
            feed = {tensor["name"]: made[place] for place, tensor in enumerate(self.inputs)}
        skipped = 2 if seconds else 0
        with tempfile.TemporaryDirectory(prefix="zoo-trace-") as folder:
            started = clock()
            session = self._open(trace=str(Path(folder) / "trace"))
            self._later_load_ns = clock() - started
            limit, done = clock() + int(seconds * 1e9), 0
            while done < skipped + 1 or (done < runs and clock() < limit):
                session.run(None, feed)
                done += 1
            events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
        nodes: dict[str, Json] = {}
        for event in events:
            told, name = event.get("args") or {}, str(event.get("name"))
            if event.get("cat") == "Node" and name.endswith("_kernel_time") and "provider" in told:
                row = nodes.setdefault(
                    name[: -len("_kernel_time")],
                    {"operator": told.get("op_name"), "executor": told["provider"], "all": []},
                )
                row["all"].append(int(event["dur"]) * 1000)
        for name, row in nodes.items():
            calls = max(1, len(row["all"]) // done)
            row.update(name=name, calls=calls, ns=middle(row["all"][skipped * calls :]) * calls)
        return nodes

    @staticmethod
    def _tensor(value: Any) -> Json:
        inside = value.type.partition("(")[2].rstrip(")")
        return {
            "name": value.name,
            "shape": [side if isinstance(side, int) else None for side in value.shape],
            "dtype": ORT_TYPES.get(inside, inside),
            "scale": None,
            "zero_point": None,
        }

    def invoke(self) -> None:
        """Runs the file and copies its outputs."""
        self._results = self._session.run(None, self._feed)

    def write(self, arrays: list[Array]) -> None:
        """Sets the inputs."""
        self._feed = {self.inputs[place]["name"]: values for place, values in enumerate(arrays)}

    def read(self) -> list[Array]:
        """The outputs of the last run."""
        return list(self._results)
