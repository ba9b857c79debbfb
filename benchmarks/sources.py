"""Networks from elsewhere against the scripts that people write: time, memory, accuracy, latency.

    python benchmarks/sources.py --networks FOLDER                    every path that is possible
    python benchmarks/sources.py saved_model onnx --networks FOLDER   those of some sources
    python benchmarks/sources.py --rounds 5 --networks FOLDER         more turns [3]

FOLDER is what docs/digits_networks.py and docs/digits_torch.py wrote.
Each path has a plain script, which converts with its tool's defaults, and `zoo export`. Both run in
processes of their own and take turns; ratios are medians of those of the turns. `convert` is what
does the script's work in our command, opening the network and writing the file; `whole` is the
command, which also measures the input on data, compares with the original, judges the file on the
test split in its runtime and writes its manifest. Memory is the peak of all processes' proportional
shares. Then both files are judged on the whole test split, and timed in processes that take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from plain_converters import ROUTES, Route

import zoo
from zoo.artifacts.artifact import open_artifact, require_manifest
from zoo.benchmark.candidate import Candidate
from zoo.benchmark.measure import measure_interleaved
from zoo.common.errors import ZooError
from zoo.common.extras import installed
from zoo.contracts import Preprocessing
from zoo.data.preprocessing.calibration import calibration_inputs
from zoo.data.preprocessing.inputs import normalize, read_inputs, truth_of
from zoo.execution.runner import choose_runtime, host_device, run_inputs
from zoo.registry import load_registry

DATA = "digits"
SAMPLES = 256
#: What must be reached: the time of the same work, latency, points of accuracy.
TIME, SAME_LATENCY, SAME_POINTS = 1.2, 1.05, 0.1
_TICK = 0.25

#: What `zoo export` does, with the seconds of its steps.
_OURS = """
import json, sys
import zoo
source, data, format, precision, output = sys.argv[1:]
seconds = {}
def told(step, event):
    if event["event"] == "end":
        seconds[step.partition(" ")[0]] = event["seconds"]
run = zoo.export(source, data, formats=(format,), precisions=(precision,), output=output,
                 on_step=told)
print(json.dumps({"seconds": seconds, "files": [str(path) for path in run.files]}))
"""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a process and its children took: seconds, and the peak of their memory in bytes."""

    seconds: float
    peak: int
    out: str


def cost_of(command: Sequence[str], **environment: str) -> Cost:
    """Runs a command to its end.

    Raises:
        ZooError: It failed; the last line that it wrote is the reason.
    """
    started, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = psutil.Popen(
            [*command],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
            stdout=out,
            stderr=err,
        )
        while process.poll() is None:
            peak = max(peak, shares_of(process))
            time.sleep(_TICK)
        seconds = time.perf_counter() - started
        for file in (out, err):
            file.seek(0)
        if process.returncode:
            lines = [line for line in err.read().splitlines() if line.strip()][-1:]
            raise ZooError(f"exit code {process.returncode}: {' '.join(lines)[:120]}")
        return Cost(seconds=seconds, peak=peak, out=out.read())


def shares_of(process: psutil.Process) -> int:
    """Proportional shares of memory of a process and all below it, bytes."""
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            total += one.memory_full_info().pss
    except psutil.Error:  # one of them has just ended
        return 0
    return total


class Bench:
    """One route, with what its files are judged on."""

    def __init__(self, route: Route, networks: Path, folder: Path, python: str) -> None:
        self.route, self.folder, self.python = route, folder, python
        self.network = networks / route.network
        self.registry = load_registry()
        self.dataset = zoo.open_dataset(DATA)
        self.samples = folder / "samples.npy"

    def ours(self, turn: int) -> tuple[Cost, float, Path]:
        """The whole command, the seconds of its conversion, and the file."""
        home, output = self.folder / f"home{turn}", self.folder / f"ours{turn}"
        route = self.route
        found = cost_of(
            [sys.executable, "-c", _OURS, str(self.network), DATA, *route.cell, str(output)],
            ZOO_HOME=str(home),
        )
        told = json.loads(found.out.splitlines()[-1])
        suffix = f".{route.precision}.{route.format}"
        (file,) = (Path(path) for path in told["files"] if path.endswith(suffix))
        return found, told["seconds"]["open"] + told["seconds"]["export"], file

    def plain(self, turn: int) -> tuple[Cost, Path]:
        """The plain script, and its file."""
        target = self.folder / f"plain{turn}.{self.route.format}"
        found = cost_of(
            [self.python, "-c", self.route.script]
            + [str(one) for one in (self.network, target, self.samples)]
        )
        return found, target

    def preprocessing(self, file: Path) -> Preprocessing:
        """What our file's manifest says of its examples; the plain file takes them normalized."""
        return require_manifest(open_artifact(self.registry, file)).preprocessing

    def keep_samples(self, preprocessing: Preprocessing) -> None:
        """Normalized training examples, for plain scripts that calibrate."""
        raw = calibration_inputs(self.dataset.splits["train"], preprocessing, SAMPLES, 0)[0]
        np.save(self.samples, normalize(raw, preprocessing))

    def accuracies(self, ours: Path, plain: Path) -> tuple[float, float]:
        """Of both files on the whole test split, in per cent."""
        preprocessing = self.preprocessing(ours)
        own = zoo.evaluate(ours, DATA, registry=self.registry).metrics[0].value
        raw = read_inputs(self.dataset.splits["test"], preprocessing)
        device = host_device(self.registry)
        inputs = normalize(raw, preprocessing)
        if self.route.source == "torch":  # PyTorch has channels first
            inputs = np.ascontiguousarray(np.moveaxis(inputs, -1, 1))
        answers = run_inputs(inputs, plain, self._runtime(plain), device).outputs
        task = self.registry.tasks.get("image-classification")
        truth = truth_of(self.dataset, "test", preprocessing)
        return 100 * own, 100 * task.evaluate(answers, truth)[0].value

    def latencies(self, ours: Path, plain: Path) -> list[float]:
        """Medians in milliseconds, by processes that take turns."""
        span = self.preprocessing(ours).value_range
        candidates = [
            Candidate(path=path, runtime=self._runtime(path), value_range=span)
            for path in (ours, plain)
        ]
        found = measure_interleaved(host_device(self.registry), candidates, tier="smoke")
        return [float("nan") if isinstance(f, ZooError) else f[0].p50_ms for f in found]

    def _runtime(self, path: Path) -> str:
        exporter = self.registry.exporter_for(path)
        assert exporter is not None
        return choose_runtime(exporter, host_device(self.registry))


