"""Hyperband against no pruning in ``zoo tune``: epochs trained, and the quality that is found.

The same search twice, with the same seed and number of trials, in a cache of its own each. Each
best is trained on three seeds and measured on the test split, beside the same default. Time is that
of the processor, which other programs on the machine do not change.

    .venv/bin/python benchmarks/pruned_search.py [--trials 16] [--epochs 9] [--model lenet5]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import psutil

import zoo


def main() -> None:
    """Prints a line for each of the two, and the epochs that pruning saves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="lenet5")
    parser.add_argument("--data", default="digits")
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=9)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    trained, busy = {}, {}
    for prune in (False, True):
        with tempfile.TemporaryDirectory() as home:
            os.environ["ZOO_HOME"] = home
            spent: list[float] = []

            def watch(step: str, event: dict[str, Any], spent: list[float] = spent) -> None:
                if step.startswith("trial ") and event["event"] == "end":
                    spent.append(children_seconds())

            began = children_seconds()
            found = zoo.tune(
                asked.model,
                asked.data,
                from_scratch=True,
                epochs=asked.epochs,
                patience=0,
                trials=asked.trials,
                seed=asked.seed,
                prune=prune,
                output=Path(home) / "tuned",
                report=False,
                on_step=watch,
            )
        best = next(trial for trial in found.trials if trial.number == found.best)
        words = [f"{found.objective} {best.value:.4f} in validation"]
        if found.confirmation is not None:
            tests = [one.tuned.value for one in found.confirmation.results]
            words.append(f"{statistics.fmean(tests):.4f} on test, mean of {len(tests)} seeds")
        trained[prune] = found.trained_epochs
        name = "Hyperband" if prune else "no pruning"
        busy[prune] = spent[-1] - began
        words.append(f"{found.trained_epochs} epochs, {busy[prune]:.0f} s of the processor")
        print(f"{name:<11} {'; '.join(words)}", flush=True)
    saved = 1 - trained[True] / trained[False]
    print(f"Hyperband trained {trained[True]} of {trained[False]} epochs: {saved:.0%} fewer")
    print(f"and took {1 - busy[True] / busy[False]:.0%} less time")


def children_seconds() -> float:
    """What processes that this one started, and those that they did, have used of the processor."""
    seconds = 0.0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            seconds += sum(process.cpu_times()[:4])
    return seconds


if __name__ == "__main__":
    main()
