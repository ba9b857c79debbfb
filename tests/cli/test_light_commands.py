"""Help, lists and shell completion wait for no heavy library."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from makers import run_python

from zoo.cli import options
from zoo.contracts import DeviceKind
from zoo.registry import PluginSettings, load_registry

HEAVY = (
    *("tensorflow", "keras", "onnx", "onnxruntime", "ai_edge_litert", "tf2onnx", "matplotlib"),
    *("numpy", "scipy", "sklearn", "PIL", "jinja2", "sqlalchemy", "rich", "pydantic"),
)
#: Runs the command with the arguments, then tells on a last line which heavy modules it imported.
PROBE = f"""
import json, sys
from zoo.cli.main import main
try:
    main()
finally:
    loaded = sorted(name for name in {HEAVY!r} if name in sys.modules)
    # With --json standard output is the command's alone.
    print("\\nIMPORTED", json.dumps(loaded), file=sys.stderr)
"""


def heavy_imports(
    *arguments: str, folder, environment=None
) -> tuple[list[str], subprocess.CompletedProcess[str]]:
    done = run_python("-c", PROBE, *arguments, folder=folder, environment=environment)
    told, mark, loaded = done.stderr.rpartition("\nIMPORTED")
    assert mark, done.stderr
    done.stderr = told
    return json.loads(loaded), done


def test_probe_sees_a_heavy_import(tmp_path):
    """Shows that the probe would catch a command that imports too much."""
    (tmp_path / "greedy.py").write_text("import numpy")
    found, _ = heavy_imports("--plugin", "greedy.py", "list", folder=tmp_path)
    assert found == ["numpy"]


@pytest.mark.parametrize(
    ("arguments", "shows"),
    [
        (["--help"], "doctor"),
        (["--version"], "zoo, version"),
        (["ship", "--help"], "--precision"),
        (["list"], "lenet5"),
        (["list", "--json"], '"parameters": 61706'),
        (["plugins", "list"], "format tflite"),
        (["data"], "csv:PATH"),
        (["targets"], "ethos-u55"),
        (["info", "resnet8"], "arXiv:1512.03385"),
        (["info", "lennet5"], None),
        (["ship", "lenet5", "--data", "digits", "--epochs", "many"], None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_command_is_light(arguments, shows, tmp_path):
    found, done = heavy_imports(*arguments, folder=tmp_path)
    # Cards and recipes are validated; lists have neither.
    validates = arguments[0] in ("info", "ship")
    assert [name for name in found if not (validates and name == "pydantic")] == []
    if shows is None:
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
    else:
        assert done.returncode == 0
        assert shows in done.stdout


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("zoo info len", "plain,lenet5"),
        ("zoo ship lenet5 --precision int8,fl", "plain,int8,float32"),
        ("zoo ship lenet5 --data dig", "plain,digits"),
        ("zoo ship lenet5 --data fol", "plain,folder:"),
        ("zoo export lenet5 --format on", "plain,onnx"),
        ("zoo ship lenet5 --device ho", "plain,host"),
        ("zoo bench a.tflite --tier sm", "plain,smoke"),
    ],
)
def test_completion_is_light(words, answer, tmp_path):
    found, done = heavy_imports(
        folder=tmp_path,
        environment={
            "_ZOO_COMPLETE": "bash_complete",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        },
    )
    assert found == []
    assert answer in done.stdout.splitlines()


def test_completion_of_the_installed_command(tmp_path):
    """The name of the variable is what the shell's script sets for a command called zoo."""
    from pathlib import Path

    command = Path(sys.executable).with_name("zoo")
    if not command.exists():
        pytest.skip("the command is not installed beside this Python")
    done = subprocess.run(
        [command],
        env={
            "_ZOO_COMPLETE": "bash_complete",
            "COMP_WORDS": "zoo info len",
            "COMP_CWORD": "2",
            "ZOO_HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "plain,lenet5" in done.stdout.splitlines()


def test_import_of_the_package_is_light(tmp_path):
    code = f"import sys, zoo; dir(zoo); print([n for n in {HEAVY!r} if n in sys.modules])"
    assert run_python("-c", code, folder=tmp_path).stdout.strip() == "[]"


def test_devices_are_completed_beside_a_kind_that_fails():
    def fails():
        raise RuntimeError("no such table")

    kinds = [DeviceKind(name="far", summary="x", driver=fails, known=fails)]
    registry = load_registry(PluginSettings(installed=False))
    for kind in kinds:
        registry.devices.add(kind.name, kind, registry.plugins[0])
    assert {"host", "far", "emulated-pi4"} <= set(options._devices(registry))
