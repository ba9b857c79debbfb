"""Words in sounds: trained, gated, predicted, shown and bundled."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import typed_in
from sound_folders import tone, tone_folder, wav

from zoo.api.runs import write_report
from zoo.artifacts.artifact import open_artifact
from zoo.artifacts.bundle import bundle
from zoo.common.progress import quiet
from zoo.contracts import SoundPreprocessing
from zoo.contracts.preprocessing import WaveformPreprocessing
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope
from zoo.pipeline.run import execute
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "jinja2", "scipy"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow


def typed(home: Path, *arguments: str | Path, rc: int = 0) -> str:
    return printed(typed_in(home, *arguments), rc)


def ran(folder: Path, *arguments: str | Path, rc: int = 0) -> str:
    """What a program of a bundle says, which runs in a process of its own."""
    program = [sys.executable, *map(str, arguments)]
    return printed(subprocess.run(program, cwd=folder, capture_output=True, text=True), rc)


def printed(done: subprocess.CompletedProcess[str], rc: int) -> str:
    assert done.returncode == rc, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_from_sounds_to_a_program_that_names_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    words, registry = (
        tone_folder(tmp_path / "tones", voices=10, takes=4, rate=8000),
        load_registry(),
    )
    recipe = recipe_from(
        model="ds_cnn",
        data=f"wav:{words}?rate=8000&seconds=0.5",
        format=("tflite",),
        precision=("float32", "int8"),
        set={"filters": 8, "blocks": 1},
        from_scratch=True,
        epochs=8,
        batch_size=8,
        learning_rate=0.02,
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
    assert "data:image/png" in (run.folder / "report.html").read_text(encoding="utf-8")
    (file,) = run.folder.glob("*.int8.tflite")
    manifest = open_artifact(registry, file).manifest
    assert manifest is not None
    own = manifest.preprocessing
    assert isinstance(own, SoundPreprocessing)
    assert (own.rate, own.samples, own.frame, own.coefficients) == (8000, 4000, 240, 10)
    assert manifest.gate is not None
    assert {metric.name: metric for metric in manifest.gate.metrics}["accuracy"].value > 0.9

    # A second at another rate, in two channels, of 24 bits; a text that is called a sound.
    high = np.repeat(tone(2700, 44_100)[:, None], 2, axis=1)
    (tmp_path / "high.wav").write_bytes(wav(high, 44_100, 24))
    (tmp_path / "text.wav").write_text("a text")
    told = json.loads(typed(tmp_path, "predict", file, "high.wav", "--json"))
    assert '"high"' in json.dumps(told)
    told = typed(tmp_path, "predict", file, "text.wav", rc=2)
    assert "it is a text" in told
    other = f"wav:{words}?seconds=0.5"
    told = typed(tmp_path, "evaluate", file, "--data", other, rc=2)
    assert "rate=8000" in told

    made = bundle(file, output=tmp_path / "bundle", registry=registry)
    assert made.passed
    facts = json.loads((made.folder / "metadata.json").read_text(encoding="utf-8"))
    assert (facts["preprocessing"]["kind"], facts["preprocessing"]["rate"]) == ("sound", 8000)
    said = ran(made.folder, "python/run.py", tmp_path / "high.wav")
    assert re.search(r"high\.wav: high \(", said)
    assert said.count(": ok, ") == 3

    # The same network in files that take samples.
    (weights,) = run.folder.glob("*.safetensors")
    own = f"wav:{words}?rate=8000&seconds=0.5"
    asked = ("--format", "tflite,onnx", "--precision", "int8", "--output", "whole")
    typed(tmp_path, "export", weights, "--data", own, "--end-to-end", *asked)
    files = sorted((tmp_path / "whole").glob("*.int8-end-to-end.*"))
    assert [path.suffix for path in files] == [".onnx", ".tflite"]
    for whole in files:
        told_of = open_artifact(registry, whole).manifest
        assert told_of is not None
        takes = told_of.preprocessing
        assert isinstance(takes, WaveformPreprocessing)
        assert (takes.rate, takes.samples, takes.of_network) == (8000, 4000, manifest.preprocessing)
        assert told_of.gate is not None
        checks = {check.name: check.value for check in told_of.gate.checks}
        assert "in the file" in checks["preprocessing"]
        assert "kept in float on purpose (front_end)" in checks["placement"]
    # Of a second each the loudest half is taken, as the file without a front end takes it.
    both = typed(tmp_path, "predict", file, "high.wav", "--json")
    for whole in files:
        told = json.loads(typed(tmp_path, "predict", whole, "high.wav", "--json"))
        (found,), (without,) = told["examples"], json.loads(both)["examples"]
        assert found["answer"] == without["answer"] == "high"
        assert abs(found["confidence"] - without["confidence"]) < 0.05
    (_, whole) = files
    said = typed(tmp_path, "evaluate", whole, "--data", other, rc=2)
    assert "rate=8000" in said
    assert "0 fail" in typed(tmp_path, "verify", whole, "--data", own)
    said = typed(tmp_path, "export", weights, "--data", own, "--end-to-end", "--qat", rc=2)
    assert "leave out --qat, or --end-to-end" in said

    folder = bundle(whole, output=tmp_path / "whole-bundle", registry=registry)
    assert folder.passed
    assert not (folder.folder / "cpp" / "sound.h").exists()
    said = ran(folder.folder, "python/run.py", tmp_path / "high.wav")
    assert re.search(r"high\.wav: high \(", said)
