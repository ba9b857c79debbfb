"""Conversions at the same time write the files that they write one after another."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.artifacts.artifact import manifest_text, open_unaltered
from zoo.common.errors import NativeCrash
from zoo.common.worker import call
from zoo.contracts.training import Calibration
from zoo.networks.loading import Subject
from zoo.pipeline.steps.export import ExportParameters
from zoo.registry import PluginSettings, load_registry

pytestmark = pytest.mark.slow

CELLS = [("tflite", "int8"), ("onnx", "int8"), ("tflite", "dynamic-int8"), ("onnx", "float32")]
Written = tuple[str, str, int]
PROCESS = """
import sys
from test_side_by_side import convert_all
convert_all(sys.argv[1], at_once=2)
"""


def convert(folder: Path, cell: tuple[str, str], seed: int = 0) -> None:
    call(
        "zoo.pipeline.steps.export:export",
        {
            "subject": Subject(model="lenet5.fashion_mnist", plugins=PluginSettings()),
            "asked": ExportParameters(
                format=cell[0],
                precision=cell[1],
                data="fashion_mnist",
                calibration=Calibration(samples=16, method="minmax"),
                seed=seed,
                target=load_registry(PluginSettings(installed=False)).targets.get("x86-avx2"),
            ),
            "folder": folder,
        },
    )


def convert_all(folder: str | Path, at_once: int) -> dict[str, Written]:
    """What the files hold; dates are left out."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda cell: convert(folder, cell), CELLS))
    return contents(folder)


def contents(folder: Path) -> dict[str, Written]:
    """By name: the SHA-256 of the model's bytes, the manifest without its date, and the size."""
    registry, found = load_registry(PluginSettings(installed=False)), {}
    for path in folder.iterdir():
        artifact = open_unaltered(registry, path)
        assert artifact.manifest is not None
        undated = manifest_text(replace(artifact.manifest, created=""))
        found[path.name] = (artifact.contents.payload_sha256, undated, path.stat().st_size)
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Written]:
    made = convert_all(tmp_path_factory.mktemp("alone"), at_once=1)
    assert len(made) == len(CELLS)
    return made


def test_in_threads(alone: dict[str, Written], tmp_path: Path) -> None:
    assert convert_all(tmp_path, at_once=4) == alone


def test_in_processes_that_share_a_home(
    alone: dict[str, Written], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (here, here.parent / "support"))))
    folders = [tmp_path / name for name in "ab"]
    running = [subprocess.Popen([sys.executable, "-c", PROCESS, str(f)]) for f in folders]
    assert [process.wait(600) for process in running] == [0, 0]
    for folder in folders:
        assert contents(folder) == alone


def test_the_comparison_sees_another_seed(alone: dict[str, Written], tmp_path: Path) -> None:
    convert(tmp_path, CELLS[0], seed=1)
    ((name, written),) = contents(tmp_path).items()
    assert written != alone[name]


def test_the_converter_really_crashes_and_says_so() -> None:
    """TensorFlow's converter dies of an int8 LSTM that is a loop."""
    with pytest.raises(NativeCrash, match="was killed by SIG") as caught:
        call("crashing_conversion:convert_lstm_loop", {})
    assert "native code" in caught.value.why
