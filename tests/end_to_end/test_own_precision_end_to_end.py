"""A plugin's own precision goes the whole way, and no file of the core knows it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from commands import typed_in
from short_timing import short_timing as short_timing

from zoo.artifacts.artifact import open_artifact
from zoo.registry import PluginSettings, load_registry

pytestmark = pytest.mark.slow
PLUGIN = Path(__file__).parents[1] / "plugins" / "zoo_wide.py"
SHIP = ("ship", "lenet5", "--data", "digits", "--from-scratch", "--epochs", "2")


def typed(home: Path, *arguments: str | Path, plugin: bool = True) -> subprocess.CompletedProcess:
    with_plugin = ("--plugin", str(PLUGIN)) if plugin else ()
    own = {"ZOO_HOME": str(home), "ZOO_OFFLINE": "1"}
    return typed_in(home, *with_plugin, *arguments, environment=own)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def rows(home: Path) -> list[dict]:
    done = typed(
        home,
        *(*SHIP, "--format", "wide,tflite", "--precision", "wide-int8,float32", "--json"),
        *("--target", "wide-npu"),
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert "The format tflite has no wide-int8: left out." in summary["remarks"]
    assert [row["precision"] for row in summary["files"] if row["format"] == "tflite"] == [
        "float32"
    ]
    return [
        {**row, "folder": str(home / summary["folder"])}
        for row in summary["files"]
        if row["format"] == "wide"
    ]


def test_its_files_are_judged_by_its_own_thresholds(rows: list[dict]) -> None:
    assert [row["precision"] for row in rows] == ["float32", "wide-int8"]
    checks = {check["name"]: check for check in rows[1]["checks"]}
    assert checks["parity"]["limit"].startswith("same first choice on at least 91%")
    assert checks["accuracy"]["limit"] == "no significant loss above 7.5 points"
    assert checks["placement"]["limit"] == "at least 75% of the multiply-adds are integer"
    assert "100.0% of" in checks["placement"]["value"]
    registry = load_registry(PluginSettings(paths=(str(PLUGIN),), installed=False))
    manifest = open_artifact(registry, Path(rows[1]["folder"]) / rows[1]["file"]).manifest
    assert manifest is not None
    assert manifest.precision == "wide-int8"
    assert manifest.golden is not None
    assert manifest.golden.max_abs >= 0.004
    assert manifest.golden.tolerance.endswith("in wide-int8")


def test_its_file_is_verified_and_unknown_elsewhere(home: Path, rows: list[dict]) -> None:
    file = Path(rows[1]["folder"]) / rows[1]["file"]
    done = typed(home, "verify", file)
    assert done.returncode == 0, done.stdout + done.stderr
    shown = typed(home, "inspect", file).stdout
    assert "integer" in next(line for line in shown.splitlines() if "multiply-adds" in line)
    alone = typed(home, "verify", file, plugin=False)
    assert alone.returncode == 1
    assert "unknown precision 'wide-int8'" in alone.stdout


def test_a_misspelt_one_is_an_error_with_the_nearest(home: Path) -> None:
    done = typed(home, *SHIP, "--format", "wide", "--precision", "wide-int9")
    assert done.returncode == 2
    assert "did you mean 'wide-int8'" in done.stdout + done.stderr


def test_its_target_is_listed(home: Path) -> None:
    assert "wide-int8, float32" in typed(home, "targets").stdout
