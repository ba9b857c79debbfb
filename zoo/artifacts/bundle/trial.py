"""Trial runs of usage programs."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from zoo.common.captured import run_captured
from zoo.common.extras import installed
from zoo.contracts import Program

_SECONDS = 300
_MOST_LINES = 6


@dataclass(frozen=True, kw_only=True)
class ProgramTrial:
    """The result of a trial run.

    Attributes:
        language: Of the program.
        file: Its path in the folder.
        passed: Whether all golden inputs were right; None when it was not run.
        said: Its output, or the reason that it was not run.
    """

    language: str
    file: str
    passed: bool | None
    said: str


def try_program(folder: Path, program: Program) -> ProgramTrial:
    """Runs a Python program; others are not run, with the reason."""
    if not program.arguments or not any(installed(module) for module in program.modules):
        return ProgramTrial(
            language=program.language, file=program.file, passed=None, said=program.checked
        )
    before = set(folder.rglob("*"))
    done = run_captured(
        [sys.executable, "-P", *program.arguments],
        seconds=_SECONDS,
        folder=folder,
        environment={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    passed = done.code == 0
    lines = (done.out if passed else done.out + done.err).splitlines()
    said = "\n".join(lines[:_MOST_LINES] if passed else lines[-_MOST_LINES:])
    if done.code is None and not done.flooded:
        said = f"no answer within {_SECONDS} s"
    for path in set(folder.rglob("*")) - before:
        if path.is_file():
            path.unlink()  # the folder holds what was written for it, and nothing that was tried
    return ProgramTrial(language=program.language, file=program.file, passed=passed, said=said)
