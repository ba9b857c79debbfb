"""Quantization-aware training from the command to proven files, of a stranger's plugin too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from short_timing import short_timing as short_timing

import zoo
from zoo.artifacts.artifact import open_artifact
from zoo.pipeline.rows import rows_of
from zoo.registry import PluginSettings, load_registry
from zoo.report.summary import remarks_of, view_of

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


def finished(run: Any, step: str) -> Any:
    return next(end for end in run.finished.values() if end.record.step == step)


def record(run: Any, step: str) -> Any:
    return finished(run, step).record


def open_named(run: Any, path: Path) -> Any:
    """A file, whether it was rejected or not: the tests are of how it was made."""
    copy = path.with_name(f"copy.{path.name.removesuffix('.rejected')}")
    copy.write_bytes(path.read_bytes())
    try:
        return open_artifact(run.job.registry, copy)
    finally:
        copy.unlink()


@pytest.mark.parametrize(("format", "real"), [("tflite", ()), ("onnx", ("Mul",))])
def test_a_plugins_network_becomes_integer_files_that_say_how(
    shipped: Any, format: str, real: tuple[str, ...]
) -> None:
    judged = record(shipped, f"gate {format} int8 qat")
    path = shipped.folder / judged.result["file"]
    assert path.name.startswith(f"shared28.digits.int8-qat.{format}")
    artifact = open_named(shipped, path)
    assert artifact.contents.float_islands == real  # ONNX files normalize in float.
    manifest = artifact.manifest
    assert manifest is not None
    assert manifest.trained is not None
    assert (manifest.precision, manifest.calibration) == ("int8", None)
    assert (manifest.trained.epochs, manifest.trained.split) == (2, "digits/train")
    learnt = record(shipped, "qat").result
    assert manifest.trained.weights_sha256 == learnt["weights_sha256"]
    other = record(shipped, f"gate {format} int8").result["file"]
    calibrated = open_named(shipped, shipped.folder / other)
    assert calibrated.manifest is not None
    assert calibrated.manifest.trained is None


def test_files_are_judged_against_the_network_and_the_twin(shipped: Any) -> None:
    twin, network = (
        np.load(finished(shipped, name).folder / "reference.npz")["outputs"]
        for name in ("evaluate qat", "evaluate keras")
    )
    step = finished(shipped, "gate tflite int8 qat")
    judged, outputs = step.record.result, np.load(step.folder / "outputs.npz")["outputs"]
    assert judged["network"]["max_abs"] == pytest.approx(
        np.abs(outputs - network[: len(outputs)]).max(), rel=1e-5
    )
    checks = {check["name"]: check for check in judged["checks"]}
    assert checks["conversion"]["passed"], checks["conversion"]
    assert (
        f"max |Δ| {np.abs(outputs - twin[: len(outputs)]).max():.2g}"
        in (checks["conversion"]["value"])
    )
    right = record(shipped, "evaluate keras").result["metrics"][0]["value"]
    lost = 100 * (right - judged["evaluation"]["metrics"][0]["value"])
    assert judged["drop"] == pytest.approx(lost)
    assert "conversion" not in {
        c["name"] for c in record(shipped, "gate tflite int8").result["checks"]
    }


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
    assert all(step.cached for step in again.steps if step.status != "skipped")
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
        format=("tflite",),
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
