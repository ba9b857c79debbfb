"""Commands typed in the process of the test: starting Python for each would take a second."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
