"""A stranger's task with two outputs goes the whole way, with no line about it in the core."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from commands import typed_in
from short_timing import short_timing as short_timing

from zoo.artifacts.artifact import embed, open_artifact
from zoo.artifacts.golden_samples import make_golden, read_golden
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "onnxruntime", "tf2onnx", "jinja2"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow
PLUGIN = Path(__file__).parents[1] / "support" / "shapes_plugin.py"
OUTPUTS = ["shape", "radius"]
#: What the network trained here reaches on every run; chance is 33 % and 1.25 pixels.
ACCURATE, NEAR = 0.8, 1.0
FILES = [f"{p}{s}" for s in (".onnx", ".tflite") for p in ("float32", "int8")]


@dataclass(frozen=True)
class Shipped:
    home: Path
    folder: Path

    def file(self, end: str) -> Path:
        return self.folder / f"shapes16.shapes.{end}"

    def zoo(self, *arguments: str | Path) -> str:
        done = typed(self.home, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout


def typed(home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    own = {"ZOO_HOME": str(home), "ZOO_OFFLINE": "1"}
    return typed_in(home, "--plugin", PLUGIN, *arguments, environment=own)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Shipped:
    home = tmp_path_factory.mktemp("shapes")
    training = ("--from-scratch", "--epochs", "30", "--learning-rate", "0.01", "--seed", "1")
    done = typed(home, "ship", "shapes16", "--data", "shapes", *training, "--tier", "brief")
    assert done.returncode == 0, done.stdout + done.stderr
    (folder,) = (home / "runs").iterdir()
    return Shipped(home, folder)


@pytest.mark.parametrize("end", FILES)
def test_every_file_has_both_outputs_in_the_order_of_the_task(shipped: Shipped, end: str) -> None:
    artifact = open_artifact(load_registry(), shipped.file(end))
    assert [tensor.name for tensor in artifact.contents.outputs] == OUTPUTS
    assert [tensor.shape for tensor in artifact.contents.outputs] == [(1, 3), (1, 1)]
    manifest = artifact.manifest
    assert manifest is not None
    assert [tensor.name for tensor in manifest.outputs] == OUTPUTS
    assert manifest.meanings["radius"] == "the radius as a share of 7 pixels"


@pytest.mark.parametrize("end", FILES)
def test_the_gate_judges_both(shipped: Shipped, end: str) -> None:
    manifest = open_artifact(load_registry(), shipped.file(end)).manifest
    assert manifest is not None
    assert manifest.gate is not None
    assert manifest.gate.passed
    checks = {check.name: check for check in manifest.gate.checks}
    assert re.match(r"shape: .* agree, .*; radius: .* agree", checks["parity"].value)
    accuracy, error = manifest.gate.metrics
    assert (accuracy.name, error.name) == ("accuracy", "radius error")
    assert accuracy.value >= ACCURATE
    assert error.value <= NEAR
    assert error.low < error.value < error.high


@pytest.mark.parametrize("end", FILES)
def test_golden_samples_hold_both(shipped: Shipped, end: str) -> None:
    path = shipped.file(end)
    manifest = open_artifact(load_registry(), path).manifest
    assert manifest is not None
    assert manifest.golden is not None
    outputs = read_golden(manifest.golden, path).outputs
    assert outputs.dtype.names == tuple(OUTPUTS)
    np.testing.assert_allclose(outputs["shape"].sum(axis=-1), 1.0, atol=0.01)
    assert outputs["radius"].shape == (3, 1)
    assert [*manifest.golden.limits] == OUTPUTS


def test_a_wrong_answer_of_the_second_output_is_found(shipped: Shipped) -> None:
    # The golden outputs are exchanged for those of another radius: both formats must notice.
    for end in ("int8.tflite", "float32.onnx"):
        source = shipped.file(end)
        path = source.with_name(f"changed.{end}")
        path.write_bytes(source.read_bytes())
        artifact = open_artifact(load_registry(), path)
        manifest = artifact.manifest
        assert manifest is not None
        assert manifest.golden is not None
        arrays = read_golden(manifest.golden, path)
        arrays.outputs["radius"] += 0.25
        golden, beside = make_golden(manifest.golden, arrays, path.name)
        assert beside is None
        embed(artifact.exporter, path, replace(manifest, golden=golden))
        done = typed(shipped.home, "verify", path)
        path.unlink()
        assert done.returncode == 1
        assert re.search(r"golden outputs in .*max \|Δ\| 0.25", done.stdout)


def test_verify_finds_nothing(shipped: Shipped) -> None:
    for end in ("int8.tflite", "int8.onnx"):
        told = shipped.zoo("verify", shipped.file(end), "--data", "shapes")
        assert "0 fail" in told
        assert "radius error" in told


def test_what_inspect_and_explain_show(shipped: Shipped) -> None:
    for end in ("int8.tflite", "int8.onnx"):
        facts = json.loads(shipped.zoo("inspect", shipped.file(end), "--json"))
        assert [tensor["name"] for tensor in facts["contents"]["outputs"]] == OUTPUTS
        assert [*facts["manifest"]["golden"]["outputs"]] == OUTPUTS
        assert "head" in shipped.zoo("explain", shipped.file(end), "--data", "shapes")


def test_the_report_shows_decoded_answers(shipped: Shipped) -> None:
    page = (shipped.folder / "report.html").read_text(encoding="utf-8")
    assert re.search(r"disc of radius \d", page)
    assert "radius error" in page


@pytest.mark.parametrize("end", ["int8.tflite", "int8.onnx"])
def test_the_bundle_reads_both(shipped: Shipped, end: str) -> None:
    folder = shipped.home / f"bundle-{end}"
    told = shipped.zoo("bundle", shipped.file(end), "--output", folder)
    assert re.search(r"Python +ok: golden 1: ok, shape: \w+ \(.*\), radius: 0\.\d+", told)
    facts = json.loads((folder / "metadata.json").read_text(encoding="utf-8"))
    assert [output["name"] for output in facts["outputs"]] == OUTPUTS
    wrong = folder / "golden" / "output_2_2.bin"
    (np.fromfile(wrong, np.float32) + np.float32(0.1)).tofile(wrong)
    done = subprocess.run(
        [sys.executable, "python/run.py"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "golden 2: DIFFERS by 0.1" in done.stdout


def test_training_to_be_quantized_learns_both(shipped: Shipped) -> None:
    (weights,) = shipped.folder.glob("*.safetensors")
    precision = ("--precision", "int8", "--qat", "--qat-epochs", "1")
    told = shipped.zoo("export", weights, "--data", "shapes", *precision, "--output", "learnt")
    for end in ("int8-qat.onnx", "int8-qat.tflite"):
        assert re.search(rf"shapes16.shapes.{end} .* passed", told)
        path = shipped.home / "learnt" / f"shapes16.shapes.{end}"
        manifest = open_artifact(load_registry(), path).manifest
        assert manifest is not None
        assert manifest.gate is not None
        checks = {check.name: check for check in manifest.gate.checks}
        for name in ("parity", "conversion"):
            assert re.match(r"shape: .* agree, .*; radius: .* agree", checks[name].value)
        assert [metric.name for metric in manifest.gate.metrics] == ["accuracy", "radius error"]


def test_a_search_prunes_and_narrows(shipped: Shipped) -> None:
    (weights,) = shipped.folder.glob("*.safetensors")
    limits = ("--max-download", "1kB", "--prune", "0.5", "--width", "0.5", "--epochs", "2")
    form = ("--format", "tflite", "--precision", "int8", "--tier", "brief")
    done = typed(shipped.home, "optimize", weights, "--data", "shapes", *limits, *form)
    assert done.returncode == 1  # No file is as small as that.
    for name in ("pruned 50%", "width 0.5"):
        assert re.search(rf"tflite int8, {name} +\d", done.stdout), done.stderr
    # What the larger network answers is no one choice between classes.
    assert "learns from labels alone" in done.stderr + done.stdout
    assert "shape, radius" in done.stderr + done.stdout
