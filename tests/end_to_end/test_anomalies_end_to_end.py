"""Anomalies in a series: trained, gated, verified, predicted, sabotaged and bundled."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commands import typed_in

from zoo.api.runs import write_report
from zoo.artifacts.artifact import embed, open_artifact
from zoo.artifacts.bundle import bundle
from zoo.common.progress import quiet
from zoo.networks.card import read_card
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope
from zoo.pipeline.run import execute
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "jinja2"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow


def written(path: Path) -> str:
    """Two channels that follow one phase, but for stretches in which one of them runs backwards."""
    random = np.random.default_rng(0)
    phase = np.cumsum(random.uniform(0.25, 0.35, 6000))
    first, second = np.sin(phase), np.cos(phase)
    odd = np.zeros(len(phase), bool)
    for start in range(700, 6000, 350):
        odd[start : start + 30] = True
    second = np.where(odd, -second, second)
    noise = random.normal(size=(2, len(phase))) * 0.05
    rows = np.stack([40 + 9 * (first + noise[0]), -0.2 * (second + noise[1]), odd], 1)
    np.savetxt(path, rows, ["%.5f", "%.5f", "%d"], ",", header="a,b,odd", comments="")
    return f"csv:{path}?window=8&stride=2&label=odd&normal=0"


def typed(home: Path, *arguments: str | Path, rc: int = 0) -> str:
    done = typed_in(home, *arguments)
    assert done.returncode == rc, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_from_series_to_a_program_that_prints_the_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    data, registry = written(tmp_path / "s.csv"), load_registry()
    recipe = recipe_from(
        model="autoencoder_dense",
        data=data,
        format=("tflite",),
        precision=("float32", "int8"),
        set={"units": [32], "code": 2},
        from_scratch=True,
        epochs=6,
        learning_rate=0.01,
        calibration_method="minmax",
    )
    run = execute(
        make_job(recipe, registry),
        scope=PlanScope(bench=False),
        output=tmp_path / "runs",
        named=True,
        store_url=None,
        on_step=quiet,
    )
    assert run.passed, [one.record.reason for one in run.finished.values()]
    write_report(run, "zoo ship …", quiet)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "ROC curve of" in page
    assert "reconstruction" in page
    card = read_card(run.weights.with_suffix(".toml"))
    (file,) = run.folder.glob("*.int8.tflite")
    artifact = open_artifact(registry, file)
    manifest = artifact.manifest
    assert manifest is not None
    assert manifest.decoding == card.decoding
    assert manifest.calibration is not None
    assert manifest.calibration.split.endswith("/train and other classes of validation")
    assert manifest.gate is not None
    assert {"AUC", "scale", "scores", "decoding"} <= {c.name for c in manifest.gate.checks}
    metrics = {metric.name: metric for metric in manifest.gate.metrics}
    assert metrics["AUC"].value > 0.9
    assert metrics["AUC"].low < metrics["AUC"].value
    assert "0 fail" in typed(tmp_path, "verify", file, "--data", data)

    rows = np.loadtxt(tmp_path / "s.csv", delimiter=",", skiprows=1)
    np.savez(tmp_path / "odd.npz", x=rows[1062:1070, :2][None].astype(np.float32))
    told = json.loads(typed(tmp_path, "predict", file, "odd.npz", "--json"))
    assert "anomaly, score" in json.dumps(told)

    made = bundle(file, output=tmp_path / "bundle", registry=registry)
    facts = json.loads((made.folder / "metadata.json").read_text(encoding="utf-8"))
    threshold = card.decoding["threshold"]
    assert facts["score"]["threshold"] == threshold
    program = [sys.executable, "python/run.py"]
    done = subprocess.run(program, cwd=made.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    said = [one for one in done.stdout.splitlines() if "golden" in one]
    assert len(said) == 3
    for line in said:
        found = re.fullmatch(r"golden \d: ok, (\w+), score (\S+) \(threshold (\S+)\)", line)
        assert found is not None, line
        assert found[1] == ("normal" if float(found[2]) <= float(threshold) else "anomaly")

    # A manifest whose threshold was changed, with a seal of its own.
    blind = {**manifest.decoding, "threshold": 1e6}
    embed(artifact.exporter, file, replace(manifest, decoding=blind))
    told = typed(tmp_path, "verify", file, rc=1)
    assert "golden answers" in told
    assert "its decoding was altered" in told
