"""The size, speed and quality of one file, as an explanation compares them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.contracts import Metric


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """One of the two files.

    Attributes:
        bytes: Of the whole file.
        model_bytes: Without the manifest.
        metric: Headline metric as its gate measured it; None when no gate did.
        conversions: Number of operators that turn real numbers into integers or back.
    """

    path: Path
    bytes: int
    model_bytes: int
    weight_bytes: int
    precision: str
    metric: Metric | None
    conversions: int
