"""Networks of keras-hub by name: how to bring them, since they cannot be opened by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from zoo.common.errors import UsageError
from zoo.common.progress import OnEvent
from zoo.contracts import Source
from zoo.hookspecs import hookimpl

PREFIX = "keras-hub:"


def recognises(reference: str) -> bool:
    """By the prefix."""
    return reference.startswith(PREFIX)


def explain(reference: str) -> NoReturn:
    """Says what to do.

    Raises:
        UsageError: Always.
    """
    name = reference.removeprefix(PREFIX).partition("?")[0]
    raise UsageError(
        f"{PREFIX}{name} cannot be opened by its name",
        why="what such a network is made of lies on Kaggle, and not in the package: keras-hub "
        "downloads that and the weights by itself, and verifies neither",
        fix="where keras-hub is installed (pip install keras-hub), save it as a SavedModel for one "
        "size, and ship that; a folder of Kaggle's takes the place of the name:\n"
        f"model = keras_hub.models.ImageClassifier.from_preset({name!r})\n"
        "size = keras.InputSpec(shape=(1, 224, 224, 3), dtype='float32')\n"
        "model.export('net', format='tf_saved_model', input_signature=[size])\n"
        "zoo ship net --data DATASET",
    )


def refuse(reference: str, emit: OnEvent) -> None:
    """In the place of a download."""
    explain(reference)


def local(reference: str) -> Path:
    """There is no file."""
    explain(reference)


@hookimpl
def zoo_sources() -> Iterator[Source]:
    """Names of keras-hub, which are recognised to say how to bring them."""
    yield Source(
        name="keras-hub",
        summary="Names of keras-hub: says how to save these networks so that they can be opened",
        typed="keras-hub:NAME",
        recognises=recognises,
        local=local,
        open=explain,
        fetch=refuse,
        title=lambda reference: reference,
    )
