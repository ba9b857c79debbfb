"""Programs that print without an end, or never end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from zoo.common.captured import Captured, run_captured
from zoo.common.tools import run_module

MOST = 1 << 20


def shell(script: str, seconds: float | None = 60.0) -> Captured:
    return run_captured(["sh", "-c", script], seconds=seconds, most=MOST)


def test_what_a_program_prints() -> None:
    done = shell("echo out; echo err >&2; exit 3")
    assert (done.code, done.out, done.err) == (3, "out\n", "err\n")
    assert shell("kill -9 $$").code == -9
    with Path("/dev/null").open("rb") as nothing:
        assert run_captured(["cat"], seconds=60.0, stdin=nothing).out == ""
    with pytest.raises(FileNotFoundError):
        run_captured(["/no/such/program"], seconds=1.0)


@pytest.mark.parametrize("stream", [1, 2])
def test_one_that_prints_without_an_end(stream: int) -> None:
    done = shell(f"cat /dev/zero >&{stream}")
    assert (done.code, done.flooded) == (None, True)
    assert len(done.out) <= MOST
    assert len(done.err) <= MOST


@pytest.mark.parametrize(
    "script",
    ["sleep 600", "exec sleep 600 >&- 2>&-", "while true; do echo .; sleep 0.05; done"],
)
def test_one_that_does_not_end(script: str) -> None:
    began = time.monotonic()
    done = shell(script, 0.3)
    assert (done.code, done.flooded) == (None, False)
    assert time.monotonic() - began < 60.0


def test_what_is_left_behind_is_not_waited_for() -> None:
    """It holds the output open."""
    done = shell("sleep 600 & echo $!", None)
    assert done.code == 0
    run_captured(["kill", done.out.strip()], seconds=60.0)


def test_a_tool_that_prints_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.common.tools.MOST_PRINTED", MOST)
    monkeypatch.setattr("zoo.common.tools._LIMITED", "while True: print('x' * 100_000)")
    assert run_module("any", [], seconds=60.0).failure == "it printed more than 1 MiB and was ended"
