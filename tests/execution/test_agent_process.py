"""Lines through pipes."""

from __future__ import annotations

import sys

import pytest

from zoo.execution.agent_process import PipeProcess


def python(code: str) -> PipeProcess:
    return PipeProcess([sys.executable, "-I", "-S", "-c", code])


def test_large_lines_each_way() -> None:
    process = python("import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)")
    line = "a" + "é" * 3_000_000
    process.send(line)
    assert process.receive(60.0) == line[::-1]
    assert process.stop() == 0


def test_several_lines_at_once_and_one_without_an_end() -> None:
    process = python("import os; os.write(1, b'one\\n\\ntwo\\nhalf')")
    assert [process.receive(60.0) for _ in range(5)] == ["one", "", "two", "half", None]
    assert process.receive(60.0) is None
    process.stop()


def test_full_error_stream_stops_nothing() -> None:
    process = python("import sys; sys.stderr.write('x' * 1_000_000 + 'end'); print('done')")
    assert process.receive(60.0) == "done"
    process.stop()
    assert process.diagnostics().endswith("xend")
    assert len(process.diagnostics()) < 5000


def test_no_line_in_time() -> None:
    process = python("import sys; sys.stdin.read()")
    with pytest.raises(TimeoutError):
        process.receive(0.05)
    assert process.stop() == 0


def test_send_to_a_process_that_is_gone() -> None:
    process = python("pass")
    assert process.receive(60.0) is None
    with pytest.raises(BrokenPipeError):
        process.send("x" * 1_000_000)
    assert process.stop() == 0


def test_stop_is_final_and_may_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.execution.agent_process.GRACE", 0.05)
    process = python("import time; print('up', flush=True); time.sleep(600)")
    assert process.receive(60.0) == "up"
    assert process.stop() == process.stop() == -9
