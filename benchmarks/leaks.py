"""Whether conversions leave anything behind: resident memory after the 200th against the 20th.

    python benchmarks/leaks.py         200 conversions, as the product makes them
    python benchmarks/leaks.py 40      fewer; the first tenth warms up

Each conversion is a child forked from a server that has imported TensorFlow once. What could grow
is the server, and the process that asks; children end. Four cells take turns.
"""

from __future__ import annotations

import multiprocessing.forkserver as forkserver
import os
import sys
import tempfile
import time
from pathlib import Path

import psutil

from zoo.common.worker import call
from zoo.contracts.training import Calibration
from zoo.networks.loading import Subject
from zoo.pipeline.steps.export import ExportParameters
from zoo.registry import PluginSettings

MODEL, DATA = "lenet5.fashion_mnist", "fashion_mnist"
CELLS = [("tflite", "int8"), ("onnx", "int8"), ("tflite", "float32"), ("onnx", "dynamic-int8")]
ALLOWED = 1.05


def convert(number: int, folder: str) -> None:
    """One conversion in a child; its file is removed."""
    format, precision = CELLS[number % len(CELLS)]
    arguments = {
        "subject": Subject(model=MODEL, plugins=PluginSettings()),
        "asked": ExportParameters(
            format=format,
            precision=precision,
            data=DATA,
            calibration=Calibration(samples=32, method="minmax"),
        ),
        "folder": Path(folder),
    }
    made = call("zoo.pipeline.steps.export:export", arguments)
    (Path(folder) / made.file).unlink()


def resident() -> dict[str, float]:
    """Megabytes of the fork server and of this process."""
    pids = {"fork server": server(), "this process": os.getpid()}
    return {name: psutil.Process(pid).memory_info().rss / 1e6 for name, pid in pids.items()}


def main(count: int) -> None:
    """Converts `count` times and prints the ratios."""
    early = max(1, count // 10)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="zoo-leaks-") as folder:
        for number in range(1, count + 1):
            convert(number, folder)
            if number == early:
                before = resident()
            if number % early == 0:
                found = ", ".join(f"{name} {value:.1f} MB" for name, value in resident().items())
                print(f"after {number:>4} conversions: {found}", flush=True)
    children = psutil.Process(server()).children(recursive=True)
    for name, value in resident().items():
        ratio = value / before[name]
        print(
            f"{name:<13} {before[name]:.1f} MB after {early}, {value:.1f} MB after {count}: "
            f"ratio {ratio:.3f}   target {ALLOWED}"
        )
    print(f"children left: {len(children)}; {time.perf_counter() - started:.0f} s")


def server() -> int:
    """The process number of the fork server."""
    return int(forkserver._forkserver._forkserver_pid)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
