"""The tests' examples: the same for everybody, and random ones for who asks."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).with_name("fuzz.py")
PLANTED = """
from pathlib import Path
from hypothesis import given, strategies as st

@given(st.integers(0, 10**9))
def test_planted(number):
    with Path(__file__).with_name("drawn.txt").open("a") as file:
        print(number, file=file)
    assert number % 97 != 5
"""


def planted(folder: Path) -> Path:
    for name in ("conftest.py", "support/own_folders.py"):
        shutil.copy(Path(__file__).parent / name, folder)
    file = folder / "test_planted.py"
    file.write_text(PLANTED)
    return file


def outcome(folder: Path, *command: str | Path) -> tuple[str, str]:
    """What a command said, and the examples that it drew."""
    drawn = folder / "drawn.txt"
    drawn.unlink(missing_ok=True)
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr, drawn.read_text()


def test_examples_are_the_same_each_time(tmp_path):
    file = planted(tmp_path)
    first, second = (outcome(tmp_path, sys.executable, "-m", "pytest", file) for _ in range(2))
    assert first[1] == second[1]
    assert not (tmp_path / ".hypothesis" / "examples").exists()


def test_fuzzing_draws_others_and_says_how_to_repeat_a_failure(tmp_path, monkeypatch):
    """Also where hypothesis finds a CI service, and takes other defaults."""
    monkeypatch.delenv("CI", raising=False)
    file = planted(tmp_path)
    drawn = outcome(tmp_path, sys.executable, FUZZ, "0.1", file)[1]
    monkeypatch.setenv("CI", "true")
    said, others = outcome(tmp_path, sys.executable, FUZZ, "0.1", file)
    assert others != drawn
    assert "1 runs of 1 files, 1 failed" in said
    (command,) = (line for line in said.splitlines() if line.startswith("to repeat it: "))
    command = command.removeprefix("to repeat it: ")
    assert outcome(tmp_path, *shlex.split(command))[1] == others
