"""Real targets and several labels, from arrays to a bundle's program."""

from __future__ import annotations

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

for module in ("tensorflow", "ai_edge_litert", "onnxruntime", "tf2onnx", "jinja2", "sklearn"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow
TARGETS = ("column", "Zeile, von oben")
LABELS = ("gerade Zahl", "素数", "four")


def centres(pictures: np.ndarray) -> np.ndarray:
    """Where the ink of pictures lies, in eighths of a side: (examples, 2)."""
    side = pictures.shape[1]
    places, ink = (np.arange(side) + 0.5) * 8 / side - 0.5, pictures.sum((1, 2))
    return np.stack([pictures.sum(1) @ places / ink, pictures.sum(2) @ places / ink], 1)


@pytest.mark.parametrize(
    ("what", "format", "precision"), [("targets", "tflite", "int8"), ("labels", "onnx", "float32")]
)
def test_what_is_learnt_is_shipped_verified_and_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, format: str, precision: str
) -> None:
    from sklearn.datasets import load_digits

    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    digits = load_digits()
    held = ([0, 2, 4, 6, 8], [2, 3, 5, 7], [4])
    found = np.stack([np.isin(digits.target, numbers) for numbers in held], 1)
    y, names = (centres(digits.images), TARGETS) if what == "targets" else (found, LABELS)
    pixels = (digits.images * 15).astype(np.uint8)
    np.savez(tmp_path / "digits.npz", x=pixels, y=y, **{what: np.array(names)})
    data = f"npz:{tmp_path}/digits.npz"
    recipe = recipe_from(
        model="lenet5",
        data=data,
        format=(format,),
        precision=(precision,),
        from_scratch=True,
        epochs=4,
        learning_rate=0.003,
        calibration_method="minmax",
    )
    run = execute(
        make_job(recipe, load_registry()),
        scope=PlanScope(bench=False),
        output=tmp_path / "runs",
        named=True,
        store_url=None,
        on_step=quiet,
    )
    write_report(run, "zoo ship …", quiet)
    assert run.passed, [one.record.reason for one in run.finished.values()]
    (file,) = run.folder.glob(f"*.{precision}.{format}")
    registry = load_registry()
    manifest = open_artifact(registry, file).manifest
    assert manifest is not None
    assert manifest.gate is not None
    assert manifest.classes == names
    checks = {check.name for check in manifest.gate.checks}
    metrics = {metric.name: metric for metric in manifest.gate.metrics}
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in names)
    told = typed_in(tmp_path, "verify", file, "--data", data).stdout
    assert " 0 fail" in told
    assert f"{len(names)} names for outputs of shape 1×{len(names)}" in told
    made = bundle(file, output=tmp_path / "bundle", registry=registry)
    program = [sys.executable, "python/run.py"]
    done = subprocess.run(program, cwd=made.folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    assert [line.partition(",")[0] for line in said] == [f"golden {n}: ok" for n in (1, 2, 3)]
    if what == "targets":
        assert {"scale", "resolution", "accuracy"} <= checks
        assert metrics["error of column"].value < 0.15
        for number, line in enumerate(said, start=1):
            raw = np.fromfile(made.folder / f"golden/input_{number}.bin", np.uint8)
            answers = re.fullmatch(r".*, column (\S+), Zeile, von oben (\S+)", line)
            assert answers is not None, line
            right = centres(raw.reshape(1, 28, 28).astype(float))[0]
            assert [float(one) for one in answers.groups()] == pytest.approx(right, abs=0.5)
    else:
        assert {"classes", "confidence", "accuracy"} <= checks
        assert metrics["mean average precision"].value > 0.9
        shown = {re.sub(r" \([\d.]+%\)", "", line.partition(", ")[2]) for line in said}
        assert shown <= {"no label", *LABELS, "gerade Zahl, 素数", "gerade Zahl, four"}
        assert len(shown) > 1
