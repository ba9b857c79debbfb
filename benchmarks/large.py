"""Large networks: our int8 conversions beside plain scripts, and whole `zoo ship` runs.

    python benchmarks/large.py                        mobilenet_v2
    python benchmarks/large.py resnet50               another network
    python benchmarks/large.py mobilenet_v2 onnx      conversions to some formats alone
    python benchmarks/large.py --weights FILE --data folder:PHOTOS onnx    without a training first
    python benchmarks/large.py mobilenet_v2 --record  into docs/large-networks.json and its page
    python benchmarks/large.py --page                 docs/large-networks.md alone

The pictures are the ninety of `tests/support/photographs.py`. `zoo ship` trains the network from
random weights for one epoch; then each conversion runs in a process of its own, TensorFlow's import
included, with the plain script of `benchmarks/plain_scripts.py` (that takes 64 inputs, ours the
same) right after it. Memory is the largest sum over a process and all its children, shared pages
counted once. Where other programs run, seconds of the processor say more than those of the clock.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from large_page import FACTOR, WHOLE, page
from plain_scripts import HEAD, SCRIPTS

import zoo
from zoo.artifacts.reference_outputs import comparison_split
from zoo.data.preprocessing.calibration import calibration_inputs
from zoo.data.preprocessing.inputs import read_inputs
from zoo.execution.runner import choose_runtime, host_device, run_file
from zoo.networks.checkpoints import resolve
from zoo.registry import load_registry

FORMATS = ("tflite", "onnx")
EXAMPLES = 64
DOCS = Path(__file__).parents[1] / "docs"
RECORDS, PAGE = DOCS / "large-networks.json", DOCS / "large-networks.md"
OURS = """
import sys
from pathlib import Path
from zoo.contracts.training import Calibration
from zoo.networks.loading import Subject
from zoo.pipeline.steps.export import ExportParameters, export
from zoo.registry import PluginSettings
weights, data, format, folder, samples = sys.argv[1:]
asked = ExportParameters(
    format=format, precision="int8", data=data, calibration=Calibration(samples=int(samples))
)
subject = Subject(model=weights, plugins=PluginSettings())
export(asked=asked, subject=subject, folder=Path(folder), emit=lambda event: None)
"""


@dataclass(frozen=True)
class Cost:
    """What a command took: seconds, those of processors, and bytes of memory at most."""

    seconds: float
    processor: float
    memory: int
    problem: str = ""


def measured(command: Sequence[str], environment: dict[str, str] | None = None) -> Cost:
    """Runs a command; the memory of its tree is sampled twenty times a second."""
    started, most, ended = time.perf_counter(), 0, threading.Event()
    times: dict[tuple[int, float], float] = {}
    with subprocess.Popen(
        command,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:

        def watch() -> None:
            nonlocal most
            while not ended.wait(0.05):
                most = max(most, tree_memory(process.pid, times))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        told = process.communicate()[1]
        ended.set()
        watcher.join()
    problem = "" if process.returncode == 0 else f"exit code {process.returncode}: {told[-200:]}"
    return Cost(time.perf_counter() - started, sum(times.values()), most, problem)


def tree_memory(root: int, times: dict[tuple[int, float], float]) -> int:
    """Bytes of a process and its children: each page by how many processes share it.

    Args:
        root: Its number.
        times: Gets the seconds of each process, by its number and start.
    """
    total = 0
    try:
        tree = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in tree:
        try:
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii")
            total += next(int(li.split()[1]) for li in lines.splitlines() if li[:4] == "Pss:") << 10
            used = process.cpu_times()
            times[process.pid, process.create_time()] = used.user + used.system
        except (OSError, StopIteration, psutil.NoSuchProcess):
            continue
    return total


class Subject:
    """Trained weights, the same network for plain scripts, and inputs to compare answers on."""

    def __init__(self, weights: Path, data: str, folder: Path) -> None:
        self.registry, self.weights, self.data = load_registry(), weights, data
        self.folder = folder
        _, variant, checkpoint = resolve(self.registry, str(weights))
        assert checkpoint is not None
        self.preprocessing = checkpoint.preprocessing
        dataset = zoo.open_dataset(data)
        task = self.registry.tasks.get(variant.task)
        self.judged = comparison_split(dataset, task.min_parity_inputs)
        network = zoo.load(str(weights))
        self.saved, self.samples = folder / "model.keras", folder / "samples.npy"
        network.save(self.saved)
        train = dataset.splits["train"]
        inputs, _ = calibration_inputs(train, self.preprocessing, EXAMPLES, 0)
        np.save(self.samples, inputs)
        raw = read_inputs(self.judged, self.preprocessing).astype(self.preprocessing.graph_dtype)
        answers = [
            np.asarray(network(raw[i : i + 4], training=False)) for i in range(0, len(raw), 4)
        ]
        self.expected = np.concatenate(answers).astype(np.float64)

    def convert(self, format: str) -> tuple[tuple[Path, Cost], tuple[Path, Cost]]:
        """The int8 file of ours and that of the plain script, and what they took."""
        target = self.folder / f"ours-{format}"
        target.mkdir()
        given = [str(self.weights), self.data, format, str(target), str(EXAMPLES)]
        own = measured([sys.executable, "-c", OURS, *given])
        found = next(target.glob(f"*.{format}"), target)
        plain = self.folder / f"plain.{format}"
        script = HEAD + SCRIPTS[format, "int8"]
        given = [str(self.saved), str(self.samples), str(plain)]
        return (found, own), (plain, measured([sys.executable, "-c", script, *given]))

    def closeness(self, path: Path) -> tuple[float, float]:
        """Share of equal answers, 0 to 1, and decibels of signal to error against Keras."""
        exporter, device = self.registry.exporter_for(path), host_device(self.registry)
        assert exporter is not None
        runtime = choose_runtime(exporter, device)
        found: Any = run_file(
            path, runtime, device, self.judged, self.preprocessing, emit=lambda event: None
        ).outputs
        noise = max(float(np.square(self.expected - found).sum()), 1e-30)
        same = (self.expected.argmax(-1) == found.argmax(-1)).mean()
        return float(same), 10 * np.log10(float(np.square(self.expected).sum()) / noise)


def compare(subject: Subject, format: str) -> dict[str, Any] | None:
    """Prints one format: both conversions, and ours as a multiple of the plain one.

    Returns:
        The record that `large_page` describes; None where one of them failed.
    """
    made = subject.convert(format)
    record: dict[str, Any] = {"format": format}
    for name, (path, cost) in zip(("ours", "plain"), made, strict=True):
        if cost.problem:
            print(f"{format} int8 {name:<6} failed: {cost.problem}", flush=True)
            continue
        same, decibels = subject.closeness(path)
        size = path.stat().st_size
        record[name] = {**figures(cost), "bytes": size, "same": same, "decibels": decibels}
        print(
            f"{format} int8 {name:<6}{cost.seconds:7.1f} s ({cost.processor:.1f} of processors) "
            f"{cost.memory / 1e9:6.2f} GB {size / 1e6:6.2f} MB  "
            f"same answers {same:6.1%}  {decibels:5.1f} dB",
            flush=True,
        )
    (_, own), (_, plain) = made
    memory = own.memory / max(plain.memory, 1)
    print(
        f"{format} int8 ours / plain: time {own.seconds / plain.seconds:.2f}, of processors "
        f"{own.processor / plain.processor:.2f}, memory {memory:.2f} (at most {FACTOR})  "
        f"{'ok' if memory <= FACTOR else 'MORE'}",
        flush=True,
    )
    return record if "ours" in record and "plain" in record else None


def figures(cost: Cost) -> dict[str, float]:
    """What a record has of a cost."""
    seconds, processor = round(cost.seconds, 2), round(cost.processor, 2)
    return {"seconds": seconds, "processor": processor, "memory": cost.memory}


def ship(model: str, data: str, folder: Path) -> tuple[Path, Cost]:
    """Runs and prints a whole `zoo ship`; returns the weights that it trained, and its cost."""
    command = [sys.executable, "-m", "zoo", "ship", model, "--data", data, "--from-scratch"]
    command += ["--epochs", "1", "--allow-weak", "--output", str(folder / "runs")]
    cost = measured(command, {"ZOO_HOME": str(folder / "home")})
    memory, seconds = WHOLE.get(model, (float("nan"), float("nan")))
    print(
        f"zoo ship {model}: {cost.seconds:.1f} s (at most {seconds:g} when quiet; "
        f"{cost.processor:.1f} of processors), "
        f"{cost.memory / 1e9:.2f} GB (at most {memory:g})  {cost.problem[:12]}",
        flush=True,
    )
    return next((folder / "runs").glob(f"*/{model}.*.safetensors")), cost


def photographs(folder: Path) -> str:
    """Writes the pictures; returns the dataset."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from tests.support.photographs import write_photographs

    return f"folder:{write_photographs(folder)}"


