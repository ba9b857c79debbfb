"""Without an optional package, what needs it names the extra, and what does not goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.common.extras import EXTRA_OF, RUN

#: Read by Python when it starts: hides the packages in HIDDEN.
HIDE = """
import os
from importlib.machinery import PathFinder

hidden = set(os.environ["HIDDEN"].split(","))
real = PathFinder.find_spec

def find_spec(name, path=None, target=None):
    return None if name.partition(".")[0] in hidden else real(name, path, target)

PathFinder.find_spec = staticmethod(find_spec)
"""


@pytest.fixture
def without(zoo_process):
    """Types a command where some packages are not installed."""
    Path("hide").mkdir()
    Path("hide/sitecustomize.py").write_text(HIDE)

    def typed(packages: str, *arguments):
        environment = {"PYTHONPATH": str(Path("hide").resolve()), "HIDDEN": packages}
        return zoo_process(*arguments, environment=environment)

    return typed


def test_files_need_no_training_library(without, judged_file):
    hidden = "tensorflow,keras,safetensors,tf2onnx,jinja2"
    typed = without(hidden, "evaluate", "--allow-weak", judged_file)
    assert (typed.code, typed.err) == (0, "")


@pytest.mark.parametrize("command", [["inspect"], ["verify"], ["bench", "--tier", "brief"]])
def test_extra_run_is_enough_for_files(command, without, judged_file):
    """With all other optional packages hidden, children included; the files are made already."""
    others = ",".join(module for module in EXTRA_OF if module not in RUN)
    typed = without(others, command[0], judged_file, *command[1:])
    assert typed.code == 0, typed.err


@pytest.mark.parametrize(
    ("package", "arguments", "extra"),
    [
        ("onnxruntime", ["evaluate", "FILE"], "onnx"),
        ("onnxruntime", ["bench", "FILE"], "onnx"),
        ("onnx", ["inspect", "FILE"], "onnx"),
        ("sklearn", ["evaluate", "FILE"], "data"),
        ("sklearn", ["ship", "lenet5", "--data", "digits"], "data"),
        ("jinja2", ["ship", "lenet5", "--data", "digits"], "report"),
        ("tensorflow", ["ship", "lenet5", "--data", "digits"], "train"),
        ("keras", ["evaluate", "lenet5"], "train"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_missing_package_names_its_extra(package, arguments, extra, without, judged_file):
    given = [str(judged_file) if word == "FILE" else word for word in arguments]
    typed = without(package, *given)
    assert typed.code == 1
    assert f"error: the package that provides {package!r} is not installed" in typed.err
    assert f'fix: pip install "edgezoo[{extra}]"' in typed.err
    assert "Traceback" not in typed.err


def test_doctor_tells_what_is_missing(without):
    typed = without("onnxruntime,jinja2", "doctor")
    assert typed.code == 1
    assert typed.out.count("pip install") == 1
    assert 'onnxruntime, Jinja2:\n  pip install "edgezoo[all]"' in typed.out
    assert "tensorflow" not in typed.out


def test_doctor_of_a_bare_installation_gives_one_command(without):
    typed = without("tensorflow,keras,sklearn,PIL,ai_edge_litert,onnx,onnxruntime", "doctor")
    assert "digits" in typed.out
    assert typed.out.count("pip install") == 1
    assert 'pip install "edgezoo[all]"' in typed.out


def test_data_that_do_not_fit_are_refused_before_tensorflow_starts(without):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 28, 28), np.uint8)
    np.savez("a.npz", x=pixels, y=np.arange(90) % 10)
    typed = without("tensorflow,keras", "evaluate", "lenet5", "--data", "npz:a.npz")
    assert typed.code == 2
    assert "npz:a.npz has other classes than lenet5.fashion_mnist" in typed.err
    typed = without("tensorflow,keras", "evaluate", "lenet5", "--data", "digits_rows")
    assert typed.code == 2
    assert "the network's task is image-classification" in typed.err


def test_doctor_of_what_runs_files_misses_nothing_of_training(without):
    lean = "tensorflow,keras,safetensors,sklearn,regex,tf2onnx,matplotlib,jinja2"
    typed = without(lean, "doctor")
    assert (typed.code, typed.out.splitlines()) == (
        0,
        [
            "everything is there to inspect, verify, time and ask exported files",
            'to train and export as well: pip install "edgezoo[all]"',
        ],
    )
    assert without(f"{lean},PIL,onnx,onnxruntime", "doctor").code == 0  # edgezoo[tflite]
    half = without(f"{lean},onnxruntime", "doctor")
    assert half.code == 1
    assert "onnxruntime" in half.out
    assert "keras" not in half.out


def test_several_missing_parts_are_told_together(without):
    typed = without("jinja2,sklearn,tensorflow", "ship", "lenet5", "--data", "digits")
    assert "the package that provides 'jinja2' is not installed" in typed.err
    assert 'fix: pip install "edgezoo[report]"; other usual parts are missing' in typed.err
    assert 'pip install "edgezoo[all]"' in typed.err
