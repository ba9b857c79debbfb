"""How long whole commands take, against what they are compared with, in one run.

    python benchmarks/commands.py                 everything
    python benchmarks/commands.py startup repeat  some of it

Figures are medians of interleaved runs on this machine; ratios travel better than seconds.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ZOO = [sys.executable, "-m", "zoo"]
CELLS = [(f, p) for f in ("tflite", "onnx") for p in ("float32", "int8")]


def seconds(command: Sequence[str], home: Path, folder: Path) -> float:
    """Wall time of a command, start to end; it must succeed."""
    environment = {**os.environ, "ZOO_HOME": str(home)}
    started = time.perf_counter()
    subprocess.run(
        list(command), env=environment, cwd=folder, check=True, capture_output=True, text=True
    )
    return time.perf_counter() - started


def interleaved(runs: int, *measure: Callable[[], float]) -> list[float]:
    """Medians of several measurements that take turns, so that a busy minute hits all."""
    samples: list[list[float]] = [[] for _ in measure]
    for _ in range(runs):
        for kept, once in zip(samples, measure, strict=True):
            kept.append(once())
    return [statistics.median(kept) for kept in samples]


def startup(home: Path, folder: Path) -> None:
    """Commands that must answer at once, against a Python that does nothing."""
    commands = (["--help"], ["list"], ["plugins", "list"])
    bare, *found = interleaved(
        7,
        lambda: seconds([sys.executable, "-c", "pass"], home, folder),
        *(lambda c=c: seconds([*ZOO, *c], home, folder) for c in commands),
    )
    print(f"python -c pass          {bare:.2f} s")
    for command, value in zip(commands, found, strict=True):
        print(f"zoo {' '.join(command):<20}{value:.2f} s   target 0.30 s")


def evaluate(home: Path, folder: Path) -> None:
    """The test split through an int8 file, against the float32 file of the same format.

    10,000 images; of detectors 1,000, whose answers are decoded and matched with true boxes.
    """
    models = ("lenet5.fashion_mnist", "resnet8.fashion_mnist")
    for model in (*models, "fomo_small.fashion_scenes", "ssd_mobilenet_small.fashion_scenes"):
        seconds([*ZOO, "export", model, "--output", "exports"], home, folder)
        for suffix in ("tflite", "onnx"):
            float32, int8 = interleaved(
                3,
                *(
                    lambda p=p, m=model, s=suffix: seconds(
                        [*ZOO, "evaluate", f"exports/{m}.{p}.{s}"], home, folder
                    )
                    for p in ("float32", "int8")
                ),
            )
            print(
                f"evaluate {model} {suffix:<7} float32 {float32:.2f} s  int8 {int8:.2f} s  "
                f"ratio {int8 / float32:.2f}   target 1.50"
            )


def exports(home: Path, folder: Path) -> None:
    """Four exports at once, against the slowest alone plus one TensorFlow import."""
    tensorflow = [sys.executable, "-c", "import tensorflow, keras"]

    def steps(formats: Sequence[str], precisions: Sequence[str]) -> float:
        fresh = Path(tempfile.mkdtemp(dir=folder))
        try:
            return timed_exports(fresh, formats, precisions)
        finally:
            shutil.rmtree(fresh)

    imported, *alone, together = interleaved(
        3,
        lambda: seconds(tensorflow, home, folder),
        *(lambda f=f, p=p: steps([f], [p]) for f, p in CELLS),
        lambda: steps(["tflite", "onnx"], ["float32", "int8"]),
    )
    allowed = 1.5 * max(alone) + imported
    for (name, precision), value in zip(CELLS, alone, strict=True):
        print(f"export {name} {precision:<10}{value:.2f} s")
    print(f"import tensorflow, keras {imported:.2f} s")
    print(f"four exports {together:.2f} s, ratio {together / allowed:.2f} of the allowed")


def timed_exports(folder: Path, formats: Sequence[str], precisions: Sequence[str]) -> float:
    """Runs export steps as a pipeline does, fork server included, in a process of its own."""
    script = (
        "import sys, time; from pathlib import Path\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from zoo.common.worker import call; from zoo.networks.loading import Subject\n"
        "from zoo.registry import PluginSettings\n"
        "from zoo.pipeline.steps.export import ExportParameters\n"
        "folder, formats, precisions = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()\n"
        "subject = Subject(model='resnet8.fashion_mnist', plugins=PluginSettings())\n"
        "def one(cell):\n"
        "    asked = ExportParameters(format=cell[0], precision=cell[1], data='fashion_mnist')\n"
        "    call('zoo.pipeline.steps.export:export', dict(subject=subject, asked=asked,\n"
        "         folder=Path(folder)))\n"
        "started = time.perf_counter()\n"
        "with ThreadPoolExecutor(2) as pool:\n"
        "    list(pool.map(one, [(f, p) for f in formats for p in precisions]))\n"
        "print(time.perf_counter() - started)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), " ".join(formats), " ".join(precisions)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def repeat(home: Path, folder: Path) -> None:
    """The main job, and the same again."""
    command = [*ZOO, "ship", "lenet5", "--data", "digits"]
    first = seconds(command, home, folder)
    (again,) = interleaved(5, lambda: seconds(command, home, folder))
    print(f"zoo ship lenet5 --data digits   {first:.1f} s   target 120 s")
    print(f"the same again                  {again:.2f} s   target 3 s")


PARTS = {"startup": startup, "repeat": repeat, "exports": exports, "evaluate": evaluate}


def main(names: Sequence[str]) -> None:
    """Runs the parts named, or all."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"there is no part {unknown[0]!r}; choose from {', '.join(PARTS)}")
    with tempfile.TemporaryDirectory(prefix="zoo-benchmark-") as folder:
        for name in names or PARTS:
            print(f"== {name}", flush=True)
            PARTS[name](Path(folder) / "home", Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
