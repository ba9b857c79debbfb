"""Microcontrollers that nobody has to own: would a file run on a board?

No latency is claimed: tflite-micro on a computer is no board's clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.contracts import Arena, DeviceKind, DeviceOptions

from .board_table import board_names

# Lists, help and completions load this file: what examines imports pydantic.
if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .boards import BoardOptions
    from .examination import BoardDriver


def known() -> Mapping[str, DeviceOptions]:
    """Every board of the table."""
    return {name: {"board": name} for name in board_names()}


def _arena(model: Path, inputs: NDArray[Any]) -> Arena:
    from ..micro_arena import measure_arena

    return measure_arena(model, inputs)


def _driver() -> type[BoardDriver]:
    from .examination import BoardDriver

    return BoardDriver


def _options() -> type[BoardOptions]:
    from .boards import BoardOptions

    return BoardOptions


def kinds() -> Iterator[DeviceKind]:
    """Boards that nobody has to own."""
    yield DeviceKind(
        name="microcontroller",
        summary="would a file run on a board, by tflite-micro (no latency)",
        driver=_driver,
        options=_options,
        extra="micro",
        distributions=("tflite-micro", "ai-edge-litert", "numpy"),
        formats=("tflite",),
        clock="estimated",
        known=known,
        arena=_arena,
    )