def option(words: list[str], name: str) -> str:
    """Takes an option and its value out of the words; empty where it is not there."""
    if name not in words:
        return ""
    place = words.index(name)
    return [words.pop(place), words.pop(place)][1]


def keep(record: dict[str, Any]) -> None:
    """Puts a record in place of the same network's, and writes the page."""
    held = json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else []
    others = [one for one in held if one["model"] != record["model"]]
    order = [*WHOLE, record["model"]]
    records = sorted([*others, record], key=lambda one: order.index(one["model"]))
    RECORDS.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(records), encoding="utf-8")


def main(words: list[str]) -> None:
    """Measures networks one after the other."""
    if "--page" in words:
        PAGE.write_text(page(json.loads(RECORDS.read_text(encoding="utf-8"))), encoding="utf-8")
        return
    weights, data = option(words, "--weights"), option(words, "--data")
    recorded, words = "--record" in words, [word for word in words if word != "--record"]
    formats = [word for word in words if word in FORMATS] or list(FORMATS)
    models = [word for word in words if word not in FORMATS] or ["mobilenet_v2"]
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} processors, load {load:.1f} at the beginning", flush=True)
    for model in [weights] if weights else models:
        with tempfile.TemporaryDirectory(prefix="zoo-large-") as name:
            folder = Path(name)
            data = data or photographs(folder / "photos")
            loads, record = [os.getloadavg()[0]], {"model": model, "processors": os.cpu_count()}
            if weights:
                trained = Path(weights)
            else:
                trained, cost = ship(model, data, folder)
                record["ship"] = figures(cost)
            subject, cells = Subject(trained, data, folder), []
            for format in formats:
                loads.append(os.getloadavg()[0])
                cells.append(compare(subject, format))
            record |= {"load": [min(loads), max(loads)], "cells": cells}
            if recorded and not weights and None not in cells:
                keep(record)
            data = data if weights else ""


if __name__ == "__main__":
    main(sys.argv[1:])
