"""OpenVINO: TFLite and ONNX files, on the processor or a GPU."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..common import AgentError, Json, clock
from ..running import seeded_inputs
from .base import PROFILE_RUNS, LoadRequest, Model, Options, fixed_inputs, middle
from .flatbuffer import tflite_signature

if TYPE_CHECKING:
    from ..arrays import Array

MODULE = "openvino"
RUNS_ON_GPU = True


def open_model(module: Any, request: LoadRequest, options: Options) -> Model:
    """Opens a TFLite or ONNX file."""
    return _OpenVinoModel(module, request, options)


class _OpenVinoModel(Model):
    """A TFLite or ONNX file in OpenVINO, on the processor."""

    api = "InferRequest.infer"

    def __init__(self, module: Any, request: LoadRequest, options: Options) -> None:
        path = request.path
        asked: Json = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}
        core, target = module.Core(), "CPU"
        if options.gpu is None:
            asked["INFERENCE_NUM_THREADS"] = request.threads
            # By itself it rounds to bfloat16 where the processor can, and answers otherwise.
            asked["INFERENCE_PRECISION_HINT"] = "f32"
        else:
            target = f"GPU.{options.gpu}"
            there = core.available_devices
            if target not in there and not ("GPU" in there and options.gpu == 0):
                raise AgentError("NotOnGpu", f"OpenVINO finds {', '.join(there)}, and no {target}")
        started = clock()
        network = path if request.shapes is None else self._resized(core, path, request.shapes)
        compiled = core.compile_model(network, target, asked)
        self.load_ns = clock() - started
        self._counted = partial(core.compile_model, network, target, {**asked, "PERF_COUNT": True})
        self._module, self._compiled = module, compiled
        self._request = compiled.create_infer_request()
        if path.endswith(".tflite"):  # OpenVINO does not tell the scales of a file's integers
            self.inputs, self.outputs = tflite_signature(Path(path).read_bytes())
        else:
            self.inputs = [self._tensor(port) for port in compiled.inputs]
            self.outputs = [self._tensor(port) for port in compiled.outputs]
        ports = ((compiled.inputs, self.inputs), (compiled.outputs, self.outputs))
        self._ports = [[self._port(side, tensor["name"]) for tensor in own] for side, own in ports]
        self._stateful = bool(self._request.query_state())
        self.invoke = partial(self._request.infer, share_outputs=True)

    @staticmethod
    def _tensor(port: Any) -> Json:
        shape = [side.get_length() if side.is_static else None for side in port.partial_shape]
        name = "bfloat16" if str(port.element_type) == "bf16" else port.element_type.to_dtype().name
        unscaled = {"scale": None, "zero_point": None}
        return {"name": port.get_any_name(), "shape": shape, "dtype": name, **unscaled}

    def _resized(self, core: Any, path: str, shapes: list[list[int]]) -> Any:
        """The network with the sizes of its inputs set, before it is compiled."""
        network = core.read_model(path)
        known = [self._tensor(port) for port in network.inputs]
        if path.endswith(".tflite"):  # in the file's order, as everywhere
            known = tflite_signature(Path(path).read_bytes())[0]
        ports = [self._port(network.inputs, tensor["name"]) for tensor in known]
        free = [dict(k, shape=self._tensor(p)["shape"]) for k, p in zip(known, ports)]  # noqa: B905
        fixed_inputs(free, shapes)
        network.reshape(dict(zip(ports, shapes)))  # noqa: B905 - Python 3.9
        return network

    def resize(self, shapes: list[list[int]]) -> None:
        self.inputs = [dict(one, shape=list(s)) for one, s in zip(self.inputs, shapes)]  # noqa: B905

    @staticmethod
    def _port(ports: list[Any], name: str) -> Any:
        for port in ports:
            if name in port.get_names():
                return port
        raise ValueError(f"the compiled network has no tensor {name}")

    def delegate(self) -> Json:
        hint = self._compiled.get_property("INFERENCE_PRECISION_HINT")
        where = "+".join(map(str, self._compiled.get_property("EXECUTION_DEVICES")))
        return {"name": f"OpenVINO {where}", "precision": hint.to_string()}

    def locate(self) -> Json:
        rows = self._rows(1, 0.0)
        kernels: dict[str, int] = {}
        for row in rows:
            kernels[row["kernel"]] = kernels.get(row["kernel"], 0) + 1
        return {**self.delegate(), "operators": len(rows), "kernels": kernels}

    def profile(self, seconds: float) -> Json:
        rows = self._rows(PROFILE_RUNS, seconds)
        return {"method": "OpenVINO's counters, middle half of runs", "operators": rows}

    def _rows(self, runs: int, seconds: float) -> list[Json]:
        """What each operator that was executed took, by OpenVINO's own counters."""
        request = self._counted().create_infer_request()
        made = seeded_inputs(self, 0, 0.0, 1.0)
        for port, values in zip(self._ports[0], made):  # noqa: B905 - Python 3.9
            request.set_tensor(port, self._module.Tensor(values))
        rows: dict[str, Json] = {}
        limit, done = clock() + int(seconds * 1e9), 0
        while done < 2 or (done < runs and clock() < limit):
            request.infer()
            done += 1
            if done == 1:
                continue  # The first pays for what is made only once.
            for told in request.get_profiling_info():
                if told.status == told.Status.EXECUTED:
                    row = rows.setdefault(told.node_name, {"all": []})
                    row.update(operator=told.node_type, kernel=told.exec_type)
                    row["all"].append(told.real_time.total_seconds() * 1e9)
        where = self.delegate()["name"]
        return [
            {
                "name": name,
                "operator": row["operator"],
                "executor": where,
                "kernel": row["kernel"],
                "ns": middle(row["all"]),
            }
            for name, row in rows.items()
        ]

    def reset(self) -> None:
        if self._stateful:
            self._request.reset_state()

    def write(self, arrays: list[Array]) -> None:
        for port, values in zip(self._ports[0], arrays):  # noqa: B905 - Python 3.9
            self._request.set_tensor(port, self._module.Tensor(np.ascontiguousarray(values)))

    def read(self) -> list[Array]:
        return [np.array(self._request.get_tensor(port).data) for port in self._ports[1]]
