"""Agents that are scripts: they say exactly what a test wants to hear."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from zoo.contracts import AgentProcess, Condition
from zoo.execution.agent_process import PipeProcess
from zoo.execution.figures import MOST_SAMPLES

#: Answers like an agent would; a test's script may replace any of the functions.
SCRIPT = """
import base64, json, os, signal, struct, sys, time, zlib
from pathlib import Path

COUNTER = Path(sys.argv[1])
STARTED = len(COUNTER.read_text()) if COUNTER.exists() else 0
COUNTER.write_text("." * (STARTED + 1))

def packed(*samples):
    return base64.b64encode(zlib.compress(struct.pack(f"<{len(samples)}q", *samples))).decode()

TENSOR = {"name": "x", "shape": [1, 4], "dtype": "float32", "scale": None, "zero_point": None}

def describe(request):
    return {"fingerprint": "f" * 16, "python": "3.9.2", "runtime": "fake"}

def load(request):
    return {
        "runtime": "fake", "runtime_version": "1.0", "api": "fake.call", "inputs": [TENSOR],
        "outputs": [TENSOR], "threads": request["threads"], "load_ns": 5_000_000,
        "memory_before_bytes": 10_000_000, "delegate": {"name": "fake"},
    }

def run(request):
    return {"outputs": request["inputs"]}

def bench(request, **changes):
    return {
        "samples": {"count": 3, "data": packed(1000, 3000, 2000)}, "first_ns": 9000,
        "warmup": {"runs": 2, "seconds": 0.1, "stable": True}, "inputs": {"source": "seeded"},
        "floors_met": True, "spin_before_ns": [100, 101], "spin_after_ns": [100, 101],
        "load_average": [0.5, 0.5], "peak_memory_bytes": 20_000_000, "wall_seconds": 1.0,
        "cpu_seconds": 1.0, "involuntary_switches": 1.0, "steal_seconds": 0.0,
        "throttled_seconds": 0.0, **changes,
    }

def timed_bench(request, **changes):
    began, samples = time.perf_counter(), []
    while True:
        started = time.perf_counter_ns()
        sum(range(2000))
        samples.append(time.perf_counter_ns() - started)
        wall = time.perf_counter() - began
        enough = wall >= request["min_seconds"] and len(samples) >= request["min_runs"]
        if enough or wall >= request["max_seconds"]:
            break
    told = {"samples": {"count": len(samples), "data": packed(*samples)}, "wall_seconds": wall,
            "floors_met": enough, "warmup": {"seconds": 0.0}}
    return {**made_up(request), **told, **changes}

def answer(request):
    result = globals()[request["command"]](request)
    return json.dumps({"protocol": 1, "id": request["id"], "ok": True, **result})

PLACE_FOR_CHANGES

for line in sys.stdin:
    print(answer(json.loads(line)), flush=True)
"""


#: Before the changes of a test.
TIMED = """
made_up, bench = bench, timed_bench
"""


class ScriptedTransport:
    """Starts such a script as the agent, and counts what it was asked for."""

    def __init__(self, script: Path, counter: Path) -> None:
        self.command = [sys.executable, "-I", "-S", str(script), str(counter)]
        self.put_files: list[Path] = []
        self.closed = False
        #: What `condition` answers, in turn; then nothing in particular.
        self.conditions: list[Condition] = []

    def put(self, local: Path) -> str:
        self.put_files.append(local)
        return f"/device/{local.name}"

    def start_agent(self, runtime: str) -> AgentProcess:
        return PipeProcess(self.command)

    def condition(self) -> Condition:
        return self.conditions.pop(0) if self.conditions else Condition()

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def hostile(tmp_path: Path) -> Callable[[str], ScriptedTransport]:
    """Makes a transport whose agent keeps the time that it is asked for, but for the changes."""

    def make(changes: str = "") -> ScriptedTransport:
        script = tmp_path / "scripted_agent.py"
        script.write_text(SCRIPT.replace("PLACE_FOR_CHANGES", TIMED + dedent(changes)))
        return ScriptedTransport(script, tmp_path / "starts")

    return make


@pytest.fixture
def scripted(
    hostile: Callable[[str], ScriptedTransport], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], ScriptedTransport]:
    """Makes a transport whose agent has figures that are made up.

    Whether they fit into the time that passes is not asked.
    """
    for check in ("check_counts", "check_times", "check_load"):
        monkeypatch.setattr(f"zoo.execution.plausibility.{check}", lambda *_: None)
    monkeypatch.setattr("zoo.execution.plausibility.most_samples", lambda _: MOST_SAMPLES)
    return lambda changes="": hostile("bench = made_up\n" + dedent(changes))
