"""Errors are answers; what ends the agent ends as a named error."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from zoo.devices.local.host import HostTransport
from zoo.devices.shared.agent_files import AGENT
from zoo.execution.agent_process import PipeProcess
from zoo.execution.failures import AgentDied, AgentHung, AgentMismatch, AgentRefused, refusal_error
from zoo.execution.protocol import PROTOCOL
from zoo.execution.session import AgentSession

ONE = np.ones((1, 4), np.float32)
FakeRuntime = Callable[[str, str], None]


@pytest.fixture(scope="module")
def agent() -> Iterator[PipeProcess]:
    """An agent that is spoken to without a session."""
    process = PipeProcess([sys.executable, str(AGENT), "--runtime", "litert"])
    yield process
    assert process.stop() == 0


class TestLines:
    """Whatever a line holds, the next one is answered."""

    @pytest.mark.parametrize(
        ("line", "kind"),
        [
            ("garbage", "BadRequest"),
            ("", "BadRequest"),
            ("[1, 2]", "BadRequest"),
            ('{"protocol": 1}', "BadRequest"),
            ('{"protocol": 1, "command": ["run"]}', "BadRequest"),
            ('{"protocol": 1, "command": "dance"}', "BadRequest"),
            ('{"protocol": 1, "command": "load"}', "BadRequest"),
            ('{"protocol": 1, "command": "load", "path": "x", "threads": 0}', "BadRequest"),
            ('{"protocol": 1, "command": "run", "inputs": []}', "NotLoaded"),
            ('{"protocol": 1, "command": "bench"}', "NotLoaded"),
            ('{"protocol": 99, "command": "describe"}', "ProtocolMismatch"),
            ("\udcff".encode("utf-8", "surrogatepass").decode("latin-1"), "BadRequest"),
        ],
    )
    def test_bad_line(self, agent: PipeProcess, line: str, kind: str) -> None:
        agent.send(line)
        answer = json.loads(agent.receive(60.0) or "")
        assert (answer["ok"], answer["error"]["type"]) == (False, kind)
        assert answer["protocol"] == PROTOCOL

    def test_arrays_that_are_none(self, agent: PipeProcess, files: dict[str, Path]) -> None:
        requests = [
            {"command": "load", "path": str(files["dense"])},
            {"command": "run", "inputs": [{"dtype": "float32", "shape": [1, 4], "data": "AAAA"}]},
            {"command": "run", "inputs": [{"dtype": "object", "shape": [1], "data": ""}]},
            {"command": "run", "inputs": [{"shape": [1]}]},
        ]
        answers = []
        for number, request in enumerate(requests):
            agent.send(json.dumps({"protocol": PROTOCOL, "id": number, **request}))
            answers.append(json.loads(agent.receive(60.0) or ""))
        assert [answer["id"] for answer in answers] == [0, 1, 2, 3]
        assert answers[0]["ok"]
        assert all(answer["error"]["type"] == "BadRequest" for answer in answers[1:])

    def test_close_ends_the_agent(self) -> None:
        process = PipeProcess([sys.executable, str(AGENT), "--runtime", "litert"])
        process.send(json.dumps({"protocol": PROTOCOL, "id": 1, "command": "close"}))
        assert json.loads(process.receive(60.0) or "")["ok"]
        assert process.receive(60.0) is None
        assert process.stop() == 0


class TestLoading:
    """Files that cannot be loaded, and runtimes that are not there."""

    def test_missing_file(self, litert: AgentSession, tmp_path: Path) -> None:
        with pytest.raises(AgentRefused, match="no such file") as refusal:
            litert.load(tmp_path / "nothing.tflite")
        assert refusal.value.kind == "CannotLoad"

    def test_other_format(
        self, litert: AgentSession, onnxruntime: AgentSession, files: dict[str, Path]
    ) -> None:
        for session, name in ((litert, "onnx"), (onnxruntime, "dense")):
            for purpose in ("outputs", "timing"):
                with pytest.raises(AgentRefused, match="cannot load") as refusal:
                    session.load(files[name], purpose=purpose)
                assert refusal.value.kind == "CannotLoad"

    def test_truncated_file(
        self, onnxruntime: AgentSession, files: dict[str, Path], tmp_path: Path
    ) -> None:
        half = tmp_path / "half.onnx"
        half.write_bytes(files["onnx"].read_bytes()[:60])
        with pytest.raises(AgentRefused, match=r"cannot load half\.onnx"):
            onnxruntime.load(half)

    def test_failed_load_leaves_nothing_loaded(
        self, litert: AgentSession, files: dict[str, Path], tmp_path: Path
    ) -> None:
        litert.load(files["dense"])
        with pytest.raises(AgentRefused):
            litert.load(tmp_path / "nothing.tflite")
        with pytest.raises(AgentRefused, match="before load"):
            litert.run(ONE)

    def test_missing_runtime(self, fake_runtime: FakeRuntime, files: dict[str, Path]) -> None:
        fake_runtime("raise ImportError('libgone.so: cannot open shared object file')", "pass")
        with AgentSession(HostTransport(), "onnxruntime") as session:
            assert session.describe()["runtime"] == "onnxruntime"
            with pytest.raises(AgentRefused, match=r"libgone\.so") as refusal:
                session.load(files["onnx"])
        assert refusal.value.kind == "MissingRuntime"
        assert "install" in (refusal.value.fix or "")

    def test_missing_numpy(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "numpy.py").write_text("raise ImportError('no numpy on this board')")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        with (
            AgentSession(HostTransport(), "litert") as session,
            pytest.raises(AgentRefused, match="no numpy on this board"),
        ):
            session.describe()


class TestRuntimes:
    """What runtimes do to the process they live in."""

    def test_prints_on_stdout(self, fake_runtime: FakeRuntime, files: dict[str, Path]) -> None:
        noise = "os.write(1, b'{not an answer}'); print('garbage')"
        fake_runtime(noise, noise)
        with AgentSession(HostTransport(), "onnxruntime") as session:
            session.load(files["onnx"])
            np.testing.assert_array_equal(session.run(ONE), ONE)

    def test_raises(self, fake_runtime: FakeRuntime, files: dict[str, Path]) -> None:
        fake_runtime("runs = []", "runs.append(1)\n                if len(runs) == 1: 1 / 0")
        with AgentSession(HostTransport(), "onnxruntime") as session:
            session.load(files["onnx"])
            with pytest.raises(AgentRefused, match="ZeroDivisionError") as refusal:
                session.run(ONE)
            assert refusal.value.kind == "RuntimeFailed"
            np.testing.assert_array_equal(session.run(ONE), ONE)

    def test_crashes(self, fake_runtime: FakeRuntime, files: dict[str, Path]) -> None:
        words = "os.write(2, b'heap is broken'); os.kill(os.getpid(), signal.SIGSEGV)"
        fake_runtime("", words)
        with AgentSession(HostTransport(), "onnxruntime") as session:
            session.load(files["onnx"])
            with pytest.raises(AgentDied, match="killed by SIGSEGV during 'run'") as death:
                session.run(ONE)
            assert "heap is broken" in (death.value.why or "")
            with pytest.raises(AgentDied, match="no agent"):
                session.run(ONE)

    def test_is_killed(self, files: dict[str, Path]) -> None:
        with AgentSession(HostTransport(), "litert") as session:
            session.load(files["dense"])
            session.kill()
            with pytest.raises(AgentDied, match="SIGKILL") as death:
                session.run(ONE)
        assert "memory" in (death.value.why or "")

    def test_hangs(self, fake_runtime: FakeRuntime, files: dict[str, Path]) -> None:
        fake_runtime("", "time.sleep(600)")
        # Long enough to start and load on a busy machine: one session, two patiences.
        with AgentSession(HostTransport(), "onnxruntime", timeout=60.0) as session:
            session.load(files["onnx"])
            session._timeout = 0.2
            with pytest.raises(AgentHung, match="no answer to 'run'"):
                session.run(ONE)

    def test_ignores_input(self, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("zoo.execution.agent_process.SEND_TIMEOUT", 0.2)
        with AgentSession(HostTransport(), "litert") as session:
            session.load(files["dense"])
            os.kill(session._process.pid, signal.SIGSTOP)  # type: ignore[union-attr]
            with pytest.raises(AgentHung, match="run"):
                session.run_all([np.zeros((256, 4096), np.float32)])


def test_other_version_of_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = shutil.copytree(AGENT, tmp_path / "agent")
    common = old / "zoo_agent" / "common.py"
    common.write_text(re.sub(r"(?m)^PROTOCOL = \d+$", "PROTOCOL = 0", common.read_text()))
    monkeypatch.setattr("zoo.devices.local.transport.AGENT", old)
    with (
        AgentSession(HostTransport(), "litert") as session,
        pytest.raises(AgentMismatch, match="protocol 0, edgezoo 1"),
    ):
        session.describe()


def test_a_runtime_too_old_for_an_operator(litert: AgentSession, files: dict[str, Path]) -> None:
    """The file wants version 99 of an operator, which no runtime has yet."""
    with pytest.raises(AgentRefused, match="Didn't find op for builtin opcode 'CAST'") as refusal:
        litert.load(files["too_new"])
    assert "install a newer runtime there" in str(refusal.value)


@pytest.mark.parametrize(
    "words",
    [
        *("std::bad_alloc", "MemoryError: Unable to allocate 8.00 GiB for an array"),
        "Failed to allocate memory for requested buffer of size 8589934592",
    ],
)
def test_memory_that_is_out_is_told_as_such(words: str) -> None:
    assert "the device has too little memory" in str(refusal_error("load", "CannotLoad", words))
    assert "too little memory" not in str(refusal_error("load", "CannotLoad", "not a flatbuffer"))
