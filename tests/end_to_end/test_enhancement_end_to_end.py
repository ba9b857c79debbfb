"""Better pictures from a folder of good ones: trained, gated, verified, predicted and bundled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from commands import typed_in
from PIL import Image

from zoo.api.runs import write_report
from zoo.artifacts.artifact import open_artifact
from zoo.artifacts.bundle import bundle
from zoo.common.progress import quiet
from zoo.data.readers.photographs import PHOTOGRAPHS, read_photograph
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope
from zoo.pipeline.run import execute
from zoo.registry import load_registry
from zoo.results.records import NO_BETTER_THAN_INPUT

for module in ("tensorflow", "ai_edge_litert", "jinja2"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow


def folder_of_pictures(folder: Path) -> Path:
    """Crops of real photographs of 100 x 90 pixels."""
    folder.mkdir()
    for number, one in enumerate([*PHOTOGRAPHS[:3], *PHOTOGRAPHS[-3:]] * 3):
        top = 80 * (number // 6) + 40
        crop = read_photograph(one)[top : top + 90, top : top + 100]
        Image.fromarray(crop).save(folder / f"{number}.png")
    return folder


def test_from_good_pictures_to_a_program_that_makes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    good = folder_of_pictures(tmp_path / "good")
    recipe = recipe_from(
        model="espcn_x2",
        data=f"folder:{good}?degrade=bicubic2&patch=48",
        format=("tflite",),
        precision=("float32", "int8"),
        set={"filters": [8, 4]},
        input_size=24,
        from_scratch=True,
        epochs=1,
        calibration_method="minmax",
        allow_weak=True,
    )
    run = execute(
        make_job(recipe, load_registry()),
        scope=PlanScope(bench=False),
        output=tmp_path / "runs",
        named=True,
        store_url=None,
        on_step=quiet,
    )
    assert run.passed, [one.record.reason for one in run.finished.values()]
    evaluation = run.evaluation.result
    assert [metric.name for metric in evaluation.metrics] == ["PSNR", "SSIM"]
    # One epoch does not beat interpolation, and that is said.
    assert NO_BETTER_THAN_INPUT in {finding.code for finding in evaluation.findings}
    write_report(run, "zoo ship …", quiet)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "faithful to a network that is no better than what needs no network" in page
    for caption in ("bicubic", "network", "truth", "its changes, 16 times as bright"):
        assert f"<figcaption>{caption}</figcaption>" in page
    (file,) = run.folder.glob("*.int8.tflite")
    manifest = open_artifact(load_registry(), file).manifest
    assert manifest is not None
    assert dict(manifest.readings) == {"picture": "picture"}
    home = tmp_path / "home"
    verified = typed_in(home, "verify", file)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    predicted = typed_in(home, "predict", file, good / "0.png", "--pictures", tmp_path / "made")
    assert predicted.returncode == 0, predicted.stdout + predicted.stderr
    assert "cut into tiles" in predicted.stderr
    with Image.open(tmp_path / "made" / f"0.{file.name}.png") as made:
        assert made.size == (200, 180)
        wide = Image.open(good / "0.png").resize((200, 180), Image.Resampling.NEAREST)
        # Tiles lie where they belong: the network adds little to what it repeats.
        assert np.abs(np.asarray(made, float) - np.asarray(wide, float)).mean() < 25
    made_folder = bundle(file, output=tmp_path / "app", registry=load_registry()).folder
    crop = Image.open(good / "0.png").crop((0, 0, 24, 24))
    crop.save(tmp_path / "bad.png")
    done = subprocess.run(
        [sys.executable, made_folder / "python" / "run.py", tmp_path / "bad.png"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with Image.open(tmp_path / "bad.png.out.ppm") as better:
        assert better.size == (48, 48)
