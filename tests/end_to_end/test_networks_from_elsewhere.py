"""A Keras file is shipped as it is; it is trained only on request."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from commands import typed_in
from keras_makers import nearest_mean, save
from short_timing import short_timing as short_timing

from zoo.artifacts.artifact import open_artifact
from zoo.common.files import sha256_of
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "jinja2"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow


def typed(home: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setenv("ZOO_HOME", str(home))
    done = typed_in(home, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_keras_file_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = save(tmp_path / "mine.keras", nearest_mean)
    sha256 = sha256_of(file)
    common = ("--data", "digits", "--json")
    made = json.loads(
        typed(
            tmp_path, monkeypatch, "ship", "mine.keras", *common, "--format", "tflite",
            "--tier", "brief", "--precision", "float32",
        )
    )  # fmt: skip
    train = next(step for step in made["steps"] if step["kind"] == "finetune")
    assert train["result"]["epochs"] == []
    exported = next((tmp_path / "runs").glob("*/mine.digits.float32.tflite"))
    manifest = open_artifact(load_registry(), exported).manifest
    assert manifest is not None
    assert manifest.network is not None
    assert (manifest.network.source, manifest.network.file) == ("keras", "mine.keras")
    assert manifest.network.sha256 == sha256
    assert manifest.gate is not None
    assert manifest.gate.passed
    assert manifest.golden is not None
    # Commands that take files take it, too, by the same kept steps.
    one = ("mine.keras", *common, "--format", "tflite")
    (timed,) = json.loads(
        typed(tmp_path, monkeypatch, "bench", *one, "--precision", "float32", "--tier", "brief")
    )
    assert timed["measurement"]["file"] == exported.name
    told = json.loads(typed(tmp_path, monkeypatch, "explain", *one, "--runs", "0"))
    assert Path(told["file"]["path"]).name == "mine.digits.int8.tflite"
    bundled = json.loads(typed(tmp_path, monkeypatch, "bundle", *one, "--precision", "float32"))
    assert bundled["passed"]
    assert exported.name in bundled["files"]
    # Its weights hold all that is needed: nothing of the file is read again.
    file.unlink()
    weights = str(exported.with_name("mine.digits.safetensors"))
    tuned = ("--epochs", "1", "--output", "tuned")
    typed(tmp_path, monkeypatch, "finetune", weights, *common, *tuned)
    found = json.loads(
        typed(tmp_path, monkeypatch, "evaluate", "tuned/mine.digits.safetensors", "--json")
    )
    assert found["metrics"][0]["value"] > 0.85


def test_an_onnx_file_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are judged; the original is evaluated as a network, its files as files."""
    from onnx_makers import nearest_mean as classifier
    from onnx_makers import saved

    saved(tmp_path / "mine.onnx", classifier())
    common = ("--data", "digits", "--json")
    options = ("--format", "onnx", "--precision", "float32")
    typed(tmp_path, monkeypatch, "export", "mine.onnx", *common, *options)
    exported = "exports/mine.digits.float32.onnx"
    manifest = open_artifact(load_registry(), tmp_path / exported).manifest
    assert manifest is not None
    assert manifest.network is not None
    assert (manifest.network.source, manifest.network.file) == ("onnx", "mine.onnx")
    assert manifest.gate is not None
    assert manifest.gate.passed
    found = [
        json.loads(typed(tmp_path, monkeypatch, "evaluate", name, *common))["metrics"][0]["value"]
        for name in ("mine.onnx", exported)
    ]
    assert found[0] == found[1] > 0.85
