"""Short fine-tunings of every packaged model, judged as shipped and with batch statistics.

    python benchmarks/moving_averages.py                 all packaged models
    python benchmarks/moving_averages.py resnet8 -e 6    some of them, with so many epochs

Ninety pictures of three classes, cut from two photographs, are another domain than the pretraining
of any packaged model. Each network is fine-tuned by the step that ``zoo finetune`` runs, and judged
on 150 other pictures: with the moving averages that it is shipped with, and with those that its
final weights have on the whole training split. They are to be within 3 points.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from photographs import write_photographs

from zoo.contracts import Dataset
from zoo.contracts.training import Training
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import read_inputs
from zoo.networks.building import deployed_model
from zoo.networks.checkpoints import packaged
from zoo.networks.loading import Subject, load_model
from zoo.pipeline.steps.finetune import FinetuneParameters, finetune
from zoo.registry import PluginSettings, load_registry
from zoo.training.moving_averages import MovingAverages, normalizations

SETTINGS = PluginSettings(installed=False)
DATA, OTHERS = "folder:photos", "folder:others"


def accuracies(weights: Path, dataset: Dataset, others: Dataset) -> tuple[float, float]:
    """Shares of right answers on other pictures: as shipped, and with batch statistics."""
    loaded = load_model(Subject(model=str(weights), plugins=SETTINGS))
    model = deployed_model(loaded.network, loaded.preprocessing, loaded.task, batch=None)
    splits = others.splits.values()
    inputs = np.concatenate([read_inputs(s, loaded.preprocessing) for s in splits]).astype("f4")
    labels = np.concatenate([split.labels for split in splits])

    def judged() -> float:
        return float((np.asarray(model(inputs, training=False)).argmax(-1) == labels).mean())

    shipped = judged()
    train = read_inputs(dataset.splits["train"], loaded.preprocessing).astype("f4")
    model.compile(keras.optimizers.SGD(0.0), "mse")
    with (averages := MovingAverages(model)).growing_momenta():
        averages.estimate(model, [keras.ops.convert_to_tensor(train)])
    return shipped, judged()


def measure(name: str, epochs: int) -> None:
    """Prints one row."""
    registry = load_registry(SETTINGS)
    _, variant = registry.variant(name)
    if variant.task != "image-classification":
        print(f"{name:<14} not a classifier of images: {variant.task}", flush=True)
        return
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        result = finetune(
            asked=FinetuneParameters(data=DATA, tag="photos", training=Training(epochs=epochs)),
            model=name,
            folder=Path(folder),
            checkpoint=None,
            plugins=SETTINGS,
            emit=lambda event: None,
        )
        weights = Path(folder) / result.weights
        loaded = load_model(Subject(model=str(weights), plugins=SETTINGS))
        count = len(normalizations(loaded.network))
        sets = (open_dataset(registry, data) for data in (DATA, OTHERS))
        shipped, renewed = accuracies(weights, *sets)
    print(
        f"{name:<14} {count:3} normalizations  shipped {shipped:6.1%}  batch statistics "
        f"{renewed:6.1%}  apart {100 * (shipped - renewed):+5.1f} points  "
        f"{time.perf_counter() - started:4.0f} s",
        flush=True,
    )


def main() -> None:
    """Measures the models named, or all that have packaged weights."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*")
    parser.add_argument("-e", "--epochs", type=int, default=6)
    given: Any = parser.parse_args()
    registry = load_registry(SETTINGS)
    names = given.models or sorted(
        variant.name
        for architecture, variant in registry.variants()
        if packaged(architecture, variant)
    )
    with tempfile.TemporaryDirectory() as folder:
        write_photographs(Path(folder) / "photos")
        write_photographs(Path(folder) / "others", each=50, seed=1)
        os.chdir(folder)
        for name in names:
            measure(name, given.epochs)
        os.chdir("/")


if __name__ == "__main__":
    main()
