"""What weights of a network are to be rounded as those of a file are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from zoo.contracts.exporter import FileContents


@dataclass(frozen=True, kw_only=True, eq=False)
class RoundingRequest:
    """What weights are to be rounded as those of a file are.

    Attributes:
        model: The Keras model that the file was made from; its weights are changed in place.
        precision: Of the file.
        kept: Names of the Keras layers that were kept from it.
        contents: What the file really contains.
    """

    model: Any
    precision: str
    kept: tuple[str, ...]
    contents: FileContents
