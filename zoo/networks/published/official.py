"""Official weights from Python: fetching, listing, verification."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError
from zoo.common.progress import Event, OnStep, quiet
from zoo.networks.checkpoints import Checkpoint, made_here
from zoo.registry import Registry, load_registry

if TYPE_CHECKING:
    from zoo.networks.published.check import VerifiedWeights
    from zoo.networks.published.fetch import OfficialWeights


def fetch_weights(
    model: str,
    *,
    origin: str | Path | None = None,
    tag: str | None = None,
    classes: Sequence[str] | None = None,
    again: bool = False,
    on_step: OnStep = quiet,
    progress: bool | None = None,
    registry: Registry | None = None,
) -> Checkpoint:
    """Fetches official weights, or converts those of another program.

    Args:
        model: A model id (``resnet18.a1_in1k``); with `origin`, a variant.
        origin: Address or path of weights that the zoo does not list.
        tag: Names those: ``variant.tag``.
        classes: Their class names, in the order of the outputs; None for ImageNet's, or for
            numbers when there are not 1,000.
        again: Fetch and convert even what is here.
        on_step: Receives progress.
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.

    Raises:
        UsageError: No such weights; `origin` without `tag` or the reverse.
        BadFile: Truncated, altered, another network's, or more than tensors.
    """
    from zoo.networks.published.fetch import fetch, fetch_from

    registry = registry or load_registry()
    if (origin is None) != (tag is None):
        raise UsageError("an origin and a tag belong together", fix="--from PATH --tag NAME")
    with _as_step(f"fetch {model}", on_step) as on_event:
        if origin is not None and tag is not None:
            return fetch_from(
                registry, model, str(origin), tag, classes=classes, again=again, on_event=on_event
            )
        return fetch(registry, model, again=again, on_event=on_event)


def official_weights(
    pattern: str = "*", *, registry: Registry | None = None
) -> list[OfficialWeights]:
    """Official weights whose model id matches a shell pattern, fetched or not; no network."""
    from fnmatch import fnmatchcase

    from zoo.networks.published.fetch import list_official

    rows = list_official(registry or load_registry())
    return [
        row
        for row in rows
        if fnmatchcase(row.model_id, pattern) or row.model_id.partition(".")[0] == pattern
    ]


def verify_weights(
    model: str | None = None, *, registry: Registry | None = None
) -> list[VerifiedWeights]:
    """Reads weights that are on this machine, and compares their SHA-256 with their cards.

    Args:
        model: Variant or model id; None for all: packaged, official and the user's own.
        registry: None discovers plugins anew.
    """
    from zoo.networks.published.check import verify_local_weights

    return verify_local_weights(registry or load_registry(), model)


def fetched_model(registry: Registry, model: str, on_step: OnStep) -> str:
    """The name of a model; fetches its official weights first, if it stands for such."""
    from zoo.networks.published.cache import is_fetched, source_named
    from zoo.networks.published.fetch import fetch, no_such_weights

    source = source_named(registry, model)
    if source is None:
        if "://" in model:
            raise no_such_weights(registry, model)
        made = made_here(registry, model)
        if made is not None:
            on_step(model, {"event": "note", "text": f"the weights are {made}"})
        return model if made is None else str(made)
    if not is_fetched(source):
        with _as_step(f"fetch {source.model_id}", on_step) as on_event:
            fetch(registry, source.model_id, on_event=on_event)
    return source.model_id


@contextmanager
def _as_step(step: str, on_step: OnStep) -> Iterator[Callable[[Event], None]]:
    """Reports work outside a run as if it were a step."""
    started = time.perf_counter()
    on_step(step, {"event": "start", "kind": "fetch"})
    status = "failed"
    try:
        yield lambda event: on_step(step, event)
        status = "passed"
    finally:
        seconds = time.perf_counter() - started
        on_step(step, {"event": "end", "status": status, "seconds": seconds, "cached": False})
