"""A network of several inputs and outputs, samples without labels: from its file to its proof."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import typed_in
from free_sizes import two_reader_samples, two_readers

from zoo.artifacts.artifact import open_artifact
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert"):
    pytest.importorskip(module)
InferenceSession = pytest.importorskip("onnxruntime").InferenceSession

pytestmark = pytest.mark.slow
OUTPUTS = ("score", "map")


def typed(home: Path, *arguments: str) -> str:
    done = typed_in(home, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_network_without_labels_is_shipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both formats, names, order, axes and types kept; whole numbers stay whole."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    two_readers(tmp_path / "two.onnx")
    samples = two_reader_samples(100)
    np.savez(tmp_path / "samples.npz", **samples)
    asked = ("two.onnx", "--task", "tensors", "--data", "npz:samples.npz")
    made = typed(tmp_path, "export", *asked, "--output", "runs")
    assert "no labels" in made
    assert "accuracy" not in made
    wanted = [("pixels", "float32"), ("ids", "int64"), ("mask", "int32")]
    truth = InferenceSession(str(tmp_path / "two.onnx")).run(OUTPUTS, samples)
    files = [
        (precision, tmp_path / "runs" / f"two.samples.{precision}.{suffix}")
        for precision in ("float32", "int8")
        for suffix in ("onnx", "tflite")
    ]
    for precision, path in files:
        artifact = open_artifact(load_registry(), path)
        manifest = artifact.manifest
        assert manifest is not None
        assert manifest.gate is not None
        assert (manifest.task, manifest.gate.passed, manifest.gate.metrics) == ("tensors", True, ())
        checks = {check.name for check in manifest.gate.checks}
        assert {"parity", "names", "finite", "placement"} <= checks
        assert "accuracy" not in checks
        assert [(one.name, one.dtype) for one in artifact.contents.inputs] == wanted
        assert artifact.contents.inputs[0].shape == (1, 3, 8, 8)
        assert [one.name for one in artifact.contents.outputs] == [*OUTPUTS]
        assert artifact.contents.class_names in ((), ("",))
        assert manifest.golden is not None
        assert {*manifest.golden.limits} == {*OUTPUTS}
        assert isinstance(manifest.golden.inputs, dict)
        assert {*manifest.golden.inputs} == {*samples}
        # The source's own answers are what the file is held against.
        found = answered(path, samples)
        for name, right in zip(OUTPUTS, truth, strict=True):
            noise = max(float(np.square(found[name] - right).mean()), 1e-30)
            decibels = 10 * np.log10(right.var(0).mean() / noise)
            assert decibels >= (20.0 if precision == "int8" else 100.0), (path, name)
    path = files[-1][1]
    # The exit code is 1 where a claim of the manifest does not hold.
    assert "0 fail" in typed(tmp_path, "verify", str(path), "--data", "npz:samples.npz")
    made = typed(tmp_path, "bundle", str(path), "--output", "folder")
    assert "Python      ok: golden 1: ok" in made
    wrong = tmp_path / "folder" / "golden" / "input_1_2.bin"
    wrong.write_bytes(((np.fromfile(wrong, np.int64) + 1) % 50).tobytes())
    program = [sys.executable, str(tmp_path / "folder" / "python" / "run.py")]
    done = subprocess.run(program, capture_output=True, text=True)
    assert (done.returncode, "golden 1: DIFFERS" in done.stdout) == (1, True)


def answered(path: Path, samples: Mapping[str, Any]) -> dict[str, Any]:
    """What a file answers to all samples, whatever its format."""
    from ai_edge_litert.interpreter import Interpreter

    count = len(next(iter(samples.values())))
    each = [{name: v[n : n + 1] for name, v in samples.items()} for n in range(count)]
    if path.suffix == ".tflite":
        runner = Interpreter(model_path=str(path)).get_signature_runner()
        made: Sequence[Mapping[str, Any]] = [runner(**one) for one in each]
    else:
        session = InferenceSession(str(path))
        made = [dict(zip(OUTPUTS, session.run(OUTPUTS, one), strict=True)) for one in each]
    return {name: np.concatenate([one[name] for one in made]) for name in OUTPUTS}
