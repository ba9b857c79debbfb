"""Results of ``zoo bench`` made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from measured import PLAIN

from zoo.benchmark.timing import Timing
from zoo.contracts.device import Clock


def timing(clock: Clock) -> Timing:
    """A file that was timed on a device with such a clock."""
    measurement = replace(PLAIN, clock=clock, device=f"{clock}-board")
    return Timing(
        file=Path("net.tflite"), device=f"{clock}-board", threads=1, measurement=measurement
    )
