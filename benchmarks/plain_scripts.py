"""Our files against those of the scripts that people write, from the same weights.

    python benchmarks/plain_scripts.py                        everything
    python benchmarks/plain_scripts.py quality resnet8 lstm   quality and latency of some models
    python benchmarks/plain_scripts.py quality resnet8 onnx:int8            of some of their cells
    python benchmarks/plain_scripts.py matrix                 the time of a full matrix

The plain scripts load a saved Keras model and convert it with the defaults of its tools: the
TFLite converter, with a representative data set where it quantizes; `keras.Model.export` for ONNX,
then `quantize_static` or `quantize_dynamic`. Each runs in a process of its own. Both files run in
the same runtime, on the whole test split, and are timed in processes that take turns.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo.benchmark.candidate import Candidate
from zoo.benchmark.measure import measure_interleaved
from zoo.common.errors import ZooError
from zoo.contracts import Split
from zoo.data.preprocessing.calibration import calibration_inputs
from zoo.data.preprocessing.inputs import read_inputs, truth_of
from zoo.execution.runner import choose_runtime, host_device, run_file
from zoo.networks.checkpoints import resolve
from zoo.registry import load_registry

MODELS = (
    *("lenet5.fashion_mnist", "convnet28.fashion_mnist", "alexnet_small.fashion_mnist"),
    *("vgg8_small.fashion_mnist", "resnet8.fashion_mnist", "resnet20.fashion_mnist"),
    *("lstm_small.fashion_mnist_rows", "dcgan28.fashion_mnist"),
)
MATRIX = "lenet5.fashion_mnist"
PRECISIONS = {
    "tflite": ("float32", "float16", "dynamic-int8", "int8", "int16x8"),
    "onnx": ("float32", "float16", "dynamic-int8", "int8"),
}
#: Measured apart from the cells of the matrix, with what must be reached at least.
FACTORS = {("dcgan28", "tflite", "dynamic-int8"): 10.0, ("resnet", "onnx", "int8"): 2.0}
EXAMPLES, GENERATED = 256, 256
#: Points of accuracy, and decibels, within which two files are as good as each other.
SAME_POINTS, SAME_DECIBELS = 0.1, 1.0
SAME_LATENCY = 1.05
ZOO = [sys.executable, "-m", "zoo"]

HEAD = """
import sys
import numpy as np
import keras
model = keras.models.load_model(sys.argv[1])
samples = np.load(sys.argv[2])
target = sys.argv[3]
"""
TFLITE = """
import tensorflow as tf
converter = tf.lite.TFLiteConverter.from_keras_model(model)
{}
with open(target, "wb") as file:
    file.write(converter.convert())
"""
REPRESENTATIVE = """
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
"""
WIDE = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
# Keras asks for a model that was called once.
ONNX = """
model(samples[:1])
model.export(target, format="onnx", verbose=False)
"""
READER = """
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, quantize_static
name = onnxruntime.InferenceSession(target).get_inputs()[0].name
class Reader(CalibrationDataReader):
    def __init__(self):
        self.samples = iter(samples)
    def get_next(self):
        sample = next(self.samples, None)
        return None if sample is None else {name: sample[None]}
