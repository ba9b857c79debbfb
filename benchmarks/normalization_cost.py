"""What the normalization in an ONNX file costs, beside the plain file, whose caller computes it.

    python benchmarks/normalization_cost.py NETWORK.keras

The plain file is `keras.Model.export`'s. Ours is written twice by the zoo's exporter: of the same
network, and with a division before it. All three run in one process, in turns.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from zoo.contracts import ExportRequest
from zoo.registry import load_registry

TURNS, CALLS, DIVISOR = 400, 30, 16.0


def main() -> None:
    """Writes the files, times them, and prints operators and medians."""
    import keras
    import onnx
    import onnxruntime

    network = keras.models.load_model(sys.argv[1])
    shape = (1, *network.inputs[0].shape[1:])
    example = np.random.default_rng(0).random(shape).astype(np.float32)
    network(example)
    with tempfile.TemporaryDirectory() as folder:
        files = {"plain": Path(folder) / "plain.onnx"}
        network.export(files["plain"], format="onnx", verbose=False)
        for name in ("ours without a normalization", "ours"):
            raw = keras.Input(batch_shape=shape, name="pixels")
            given = keras.layers.Rescaling(1 / DIVISOR)(raw) if name == "ours" else raw
            files[name] = Path(folder) / f"{len(files)}.onnx"
            export(keras.Model(raw, network(given)), files[name])
        sessions: dict[str, Any] = {}
        for name, file in files.items():
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            options.log_severity_level = 3
            options.optimized_model_filepath = str(file.with_suffix(".run.onnx"))
            providers = ["CPUExecutionProvider"]
            sessions[name] = onnxruntime.InferenceSession(file, options, providers=providers)
        run = {name: onnx.load(file.with_suffix(".run.onnx")) for name, file in files.items()}
    taken: dict[str, list[int]] = {name: [] for name in sessions}
    for _ in range(TURNS):
        for name, session in sessions.items():
            fed = {session.get_inputs()[0].name: example}
            for _ in range(CALLS):
                began = time.perf_counter_ns()
                session.run(None, fed)
                taken[name].append(time.perf_counter_ns() - began)
    medians = {name: float(np.median(each)) for name, each in taken.items()}
    for name, value in medians.items():
        operators = " ".join(node.op_type for node in run[name].graph.node)
        print(f"{name}: {value / 1e3:.2f} µs, {value / medians['plain']:.3f} ×: {operators}")


def export(model: Any, path: Path) -> None:
    """Writes a float32 file as the zoo does."""
    names = ("height", "width", "channel")
    load_registry().exporters.get("onnx").export(
        ExportRequest(
            model=model,
            path=path,
            precision="float32",
            calibration=None,
            integer_input=False,
            input_name="pixels",
            output_names=("outputs",),
            axes=names[: len(model.inputs[0].shape) - 1],
        )
    )


if __name__ == "__main__":
    main()
