"""`zoo choose` beside training every network whole: the same network, in what share of the time?

    python benchmarks/choose.py
    python benchmarks/choose.py --data digits --epochs 6 --seeds 0 1

For each dataset and seed, networks are compared under a limit of latency twice: by successive
halving, and with every network that keeps the limit trained whole on the same seeds. Both choose by
validation. Time is that of trainings alone, whenever they were made; what both need counts twice.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from typing import Any

import zoo

NETWORKS = (
    *("lenet5", "convnet28", "resnet8", "alexnet_small", "vgg8_small", "resnet20", "resnet32"),
)


def main() -> None:
    """Prints a line for each dataset and seed, and what follows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=["digits", "fashion_mnist"])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--share", type=float, default=1.0, help="of the training split, for both")
    parser.add_argument("--finalists", type=int, default=2)
    parser.add_argument("--each", type=int, default=3, help="seeds of whole trainings")
    parser.add_argument("--max-latency", default="400us")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as output:
        for data in asked.data:
            for seed in asked.seeds:
                _compare(asked, data, seed, output)


def _compare(asked: argparse.Namespace, data: str, seed: int, output: str) -> None:
    training: dict[str, Any] = {
        "epochs": asked.epochs,
        "share": asked.share,
        "from_scratch": True,
        "jit": "off",
    }
    # Seeds of whole trainings follow each other: those of two comparisons share none.
    first = 100 * seed
    found = zoo.choose(
        data,
        asked.networks,
        max_latency=asked.max_latency,
        precision="int8",
        finalists=asked.finalists,
        seeds=asked.each,
        seed=first,
        curve=False,
        report=False,
        output=output,
        progress=False,
        **training,
    )
    values, seconds = {}, 0.0
    for one in found.screened:
        if not one.fits:
            continue
        name = one.candidate.name
        own = []
        for number in range(asked.each):
            run = zoo.finetune(
                name, data, seed=first + number, output=output, progress=False, **training
            )
            result = run.training.result
            own.append(result.epochs[result.best_epoch - 1].validation_metric)
            seconds += run.training.record.seconds
        values[name] = statistics.fmean(own)
    best = max(values, key=lambda name: values[name])
    lost = 100 * (values[best] - values[str(found.chosen)])
    other = f"not {best}, {lost:.2f} points of validation less"
    same = "the same" if found.chosen == best else other
    every = ", ".join(f"{name} {value:.2%}" for name, value in values.items())
    print(
        f"{data}, seed {seed}: {found.chosen}, {same}; {found.seconds:.0f} s of "
        f"{seconds:.0f} s = {found.seconds / seconds:.0%}; trained whole: {every}",
        flush=True,
    )


if __name__ == "__main__":
    main()
