"""Agents that lie, flood, replay or fall silent: each an error of its own, in bounded memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import ZooError
from zoo.execution import agent_process
from zoo.execution.failures import AgentDied, AgentGarbled, AgentHung, AgentMismatch, OtherFile
from zoo.execution.output_check import ExpectedOutputs, OutputsDiffer
from zoo.execution.session import AgentSession

Hostile = Callable[..., Any]
EXAMPLES = np.arange(12, dtype=np.float32).reshape(3, 4)
EXPECTED = ExpectedOutputs(reference="itself", inputs=[EXAMPLES], outputs=[EXAMPLES], limits=[1e-6])


def conversation(transport: Any, timeout: float = 60.0) -> AgentSession:
    """Asks all that a bench asks, and returns the session; Python's start may take its time."""
    with AgentSession(transport, "fake", 60.0) as session:
        session.describe()
        session._timeout = timeout
        session.load(Path("a.net"), threads=2, sha256="a" * 64)
        EXPECTED.check(session)
        session.bench(min_runs=5, min_seconds=0.01, max_seconds=5.0, warmup_seconds=0.0)
        session.locate()
        EXPECTED.check(session)
    return session


ANSWER = """
def replaced(command, **changes):
    own = globals()[command]
    globals()[command] = lambda request: {**own(request), **changes}
"""
LOCATE = "\ndef locate(request): return {'delegate': {'name': 'fake'}}\n"


def test_an_honest_one(hostile: Hostile) -> None:
    assert conversation(hostile(LOCATE)).timed


@pytest.mark.parametrize(
    ("lie", "error", "message"),
    [
        # of another request, file or condition than asked
        ("replaced('load', threads=8)", OtherFile, "number of threads than asked"),
        ("replaced('load', runtime='litert')", OtherFile, "litert in place of fake"),
        ("replaced('load', sha256='b' * 64)", OtherFile, "another file than asked"),
        (
            """
            def answer(request, whole=answer, said=[]):
                said.append(whole(request))
                return said[0] if request["command"] == "run" else said[-1]
            """,
            AgentGarbled,
            "it answers request",
        ),
        ("replaced('load', protocol=[10 ** 400])", AgentMismatch, "a huge number|\\[1000"),
        # times that did not pass
        ("replaced('load', load_ns=10 ** 12)", AgentGarbled, "of loading in"),
        ("replaced('bench', wall_seconds=100.0)", AgentGarbled, "that passed here"),
        ("replaced('bench', first_ns=10 ** 11)", AgentGarbled, "that passed here"),
        (
            "replaced('bench', samples={'count': 5, 'data': packed(1, 1, 1, 1, 1)})",
            AgentGarbled,
            "a sample of 1 ns",
        ),
        (
            """
            def bench(request):
                told = timed_bench({**request, "min_seconds": 0.7, "max_seconds": 0.7})
                return {**told, "samples": {"count": 5, "data": packed(*[30] * 5)}}
            """,
            AgentGarbled,
            "what was timed is not what was run",
        ),
        (
            "replaced('bench', samples={'count': 1 << 25, 'data': 'eJw='})",
            AgentGarbled,
            "no more than",
        ),
        (
            "replaced('bench', wall_seconds=1e-7, samples={'count': 5, 'data': packed(*[20] * 5)})",
            AgentGarbled,
            "are reported as 5 in 0.01 s",
        ),
        (
            """
            meter = {"meter": "m", "joules": 1e-9, "readings": 2, "seconds": 0.01}
            replaced('bench', energy=[{**meter, "inferences": 10 ** 9}])
            """,
            AgentGarbled,
            "m counted 1e\\+09 inferences in 0.01 s",
        ),
        ("replaced('bench', floors_met=False)", AgentGarbled, "before anything that was asked"),
        (
            """
            def bench(request):
                return timed_bench({**request, "min_seconds": 0.4})
            """,
            AgentGarbled,
            "where 5 of 0.01 s were asked for",
        ),
        # outputs
        (
            "replaced('run', outputs=[{'dtype': 'float64', 'shape': [3, 10 ** 9], 'data': 'AA'}])",
            AgentGarbled,
            "an array of shape",
        ),
        ("replaced('run', outputs=[[0] * 400_000] * 3)", AgentGarbled, "not one"),
        (
            """
            def run(request, whole=run, asked=[]):
                asked.append(request)
                return whole(asked[0] if len(asked) > 1 else request)
            """,
            OutputsDiffer,
            "after it was timed",
        ),
        # silence, ends and floods
        ("def load(request): os.write(1, b'{\"protocol\": 1, '); os._exit(0)", AgentDied, "'load'"),
        ("def load(request): os.close(1); time.sleep(600)", AgentDied, "killed by SIGKILL"),
        ("def load(request): time.sleep(600)", AgentHung, "'load'"),
        (
            """
            def load(request):
                while True: os.write(1, b'a' * 1_000_000)
            """,
            AgentGarbled,
            "did not end after 4 MiB",
        ),
        (
            """
            def load(request):
                while True: os.write(2, b'e' * 1_000_000)
            """,
            AgentHung,
            "'load'",
        ),
        (
            """
            def answer(request):
                told = {"type": "\\x1b[31m" * 10_000, "message": "\\x1b]0;" + "m" * 3_000_000}
                return json.dumps({"protocol": 1, "id": None, "ok": False, "error": told})
            """,
            ZooError,
            r"could not describe: \\x1b\]0;m",
        ),
    ],
    ids=lambda value: value.strip()[:50] if isinstance(value, str) else None,
)
def test_a_lie(
    hostile: Hostile,
    monkeypatch: pytest.MonkeyPatch,
    lie: str,
    error: type[ZooError],
    message: str,
) -> None:
    monkeypatch.setattr(agent_process, "LINE_BYTES", 1 << 22)
    monkeypatch.setattr(agent_process, "GRACE", 0.1)
    patience = 0.5 if error is AgentHung else 60.0
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(error, match=message) as caught:
        conversation(hostile(ANSWER + LOCATE + dedent(lie)), patience)
    assert len(str(caught.value)) < 5000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


def test_what_an_agent_started_ends_with_it(
    hostile: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would hold the error stream open, and disturb the next measurement."""
    monkeypatch.setattr(agent_process, "GRACE", 0.1)
    lie = f"""
    import subprocess
    child = subprocess.Popen(["sleep", "600"])
    Path({str(tmp_path / "pid")!r}).write_text(str(child.pid))
    def load(request): time.sleep(600)
    """
    with pytest.raises(AgentHung):
        conversation(hostile(dedent(lie)), 0.5)
    pid = (tmp_path / "pid").read_text()
    for _ in range(1200):
        status = Path(f"/proc/{pid}/status")
        if not status.exists() or "Z (zombie)" in status.read_text():
            return
        time.sleep(0.05)
    raise AssertionError("it is still running")
