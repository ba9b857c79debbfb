"""Files that keep sides free: from a network that takes any size to their proof at several."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import typed_in
from free_sizes import image_reader, node, written
from keras_makers import nearest_window, save
from short_timing import short_timing as short_timing

from zoo.artifacts.artifact import embed, open_artifact
from zoo.contracts import FileContents
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "onnxruntime"):
    pytest.importorskip(module)
onnx = pytest.importorskip("onnx")

pytestmark = pytest.mark.slow


def typed(home: Path, *arguments: str, code: int = 0) -> str:
    done = typed_in(home, *arguments)
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert "Traceback" not in said
    return said


def test_free_sides_stay_free_and_are_judged_at_further_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    image_reader(tmp_path / "net.onnx")
    random = np.random.default_rng(0)
    brightness = random.normal(size=(60, 1, 1, 1))
    pixels = brightness + 0.3 * random.normal(size=(60, 3, 8, 12))
    np.savez(tmp_path / "samples.npz", x=pixels.astype(np.float32))
    asked = ("net.onnx", "--task", "tensors", "--data", "npz:samples.npz", "--output", "runs")
    made = typed(tmp_path, "export", *asked, "--dynamic", "x=Nx3xHxW")
    assert "N = 2, H = 16, W = 24" in made  # the network beside its source
    registry = load_registry()
    files = [tmp_path / "runs" / f"net.samples.{p}.{s}" for p, s in _kinds()]
    for path in files:
        artifact = open_artifact(registry, path)
        manifest = artifact.manifest
        assert manifest is not None
        assert manifest.gate is not None
        assert artifact.contents.inputs[0].shape == (-1, 3, -1, -1)
        assert manifest.free_sides == {"x": ("N", "", "H", "W")}
        assert [one.side for one in manifest.further] == ["N", "H", "W"]
        assert manifest.gate.passed
        checks = {check.name: check.value for check in manifest.gate.checks}
        assert all(size in checks["further sizes"] for size in ("N = 2", "H = 16", "W = 24"))
        verified = typed(tmp_path, "verify", str(path))
        assert verified.count("further sizes") == 3
        assert " 0 fail" in verified
    small, whole = files[-1], files[0]
    typed(tmp_path, "explain", str(small), "--samples", "4", "--runs", "0")
    bundled = typed(tmp_path, "bundle", str(small), "--output", "folder")
    assert "Python      ok" in bundled
    shapes = ("--shape", "x=1x3x8x12", "--shape", "x=2x3x32x20")
    timed = typed(tmp_path, "bench", str(small), "--tier", "brief", *shapes)
    shown = typed(tmp_path, "inspect", str(small))
    assert re.search(r"free sides +x N×3×H×W$", shown, re.M)
    assert "1x3x8x12" in timed
    assert "2x3x32x20" in timed
    _bake(whole)
    contents = open_artifact(registry, whole).contents
    assert contents.inputs[0].shape == (-1, 3, -1, -1)  # which nothing but running it shows
    refused = typed(tmp_path, "verify", str(whole), code=1)
    assert "-- further sizes, W, in onnxruntime" in refused


def test_a_labelled_network_of_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    save(tmp_path / "any.keras", nearest_window, (None, None, 1))
    asked = ("any.keras", "--data", "digits", "--input", "8x8 grey 0..1", "--output", "runs")
    cells = ("--format", "tflite", "--precision", "float32,int8", "--dynamic", "NxHxWx1")
    said = typed(tmp_path, "export", *asked, *cells, code=1)
    # Windows across two digits give more than any of one digit, so ranges do not hold them.
    assert "int8.tflite.rejected: further sizes: the file does not answer as the network" in said
    file = "runs/any.digits.float32.tflite"
    artifact = open_artifact(load_registry(), tmp_path / file)
    assert artifact.contents.inputs[0].shape == (-1, -1, -1, 1)
    manifest = artifact.manifest
    assert manifest is not None
    assert manifest.free_sides == {"pixels": ("N", "H", "W", "")}
    assert manifest.gate is not None
    checks = {check.name: check for check in manifest.gate.checks}
    assert checks["further sizes"].passed
    assert all(size in checks["further sizes"].value for size in ("N = 2", "H = 16", "W = 16"))
    assert "accuracy" in typed(tmp_path, "evaluate", file, "--data", "digits")
    assert " 0 fail" in typed(tmp_path, "verify", file)
    shapes = ("--shape", "1x8x8x1", "--shape", "2x24x16x1")
    timed = typed(tmp_path, "bench", file, "--tier", "brief", *shapes)
    assert all(shape in timed for shape in ("1x8x8x1", "2x24x16x1"))


def _kinds() -> list[tuple[str, str]]:
    return [(p, s) for p in ("float32", "int8") for s in ("onnx", "tflite")]


def _bake(path: Path) -> None:
    """Fixes height and width inside the file, and writes a manifest that fits its bytes."""
    artifact = open_artifact(load_registry(), path)
    manifest = artifact.manifest
    assert manifest is not None
    model = onnx.load(str(path))
    for each in model.graph.node:
        each.input[:] = ["baked" if name == "x" else name for name in each.input]
    sides = onnx.numpy_helper.from_array(np.array([-1, 3, 8, 12]), "sides")
    model.graph.initializer.append(sides)
    model.graph.node.insert(0, node("Reshape", "x sides", "baked"))
    onnx.save(model, str(path))
    contents: FileContents = artifact.exporter.inspect(path)
    fitting = replace(manifest, payload_sha256=contents.payload_sha256)
    embed(artifact.exporter, path, fitting)


def test_a_network_that_takes_one_size_keeps_no_side_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its source says that it takes any, and its own runtime tells otherwise."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    random = np.random.default_rng(0)
    written(
        tmp_path / "flat.onnx",
        [node("Flatten", "x", "f"), node("MatMul", "f k", "y")],
        [("x", onnx.TensorProto.FLOAT, ("n", 4, "w"))],
        [("y", onnx.TensorProto.FLOAT, ("n", 3))],
        {"k": random.normal(size=(24, 3)).astype(np.float32)},
    )
    np.savez(tmp_path / "samples.npz", x=random.normal(size=(60, 4, 6)).astype(np.float32))
    asked = ("flat.onnx", "--task", "tensors", "--data", "npz:samples.npz")
    said = typed(tmp_path, "export", *asked, "--dynamic", "1x4xW", code=1)
    assert "cannot keep W free: the network does not take W = 12" in said
    assert "--dynamic" in said


def test_a_free_time_axis_of_keras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An LSTM of any number of steps in ONNX; TFLite, which has none, refuses it by name."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    keras = pytest.importorskip("keras")
    given = keras.Input((None, 6), name="x")
    seen = keras.layers.LSTM(5, name="memory")(given)
    keras.Model(given, keras.layers.Dense(3, name="y")(seen)).save(tmp_path / "lines.keras")
    random = np.random.default_rng(0)
    np.savez(tmp_path / "samples.npz", x=random.normal(size=(60, 7, 6)).astype(np.float32))
    asked = ("lines.keras", "--task", "tensors", "--data", "npz:samples.npz", "--output", "runs")
    cells = ("--precision", "float32", "--dynamic", "1xTx6")
    said = typed(tmp_path, "export", *asked, *cells, code=1)
    assert "memory: TFLite files hold a LSTM of one number of steps" in said
    artifact = open_artifact(load_registry(), next((tmp_path / "runs").glob("*.float32.onnx")))
    assert artifact.contents.inputs[0].shape == (1, -1, 6)
    assert "LSTM" in artifact.contents.operators
    assert artifact.manifest is not None
    assert artifact.manifest.gate is not None
    assert artifact.manifest.gate.passed