def compared(bench: Bench, rounds: int) -> str:
    """A line of the table."""
    # Ours first, untimed: its manifest says what the plain script's samples are.
    _, _, file = bench.ours(0)
    bench.keep_samples(bench.preprocessing(file))
    try:
        _, plain = bench.plain(0)
    except ZooError as error:
        return f"| {bench.route.name} | {bench.route.tool} | the plain script fails: {error.what} |"
    turns = []
    for turn in range(1, rounds + 1):
        if turn % 2:
            theirs, (whole, convert, _) = bench.plain(turn)[0], bench.ours(turn)
        else:
            (whole, convert, _), theirs = bench.ours(turn), bench.plain(turn)[0]
        turns.append((theirs, whole, convert))
    seconds = median(theirs.seconds for theirs, _, _ in turns)
    same = median(convert / theirs.seconds for theirs, _, convert in turns)
    all_of_it = median(whole.seconds / theirs.seconds for theirs, whole, _ in turns)
    memory = median(whole.peak / theirs.peak for theirs, whole, _ in turns)
    own, other = bench.accuracies(file, plain)
    mine, its = bench.latencies(file, plain)
    better = [
        word
        for word, holds in (
            ("time", same < 1),
            ("memory", memory < 1),
            ("accuracy", own > other + SAME_POINTS),
            ("latency", mine * SAME_LATENCY < its),
        )
        if holds
    ]
    worse = [
        word
        for word, holds in (
            ("time", same > TIME),
            ("accuracy", own < other - SAME_POINTS),
            ("latency", mine > its * SAME_LATENCY),
        )
        if holds
    ]
    return (
        f"| {bench.route.name} | {bench.route.tool} | {seconds:.1f} s | {same:.2f} × "
        f"| {all_of_it:.2f} × | {turns[0][0].peak / 1e6:.0f} MB | {memory:.2f} × "
        f"| {other:.2f} / {own:.2f} | {its * 1000:.1f} / {mine * 1000:.1f} "
        f"| {', '.join(better) or '-'} | {', '.join(worse) or '-'} |"
    )


def main() -> None:
    """Prints a table, line by line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sources", nargs="*", help="sources, or files [all]")
    parser.add_argument("--rounds", type=int, default=3, help="turns [3]")
    parser.add_argument("--networks", type=Path, required=True, help="of docs/digits_networks.py")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="MODULE=PYTHON",
        help="a Python that has a plain script's module, such as onnx2tf=env/bin/python",
    )
    asked = parser.parse_args()
    pythons = dict(one.split("=", 1) for one in asked.python)
    print(
        "| network | plain script | its time | ours, the same work | ours, whole | its memory ",
        end="",
    )
    print("| ours | accuracy, % plain / ours | p50, µs plain / ours | better | worse |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|---|---|", flush=True)
    for route in ROUTES:
        if asked.sources and not {route.source, route.network} & set(asked.sources):
            continue
        python = pythons.get(route.module, sys.executable)
        if python == sys.executable and not installed(route.module):
            line = f"not measured: {route.module} is not here (--python {route.module}=PYTHON)"
            print(f"| {route.name} | {route.tool} | {line} |", flush=True)
            continue
        with tempfile.TemporaryDirectory(prefix="zoo-sources-") as folder:
            try:
                line = compared(Bench(route, asked.networks, Path(folder), python), asked.rounds)
            except ZooError as error:
                line = f"| {route.name} | {route.tool} | ours fails: {error.what} |"
        print(line, flush=True)


if __name__ == "__main__":
    main()
