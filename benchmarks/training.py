"""How fast fine-tuning is, against a plain ``model.fit`` of the same network, in one run.

    python benchmarks/training.py                  all networks
    python benchmarks/training.py lenet5 lstm64    some of them
    python benchmarks/training.py --alone          each speed-up by itself, against none

Plain is what a Keras user would write: normalized float32 arrays, ``compile`` with Keras' AdamW
and its defaults, ``fit(x, y, batch_size=…)``. Both train for an epoch in turns, so that a busy
minute hits both; the first epochs, which trace and compile, do not count. Ratios travel better
than examples per second, and those of processor time better than those of the clock where the
machine is busy.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

import zoo.training.trainer
from zoo.contracts import Architecture, Dataset, SeriesPreprocessing, Split, Variant
from zoo.contracts.training import Training
from zoo.networks.building import build_network
from zoo.registry import PluginSettings, load_registry
from zoo.training.optimizer import WARM_UP_SHARE
from zoo.training.trainer import Trainer

#: Examples of one epoch, so that it takes seconds.
EXAMPLES = {"lenet5": 9600, "convnet28": 9600, "resnet8": 2400, "lstm64": 9600}
TARGETS = {"lstm64": 1.0}
BATCH, ROUNDS, CLASSES = 32, 9, 10
#: A trainer's speed-ups, which `--alone` compares with a trainer that has none.
SIDES = ("none", "optimizer", "normalization", "xla")
OPTIMIZER, NORMALIZATION = zoo.training.trainer.adamw, zoo.training.trainer.fused_normalizations
REGISTRY = load_registry(PluginSettings(installed=False))


@dataclass(frozen=True)
class Epoch:
    """Seconds of one epoch by the clock and of processor time."""

    wall: float
    cpu: float


def memory(inputs: Any, classes: int) -> Any:
    """The plainest recurrent classifier."""
    x = keras.layers.LSTM(64, name="lstm")(inputs)
    return keras.layers.Dense(classes, name="head")(x)


def subject(name: str) -> tuple[Architecture, Variant]:
    """A network of the zoo, or an LSTM over the rows of an image."""
    if name != "lstm64":
        return REGISTRY.variant(name)
    own = SeriesPreprocessing(steps=28, channels=28, mean=(0.286,) * 28, std=(0.353,) * 28)
    variant = Variant(name=name, classes=CLASSES, parameters=1, multiply_adds=1, preprocessing=own)
    return Architecture(
        name="rows", summary="rows", source="here", build=memory, variants=(variant,)
    ), variant


def examples(name: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Random examples of Fashion-MNIST's form: speed does not depend on what they show."""
    rng = np.random.default_rng(0)
    count = EXAMPLES[name]
    labels = rng.integers(0, CLASSES, count)
    if name == "lstm64":
        return rng.random((count, 28, 28), dtype=np.float32), labels
    return rng.integers(0, 256, (count, 28, 28, 1), dtype=np.uint8), labels


