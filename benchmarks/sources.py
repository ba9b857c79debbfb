"""Networks from elsewhere against the scripts that people write: time, memory, accuracy, latency.

    python benchmarks/sources.py --networks FOLDER                    every path that is possible
    python benchmarks/sources.py saved_model onnx --networks FOLDER   those of some sources
    python benchmarks/sources.py --rounds 5 --networks FOLDER         more turns [3]
    python benchmarks/sources.py --page                               docs/sources-speed.md alone

FOLDER is what docs/digits_networks.py and docs/digits_torch.py wrote.
Each path has a plain script, which converts with its tool's defaults, and `zoo export`. Both run in
processes of their own and take turns; ratios are medians of those of the turns. `convert` is what
does the script's work in our command, opening the network and writing the file; `whole` is the
command, which also measures the input on data, compares with the original, judges the file on the
test split in its runtime and writes its manifest. Memory is the peak of all processes' proportional
shares. Then both files are judged on the whole test split, and timed in processes that take turns.
What is found takes the place of the same path's in docs/sources-speed.json, from which the page is
made.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from plain_converters import ROUTES, Route
from sources_speed_page import line, page

import zoo
from zoo.artifacts.artifact import open_artifact, require_manifest
from zoo.benchmark.candidate import Candidate
from zoo.benchmark.measure import measure_interleaved
from zoo.common.errors import ZooError
from zoo.common.paths import cache_folder
from zoo.contracts import Preprocessing
from zoo.data.preprocessing.calibration import calibration_inputs
from zoo.data.preprocessing.inputs import normalize, read_inputs, truth_of
from zoo.execution.runner import choose_runtime, host_device, run_inputs
from zoo.registry import load_registry

DATA = "digits"
SAMPLES = 256
DOCS = Path(__file__).parents[1] / "docs"
RECORDS, PAGE = DOCS / "sources-speed.json", DOCS / "sources-speed.md"
#: The record of a path that no run came to.
NOT_YET = {"version": "", "reason": "no run yet"}
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
run = zoo.export(source, data, format=(format,), precision=(precision,), output=output,
                 on_step=told)
print(json.dumps({"seconds": seconds, "files": [str(f.path) for f in run.files if f.path]}))
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


def _own_packages(python: str) -> dict[str, str]:
    """The variable that keeps packages of this Python out of another."""
    return {} if python == sys.executable else {"PYTHONPATH": ""}


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
        # All is new there but the environments of converters, which plain scripts have made, too.
        environments = cache_folder() / "environments"
        if environments.is_dir():
            (home / "cache").mkdir(parents=True)
            (home / "cache" / "environments").symlink_to(environments)
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
            + [str(one) for one in (self.network, target, self.samples)],
            **_own_packages(self.python),
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
        # PyTorch has channels first, and onnx2tf puts them last in graphs that have them there.
        (takes,) = open_artifact(self.registry, plain).contents.inputs
        orders = (inputs, np.moveaxis(inputs, -1, 1), np.moveaxis(inputs, 1, -1))
        inputs = next(one for one in orders if one.shape[1:] == tuple(takes.shape[1:]))
        inputs = np.ascontiguousarray(inputs)
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


def compared(bench: Bench, rounds: int) -> dict[str, Any]:
    """The record of a path, as `sources_speed_page` describes it."""
    turns: list[dict[str, float]] = []
    for turn in range(rounds):
        load = os.getloadavg()[0]
        if turn % 2:
            (theirs, _), (whole, convert, _) = bench.plain(turn), bench.ours(turn)
        else:
            whole, convert, file = bench.ours(turn)
            # Our manifest says what the plain script's samples are.
            bench.keep_samples(bench.preprocessing(file))
            try:
                theirs, plain = bench.plain(turn)
            except ZooError as error:
                return {"reason": f"the plain script fails: {error.what}"}
        turns.append(
            {
                "plain_seconds": theirs.seconds,
                "plain_peak": theirs.peak,
                "whole_seconds": whole.seconds,
                "same_seconds": convert,
                "peak": whole.peak,
                "load": load,
            }
        )
    accuracy, plain_accuracy = bench.accuracies(file, plain)
    p50, plain_p50 = bench.latencies(file, plain)
    return {
        "reason": "",
        "turns": turns,
        "accuracy": accuracy,
        "plain_accuracy": plain_accuracy,
        "p50_ms": p50,
        "plain_p50_ms": plain_p50,
    }


def version_in(python: str, module: str) -> str:
    """The version of a module's distribution in a Python; empty where it is not there."""
    code = f"from importlib.metadata import version; print(version({module.replace('_', '-')!r}))"
    done = subprocess.run(
        [python, "-c", code],
        env={**os.environ, **_own_packages(python)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip()


def measured(asked: argparse.Namespace, keep: Callable[[Route, dict[str, Any]], None]) -> None:
    """Measures the paths that were asked for, and hands each record over."""
    pythons = dict(one.split("=", 1) for one in asked.python)
    for route in ROUTES:
        if asked.sources and not {route.source, route.network, route.name} & set(asked.sources):
            continue
        if not (asked.networks / route.network).exists():
            raise SystemExit(f"{route.network} is not in {asked.networks}: see --help")
        python = pythons.get(route.module, sys.executable)
        version = version_in(python, route.module)
        record: dict[str, Any] = {"reason": f"{route.module} is not here"}
        with tempfile.TemporaryDirectory(prefix="zoo-sources-") as folder:
            try:
                if version:
                    bench = Bench(route, asked.networks, Path(folder), python)
                    record = compared(bench, asked.rounds)
            except ZooError as error:
                record = {"reason": f"ours fails: {error.what}"}
        keep(route, {"version": version, **record})


def main() -> None:
    """Measures, and writes records and page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sources", nargs="*", help="sources, files or paths [all]")
    parser.add_argument("--rounds", type=int, default=3, help="turns [3]")
    parser.add_argument("--networks", type=Path, help="of docs/digits_networks.py")
    parser.add_argument("--page", action="store_true", help="renew the page from its records alone")
    parser.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="MODULE=PYTHON",
        help="a Python that has a plain script's module, such as onnx2tf=env/bin/python",
    )
    asked = parser.parse_args()

    def keep(route: Route, record: dict[str, Any]) -> None:
        named = {**titles(route), **record}
        print(line(named), flush=True)
        write([named if one["name"] == route.name else one for one in read_records()])

    if not asked.page:
        if asked.networks is None:
            parser.error("--networks is needed to measure")
        measured(asked, keep)
    write(read_records())


def write(records: Sequence[dict[str, Any]]) -> None:
    """Writes records and page."""
    RECORDS.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(records), encoding="utf-8")


def titles(route: Route) -> dict[str, str]:
    """A path as its record and the table name it."""
    return {"name": route.name, "tool": route.tool}


def read_records() -> list[dict[str, Any]]:
    """A record of each path; of those that no run came to, that none did."""
    held = json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else []
    known: dict[str, dict[str, Any]] = {one["name"]: one for one in held}
    return [known.get(each.name, {**NOT_YET, **titles(each)}) for each in ROUTES]


if __name__ == "__main__":
    main()
