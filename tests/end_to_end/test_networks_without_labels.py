"""A network of two outputs and samples without labels, from its file to files with their proof."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from free_sizes import detector

from zoo.artifacts.artifact import open_artifact
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "onnxruntime"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow


def typed(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "zoo", *arguments], cwd=home, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_network_without_labels_is_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    detector(tmp_path / "det.onnx")
    images = np.random.default_rng(0).random((100, 3, 16, 16), dtype=np.float32)
    np.savez(tmp_path / "samples.npz", images=images)
    asked = ("det.onnx", "--task", "tensors", "--data", "npz:samples.npz")
    made = typed(tmp_path, "export", *asked, "--format", "tflite", "--output", "runs")
    assert "no labels" in made
    assert "accuracy" not in made
    for precision, most in (("float32", 5e-5), ("int8", 0.1)):
        path = tmp_path / "runs" / f"det.samples.{precision}.tflite"
        artifact = open_artifact(load_registry(), path)
        manifest = artifact.manifest
        assert manifest is not None
        assert manifest.gate is not None
        assert (manifest.task, manifest.gate.passed, manifest.gate.metrics) == ("tensors", True, ())
        checks = {check.name for check in manifest.gate.checks}
        assert {"parity", "names", "finite", "placement"} <= checks
        assert "accuracy" not in checks
        assert [one.name for one in artifact.contents.inputs] == ["images"]
        assert [one.name for one in artifact.contents.outputs] == ["boxes", "scores:0"]
        assert artifact.contents.inputs[0].shape == (1, 3, 16, 16)
        assert artifact.contents.class_names in ((), ("",))
        assert manifest.golden is not None
        assert set(manifest.golden.limits) == {"boxes", "scores:0"}
        # The source's own answers are what the file is held against, on samples it was not made of.
        near(tmp_path / "det.onnx", path, images[:8], most)
    # The exit code is 1 where a claim of the manifest does not hold.
    assert "0 fail" in typed(tmp_path, "verify", str(path), "--data", "npz:samples.npz")


def near(source: Path, file: Path, images: np.ndarray, most: float) -> None:
    """A file answers as the network that it came from, output by output."""
    from ai_edge_litert.interpreter import Interpreter
    from onnxruntime import InferenceSession

    theirs = InferenceSession(str(source)).run(["boxes", "scores:0"], {"images": images})
    runner = Interpreter(model_path=str(file)).get_signature_runner()
    ours = [runner(images=image[None]) for image in images]
    for name, values in zip(("boxes", "scores:0"), theirs, strict=True):
        found = np.concatenate([one[name] for one in ours])
        assert np.abs(found - values).max() <= most * np.abs(values).max()
