"""`zoo choose` beside training every network whole: the same network, in what share of the time?

    python benchmarks/choose.py
    python benchmarks/choose.py --data digits --epochs 6 --seeds 0 1

Networks are compared under a limit of latency, on each dataset and from several seeds, by `zoo
choose`; and every network that keeps the limit is trained whole on as many seeds, which are the
same for all comparisons. Both choose by validation. Where they choose differently, a paired test on
the validation split says whether the two networks can be told apart. Time is that of trainings, and
of answering the validation split between them, whenever they were made: what both need counts
twice. What is exported and timed counts in neither. Processor time is printed beside it, since
other work on a machine lengthens it little. The same command goes on after an interruption.
"""

from __future__ import annotations

import argparse
import statistics
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import zoo
from zoo.common.progress import quiet
from zoo.data.opening import open_dataset
from zoo.data.subset import subset
from zoo.pipeline.options import recipe_from
from zoo.pipeline.search.paired_gain import PairedGain, paired_gain
from zoo.pipeline.search.scores import Scoring
from zoo.pipeline.search.time_budget import TimeBudget
from zoo.pipeline.search.training_runs import TrainingRuns
from zoo.registry import PluginSettings, Registry, load_registry
from zoo.results.store import Store

PLUGIN = Path(__file__).with_name("choose_plugin.py")
NETWORKS = (
    *("lenet5", "convnet28", "convnet28_deep", "alexnet_quarter", "alexnet_half", "vgg8_quarter"),
    *("vgg8_third", "vgg8_half", "resnet8_half", "resnet8", "alexnet_small", "vgg8_small"),
)
#: Of Fashion-MNIST: examples of each split.
PART = {"train": 1200, "validation": 600, "test": 2000}


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A network trained whole: its validation on each seed, and what that took."""

    values: tuple[float, ...]
    seconds: float
    processor_seconds: float


def main() -> None:
    """Prints a line for each dataset and seed, and what follows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=["digits", "fashion"])
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--finalists", type=int, default=2)
    parser.add_argument("--each", type=int, default=3, help="seeds of whole trainings")
    parser.add_argument("--max-latency", default="105us")
    parser.add_argument("--output", type=Path, default=Path("choose-benchmark"))
    asked = parser.parse_args()
    registry = load_registry(PluginSettings(paths=(str(PLUGIN),)))
    asked.output.mkdir(parents=True, exist_ok=True)
    for data in asked.data:
        name = _part(registry, asked.output) if data == "fashion" else data
        for seed in asked.seeds:
            _compare(registry, asked, name, seed)


def _part(registry: Registry, folder: Path) -> str:
    """A part of Fashion-MNIST, as a file: the whole takes hours on two cores."""
    path = folder.resolve() / f"fashion_{PART['train']}.npz"
    if not path.exists():
        arrays: dict[str, Any] = {}
        for name, split in open_dataset(registry, "fashion_mnist").splits.items():
            some = subset(split, PART[name])
            arrays[f"x_{name}"] = np.stack([some.read(place) for place in range(len(some))])
            arrays[f"y_{name}"] = some.labels
        np.savez(path, **arrays)
    return f"npz:{path}"


def _compare(registry: Registry, asked: argparse.Namespace, data: str, seed: int) -> None:
    training: dict[str, Any] = {"epochs": asked.epochs, "from_scratch": True, "jit": "off"}
    # Trained once for all comparisons, which begin with different seeds.
    seeds = list(range(asked.each))
    found = zoo.choose(
        data,
        asked.networks,
        max_latency=asked.max_latency,
        precision="int8",
        finalists=asked.finalists,
        seeds=asked.each,
        seed=seed,
        curve=False,
        report=False,
        output=asked.output,
        progress=False,
        registry=registry,
        **training,
    )
    fitting = [one.candidate.name for one in found.screened if one.fits]
    whole = {name: _whole(registry, name, data, seeds, asked.output, training) for name in fitting}
    mean = {name: statistics.fmean(one.values) for name, one in whole.items()}
    best, chosen = max(mean, key=lambda name: mean[name]), str(found.chosen)
    told = "the same"
    if chosen != best:
        test = _beside(registry, best, chosen, data, seeds, training)
        can = "cannot be told apart" if test.low <= 0.0 <= test.high else "worse"
        told = f"not {best}: {test.gain:.1f} points ({test.low:.1f} to {test.high:.1f}), {can}"
    wall = sum(one.seconds for one in whole.values())
    used = sum(one.processor_seconds for one in whole.values())
    print(
        f"{data.rpartition('/')[2]}, seed {seed}: {chosen}, {told}; {len(fitting)} of "
        f"{len(found.screened)} networks within the limit; finalists on "
        f"{ {name: len(own) for name, own in found.whole.items()} } seeds\n"
        f"  processor time {found.processor_seconds:.0f} s of {used:.0f} s = "
        f"{found.processor_seconds / used:.0%}; time {found.seconds:.0f} s of {wall:.0f} s = "
        f"{found.seconds / wall:.0%}\n  trained whole: "
        + ", ".join(f"{name} {value:.2%}" for name, value in mean.items()),
        flush=True,
    )


def _whole(
    registry: Registry,
    name: str,
    data: str,
    seeds: list[int],
    output: Path,
    training: dict[str, Any],
) -> Whole:
    runs = [
        zoo.finetune(
            *(name, data),
            seed=seed,
            output=output,
            progress=False,
            registry=registry,
            **training,
        ).training
        for seed in seeds
    ]
    return Whole(
        values=tuple(
            run.result.epochs[run.result.best_epoch - 1].validation_metric for run in runs
        ),
        seconds=sum(run.record.seconds for run in runs),
        processor_seconds=sum(run.result.processor_seconds for run in runs),
    )


def _beside(
    registry: Registry,
    best: str,
    chosen: str,
    data: str,
    seeds: list[int],
    training: dict[str, Any],
) -> PairedGain:
    """What the chosen network gains over the best on the validation split; below 0 it loses."""
    with closing(Store(None)) as store:
        budget = TimeBudget(seconds=None)
        runs = TrainingRuns(registry=registry, store=store, run="", on_step=quiet, budget=budget)
        scoring = Scoring(runs=runs)
        found = []
        for seed in seeds:
            own, other = (
                scoring.right(recipe_from(model=name, data=data, **training), name, seed)
                for name in (best, chosen)
            )
            assert own is not None
            assert other is not None
            found.append(100.0 * (other - own))
    return paired_gain([float(one.mean()) for one in found], found)


if __name__ == "__main__":
    main()
