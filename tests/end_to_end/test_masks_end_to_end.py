"""Masks of pictures: trained, gated, verified, predicted and bundled."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import typed_in

from zoo.api.runs import write_report
from zoo.artifacts.artifact import open_artifact
from zoo.artifacts.bundle import bundle
from zoo.common.progress import quiet
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope
from zoo.pipeline.run import execute
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "jinja2", "PIL"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow

SIDE = 16
COUNTS = {"train": 160, "validation": 30, "test": 70}
RED, GREEN = 1, 2


def written(folder: Path) -> str:
    """Pictures of a red disc and a green square on grey noise, with masks of their classes."""
    from PIL import Image

    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for split, count in COUNTS.items():
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True)
        for number in range(count):
            y, x, top, left = random.integers(2, SIDE - 4, 4)
            mask = np.zeros((SIDE, SIDE), np.uint8)
            mask[top : top + 5, left : left + 5] = GREEN
            mask[(rows - y) ** 2 + (columns - x) ** 2 <= 9] = RED
            picture = random.integers(90, 140, (SIDE, SIDE, 3))
            picture[mask == RED] += (90, -60, -60)
            picture[mask == GREEN] += (-60, 90, -60)
            name = f"{split}{number}.png"
            Image.fromarray(picture.astype(np.uint8)).save(folder / split / "images" / name)
            Image.fromarray(mask).save(folder / split / "masks" / name)
    return f"masks:{folder}"


def typed(home: Path, *arguments: str | Path) -> str:
    return printed(typed_in(home, *arguments))


def ran(folder: Path, *arguments: str | Path) -> str:
    """What a program of a bundle says, which runs in a process of its own."""
    program = [sys.executable, *map(str, arguments)]
    return printed(subprocess.run(program, cwd=folder, capture_output=True, text=True))


def printed(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_from_masks_to_a_program_that_tells_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    data, registry = written(tmp_path / "shapes"), load_registry()
    recipe = recipe_from(
        model="unet_small",
        data=data,
        format=("tflite",),
        precision=("float32", "int8"),
        set={"filters": [8, 8]},
        input_size=SIDE,
        from_scratch=True,
        epochs=8,
        batch_size=8,
        learning_rate=0.01,
        augment=("flip",),
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
    assert "mean IoU" in (run.folder / "report.html").read_text(encoding="utf-8")
    (file,) = run.folder.glob("*.int8.tflite")
    manifest = open_artifact(registry, file).manifest
    assert manifest is not None
    # Its metadata name the classes, for programs that know nothing of the manifest.
    assert list(manifest.attachments) == ["labels.txt"]
    assert manifest.gate is not None
    assert {"mean IoU", "parity", "classes", "confidence", "placement"} <= {
        check.name for check in manifest.gate.checks
    }
    metrics = {metric.name: metric for metric in manifest.gate.metrics}
    assert metrics["mean IoU"].value > 0.8
    assert metrics["mean IoU"].count == COUNTS["test"]
    # What is kept of all outputs is little; golden outputs are whole.
    assert manifest.golden is not None
    with np.load(next((tmp_path / "home").rglob("reference.npz"))) as stored:
        assert stored["outputs"].dtype.names == ("chosen", "probabilities")
    assert "0 fail" in typed(tmp_path, "verify", file, "--data", data)

    picture = tmp_path / "shapes" / "test" / "images" / "test3.png"
    told = json.loads(typed(tmp_path, "predict", file, picture, "--json"))
    (answer,) = told["examples"]
    assert sum(score["value"] for score in answer["scores"]) == pytest.approx(1.0)
    shares = {score["name"]: score["value"] for score in answer["scores"]}

    made = bundle(file, output=tmp_path / "bundle", registry=registry)
    facts = json.loads((made.folder / "metadata.json").read_text(encoding="utf-8"))
    assert facts["answer"] == "class-map"
    assert facts["output"]["shape"] == [1, SIDE, SIDE, 3]
    lines = ran(made.folder, "python/run.py", picture).splitlines()
    assert sum("ok" in line for line in lines if "golden" in line) == 3
    found = dict(re.findall(r"([\w-]+) ([\d.]+)%", lines[0].partition(": ")[2]))
    assert {*found} == {*shares}
    for name, share in found.items():
        assert float(share) / 100 == pytest.approx(shares[name], abs=6e-4)
