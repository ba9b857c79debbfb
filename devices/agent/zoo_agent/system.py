"""Small files and programs of the operating system, and the error stream of native code."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def read_text(path: str) -> str:
    """A small system file; empty where it does not exist or may not be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return ""


def digest_of(path: str) -> str:
    """SHA-256 of a file."""
    import hashlib

    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while chunk := file.read(1 << 16):
            digest.update(chunk)
    return digest.hexdigest()


def system_value(*command: str) -> str:
    """What a system program prints; empty where it does not exist."""
    import subprocess

    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def read_number(folder: Path, name: str) -> float | None:
    """The number in a small system file; None where there is none."""
    text = read_text(str(folder / name))
    return float(text) if re.fullmatch(r"-?\d+", text) else None


@contextmanager
def error_stream(heard: list[str]) -> Iterator[None]:
    """Puts into `heard` what native code prints on file descriptor 2 meanwhile."""
    import tempfile

    before = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            file.seek(0)
            heard[0] = file.read().decode("utf-8", "replace").strip()
