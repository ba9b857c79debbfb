"""`zoo choose` beside training every network whole: the same network, in what share of the time?

    python benchmarks/choose.py
    python benchmarks/choose.py --data digits --epochs 6 --seeds 0 1

For each dataset and seed, networks are compared under a limit of latency twice: by successive
halving, and with every network that keeps the limit trained whole on the same seeds. Both choose by
validation. Time is that of trainings alone, whenever they were made; what both need counts twice.
"""

from __future__ import annotations

import argparse
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
    given: dict[str, Any] = {
        "max_latency": asked.max_latency,
        "precision": "int8",
        "seeds": asked.each,
        # Seeds of whole trainings follow each other: those of two comparisons share none.
        "seed": 100 * seed,
        "epochs": asked.epochs,
        "share": asked.share,
        "from_scratch": True,
        "curve": False,
        "report": False,
        "output": output,
    }
    quick = zoo.choose(data, asked.networks, finalists=asked.finalists, **given)
    whole = zoo.choose(data, asked.networks, finalists=len(asked.networks), **given)
    best = max(whole.whole, key=lambda name: _mean(whole, name))
    lost = 100 * (_mean(whole, best) - _mean(whole, str(quick.chosen)))
    same = (
        "the same" if quick.chosen == best else f"not {best}, {lost:.2f} points of validation less"
    )
    print(
        f"{data}, seed {seed}: {quick.chosen}, {same}; {quick.seconds:.0f} s of "
        f"{whole.seconds:.0f} s = {quick.seconds / whole.seconds:.0%}; "
        f"{len(whole.whole)} networks keep {asked.max_latency}",
        flush=True,
    )


def _mean(found: Any, name: str) -> float:
    own = found.whole[name]
    return float(sum(score.value for score in own) / len(own))


if __name__ == "__main__":
    main()
