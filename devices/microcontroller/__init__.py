"""Microcontroller boards that nobody has to own: whether a file fits, by TensorFlow Lite Micro."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.modules import lazy
from zoo.contracts import Arena, DeviceKind, DeviceOptions
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from numpy.typing import NDArray


def known() -> dict[str, DeviceOptions]:
    """Every board of the table."""
    from .board_table import board_names

    return {name: {"board": name} for name in board_names()}


def _arena(model: Path, inputs: NDArray[Any]) -> Arena:
    from .arena import measure_arena

    return measure_arena(model, inputs)


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """Boards that nobody has to own."""
    yield DeviceKind(
        name="microcontroller",
        summary="would a file run on a board, by tflite-micro (no latency)",
        driver=lazy("zoo.devices.microcontroller.driver:BoardDriver"),
        extra="micro",
        distributions=("tflite-micro", "ai-edge-litert", "numpy"),
        formats=("tflite",),
        clock="estimated",
        known=known,
        arena=_arena,
    )
