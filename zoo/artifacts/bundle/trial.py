"""Trial runs of usage programs."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from zoo.common.optional_imports import installed
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
    try:
        done = subprocess.run(
            [sys.executable, "-P", *program.arguments],
            cwd=folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
        lines = (done.stdout if done.returncode == 0 else done.stdout + done.stderr).splitlines()
        passed = done.returncode == 0
        said = "\n".join(lines[:_MOST_LINES] if passed else lines[-_MOST_LINES:])
    except subprocess.TimeoutExpired:
        passed, said = False, f"no answer within {_SECONDS} s"
    for path in set(folder.rglob("*")) - before:
        if path.is_file():
            path.unlink()  # the folder holds what was written for it, and nothing that was tried
    return ProgramTrial(language=program.language, file=program.file, passed=passed, said=said)