def dataset(raw: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> Dataset:
    """The same examples for the trainer; validation is kept short."""
    train = Split(labels=labels, read=lambda i: raw[i], content_hash="0" * 64)
    few = Split(labels=labels[:32], read=lambda i: raw[i], content_hash="1" * 64)
    splits = {"train": train, "validation": few, "test": few}
    names = tuple(str(number) for number in range(CLASSES))
    return Dataset(name="random", classes=names, splits=splits, content_hash="0" * 64)


def plain(network: Any, steps: int) -> None:
    """Compiles as a Keras user would, with the schedule that the trainer has."""
    warm_up = int(steps * WARM_UP_SHARE)
    schedule = keras.optimizers.schedules.CosineDecay(
        5e-5, steps - warm_up, warmup_target=1e-3, warmup_steps=warm_up
    )
    network.compile(
        optimizer=keras.optimizers.AdamW(schedule, weight_decay=0.01),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )


def compare(name: str) -> tuple[list[Epoch], list[Epoch]]:
    """Epochs of the trainer and of plain Keras, in turns."""
    architecture, variant = subject(name)
    raw, labels = examples(name)
    own: Any = variant.preprocessing
    scale = 1.0 if name == "lstm64" else 1 / 255
    normalized = ((raw * scale - own.mean[0]) / own.std[0]).astype(np.float32)
    peer = build_network(architecture, variant, CLASSES)
    plain(peer, (ROUNDS + 2) * -(-len(raw) // BATCH))
    ours: list[Epoch] = []
    theirs: list[Epoch] = []
    cpu = time.process_time()

    def take_turns(event: dict[str, Any]) -> None:
        nonlocal cpu
        if event["event"] != "epoch":
            return
        ours.append(Epoch(len(raw) / event["examples_per_second"], time.process_time() - cpu))
        wall, cpu = time.perf_counter(), time.process_time()
        peer.fit(normalized, labels, batch_size=BATCH, verbose=0)
        theirs.append(Epoch(time.perf_counter() - wall, time.process_time() - cpu))
        cpu = time.process_time()

    options = Training(epochs=ROUNDS + 2, batch_size=BATCH, from_scratch=True, patience=0)
    trainer = Trainer(
        build_network(architecture, variant, CLASSES),
        REGISTRY.tasks.get("image-classification"),
        own,
        options,
        seed=0,
        folder=None,
        emit=take_turns,
    )
    trainer.fit(dataset(raw, labels))
    return ours[2:], theirs[2:]


def against_fit(name: str) -> None:
    """Prints the trainer's speed against that of plain Keras."""
    ours, theirs = compare(name)
    wall = [their.wall / our.wall for our, their in zip(ours, theirs, strict=True)]
    cpu = [their.cpu / our.cpu for our, their in zip(ours, theirs, strict=True)]
    speeds = [EXAMPLES[name] / statistics.median(e.wall for e in side) for side in (ours, theirs)]
    print(
        f"{name:<10} zoo {speeds[0]:6.0f}  fit {speeds[1]:6.0f} examples/s   "
        f"ratio {statistics.median(wall):.2f} ({min(wall):.2f} – {max(wall):.2f})  "
        f"of processor time {statistics.median(cpu):.2f}   "
        f"target {TARGETS.get(name, 1.15):.2f}   load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def apart(name: str, side: str) -> tuple[Trainer, Dataset, list[Epoch]]:
    """A trainer that has one speed-up or none, its data, and where its epochs are put."""
    architecture, variant = subject(name)
    raw, labels = examples(name)
    jit = "on" if side == "xla" else "off"
    options = Training(epochs=ROUNDS + 2, batch_size=BATCH, from_scratch=True, patience=0, jit=jit)
    own: Any = variant.preprocessing
    trainer = Trainer(
        build_network(architecture, variant, CLASSES),
        REGISTRY.tasks.get("image-classification"),
        own,
        options,
        seed=0,
        folder=None,
        emit=lambda event: None,
    )
    return trainer, dataset(raw, labels), []


def train_in_turns(name: str) -> dict[str, list[Epoch]]:
    """Epochs of trainers with each of `SIDES`, in turns: a thread each, of which one runs."""
    trainers = {side: apart(name, side) for side in SIDES}
    turns = {side: threading.Semaphore(0) for side in SIDES}
    following = dict(zip(SIDES, (*SIDES[1:], SIDES[0]), strict=True))

    def run(side: str) -> None:
        trainer, data, epochs = trainers[side]

        def begin() -> tuple[float, float]:
            turns[side].acquire()
            return time.perf_counter(), time.process_time()

        def take_turns(event: dict[str, Any]) -> None:
            nonlocal started
            if event["event"] == "epoch":
                wall, cpu = (now() for now in (time.perf_counter, time.process_time))
                epochs.append(Epoch(wall - started[0], cpu - started[1]))
                turns[following[side]].release()
                started = begin()

        started = begin()
        trainer.emit = take_turns
        # What a trainer is made of is asked for in its first turn.
        zoo.training.trainer.adamw = OPTIMIZER if side == "optimizer" else keras.optimizers.AdamW
        zoo.training.trainer.fused_normalizations = (
            NORMALIZATION if side == "normalization" else lambda *_: contextlib.nullcontext()
        )
        trainer.fit(data)
        turns[following[side]].release()

    threads = [threading.Thread(target=run, args=(side,)) for side in SIDES]
    for thread in threads:
        thread.start()
    turns[SIDES[0]].release()
    for thread in threads:
        thread.join()
    return {side: epochs[2:] for side, (_, _, epochs) in trainers.items()}


def alone(name: str) -> None:
    """Prints what each speed-up brings by itself."""
    epochs = train_in_turns(name)
    for side in SIDES[1:]:
        pairs = list(zip(epochs["none"], epochs[side], strict=True))
        ratios = {
            "wall": [plain.wall / own.wall for plain, own in pairs],
            "processor": [plain.cpu / own.cpu for plain, own in pairs],
        }
        told = "   ".join(
            f"{clock} {statistics.median(r):.2f} ({min(r):.2f} – {max(r):.2f})"
            for clock, r in ratios.items()
        )
        print(f"{name:<10} {side:<14} {told}   load {os.getloadavg()[0]:.1f}", flush=True)


def main(names: Sequence[str]) -> None:
    """Compares the networks named, or all."""
    each = alone if "--alone" in names else against_fit
    names = [name for name in names if name != "--alone"]
    unknown = [name for name in names if name not in EXAMPLES]
    if unknown:
        sys.exit(f"there is no part {unknown[0]!r}; choose from {', '.join(EXAMPLES)}")
    for name in names or EXAMPLES:
        each(name)


if __name__ == "__main__":
    main(sys.argv[1:])
