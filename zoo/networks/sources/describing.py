"""Description of a foreign network: tensors, layers and identity; needs no data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.common.progress import Event
from zoo.common.worker import call
from zoo.contracts import Source
from zoo.networks.building import count_parameters, leaves
from zoo.networks.sources.identity import identity_of
from zoo.registry import PluginSettings, Registry, load_registry


def describe_reference(registry: Registry, source: Source, model: str) -> dict[str, Any]:
    """Its tensors, layers and identity, read in a process of its own.

    Raises:
        ZooError: It cannot be opened.
    """
    if source.fetch is not None:
        source.fetch(model, lambda event: None)
    arguments = {"source": source.name, "reference": model, "plugins": registry.settings}
    found: dict[str, Any] = call("zoo.networks.sources.describing:describe", arguments)
    return found


def describe(
    *, source: str, reference: str, plugins: PluginSettings, emit: Callable[[Event], None]
) -> dict[str, Any]:
    """Opens a reference and describes it in plain values."""
    opener = load_registry(plugins).sources.get(source)
    file = opener.local(reference)
    opened = opener.open(reference)
    name = opener.called(reference)
    emit({"event": "stage", "text": f"counting {name}"})
    return {
        "file": name,
        "source": opener.summary,
        "sha256": identity_of(file),
        "inputs": [f"{t.name} {t.dtype} {_shape(t.shape)}" for t in opened.inputs],
        "outputs": [f"{t.name} {t.dtype} {_shape(t.shape)}" for t in opened.outputs],
        "layers": [layer.name for layer in leaves(opened.model)],
        "parameters": count_parameters(opened.model),
    }


def _shape(sides: tuple[int | None, ...]) -> str:
    return "×".join("?" if side is None else str(side) for side in sides)
