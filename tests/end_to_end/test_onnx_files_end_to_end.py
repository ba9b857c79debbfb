"""ONNX files of unusual form, by the commands: channels first, and weights in a second file."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from commands import typed_in
from short_timing import short_timing as short_timing

for module in ("tensorflow", "onnxruntime", "tf2onnx"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow

#: Splits what is larger than a few kilobytes, where the product begins at 2 GB.
SMALL_FILES = """
from dataclasses import replace
import zoo
from zoo.exporters import onnx
from zoo.exporters.onnx import external_data

external_data.MOST_BYTES = 4096


@zoo.hookimpl
def zoo_exporters():
    (real,) = onnx.zoo_exporters()
    yield replace(real, name="parted", suffix=".parted")
"""
EXPORT = ("export", "lenet5.fashion_mnist", "--format", "onnx")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("onnx")
    (folder / "small.py").write_text(SMALL_FILES)
    return folder


def zoo(place: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    own = {"ZOO_HOME": str(place / "home"), "ZOO_OFFLINE": "1"}
    return typed_in(place, *arguments, environment=own)


def accuracy(place: Path, file: Path) -> float:
    done = zoo(place, "evaluate", file, "--json")
    assert done.returncode == 0, done.stderr
    return float(json.loads(done.stdout)["metrics"][0]["value"])


def test_channels_first_through_gate_evaluation_and_timing(place: Path) -> None:
    option = ("--export-option", "onnx.layout=nchw", "--precision", "float32,int8")
    method = ("--calibration-method", "minmax")
    done = zoo(place, *EXPORT, *option, *method, "--output", "first", "--json")
    assert done.returncode == 0, done.stderr
    found = {f["precision"]: f for f in json.loads(done.stdout)["files"]}
    for precision in ("float32", "int8"):
        file = place / "first" / found[precision]["file"]
        assert accuracy(place, file) == found[precision]["accuracy"]["value"] > 0.9
        shown = json.loads(zoo(place, "inspect", file, "--json").stdout)
        assert shown["contents"]["inputs"][0]["shape"] == [1, 1, 28, 28]
        assert shown["manifest"]["inputs"][0]["layout"] == "nchw"
        assert shown["manifest"]["preprocessing"]["layout"] == "nchw"
        assert "channels first" in shown["input"]["input"]
        assert "NCHW" in zoo(place, "inspect", file).stdout
    # The card of the weights knows nothing of a file's layout.
    assert "nchw" not in (place / "first" / "lenet5.fashion_mnist.toml").read_text()
    assert zoo(place, "bench", file, "--tier", "brief").returncode == 0


def test_layout_of_a_series_is_refused(place: Path) -> None:
    model = "lstm_small.fashion_mnist_rows"
    options = ("--format", "onnx", "--precision", "float32", "--output", "series")
    done = zoo(place, "export", model, *options, "--export-option", "onnx.layout=nchw")
    assert done.returncode == 1
    assert "is for images, and this network takes series: time × channel" in done.stdout


def test_weights_in_a_second_file_belong_to_the_first(place: Path) -> None:
    options = ("--precision", "float32,int8", "--output", "parts")
    done = zoo(place, "--plugin", "small.py", *EXPORT, *options)
    assert done.returncode == 1, "int8 is unsupported at that size"
    assert "cannot be int8 in ONNX files" in done.stdout
    file = place / "parts" / "lenet5.fashion_mnist.float32.onnx"
    side = file.with_name(f"{file.name}.data")
    assert file.stat().st_size < 40_000 < 200_000 < side.stat().st_size
    assert accuracy(place, file) > 0.9
    shown = json.loads(zoo(place, "inspect", file, "--json").stdout)
    assert shown["bytes"] == file.stat().st_size + side.stat().st_size
    assert shown["manifest"]["gate"]["passed"]
    assert side.name in zoo(place, "inspect", file).stdout
    whole = side.read_bytes()
    side.write_bytes(whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:])
    assert "was altered after its manifest" in zoo(place, "evaluate", file).stderr
    side.unlink()
    done = zoo(place, "evaluate", file)
    assert done.returncode == 2
    assert f"there is no {side.name} beside it" in done.stderr
    # The same command brings both back from the kept steps.
    zoo(place, "--plugin", "small.py", *EXPORT, *options)
    assert side.read_bytes() == whole
