"""No command reaches for an address outside this machine, nor leaves an identifier of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from linear_network import linear_onnx
from signing_keys import keys as keys
from traced import Traced, traced

from zoo.common import telemetry
from zoo.devices.agent.zoo_agent import telemetry as agents_own
from zoo.devices.shared.agent_files import AGENT

ZOO = (sys.executable, "-m", "zoo")
#: Asks the agent of a runtime for what a bench asks, and keeps it for longer than the first upload
#: of ONNX Runtime's reports waits.
AGENT_RUN = """
import json, subprocess, sys, time
agent, runtime, file, seconds = sys.argv[1:]
command = [sys.executable, "-P", agent, "--runtime", runtime]
with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
    for request in ({"command": "describe"}, {"command": "load", "path": file}):
        process.stdin.write(json.dumps({"protocol": 1, "id": 1, **request}) + "\\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        assert answer["ok"], answer
    time.sleep(float(seconds))
"""


def assert_silent(done: Traced) -> None:
    assert done.code == 0, done.output
    assert done.addresses == []
    assert done.left == []


def test_the_trace_sees_a_look_up_and_a_connection(tmp_path: Path) -> None:
    code = "import socket; socket.socket(type=socket.SOCK_DGRAM).connect(('192.0.2.7', 9))"
    assert traced([sys.executable, "-c", code], tmp_path).addresses == ["192.0.2.7"]
    code = "import pathlib; (pathlib.Path.home() / 'identifier').touch()"
    assert traced([sys.executable, "-c", code], tmp_path).left == ["identifier"]


@pytest.mark.slow
def test_a_bench_is_silent(tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    file = linear_onnx(tmp_path / "linear.onnx")
    bench = [*ZOO, "bench", str(file), "--tier", "brief", "--runtime", "onnxruntime,openvino"]
    assert_silent(traced(bench, tmp_path))


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino", "litert", "tflite-micro"])
def test_an_agent_is_silent_on_any_machine(runtime: str, tmp_path: Path) -> None:
    """Where no zoo started it: other machines have none of our variables."""
    pytest.importorskip({"litert": "ai_edge_litert"}.get(runtime, runtime.replace("-", "_")))
    probes = Path(sys.modules["zoo"].__file__ or "").parent / "execution" / "probe_files"
    file = probes / ("dense.onnx" if runtime.startswith("o") else "dense.tflite")
    seconds = "4" if runtime.startswith("o") else "0"
    command = [sys.executable, "-c", AGENT_RUN, str(AGENT), runtime, str(file), seconds]
    assert_silent(traced(command, tmp_path))


@pytest.mark.parametrize("command", [("devices", "doctor"), ("doctor",), ("plugins", "list")])
def test_commands_that_look_around_are_silent(command: tuple[str, ...], tmp_path: Path) -> None:
    assert_silent(traced([*ZOO, *command], tmp_path))


@pytest.mark.slow
def test_the_whole_way_is_silent(tmp_path: Path, keys: Path) -> None:
    """Training, conversion, quantization with calibration, the gate, timing, bundle, signature."""
    ship = "ship lenet5 --data digits --epochs 1 --format tflite,onnx --precision float32,int8"
    done = traced([*ZOO, *ship.split(), "--output", "runs"], tmp_path, ZOO_OFFLINE="0")
    assert_silent(done)
    file = next((tmp_path / "runs").rglob("*.int8.onnx"))
    assert_silent(traced([*ZOO, "bundle", str(file), "--output", "app"], tmp_path))
    assert_silent(traced([*ZOO, "explain", str(file)], tmp_path))
    assert_silent(traced([*ZOO, "sign", str(file), "--key", str(keys / "key.pem")], tmp_path))
    verify = [*ZOO, "verify", str(file), "--signer", str(keys / "public.pem")]
    assert_silent(traced(verify, tmp_path))
    program = next(tmp_path.glob("app*")) / "python" / "run.py"
    assert_silent(traced([sys.executable, str(program)], tmp_path))


def test_the_agent_switches_off_what_the_zoo_does() -> None:
    assert agents_own.VARIABLES == telemetry.VARIABLES
    assert agents_own.MODULES == telemetry.MODULES
