"""The agent's command line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING, TextIO

from .common import PROTOCOL, AgentError, Json
from .telemetry import switch_off

if TYPE_CHECKING:
    from .runtimes.base import Options


def main() -> int:
    """Serves stdin until `close` or its end."""
    switch_off()
    parser = argparse.ArgumentParser(description="edgezoo agent: JSON lines on stdin and stdout")
    parser.add_argument("--runtime", default="litert", help="used where a request names none")
    parser.add_argument("--cpus", default="", help="mask of processors, in hexadecimal")
    parser.add_argument("--no-xnnpack", action="store_true", help="TFLite's own kernels alone")
    parser.add_argument("--gpu", type=int, default=None, help="number of the GPU to run on")
    parser.add_argument("--software", action="store_true", help="an imitated GPU will do")
    given = parser.parse_args()
    # Runtimes print to file descriptor 1 from C++: answers get a private copy of it.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        from .machine import pin
        from .runtimes.base import Options

        options = Options(given.cpus, not given.no_xnnpack, given.gpu, given.software)
        if options.cpus:
            pin(options.cpus)
        return serve(given.runtime, options, answers)
    except AgentError as error:
        write(answers, {"protocol": PROTOCOL, "id": None, **error.refusal()})
        return 3
    except (BrokenPipeError, KeyboardInterrupt):
        return 130  # The other side is gone; nobody is left to tell.


def serve(runtime: str, options: Options, answers: TextIO) -> int:
    """Answers each line of stdin.

    Raises:
        AgentError: There is no numpy, without which nothing works.
    """
    try:
        import numpy  # noqa: F401
    except ImportError as error:
        raise AgentError("MissingRuntime", f"numpy cannot be imported: {error}") from error
    from .protocol import Agent

    agent = Agent(runtime, options)
    while not agent.closed:
        line = sys.stdin.buffer.readline()
        if not line:
            break
        write(answers, agent.answer(line))
    return 0


def write(answers: TextIO, answer: Json) -> None:
    """One line."""
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
