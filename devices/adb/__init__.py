"""Android phones and boards, by ADB."""

from __future__ import annotations

from collections.abc import Iterator

from zoo.contracts import DeviceKind, Runtime
from zoo.hookspecs import hookimpl


@hookimpl
def zoo_devices() -> Iterator[DeviceKind]:
    """Yields the kind of device."""
    from .driver import kinds

    yield from kinds()


@hookimpl
def zoo_runtimes() -> Iterator[Runtime]:
    """The benchmark tool that users may supply for a phone."""
    yield Runtime(
        name="benchmark_model",
        summary="LiteRT's own benchmark program, which keeps no single times",
        formats=("tflite",),
        tool=True,
    )
