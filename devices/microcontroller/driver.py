"""Microcontrollers that nobody has to own: would a file run on a board?

No latency is claimed: tflite-micro on a computer is no board's clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from zoo.common.optional_imports import installed
from zoo.contracts import DeviceKind, DeviceOptions, Examination, Specimen

from .board_table import board_names

# Lists, help and completions load this file: what examines imports pydantic.
if TYPE_CHECKING:
    from pydantic import BaseModel


def examine(given: DeviceOptions, specimen: Specimen) -> Examination:
    """Operators, arena, memory and answers of one file on one board.

    Raises:
        MissingExtra: tflite-micro is not installed.
    """
    from .examination import examine as examined

    return examined(given, specimen)


def fingerprint(given: DeviceOptions) -> str:
    """Of the board's figures and of what examines: another of either is another result."""
    from .examination import fingerprint as told

    return told(given)


def runtimes(given: DeviceOptions) -> Sequence[str]:
    """tflite-micro, where it is installed."""
    return ["tflite-micro"] if installed("tflite_micro") else []


def address(given: DeviceOptions) -> str:
    """The board and what it has."""
    from .boards import Options, board_of, capacity

    board = board_of(Options.model_validate(dict(given)))
    return f"{board.title}: {capacity(board)}"


def known() -> Mapping[str, DeviceOptions]:
    """Every board of the table."""
    return {name: {"board": name} for name in board_names()}


def _options() -> type[BaseModel]:
    from .boards import Options

    return Options


def kinds() -> Iterator[DeviceKind]:
    """Boards that nobody has to own."""
    yield DeviceKind(
        name="microcontroller",
        summary="would a file run on a board, by tflite-micro (no latency)",
        examine=examine,
        formats=("tflite",),
        clock="estimated",
        known=known,
        options=_options,
        address=address,
        fingerprint=fingerprint,
        runtimes=runtimes,
        extra="micro",
        distributions=("tflite-micro", "ai-edge-litert", "numpy"),
    )
