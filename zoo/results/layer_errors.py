"""Records of ``zoo explain``: what each layer of a file loses against its float32 twin."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from zoo.common.brief import Brief

#: Run and kind of these records.
EXPLAIN = "explain"


@dataclass(frozen=True, kw_only=True)
class LayerError:
    """One computing operator.

    Ratios of signal to noise are in decibels, to a hundredth; None where nothing can be compared,
    `zoo.contracts.layers.EXACT_DB` where nothing differs.

    Attributes:
        layer: The layers of the network that it computes, joined by ``+``; the operator's own name
            where none is known.
        operator: As the format names it: ``CONV_2D``.
        arithmetic: ``integer``, ``hybrid`` or ``float``.
        sqnr_db: Of its output while the whole file runs.
        own_sqnr_db: Of its output when it gets the twin's values: its own error.
        cause: What explains most of that: ``inputs``, ``weights``, ``output``, ``kernel``; empty
            where it loses nothing to speak of.
        rank: Of the operators that computing otherwise may mend, 1 for the one that loses the most
            by itself; None of others.

    Raises:
        ValueError: A figure is no number.
    """

    layer: str
    operator: str
    arithmetic: str
    sqnr_db: float | None = None
    own_sqnr_db: float | None = None
    cause: str = ""
    rank: int | None = None

    def __post_init__(self) -> None:
        for figure in (self.sqnr_db, self.own_sqnr_db):
            if figure is not None and not math.isfinite(figure):
                raise ValueError(f"an error of {figure} dB is no number")


@dataclass(frozen=True, kw_only=True, repr=False)
class LayerErrors(Brief):
    """A file beside its float32 twin, layer by layer.

    Attributes:
        file: Name of the file.
        sha256: Of its bytes.
        format: Of both files.
        precision: Of the file.
        twin: Name of the float32 file.
        twin_sha256: Of its bytes.
        dataset: Where the inputs are from.
        split: Of the dataset.
        examples: Number of inputs.
        runtime: What ran both files.
        runtime_version: Of its distribution.
        layers: In the file's order.
        command: What to try against the error; empty where nothing stands out.
        why: What it is likely to help.
        environment: Machine and software as the agent describes them; no clock rate, which decides
            no error.
        created: When, ISO 8601, UTC.
    """

    file: str
    sha256: str
    format: str
    precision: str
    twin: str
    twin_sha256: str
    dataset: str
    split: str
    examples: int
    runtime: str
    runtime_version: str
    layers: tuple[LayerError, ...]
    command: str = ""
    why: str = ""
    environment: dict[str, Any]
    created: str

    @property
    def worst_first(self) -> list[LayerError]:
        """Layers of which the own error is known, the largest first."""
        known = [layer for layer in self.layers if layer.own_sqnr_db is not None]
        return sorted(known, key=lambda layer: layer.own_sqnr_db or 0.0)
