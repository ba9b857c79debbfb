"""From nothing to the first inference: the agent against the shortest program of its runtime.

Both begin with a fresh interpreter, import numpy and the runtime, load the file and run it once.
They take turns; the figure to look at is the ratio of the medians, at most 1.3. Where the machine
is busy, the ratio of the processor times tells more: waiting is not in it.

    python benchmarks/agent_start.py net.tflite net.onnx --rounds 15
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from zoo.execution.session import AgentSession
from zoo.registry import load_registry

#: The shortest program that loads a file and runs it once.
LITERT = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
made = Interpreter(model_path=sys.argv[1], num_threads=1)
made.allocate_tensors()
for detail in made.get_input_details():
    made.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
made.invoke()
print(made.get_tensor(made.get_output_details()[0]["index"]).shape)
"""
ONNX = """
import sys
import numpy as np
import onnxruntime as ort
options = ort.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
made = ort.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
feed = {}
for value in made.get_inputs():
    kind = {"float": "float32", "double": "float64"}.get(value.type[7:-1], value.type[7:-1])
    feed[value.name] = np.zeros([s if isinstance(s, int) else 1 for s in value.shape], kind)
print(made.run(None, feed)[0].shape)
"""
PROGRAMS = {".tflite": ("litert", LITERT), ".onnx": ("onnxruntime", ONNX)}


def agent_seconds(path: Path, runtime: str) -> float:
    """Until the first inference of a session has its answer."""
    transport = load_registry().devices.get("host").driver_of({}).connect()
    started = time.perf_counter()
    with AgentSession(transport, runtime) as session:
        loaded = session.load(path)
        shapes = [[max(1, side) for side in tensor.shape] for tensor in loaded.inputs]
        import numpy as np

        session.run_all([np.zeros(shape, np.float32) for shape in shapes])
        return time.perf_counter() - started


def plain_seconds(path: Path, program: str) -> float:
    """The same by the runtime alone, until its output is there."""
    started = time.perf_counter()
    # The end of the process is waited for after the clock was read.
    with subprocess.Popen(
        [sys.executable, "-P", "-c", program, str(path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise RuntimeError(f"{path} does not run")
        return time.perf_counter() - started


def children_seconds() -> float:
    """Processor time of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(path: Path, rounds: int) -> dict[str, object]:
    """Both medians, and their ratio."""
    runtime, program = PROGRAMS[path.suffix]
    ours: list[float] = []
    theirs: list[float] = []
    work = {"ours": 0.0, "theirs": 0.0}

    def add(side: list[float], name: str, seconds: Callable[[], float]) -> None:
        before = children_seconds()
        side.append(seconds())
        work[name] += children_seconds() - before

    agent_seconds(path, runtime)  # fills the page cache
    for number in range(rounds):
        # Whatever comes second finds a warmer machine: the order changes.
        if number % 2:
            add(theirs, "theirs", lambda: plain_seconds(path, program))
        add(ours, "ours", lambda: agent_seconds(path, runtime))
        if not number % 2:
            add(theirs, "theirs", lambda: plain_seconds(path, program))
    ratios = sorted(mine / other for mine, other in zip(ours, theirs, strict=True))
    return {
        "file": path.name,
        "runtime": runtime,
        "agent_s": round(statistics.median(ours), 3),
        "runtime_s": round(statistics.median(theirs), 3),
        "ratio": round(statistics.median(ours) / statistics.median(theirs), 3),
        "processor_ratio": round(work["ours"] / work["theirs"], 3),
        "ratio_lowest": round(ratios[0], 3),
        "ratio_highest": round(ratios[-1], 3),
        "goal": "at most 1.3",
        "rounds": rounds,
    }


def main() -> None:
    """Prints one JSON object per file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    for path in options.files:
        if path.suffix not in PROGRAMS:
            parser.error(f"{path}: only {' and '.join(PROGRAMS)} files")
        print(json.dumps(compare(path, options.rounds)), flush=True)


if __name__ == "__main__":
    main()
