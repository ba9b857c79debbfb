"""Python files beside somebody's data are data: no command, child or agent runs them."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from linear_network import linear_onnx

#: Modules of the standard library, of dependencies and of the zoo that a child or an agent imports.
NAMES = (
    *("random", "logging", "token", "tokenize", "types", "enum", "json", "socket", "tempfile"),
    *("struct", "signal", "threading", "multiprocessing", "pickle", "copyreg", "resource", "abc"),
    *("statistics", "base64", "zlib", "argparse", "selectors", "subprocess", "ctypes", "array"),
    *("numpy", "tensorflow", "keras", "onnx", "onnxruntime", "ai_edge_litert", "h5py", "click"),
    *("pydantic", "sqlalchemy", "PIL", "sklearn", "matplotlib", "psutil", "rich", "pluggy"),
    *(
        "zoo_agent",
        "sitecustomize",
        "usercustomize",
        "tf2onnx",
        "google",
        "six",
        "resource_tracker",
    ),
)
TRAP = "open({mark!r}, 'a').write(__name__ + ' '); raise SystemExit('run from the data folder')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of data with a trap of each name, a plugin's metadata and matplotlib's settings."""
    place = tmp_path / "data"
    place.mkdir()
    for name in NAMES:
        (place / f"{name}.py").write_text(TRAP.format(mark=str(tmp_path / "run")))
    found = place / "trap-1.dist-info"
    found.mkdir()
    (found / "METADATA").write_text("Metadata-Version: 2.1\nName: trap\nVersion: 1\n")
    (found / "entry_points.txt").write_text("[zoo]\ntrap = random\n")
    (place / "matplotlibrc").write_text("figure.dpi: 7\nbackend: module://random\n")
    return place


def run(folder: Path, command: list[str], **variables: str) -> str:
    """Runs a command that must succeed and spring no trap; what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    environment |= {"ZOO_HOME": str(folder.parent / "home"), "HOME": str(folder.parent / "user")}
    environment |= variables
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    marks = folder.parent / "run"
    assert not marks.exists(), marks.read_text()
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


STARTS = {
    "console script": [str(Path(sys.executable).with_name("zoo"))],
    "module": [sys.executable, "-m", "zoo"],
}


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("console script", "bench {file} --tier brief"),
        ("console script", "plugins list"),
        ("module", "devices doctor"),
        ("module", "inspect {file}"),
    ],
)
def test_commands_without_tensorflow(start: str, words: str, folder: Path) -> None:
    if not Path(STARTS[start][0]).exists():
        pytest.skip("the console script is not installed beside this Python")
    if start == "console script":  # to `python -m`, a folder of that name is an editable zoo
        (folder / "zoo").mkdir()
    file = linear_onnx(folder / "linear.onnx")
    said = run(folder, [*STARTS[start], *words.format(file=file).split()])
    assert "trap" not in said


def test_children_of_a_notebook(folder: Path) -> None:
    """Interactive Pythons and ``-c`` import from the working folder; children do not."""
    code = (
        "import sys; own, sys.path = sys.path, [p for p in sys.path if p]\n"
        "import tempfile, zoo.common.worker as worker; sys.path = own\n"
        "print(own[0] == '', worker.call('children:loaded_from', {}, tensorflow=False))\n"
        "print(sys.path is own)\n"
    )
    support = str(Path(__file__).parents[1] / "support")
    said = run(folder, [sys.executable, "-c", code], PYTHONPATH=support)
    assert said.splitlines() == [f"True {statistics.__file__}", "True"]


def test_a_plugin_of_the_folder_works_when_it_is_named(folder: Path) -> None:
    shutil.copy(Path(__file__).parents[1] / "support" / "shapes_plugin.py", folder / "mine.py")
    said = run(folder, [*STARTS["module"], "--plugin", "mine.py", "plugins", "list"])
    assert "mine" in said


@pytest.mark.slow
def test_the_whole_way(folder: Path) -> None:
    """Training, conversion and the gate in children, timing by agents, and the charts.

    As a module, since Python then puts the working folder first among those that it imports from.
    """
    start = STARTS["module"]
    ship = "ship lenet5 --data digits --epochs 1 --format tflite,onnx --precision int8"
    run(folder, [*start, *ship.split(), "--output", "runs"])
    (file,) = (folder / "runs").rglob("*.int8.onnx")
    run(folder, [*start, "evaluate", str(file), "--data", "digits"])
    (weights,) = (folder / "runs").rglob("*.safetensors")
    export = ["export", str(weights), "--data", "digits", "--format", "onnx"]
    run(folder, [*start, *export, "--precision", "float32"])
