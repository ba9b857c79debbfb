"""Words in sounds: trained, gated, predicted, shown and bundled."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sound_folders import tone, tone_folder, wav

from zoo.api.runs import write_report
from zoo.artifacts.artifact import open_artifact
from zoo.artifacts.bundle import bundle
from zoo.common.progress import quiet
from zoo.contracts import SoundPreprocessing
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope
from zoo.pipeline.run import execute
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "jinja2", "scipy"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow


def typed(home: Path, *arguments: str | Path, rc: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=home, capture_output=True, text=True
    )
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
    told = json.loads(typed(tmp_path, "-m", "zoo", "predict", file, "high.wav", "--json"))
    assert '"high"' in json.dumps(told)
    told = typed(tmp_path, "-m", "zoo", "predict", file, "text.wav", rc=2)
    assert "it is a text" in told
    other = f"wav:{words}?seconds=0.5"
    told = typed(tmp_path, "-m", "zoo", "evaluate", file, "--data", other, rc=2)
    assert "rate=8000" in told

    made = bundle(file, output=tmp_path / "bundle", registry=registry)
    assert made.passed
    facts = json.loads((made.folder / "metadata.json").read_text(encoding="utf-8"))
    assert (facts["preprocessing"]["kind"], facts["preprocessing"]["rate"]) == ("sound", 8000)
    said = typed(made.folder, "python/run.py", tmp_path / "high.wav")
    assert re.search(r"high\.wav: high \(", said)
    assert said.count(": ok, ") == 3
