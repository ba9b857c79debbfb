"""Quantization-aware training from the command to proven files, of a stranger's plugin too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.artifact import open_artifact
from zoo.registry import PluginSettings, load_registry
from zoo.summary import remarks_of, rows_of, view_of

for module in ("tensorflow", "ai_edge_litert", "onnxruntime", "tf2onnx", "sklearn", "jinja2"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow

PLUGIN = """
import zoo


def build(inputs, classes):
    from keras import layers

    x = layers.Conv2D(16, 3, 2, padding="same", name="stem")(inputs)
    x = layers.BatchNormalization(name="bn")(x)
    x = layers.ReLU(name="relu")(x)
    y = layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise")(x)
    y = layers.Conv2D(16, 1, name="pointwise")(y)
    x = layers.ReLU(name="out")(layers.Add(name="add")([x, y]))
    x = layers.Concatenate(name="joined")([x, layers.Conv2D(8, 1, activation="relu")(x)])
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return layers.Dense(classes, name="head")(x)


@zoo.hookimpl
def zoo_architectures():
    look = zoo.ImagePreprocessing(height=28, width=28, channels=1)
    small = zoo.Variant(name="shared28", preprocessing=look, classes=10, parameters=398,
                        multiply_adds=1)
    yield zoo.Architecture(name="shared", summary="s", source="s", build=build, variants=(small,))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("qat")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(folder / "home"))
        yield folder


@pytest.fixture(scope="module")
def shipped(place: Path) -> Any:
    plugin = place / "shared_plugin.py"
    plugin.write_text(PLUGIN)
    registry = load_registry(PluginSettings(paths=(str(plugin),)))
    return zoo.ship(
        "shared28",
        "digits",
        output=place / "runs",
        registry=registry,
        from_scratch=True,
        epochs=12,
        learning_rate=0.01,
        qat=True,
        qat_epochs=2,
    )


def record(run: Any, step: str) -> Any:
    return run.finished[step].record


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_a_plugins_network_becomes_integer_files_that_say_how(shipped: Any, format: str) -> None:
    assert shipped.passed, [(s.step, s.reason) for s in shipped.steps if s.status != "passed"]
    path = shipped.folder / f"shared28.digits.int8-qat.{format}"
    artifact = open_artifact(shipped.job.registry, path)
    assert artifact.contents.float_operators == 0
    manifest = artifact.manifest
    assert manifest is not None
    assert manifest.trained is not None
    assert (manifest.precision, manifest.calibration) == ("int8", None)
    assert (manifest.trained.epochs, manifest.trained.split) == (2, "digits/train")
    learnt = record(shipped, "qat").result
    assert manifest.trained.weights_sha256 == learnt["weights_sha256"]
    calibrated = open_artifact(
        shipped.job.registry, shipped.folder / f"shared28.digits.int8.{format}"
    )
    assert calibrated.manifest is not None
    assert calibrated.manifest.trained is None


def test_files_are_judged_against_the_twin_and_the_network(shipped: Any) -> None:
    """Parity is with what the file was made from, the loss against what the user has."""
    twin, network = (
        np.load(shipped.finished[name].folder / "reference.npz")["outputs"]
        for name in ("evaluate qat", "evaluate keras")
    )
    judged = record(shipped, "gate tflite int8 qat").result
    outputs = np.load(shipped.finished["gate tflite int8 qat"].folder / "outputs.npz")["outputs"]
    same = np.abs(outputs - twin[: len(outputs)]).max()
    assert judged["network"]["max_abs"] >= same - 1e-6
    assert np.abs(outputs - network[: len(outputs)]).max() != pytest.approx(same)
    right = [m["value"] for m in record(shipped, "evaluate keras").result["metrics"]]
    lost = 100 * (right[0] - judged["evaluation"]["metrics"][0]["value"])
    assert judged["drop"] == pytest.approx(lost)


def test_rows_and_report_tell_the_two_ways_apart(shipped: Any) -> None:
    rows = rows_of(shipped)
    assert [(r.format, r.trained) for r in rows if r.precision == "int8"] == [
        *(("onnx", False), ("onnx", True), ("tflite", False), ("tflite", True))
    ]
    view = view_of(shipped, "zoo ship")
    assert view.quantization is not None
    assert len(view.quantization.epochs) == 2
    page = (shipped.folder / "report.html").read_text(encoding="utf-8")
    assert "Quantization-aware training" in page
    assert "int8 qat" in page


def test_nothing_is_done_twice_and_nothing_that_is_not_needed(shipped: Any, place: Path) -> None:
    again = zoo.ship(
        "shared28",
        "digits",
        output=place / "runs",
        registry=shipped.job.registry,
        from_scratch=True,
        epochs=12,
        learning_rate=0.01,
        qat=True,
        qat_epochs=2,
    )
    assert all(step.cached for step in again.steps)
    generous = zoo.ship(
        "shared28",
        "digits",
        output=place / "generous",
        registry=shipped.job.registry,
        from_scratch=True,
        epochs=12,
        learning_rate=0.01,
        qat=True,
        qat_epochs=2,
        max_drop=50.0,
    )
    assert generous.passed
    assert record(generous, "qat").needless
    assert not [row for row in rows_of(generous) if row.trained]
    assert "not needed: after calibration" in remarks_of(generous, rows_of(generous))[-1]
    assert not list(generous.folder.glob("*qat*"))


def test_a_network_with_nothing_to_round_says_so(place: Path) -> None:
    plugin = place / "own_plugin.py"
    plugin.write_text(
        PLUGIN.replace("shared", "own").split("def build")[0]
        + """
def build(inputs, classes):
    import keras
    from keras import layers

    class Own(layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)
            self.inner = layers.Dense(classes)

        def call(self, x):
            return self.inner(keras.ops.reshape(x, (-1, 784)))

    return Own(name="head")(inputs)
"""
        + PLUGIN.replace("shared", "own")[PLUGIN.replace("shared", "own").index("\n\n@zoo.hook") :]
    )
    registry = load_registry(PluginSettings(paths=(str(plugin),)))
    run = zoo.ship(
        "own28",
        "digits",
        output=place / "own",
        registry=registry,
        report=False,
        formats=("tflite",),
        from_scratch=True,
        epochs=1,
        qat=True,
    )
    assert not run.passed
    failed = record(run, "qat")
    assert failed.status == "failed"
    assert "nothing that quantization-aware training could round" in failed.reason
    assert "head: Own is a layer of the plugin's own" in failed.reason
    assert record(run, "gate tflite int8").status == "passed", "it costs itself alone"
