"""`zoo verify` as a command: without TensorFlow, without a runtime, on a bad file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from verified_files import with_flipped_weights

#: Read by Python when it starts: nothing of these packages can be imported.
HIDE = """
import os
from importlib.machinery import PathFinder

hidden = set(os.environ["HIDDEN"].split(","))
real = PathFinder.find_spec

def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] in hidden else real(name, path, target)

PathFinder.find_spec = staticmethod(find_spec)
"""


def command(*arguments: str | Path, hidden: str = "", folder: Path) -> subprocess.CompletedProcess:
    (folder / "hide").mkdir(exist_ok=True)
    (folder / "hide" / "sitecustomize.py").write_text(HIDE)
    return subprocess.run(
        [sys.executable, "-m", "zoo", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(folder / "hide"), "HIDDEN": hidden},
        capture_output=True,
        text=True,
        check=False,
    )


WITHOUT_TENSORFLOW = "tensorflow,keras,tf2onnx,safetensors,jinja2"


@pytest.mark.parametrize("end", ["float32.onnx", "int8.tflite"])
def test_the_command_needs_no_tensorflow(
    end: str, copy: Callable[[str], Path], tmp_path: Path
) -> None:
    file = copy(end)
    done = command("verify", file, "--data", "digits", hidden=WITHOUT_TENSORFLOW, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "bit for bit the same" in done.stdout
    assert " 0 fail" in done.stdout


def test_what_is_hidden_cannot_be_imported(tmp_path: Path) -> None:
    blocked = command(
        *("finetune", "lenet5", "--data", "digits"), hidden=WITHOUT_TENSORFLOW, folder=tmp_path
    )
    assert "not installed" in blocked.stderr  # so nothing of it could have been imported


def test_the_command_without_a_runtime(copy: Callable[[str], Path], tmp_path: Path) -> None:
    file = copy("float32.onnx")
    done = command("verify", file, "--json", hidden="onnxruntime", folder=tmp_path)
    assert done.returncode == 0
    found = {claim["name"]: claim for claim in json.loads(done.stdout)["claims"]}
    assert found["golden outputs"]["status"] == "not checked"
    assert "onnxruntime" in found["golden outputs"]["reason"]
    assert found["model bytes"]["status"] == "holds"


def test_the_command_on_a_bad_file(copy: Callable[[str], Path], tmp_path: Path) -> None:
    done = command("verify", with_flipped_weights(copy("int8.tflite")), folder=tmp_path)
    assert done.returncode == 1
    assert "-- model bytes" in done.stdout
    assert "the model was altered" in done.stdout
