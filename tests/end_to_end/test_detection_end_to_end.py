"""Boxes: a detector trained, gated, verified, asked, bundled, reported and sabotaged."""

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

from tests.support import rectangles_plugin
from zoo.analysis.explain import explain
from zoo.api.runs import write_report
from zoo.artifacts.artifact import embed, open_artifact
from zoo.artifacts.bundle import bundle
from zoo.common.errors import UsageError
from zoo.common.progress import quiet
from zoo.networks.card import read_card
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope
from zoo.pipeline.run import execute
from zoo.registry import PluginSettings, load_registry

for module in ("tensorflow", "ai_edge_litert", "jinja2", "faster_coco_eval", "PIL"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow

PLUGIN = str(Path(rectangles_plugin.__file__))


def typed(home: Path, *arguments: str | Path, rc: int = 0) -> str:
    return printed(typed_in(home, *arguments), rc)


def ran(folder: Path, *arguments: str | Path, rc: int = 0) -> str:
    """What a program of a bundle says, which runs in a process of its own."""
    program = [sys.executable, *map(str, arguments)]
    return printed(subprocess.run(program, cwd=folder, capture_output=True, text=True), rc)


def printed(done: subprocess.CompletedProcess[str], rc: int) -> str:
    assert done.returncode == rc, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_from_pictures_to_a_program_that_prints_boxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    registry = load_registry(PluginSettings(paths=(PLUGIN,)))
    recipe = recipe_from(
        model="fomo_small",
        data="rectangles",
        format=("tflite",),
        precision=("float32", "int8"),
        set={"filters": [8, 12, 16, 16], "head": 16},
        from_scratch=True,
        epochs=16,
        batch_size=16,
        learning_rate=0.01,
        calibration_method="minmax",
        # Sixteen filters lose more in 8 bits than networks for use.
        max_drop=4.0,
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
    assert "mAP 50:95" in page
    assert "<figcaption>what is true</figcaption>" in page
    assert "<figcaption>before export</figcaption>" in page
    card = read_card(run.weights.with_suffix(".toml"))
    (file,) = run.folder.glob("*.int8.tflite")
    assert file.stat().st_size < 100_000
    artifact = open_artifact(registry, file)
    manifest = artifact.manifest
    assert manifest is not None
    assert manifest.decoding == card.decoding
    assert manifest.gate is not None
    assert {"parity", "mAP", "decoding"} <= {check.name for check in manifest.gate.checks}
    metrics = {metric.name: metric for metric in manifest.gate.metrics}
    assert metrics["mAP 50"].value > 0.6
    assert metrics["mAP 50:95"].low < metrics["mAP 50:95"].value
    assert manifest.golden is not None
    assert len(manifest.golden.answers) == 3
    zoo = ("--plugin", PLUGIN)
    assert "0 fail" in typed(tmp_path, *zoo, "verify", file, "--data", "rectangles")

    # The picture is shown larger than the network takes it: boxes are in its own pixels.
    pixels, labels = rectangles_plugin.pictures(8, seed=99)
    chosen = next(n for n, boxes in enumerate(labels) if (boxes[:, 0] >= 0).all())
    Image.fromarray(pixels[chosen]).resize((320, 128), Image.Resampling.NEAREST).save(
        tmp_path / "photo.png"
    )
    told = json.loads(typed(tmp_path, *zoo, "predict", file, "photo.png", "--json"))
    (answered,) = told["examples"]
    found = {box["name"]: box["pixels"] for box in answered["boxes"]}
    assert set(found) == set(rectangles_plugin.SHOWN)
    for label, *edges in labels[chosen]:
        true = np.array(edges) * (128, 320, 128, 320)
        off = np.abs(np.array(found[rectangles_plugin.CLASSES[int(label)]]) - true)
        assert (off <= (16, 40, 16, 40)).all()
    shown = typed(tmp_path, *zoo, "predict", file, "photo.png", "--html", "answers.html")
    assert re.search(r"object +% +top +left +bottom +right", shown)
    assert 'src="data:image/' in (tmp_path / "answers.html").read_text(encoding="utf-8")
    assert "mAP 50:95" in typed(tmp_path, *zoo, "evaluate", file, "--data", "rectangles")

    made = bundle(file, output=tmp_path / "bundle", registry=registry)
    facts = json.loads((made.folder / "metadata.json").read_text(encoding="utf-8"))
    assert facts["boxes"]["threshold"] == card.decoding["threshold"]
    said = [one for one in ran(made.folder, "python/run.py").splitlines() if "golden" in one]
    for line, answer in zip(said, manifest.golden.answers, strict=True):
        boxes = re.findall(r"([a-z ]+ \d\.\d\d) \[", line.partition("ok, ")[2].replace("], ", "]"))
        assert ", ".join(boxes) == answer or (answer == "nothing" and not boxes), (line, answer)

    # A manifest whose threshold was changed, with a seal of its own.
    blind = {**manifest.decoding, "threshold": 0.999}
    embed(artifact.exporter, file, replace(manifest, decoding=blind))
    told = typed(tmp_path, *zoo, "verify", file, rc=1)
    assert "golden answers" in told
    assert "its decoding was altered" in told

    # The same network once more, in files that decode boxes themselves.
    (raw,) = run.folder.glob("*.float32.tflite")
    gate = open_artifact(registry, raw).manifest.gate  # type: ignore[union-attr]
    assert gate is not None
    quality = gate.metrics[0].value
    exported = typed(
        tmp_path,
        *zoo,
        *("export", run.weights, "--data", "rectangles", "--end-to-end", "--max-drop", "4"),
        *("--format", "onnx,tflite", "--precision", "float32,int8", "--output", "decoded"),
        *("--calibration-method", "minmax"),
    )
    files = sorted((tmp_path / "decoded").rglob("*-end-to-end.*[ex]"))
    assert [one.name.split(".", 2)[2] for one in files] == [
        "float32-end-to-end.onnx",
        "float32-end-to-end.tflite",
        "int8-end-to-end.onnx",
        "int8-end-to-end.tflite",
    ], exported
    for one in files:
        own = open_artifact(registry, one).manifest
        assert own is not None
        assert own.end_to_end
        assert own.gate is not None
        assert {"parity", "mAP", "confidence", "decoding"} <= {c.name for c in own.gate.checks}
        assert [tensor.dtype for tensor in own.outputs] == ["float32"] * 4
        # In float32 the file's boxes are those that the raw file's are decoded into.
        if own.precision == "float32":
            assert own.gate.metrics[0].value == pytest.approx(quality, abs=1e-4)
    (_, file, _, small) = files
    # Operators of a decoder have no twin in a file without.
    with pytest.raises(UsageError, match="is not the float twin") as refusal:
        explain(small, against=raw, registry=registry)
    assert "--end-to-end --output" in str(refusal.value)
    assert "0 fail" in typed(tmp_path, *zoo, "verify", small, "--data", "rectangles")
    shown = json.loads(typed(tmp_path, *zoo, "predict", file, "photo.png", "--json"))
    assert {box["name"] for box in shown["examples"][0]["boxes"]} == set(rectangles_plugin.SHOWN)
    made = bundle(small, output=tmp_path / "decoded-bundle", registry=registry)
    manifest = open_artifact(registry, small).manifest
    assert manifest is not None
    assert manifest.golden is not None
    said = [one for one in ran(made.folder, "python/run.py").splitlines() if "golden" in one]
    for line, answer in zip(said, manifest.golden.answers, strict=True):
        boxes = re.findall(r"([a-z ]+ \d\.\d\d) \[", line.partition("ok, ")[2].replace("], ", "]"))
        assert ", ".join(boxes) == answer or (answer == "nothing" and not boxes), (line, answer)

    # Boxes are compared with each other: another order is right, another box is not.
    stored = [made.folder / f"golden/output_1_{n}.bin" for n in range(1, 5)]
    edges, classes, scores, count = (np.fromfile(own, np.float32) for own in stored)
    assert count[0] > 1
    for path, values in zip(stored, (edges.reshape(-1, 4), classes, scores), strict=False):
        values[:2] = values[1::-1].copy()
        values.tofile(path)
    assert "golden 1: ok" in ran(made.folder, "python/run.py")
    (edges + 0.2).tofile(stored[0])
    assert "golden 1: DIFFERS" in ran(made.folder, "python/run.py", rc=1)
