"""Description of a foreign network: tensors, layers and identity; needs no data."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.common.progress import Event
from zoo.common.worker import call
from zoo.contracts import GivenNetwork, Source
from zoo.networks.building import count_parameters, leaves
from zoo.networks.sources.identity import identity_of
from zoo.networks.sources.statement import parse_statement
from zoo.networks.sources.states import batch_first, likely_states
from zoo.registry import PluginSettings, Registry, load_registry

#: For sides that are free, unless the file states them: the layers are the same for every size.
_ANY_SIDE = 224


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
    if len(opened.inputs) == 1:
        size = iter(parse_statement(opened.stated).size or ())
        sides = opened.inputs[0].shape[1:]
        network = opened.with_shape(tuple(side or next(size, _ANY_SIDE) for side in sides)).model
    else:
        given: GivenNetwork | None = getattr(opened, "as_given", None)
        whole = opened if given is None else batch_first(given, likely_states(given, [], []))[0]
        network = whole.model
    name = opener.called(reference)
    emit({"event": "stage", "text": f"counting {name}"})
    return {
        "file": name,
        "source": opener.summary,
        "sha256": identity_of(file, opener.files_beside(reference)),
        "inputs": [f"{t.name} {t.dtype} {_shape(t.shape)}" for t in opened.inputs],
        "outputs": [f"{t.name} {t.dtype} {_shape(t.shape)}" for t in opened.outputs],
        "layers": [layer.name for layer in leaves(network)],
        "parameters": count_parameters(network),
    }


def _shape(sides: tuple[int | None, ...]) -> str:
    return "×".join("?" if side is None else str(side) for side in sides)
