"""How busy the input pipeline keeps the trainer, against the same training on arrays in memory.

    python benchmarks/input_pipeline.py                     all networks
    python benchmarks/input_pipeline.py resnet8 unet_small  some of them

The same compiled Keras network is trained for an epoch at a time: by ``fit`` on arrays of float32,
which is what a Keras user without augmentation would write, and on the trainer's batches, without
and with augmentation. They take turns, so that a busy minute hits all of them; the first epochs,
which trace and compile, do not count. Ratios are those of each round's pair: 1 is as fast as on
arrays. Those of processor time say what a machine without an idle processor would see, and travel
better where others work, too.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from zoo.contracts import Dataset, Split
from zoo.contracts.training import Training
from zoo.networks.building import build_network, raw_model
from zoo.registry import PluginSettings, load_registry
from zoo.training.batches import TrainingBatches
from zoo.training.optimizer import adamw

#: Examples of one epoch, so that it takes a second or more: a tiny network, and two of a real size.
EXAMPLES = {"lenet5": 4800, "resnet8": 640, "unet_small": 64}
#: Augmentations by the name of their side; None: arrays instead of the pipeline.
SIDES: dict[str, tuple[str, ...] | None] = {
    "arrays": None,
    "no augmentation": (),
    "flip,shift": ("flip", "shift"),
    "flip,shift,zoom,rotate": ("flip", "shift", "zoom", "rotate"),
    "erase": ("erase",),
}
BATCH, ROUNDS, CLASSES = 32, 7, 10
REGISTRY = load_registry(PluginSettings(installed=False))


def epochs_of(name: str) -> dict[str, Callable[[], None]]:
    """What trains for an epoch, by side."""
    architecture, variant = REGISTRY.variant(name)
    task, own = REGISTRY.tasks.get(variant.task), variant.preprocessing
    network = build_network(architecture, variant, CLASSES)
    rng = np.random.default_rng(0)
    raw = rng.integers(0, 256, (EXAMPLES[name], *own.input_shape), dtype=np.uint8)
    # Speed does not depend on what they show; masks are as large as pictures.
    each = raw.shape[1:3] if len(network.output_shape) > 2 else ()
    labels = rng.integers(0, CLASSES, (len(raw), *each))
    train = Split(labels=labels, read=lambda i: raw[i], content_hash="0" * 64)
    few = Split(labels=labels[:32], read=lambda i: raw[i], content_hash="1" * 64)
    data = Dataset(
        name="random",
        classes=tuple(map(str, range(CLASSES))),
        splits={"train": train, "validation": few, "test": few},
        content_hash="0" * 64,
    )
    model = raw_model(network, own)
    options = {
        side: Training(batch_size=BATCH, from_scratch=True, augment=names or ())
        for side, names in SIDES.items()
    }
    task.compile(model, adamw(1e-4, 0.01), options["arrays"])
    floats = raw.astype(np.float32)

    def on(side: str) -> Callable[[], None]:
        if SIDES[side] is None:
            return lambda: model.fit(floats, labels, batch_size=BATCH, verbose=0)
        batches = TrainingBatches(data, own, options[side], task, 0, model=model)
        return lambda: model.fit(batches.train(1), verbose=0, shuffle=False)

    return {side: on(side) for side in SIDES}


def compare(name: str) -> None:
    """Prints examples per second of each side, and its ratio to arrays in pairs."""
    epochs = epochs_of(name)
    wall: dict[str, list[float]] = {side: [] for side in epochs}
    cpu: dict[str, list[float]] = {side: [] for side in epochs}
    for number in range(ROUNDS + 1):
        for side, train in epochs.items():
            started, worked = time.perf_counter(), time.process_time()
            train()
            if number:
                wall[side].append(time.perf_counter() - started)
                cpu[side].append(time.process_time() - worked)
    for side in epochs:
        clock, processor = (
            [a / b for a, b in zip(times["arrays"], times[side], strict=True)]
            for times in (wall, cpu)
        )
        print(
            f"{name:<11} {side:<24} {EXAMPLES[name] / statistics.median(wall[side]):6.0f} "
            f"examples/s   ratio {statistics.median(clock):.2f} ({min(clock):.2f} – "
            f"{max(clock):.2f})   of processor time {statistics.median(processor):.2f} "
            f"({min(processor):.2f} – {max(processor):.2f})   load {os.getloadavg()[0]:.1f}",
            flush=True,
        )


def main(names: Sequence[str]) -> None:
    """Compares the networks named, or all."""
    unknown = [name for name in names if name not in EXAMPLES]
    if unknown:
        sys.exit(f"there is no part {unknown[0]!r}; choose from {', '.join(EXAMPLES)}")
    keras.utils.set_random_seed(0)
    for name in names or EXAMPLES:
        compare(name)


if __name__ == "__main__":
    main(sys.argv[1:])
