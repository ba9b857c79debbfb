"""What the agent's own overhead is: its median against the usual yardsticks, in one run.

A TFLite file is also timed by `litert-benchmark`, which comes with ai-edge-litert; an ONNX file
by a bare loop around `InferenceSession.run`. Both sides take turns in fresh processes, and so do
the files, so that a busy neighbour disturbs all alike. The figure to look at is the ratio: 1.00 is
the goal, 0.98 to 1.02 is good. A quiet machine gives it in ten rounds, a busy one needs more.

Without files, a ladder of convolutions from 50 µs to 500 ms is made (`benchmarks/ladder.py`).

    python benchmarks/latency.py
    python benchmarks/latency.py net.tflite net.onnx --rounds 10
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from ladder import write_ladder

from zoo.execution.session import AgentSession
from zoo.registry import load_registry

#: Times the file the way `litert-benchmark` does, and prints its median in milliseconds. The tool
#: rounds to 10 µs, longer than a small network takes: its `round` is replaced to see the median.
LITERT = """
import sys
from ai_edge_litert.tools import benchmark_litert_model as tool
tool.round = lambda value, digits: value
sys.argv = ["litert-benchmark", "--model", sys.argv[1], "--num_threads", sys.argv[2],
            "--num_runs", sys.argv[3], "--warmup_runs", sys.argv[4]]
print("MEDIAN", tool.run_benchmark(tool.parse_args())["latency"]["median_ms"])
"""

#: A loop as short as it can be, around the call that everybody uses.
ONNX = """
import statistics, sys, time
import numpy as np
import onnxruntime as ort
path, threads, runs, warmup = sys.argv[1], *map(int, sys.argv[2:])
options = ort.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
feed = {}
for value in session.get_inputs():
    shape = [side if isinstance(side, int) else 1 for side in value.shape]
    kind = {"float": "float32", "double": "float64"}.get(value.type[7:-1], value.type[7:-1])
    feed[value.name] = np.random.default_rng(0).uniform(0, 1, shape).astype(kind)
for _ in range(warmup):
    session.run(None, feed)
times = []
for _ in range(runs):
    started = time.perf_counter_ns()
    session.run(None, feed)
    times.append(time.perf_counter_ns() - started)
print("MEDIAN", statistics.median(times) / 1e6)
"""

#: Suffix → (the agent's runtime, the yardstick's name, its program).
YARDSTICKS = {
    ".tflite": ("litert", "litert-benchmark", LITERT),
    ".onnx": ("onnxruntime", "bare ONNX Runtime loop", ONNX),
}


def agent_median(
    path: Path, runtime: str, threads: int, seconds: float, least: int
) -> tuple[float, int, str]:
    """Median in milliseconds, number of runs, and the call that was timed."""
    transport = load_registry().devices.get("host").driver_of({}).connect()
    with AgentSession(transport, runtime) as session:
        loaded = session.load(path, threads, purpose="timing")
        run = session.bench(
            min_runs=least, min_seconds=seconds, max_seconds=120.0, warmup_seconds=1.0
        )
    return statistics.median(run.samples.tolist()) / 1e6, len(run.samples), loaded.api


def yardstick_median(program: str, path: Path, threads: int, runs: int) -> float:
    """Median in milliseconds as the other tool sees it."""
    warmup = max(5, runs // 50)
    done = subprocess.run(
        [sys.executable, "-c", program, str(path), str(threads), str(runs), str(warmup)],
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("MEDIAN "))
    return float(line.split()[1])


class Pair:
    """One file, timed by both sides in turn."""

    def __init__(self, path: Path, threads: int, seconds: float, least: int) -> None:
        self.path, self.threads, self.seconds, self.least = path, threads, seconds, least
        self.runtime, self.name, self.program = YARDSTICKS[path.suffix]
        self.ours: list[float] = []
        self.theirs: list[float] = []
        self.runs, self.api = least, ""

    def round(self, number: int) -> None:
        """Each side once; the order changes: whatever comes second finds a warmer machine."""
        if number % 2:
            self._yardstick()
        median, self.runs, self.api = agent_median(
            self.path, self.runtime, self.threads, self.seconds, self.least
        )
        self.ours.append(median)
        if not number % 2:
            self._yardstick()

    def _yardstick(self) -> None:
        self.theirs.append(yardstick_median(self.program, self.path, self.threads, self.runs))

    def row(self) -> dict[str, object]:
        """Both medians over all rounds, and the median of the rounds' ratios."""
        pairs = zip(self.ours, self.theirs, strict=True)
        ratios = sorted(mine / other for mine, other in pairs)
        return {
            "file": self.path.name,
            "threads": self.threads,
            "api": self.api,
            "yardstick": self.name,
            "agent_us": round(statistics.median(self.ours) * 1e3, 2),
            "yardstick_us": round(statistics.median(self.theirs) * 1e3, 2),
            "ratio": round(statistics.median(ratios), 3),
            "ratio_of_least": round(min(self.ours) / min(self.theirs), 3),
            "ratio_lowest": round(ratios[0], 3),
            "ratio_highest": round(ratios[-1], 3),
            "goal": "0.98 to 1.02",
            "rounds": len(ratios),
        }


def main() -> None:
    """Prints one JSON object per file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=0.5, help="sampling per round")
    parser.add_argument("--runs", type=int, default=64, help="least inferences per round")
    options = parser.parse_args()
    for path in options.files:
        if path.suffix not in YARDSTICKS:
            parser.error(f"{path}: only {' and '.join(YARDSTICKS)} files have a yardstick")
    with tempfile.TemporaryDirectory(prefix="zoo-ladder-") as folder:
        files = options.files or write_ladder(Path(folder))
        pairs = [Pair(path, options.threads, options.seconds, options.runs) for path in files]
        for number in range(options.rounds):
            for pair in pairs:
                pair.round(number)
        for pair in pairs:
            print(json.dumps(pair.row()), flush=True)


if __name__ == "__main__":
    main()
