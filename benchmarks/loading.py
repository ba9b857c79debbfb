"""What loading a checkpoint costs, against reading its file and building its network.

    python benchmarks/loading.py                            packaged weights, and a large network
    python benchmarks/loading.py resnet18.a1_in1k vgg16     others; a variant gets random weights

Verifying, parsing and assigning are what comes on top. Medians of interleaved runs in this process;
time of the processor too, which a busy neighbour does not touch.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zoo.networks.building import build_network
from zoo.networks.card import Card, write_card
from zoo.networks.checkpoints import Checkpoint, resolve
from zoo.networks.weights import load_network, save_weights
from zoo.registry import Registry, load_registry

MODELS = (
    "lenet5.fashion_mnist",
    "resnet8.fashion_mnist",
    "vgg8_small.fashion_mnist",
    "resnet50",
    "vgg16",
)
RUNS = 9
ALLOWED = 1.2


def seconds(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall and processor time of one call; what it made is let go afterwards."""
    wall, processor = time.perf_counter(), time.process_time()
    made = work()
    taken = time.perf_counter() - wall, time.process_time() - processor
    del made
    return taken


def checkpoint_of(registry: Registry, model: str, folder: Path) -> Checkpoint:
    """The model's weights; random ones for a variant without."""
    architecture, variant, found = resolve(registry, model)
    if found is not None:
        return found
    network = build_network(architecture, variant, variant.classes)
    path = folder / f"{variant.name}.random.safetensors"
    card = Card(
        variant=variant.name,
        tag="random",
        dataset="none",
        dataset_hash="none",
        classes=tuple(f"class {index}" for index in range(variant.classes)),
        licence="CC0-1.0",
        sha256=save_weights(network, path),
    )
    write_card(path.with_suffix(".toml"), card)
    return Checkpoint(architecture=architecture, variant=variant, path=path)


def measure(checkpoint: Checkpoint) -> None:
    """Prints a line of the table."""
    card = checkpoint.card()

    def read_and_build() -> Any:
        content = checkpoint.path.read_bytes()
        return content, build_network(
            checkpoint.architecture, checkpoint.variant, len(card.classes), card.hyperparameters
        )

    def load() -> Any:
        return load_network(checkpoint)

    seconds(load)  # whoever is first pays for Keras
    samples = [(*seconds(read_and_build), *seconds(load)) for _ in range(RUNS)]
    plain, plain_cpu, loaded, loaded_cpu = (
        statistics.median(column) for column in zip(*samples, strict=True)
    )
    print(
        f"{checkpoint.model_id:<26}{checkpoint.path.stat().st_size / 1e6:7.1f} MB   "
        f"read and build {plain:6.3f} s   load {loaded:6.3f} s   ratio {loaded / plain:.2f}, "
        f"of processor time {loaded_cpu / plain_cpu:.2f}   target {ALLOWED:.2f}",
        flush=True,
    )


def main(models: Sequence[str]) -> None:
    """Measures the models named, or some of every size."""
    registry = load_registry()
    with tempfile.TemporaryDirectory(prefix="zoo-benchmark-") as folder:
        for model in models or MODELS:
            measure(checkpoint_of(registry, model, Path(folder)))


if __name__ == "__main__":
    main(sys.argv[1:])
