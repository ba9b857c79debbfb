"""The search on a tiny network and real digits: found, told, resumed, refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from commands import typed_in
from short_timing import short_timing as short_timing

import zoo
from zoo.artifacts.artifact import open_unaltered
from zoo.pipeline.search.optimize import as_json
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "sklearn", "jinja2"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow

OPTIONS: dict[str, Any] = {
    "format": ("tflite",),
    "precision": ("float32", "int8"),
    "width": (0.5,),
    "prune": (0.8,),
    "epochs": 2,
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One home for the whole file: the tests look at one search and go on from it."""
    monkeypatch.setenv("ZOO_HOME", str(home))
    monkeypatch.setenv("ZOO_OFFLINE", "1")


@pytest.fixture(scope="module")
def weights(home: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small convolutional network that has learnt the digits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        run = zoo.finetune(
            "convnet28",
            "digits",
            output=tmp_path_factory.mktemp("weights"),
            from_scratch=True,
            epochs=3,
            set={"filters": [8, 8], "hidden": 16},
        )
    return str(run.weights)


@pytest.fixture(scope="module")
def found(weights: str, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        return zoo.optimize(
            weights,
            output=tmp_path_factory.mktemp("out"),
            max_size="40kB",
            max_drop=20.0,
            **OPTIONS,
        )


def test_every_stage_that_was_asked_for_made_judged_files(found: Any) -> None:
    names = {point.name for point in found.points}
    assert {"tflite float32", "tflite int8"} <= names
    assert {f"tflite {p}, width 0.5" for p in ("float32", "int8")} <= names
    assert {f"tflite {p}, pruned 80%" for p in ("float32", "int8")} <= names
    for point in found.points:
        assert point.verdict in ("passed", "rejected")
        assert point.metric is not None
        assert point.checks
        assert (point.p50_ms is not None) == (point.verdict == "passed")


def test_the_chosen_file_keeps_the_limits_and_says_so_itself(found: Any) -> None:
    assert found.best is not None
    assert found.file.stat().st_size == found.best.bytes <= 40_000
    artifact = open_unaltered(load_registry(), found.file)
    assert artifact.manifest is not None
    assert artifact.manifest.gate is not None
    assert artifact.manifest.gate.passed


def test_a_narrower_network_is_smaller_and_a_pruned_one_downloads_smaller(found: Any) -> None:
    by_name = {point.name: point for point in found.points}
    whole, half = by_name["tflite float32"], by_name["tflite float32, width 0.5"]
    thin = by_name["tflite float32, pruned 80%"]
    assert half.bytes < 0.8 * whole.bytes
    assert thin.bytes < whole.bytes
    assert thin.download_bytes < 0.8 * whole.download_bytes
    assert "pruning pays" in thin.note


def test_the_folder_tells_everything(found: Any) -> None:
    told = json.loads((found.folder / "optimize.json").read_text())
    assert told == json.loads(json.dumps(as_json(found)))
    assert told["best"] == found.best.name
    page = (found.folder / "report.html").read_text()
    assert found.best.name in page
    assert page.count("<svg") == 4, "each for wide and for narrow pages"
    recipe = (found.folder / "recipe.toml").read_text()
    assert found.best.precision in recipe


def test_the_recipe_in_the_folder_makes_the_chosen_file_again(
    found: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(found.folder)
    run = zoo.ship(recipe="recipe.toml", output=tmp_path, report=False)
    exporter = load_registry().exporters.get("tflite")
    again = next(f.path for f in run.files if f".{found.best.precision}." in f.name)
    assert exporter.inspect(again).payload_sha256 == exporter.inspect(found.file).payload_sha256


def test_again_redoes_nothing(found: Any, weights: str) -> None:
    done: list[str] = []

    def note(step: str, event: dict[str, Any]) -> None:
        if event["event"] == "end" and not event["cached"]:
            done.append(step)

    stranger, old = found.folder / "my notes.txt", found.folder / "chosen.before.tflite"
    outside = found.folder.parent / "outside.txt"
    for path in (stranger, old, outside):
        path.write_text("x")
    told = json.loads((found.folder / "optimize.json").read_text())
    told["files"] += [old.name, f"../{outside.name}", "..", 3]
    (found.folder / "optimize.json").write_text(json.dumps(told))

    def search() -> Any:
        return zoo.optimize(
            weights,
            output=found.folder.parent,
            max_size="40kB",
            max_drop=20.0,
            report=False,
            on_step=note,
            **OPTIONS,
        )

    again = search()
    assert old.exists(), "a list that was tampered with tells nothing"
    told["files"].remove(3)
    (found.folder / "optimize.json").write_text(json.dumps(told))
    search()
    assert done == []
    assert not old.exists()
    assert stranger.exists()
    assert outside.exists()
    assert all(path.exists() for path in again.files)
    assert again.folder == found.folder
    assert again.best == found.best


def test_what_cannot_be_met_ends_with_1_and_the_nearest(
    found: Any, weights: str, tmp_path: Path
) -> None:
    done = _zoo(weights, tmp_path, "--max-size", "100B", "--width", "none", "--prune", "none")
    assert done.returncode == 1
    assert "No file keeps every limit" in done.stdout
    assert "over the limit" in done.stdout


def test_a_budget_of_no_time_begins_no_training(found: Any, weights: str, tmp_path: Path) -> None:
    stopped = zoo.optimize(
        weights, output=tmp_path, max_size="100B", budget_time="1us", report=False, **OPTIONS
    )
    assert stopped.stopped
    assert {point.stage for point in stopped.points} == {"precisions"}
    assert any("budget" in note for note in stopped.notes)


def test_a_killed_search_goes_on_where_it_was(weights: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    environment = {**os.environ, "ZOO_HOME": str(home)}
    command = _command(weights, tmp_path, "--width", "none", "--prune", "none", "--json")
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    steps = home / "cache" / "steps"
    while process.poll() is None and len(_finished(steps)) < 3:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in _finished(steps)}
    assert len(before) >= 3
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    told = json.loads(done.stdout)
    assert {point["name"] for point in told["points"]} == {"tflite float32", "tflite int8"}


def _finished(steps: Path) -> list[Path]:
    return [p for p in steps.glob("*/record.json") if not p.parent.name.startswith(".")]


def _zoo(weights: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return typed_in(folder, *_asked(weights, folder, *options))


def _command(weights: str, folder: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "zoo", *_asked(weights, folder, *options)]


def _asked(weights: str, folder: Path, *options: str) -> list[str]:
    asked = ["--format", "tflite", "--precision", "float32,int8", "--output", str(folder)]
    return ["optimize", weights, *asked, *options]
