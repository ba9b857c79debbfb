"""Files of quantization-aware trained weights, between steps."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.networks.loading import LoadedModel
from zoo.networks.weights import load_into, read_tensors, save_weights
from zoo.registry import Registry
from zoo.targets import target_named
from zoo.training.qat.network import RoundingNetwork, build_rounding_network

SUFFIX = ".qat.safetensors"


@dataclass(frozen=True, kw_only=True)
class QatWeights:
    """Trained weights and limits by path, which can be passed to worker processes.

    Attributes:
        weights: Path of its safetensors file.
        target: Name of the target it was trained for.
    """

    weights: str
    target: str


def save(twin: RoundingNetwork, path: Path) -> str:
    """Writes weights and limits; returns the file's SHA-256."""
    return save_weights(twin.trained, path)


def load(
    registry: Registry, loaded: LoadedModel, trained: QatWeights, batch: int | None = None
) -> RoundingNetwork:
    """The trained rounding network with frozen limits, ready to be run and exported.

    Args:
        registry: Finds the target.
        loaded: The network that it was made from.
        trained: What was trained.
        batch: Size of a batch; None for any.

    Raises:
        BadFile: The weights are those of another network.
    """
    twin = build_rounding_network(
        loaded.network,
        loaded.preprocessing,
        loaded.task,
        target=target_named(registry, trained.target),
        batch=batch,
    )
    tensors = read_tensors(Path(trained.weights))
    load_into(twin.trained, tensors, Path(trained.weights).name, skip_head=False)
    twin.freeze_quantizers()
    return twin
