"""The conversation, with agents that break its rules."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.execution.failures import (
    AgentDied,
    AgentGarbled,
    AgentHung,
    AgentMismatch,
    AgentRefused,
    crash_error,
    signal_of,
)
from zoo.execution.session import CHUNK_EXAMPLES, AgentSession

Scripted = Callable[..., Any]
ONE = np.ones((1, 4), np.float32)


def test_a_whole_conversation(scripted: Scripted, tmp_path: Path) -> None:
    transport = scripted()
    with AgentSession(transport, "fake") as session:
        assert session.describe() == {
            "fingerprint": "f" * 16,
            "python": "3.9.2",
            "runtime": "fake",
        }
        loaded = session.load(tmp_path / "a.net", threads=3)
        assert (loaded.threads, loaded.inputs[0].shape) == (3, (1, 4))
        examples = np.arange(4 * (CHUNK_EXAMPLES + 3), dtype=np.float32).reshape(-1, 4)
        np.testing.assert_array_equal(session.run(examples), examples)
        run = session.bench(min_runs=1, min_seconds=0, max_seconds=1, warmup_seconds=0)
        assert run.samples.tolist() == [1000, 3000, 2000]
    assert transport.put_files == [tmp_path / "a.net"]
    assert not transport.closed, "the transport belongs to the caller"


def test_a_path_on_the_device_is_not_copied(scripted: Scripted) -> None:
    transport = scripted()
    with AgentSession(transport, "fake") as session:
        session.load("/device/already-there.net")
    assert transport.put_files == []


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ("print('Welcome to the board', flush=True)", AgentGarbled, "Welcome to the board"),
        ("def answer(request): return '[]'", AgentGarbled, r"\[\]"),
        ("def answer(request): return '{\"protocol\": 1}'", AgentGarbled, "protocol"),
        (
            "def answer(request): return json.dumps({'protocol': 1, 'id': 99, 'ok': True})",
            AgentGarbled,
            "it answers request 99",
        ),
        ("def run(request): return {'outputs': [{'dtype': 'float32'}]}", AgentGarbled, "shape"),
        ("def run(request): return {}", AgentGarbled, "outputs"),
        (
            "def answer(request): return json.dumps({'protocol': 2, 'id': 1, 'ok': True})",
            AgentMismatch,
            "protocol 2, edgezoo 1",
        ),
        ("def answer(request): sys.exit(7)", AgentDied, "ended during 'run'"),
        ("def answer(request): os.kill(os.getpid(), signal.SIGSEGV)", AgentDied, "SIGSEGV"),
        ("def answer(request): os.kill(os.getpid(), signal.SIGKILL)", AgentDied, "SIGKILL"),
        ("sys.exit(5)", AgentDied, "ended during 'run'"),
        (
            """
            def answer(request):
                os.write(1, b'{"protocol": 1, "id": 1, "ok": tr')
                os.kill(os.getpid(), signal.SIGABRT)
            """,
            AgentDied,
            "SIGABRT",
        ),
        (
            """
            def answer(request):
                error = {"type": "BadInput", "message": "too wide"}
                return json.dumps({"protocol": 1, "id": request["id"], "ok": False, "error": error})
            """,
            AgentRefused,
            "could not run: too wide",
        ),
    ],
)
def test_broken_rules(
    scripted: Scripted, changes: str, error: type[Exception], message: str
) -> None:
    with AgentSession(scripted(changes), "fake") as session, pytest.raises(error, match=message):
        session.run(ONE)


def test_a_refusal_is_not_the_end(scripted: Scripted) -> None:
    changes = """
    refused = []
    def answer(request, answer=answer):
        if not refused:
            refused.append(1)
            told = {"ok": False, "error": {"type": "X"}}
            return json.dumps({"protocol": 1, "id": request["id"], **told})
        return answer(request)
    """
    with AgentSession(scripted(changes), "fake") as session:
        with pytest.raises(AgentRefused) as refusal:
            session.describe()
        assert refusal.value.kind == "X"
        assert session.describe()["runtime"] == "fake"


def test_silence(scripted: Scripted) -> None:
    with (
        AgentSession(scripted("time.sleep(600)"), "fake", timeout=0.2) as session,
        pytest.raises(AgentHung, match="no answer to 'describe'"),
    ):
        session.describe()


def test_samples_that_were_cut(scripted: Scripted) -> None:
    changes = """
    whole = bench
    def bench(request):
        return whole(request, samples={"count": 4, "data": packed(1, 2, 3)})
    """
    with (
        AgentSession(scripted(changes), "fake") as session,
        pytest.raises(AgentGarbled, match="3 samples came, 4 were sent"),
    ):
        session.bench(min_runs=1, min_seconds=0, max_seconds=1, warmup_seconds=0)


def test_last_words_are_passed_on(scripted: Scripted) -> None:
    changes = "sys.stderr.write('one\\n\\ntwo'); sys.stderr.flush(); os.kill(os.getpid(), 11)"
    with (
        AgentSession(scripted(changes), "fake") as session,
        pytest.raises(AgentDied) as death,
    ):
        session.describe()
    assert "one | two" in (death.value.why or "")


def test_kill_from_another_thread(scripted: Scripted) -> None:
    with AgentSession(scripted("time.sleep(600)"), "fake", timeout=300.0) as session:
        timer = threading.Timer(0.1, session.kill)
        timer.start()
        with pytest.raises(AgentDied, match="SIGKILL"):
            session.describe()
        timer.join()


def test_an_agent_that_cannot_start(scripted: Scripted) -> None:
    transport = scripted()
    transport.command = ["/no/such/program"]
    with pytest.raises(AgentDied, match="could not be started"), AgentSession(transport, "fake"):
        pass


def test_nothing_can_be_asked_without_an_agent(scripted: Scripted) -> None:
    session = AgentSession(scripted(), "fake")
    with pytest.raises(AgentDied, match="no agent to describe"):
        session.describe()


@pytest.mark.parametrize(
    ("code", "name"), [(-11, "SIGSEGV"), (137, "SIGKILL"), (0, None), (3, None), (None, None)]
)
def test_exit_codes(code: int | None, name: str | None) -> None:
    assert signal_of(code) == name


def test_a_line_that_broke_is_no_exit_code() -> None:
    error = crash_error("bench", None, "Connection closed by 10.0.0.7")
    assert "the line to the device broke during 'bench'" in str(error)
    assert "Connection closed by 10.0.0.7" in str(error)
    assert "exit code" not in str(error)