quantize_static(target, target, Reader())
"""
SCRIPTS = {
    ("tflite", "float32"): TFLITE.format(""),
    ("tflite", "float16"): TFLITE.format(
        "converter.optimizations = [tf.lite.Optimize.DEFAULT]\n"
        "converter.target_spec.supported_types = [tf.float16]"
    ),
    ("tflite", "dynamic-int8"): TFLITE.format(
        "converter.optimizations = [tf.lite.Optimize.DEFAULT]"
    ),
    ("tflite", "int8"): TFLITE.format(REPRESENTATIVE),
    ("tflite", "int16x8"): TFLITE.format(
        f"{REPRESENTATIVE}\nconverter.target_spec.supported_ops = [tf.lite.OpsSet.{WIDE}]"
    ),
    ("onnx", "float32"): ONNX,
    ("onnx", "float16"): ONNX
    + "import onnx\nfrom onnxruntime.transformers.float16 import convert_float_to_float16\n"
    "onnx.save(convert_float_to_float16(onnx.load(target), keep_io_types=True), target)\n",
    ("onnx", "dynamic-int8"): ONNX
    + "from onnxruntime.quantization import quantize_dynamic\nquantize_dynamic(target, target)\n",
    ("onnx", "int8"): ONNX + READER,
}


class Subject:
    """A model, where plain scripts find it, and what its files are judged on."""

    def __init__(self, model: str, folder: Path) -> None:
        self.registry = load_registry()
        _, variant, checkpoint = resolve(self.registry, model)
        assert checkpoint is not None
        self.model, self.folder = model, folder / model
        self.folder.mkdir(parents=True)
        self.preprocessing = checkpoint.preprocessing
        self.task = self.registry.tasks.get(variant.task)
        self.dataset = zoo.open_dataset(checkpoint.card().dataset)
        network = zoo.load(model)
        self.saved, self.samples = self.folder / "model.keras", self.folder / "samples.npy"
        network.save(self.saved)
        np.save(
            self.samples,
            calibration_inputs(self.dataset.splits["train"], self.preprocessing, EXAMPLES, 0)[0],
        )
        self.generates = variant.preprocessing.is_noise
        self.test = self._judged()
        inputs = read_inputs(self.test, self.preprocessing, range(GENERATED))
        raw = inputs.astype(self.preprocessing.graph_dtype)
        self.expected = np.asarray(network(raw, training=False), np.float64)

    def _judged(self) -> Split:
        test = self.dataset.splits["test"]
        if not self.generates:
            return test
        return Split(labels=test.labels[:GENERATED], read=test.read, content_hash=test.content_hash)

    def plain(self, cell: tuple[str, str]) -> tuple[Path, str, float]:
        """The file of the plain script, why there is none, and the seconds that it took."""
        path = self.folder / f"plain.{cell[1]}.{cell[0]}"
        script = HEAD + SCRIPTS[cell]
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", script, str(self.saved), str(self.samples), str(path)],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        seconds = time.perf_counter() - started
        if done.returncode == 0:
            return path, "", seconds
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        return path, f"exit code {done.returncode}: {''.join(last)[:90]}", seconds

    def quality(self, path: Path) -> float:
        """Accuracy in per cent; of generators decibels of signal to error against Keras."""
        device = host_device(self.registry)
        exporter = self.registry.exporter_for(path)
        assert exporter is not None
        runtime = choose_runtime(exporter, device)
        answered = run_file(
            path, runtime, device, self.test, self.preprocessing, emit=lambda event: None
        )
        if self.generates:
            noise = np.square(self.expected - answered.outputs).sum()
            return float(10 * np.log10(np.square(self.expected).sum() / max(noise, 1e-30)))
        truth = truth_of(self.dataset, "test", self.preprocessing)
        return 100 * self.task.evaluate(answered.outputs, truth)[0].value

    def latencies(self, files: Sequence[Path]) -> list[float]:
        """Medians in milliseconds, by processes that take turns."""
        device = host_device(self.registry)
        candidates = []
        for path in files:
            exporter = self.registry.exporter_for(path)
            assert exporter is not None
            runtime = choose_runtime(exporter, device)
            range_of = self.preprocessing.value_range
            candidates.append(Candidate(path=path, runtime=runtime, value_range=range_of))
        found = measure_interleaved(device, candidates, tier="smoke")
        return [float("nan") if isinstance(f, ZooError) else f[0].p50_ms for f in found]


def ours(subject: Subject, cells: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Path]:
    """The cells, by one command for each format; rejected files are left out."""
    target = subject.folder / "ours"
    made = {}
    for format in dict.fromkeys(f for f, _ in cells):
        precisions = [p for f, p in cells if f == format]
        command = [*ZOO, "export", subject.model, "--format", format, "--output", str(target)]
        # A file that is rejected is none; the others are still compared.
        subprocess.run(
            [*command, "--precision", ",".join(precisions)], check=False, capture_output=True
        )
        for precision in precisions:
            path = target / f"{subject.model}.{precision}.{format}"
            if path.is_file():
                made[format, precision] = path
    return made


def compare(subject: Subject, cell: tuple[str, str], path: Path | None) -> None:
    """Prints one cell: quality and latency of both files, and whether ours is never worse."""
    name = f"{subject.model} {cell[0]} {cell[1]}"
    theirs, problem, _ = subject.plain(cell)
    quality: Any = "failed"
    if not problem:
        try:
            quality = subject.quality(theirs)
        except ZooError as error:
            problem = f"does not run: {error.what[:90]}"
    if path is None:
        print(f"{name:<48} ours: no file; plain: {problem or f'{quality:.2f}'}", flush=True)
        return
    own = subject.quality(path)
    unit = "dB" if subject.generates else "%"
    if problem:
        print(f"{name:<48} ours {own:.2f} {unit}; the plain script fails: {problem}", flush=True)
        return
    mine, other = subject.latencies([path, theirs])
    same = SAME_DECIBELS if subject.generates else SAME_POINTS
    good = min(own, 100.0) >= min(quality, 100.0) - same and mine <= other * SAME_LATENCY
    wanted = next(
        (f for (m, *c), f in FACTORS.items() if subject.model.startswith(m) and cell == (*c,)), None
    )
    asked = "" if wanted is None else f", asked {wanted:g} ×"
    print(
        f"{name:<48} plain {quality:.2f} {unit} {other:.4f} ms   ours {own:.2f} {unit} "
        f"{mine:.4f} ms   {other / mine:.2f} × as fast{asked}   {'ok' if good else 'WORSE'}",
        flush=True,
    )


def quality(names: Sequence[str], folder: Path) -> None:
    """Every cell of the models whose names begin so, or of all."""
    begin = tuple(name for name in names if ":" not in name)
    cells = [cell for cell in SCRIPTS if ":".join(cell) in names] or list(SCRIPTS)
    for model in MODELS:
        if begin and not model.startswith(begin):
            continue
        subject = Subject(model, folder)
        made = ours(subject, cells)
        for cell in cells:
            compare(subject, cell, made.get(cell))


def matrix(folder: Path) -> None:
    """The full matrix of a small family: plain scripts one by one, and our command, twice."""
    subject = Subject(MATRIX, folder)
    scripts = {cell: subject.plain(cell) for cell in SCRIPTS}
    for (format, precision), (_, problem, seconds) in scripts.items():
        print(f"plain {format:<7}{precision:<13}{seconds:.1f} s {problem}", flush=True)
    plain = sum(seconds for *_, seconds in scripts.values())
    conversions = sum(_timed_steps(format, folder) for format in PRECISIONS)
    home = {**os.environ, "ZOO_HOME": str(folder / "home")}
    print(f"plain scripts, a process each   {plain:.1f} s")
    print(f"our conversions                 {conversions:.1f} s, {conversions / plain:.2f} ×")
    for title in ("whole commands, files judged", "the same again"):
        started = time.perf_counter()
        each = []
        for format, precisions in PRECISIONS.items():
            begun = time.perf_counter()
            command = [*ZOO, "export", MATRIX, "--format", format]
            command += ["--precision", ",".join(precisions), "--output", str(folder / "matrix")]
            subprocess.run(command, env=home, check=True, capture_output=True)
            each.append(time.perf_counter() - begun)
        total = time.perf_counter() - started
        commands = " + ".join(f"{seconds:.1f}" for seconds in each)
        print(f"{title:<32}{total:.1f} s ({commands}), {total / plain:.2f} ×", flush=True)
    print("targets: conversions 0.50 ×; a repeat 3 s for each command")


def _timed_steps(format: str, folder: Path) -> float:
    """Seconds of all conversions to one format, as a pipeline makes them, fork server included."""
    script = (
        "import sys, time; from concurrent.futures import ThreadPoolExecutor\n"
        "from zoo.common.worker import call; from zoo.networks.loading import Subject\n"
        "from pathlib import Path\n"
        "from zoo.registry import PluginSettings\n"
        "from zoo.pipeline.steps.export import ExportParameters\n"
        "model, format, precisions, folder = sys.argv[1:]\n"
        "subject = Subject(model=model, plugins=PluginSettings())\n"
        "def one(precision):\n"
        "    data = model.split('.')[1]\n"
        "    asked = ExportParameters(format=format, precision=precision, data=data)\n"
        "    call('zoo.pipeline.steps.export:export', dict(subject=subject, asked=asked,\n"
        "         folder=Path(folder)))\n"
        "started = time.perf_counter()\n"
        "with ThreadPoolExecutor(2) as pool:\n"
        "    list(pool.map(one, precisions.split(',')))\n"
        "print(time.perf_counter() - started)\n"
    )
    target = folder / f"steps-{format}"
    target.mkdir()
    arguments = [MATRIX, format, ",".join(PRECISIONS[format]), str(target)]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def main(arguments: Sequence[str]) -> None:
    """Runs the part that is named, or both."""
    part, *names = arguments or ("all",)
    if part not in ("all", "quality", "matrix"):
        sys.exit(f"there is no part {part!r}; choose quality or matrix")
    with tempfile.TemporaryDirectory(prefix="zoo-plain-") as folder:
        if part != "matrix":
            print("== quality", flush=True)
            quality(names, Path(folder))
        if part != "quality":
            print("== matrix", flush=True)
            matrix(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
