"""Property tests on random examples, for a given time: ``make fuzz``.

    python tests/fuzz.py 120                            seconds; all files, in random order
    python tests/fuzz.py 120 tests/data/test_pixels.py  some of them
    python tests/fuzz.py 120 --seed 1                   the examples and the order of that seed

Each file of tests runs in a process of its own with a seed of its own, again and again while time
is left; a file that has begun is finished. A failure prints the command that repeats it. Without
``--seed`` each run draws other examples; continuous integration gives one, because it judges a
change, and the same change must be judged alike twice.
"""

from __future__ import annotations

import argparse
import random
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
OPTIONS = shlex.split(
    "-m pytest -q --no-header -m 'hypothesis and not torch' --hypothesis-profile=random"
)
#: Of pytest: no test of the file is a property test that may run here.
NO_TESTS = 5


def property_files() -> list[Path]:
    """The files whose tests take examples from hypothesis."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [file for file in files if "hypothesis import" in file.read_text(encoding="utf-8")]


def main(seconds: float, names: Sequence[str], seed: int | None) -> int:
    """Runs files until the time is over; 1 when a test failed."""
    draw = random.Random(seed)
    end = time.monotonic() + seconds
    files = [Path(name).resolve() for name in names] or property_files()
    failed: list[str] = []
    runs = 0
    while time.monotonic() < end:
        draw.shuffle(files)
        for file in files:
            if time.monotonic() >= end:
                break
            examples = f"--hypothesis-seed={draw.getrandbits(32)}"
            command = [sys.executable, *OPTIONS, examples, str(file)]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            runs += 1
            if done.returncode not in (0, NO_TESTS):
                failed.append(shlex.join(command))
                print(f"{done.stdout}{done.stderr}\nto repeat it: {failed[-1]}\n", flush=True)
    print(f"{runs} runs of {len(files)} files, {len(failed)} failed", *failed, sep="\n  ")
    return 1 if failed else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="property tests on random examples")
    parser.add_argument("seconds", type=float)
    parser.add_argument("files", nargs="*", help="files of tests; all where none is given")
    parser.add_argument("--seed", type=int, help="of the order and the examples")
    given = parser.parse_args()
    sys.exit(main(given.seconds, given.files, given.seed))
