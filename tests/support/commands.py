"""Commands typed in the process of the test: starting Python for each would take a second."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest


@dataclass(frozen=True)
class Typed:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """All of standard output as JSON."""
        return json.loads(self.out)


Zoo = Callable[..., Typed]


@pytest.fixture
def zoo(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Zoo:
    """Types a command in this process, by way of its entry point."""
    from zoo.cli.main import main

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in signals]

    def typed(*arguments: str | Path) -> Typed:
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        for number, handler in zip(signals, handlers, strict=True):
            signal.signal(number, handler)
        written = capfd.readouterr()
        return Typed(int(stop.value.code or 0), written.out, written.err)

    return typed


def typed_in(
    folder: Path, *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Types a command in a folder, in this process; returns what `subprocess.run` would.

    Children of all commands come from one fork server, which imports TensorFlow once. Processes of
    their own would import it once a command.
    """
    from zoo.cli.main import main

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in signals]
    argv = ["zoo", *map(str, arguments)]
    with (
        _own_streams() as streams,
        mock.patch.dict(os.environ, environment or {}),
        mock.patch.object(sys, "argv", argv),
        contextlib.chdir(folder),
    ):
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        finally:
            for number, handler in zip(signals, handlers, strict=True):
                signal.signal(number, handler)
    out, err = streams
    return subprocess.CompletedProcess(argv, code, out, err)


@contextlib.contextmanager
def _own_streams() -> Iterator[list[str]]:
    """Output goes to files while the block runs, that of native code, too; then to the list."""
    written: list[str] = []
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(2)]
        before = sys.stdout, sys.stderr
        for stream in before:
            stream.flush()
        kept = [os.dup(number) for number in (1, 2)]
        for number, file in zip((1, 2), files, strict=True):
            os.dup2(file.fileno(), number)
        sys.stdout, sys.stderr = (
            stack.enter_context(open(number, "w", encoding="utf-8", closefd=False))
            for number in (1, 2)
        )
        try:
            yield written
        finally:
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            sys.stdout, sys.stderr = before
            for number, own in zip((1, 2), kept, strict=True):
                os.dup2(own, number)
                os.close(own)
            for file in files:
                file.seek(0)
                written.append(file.read().decode("utf-8", "replace"))
