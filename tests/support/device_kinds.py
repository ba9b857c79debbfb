"""Kinds of devices whose drivers do what a test says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo.contracts import DeviceDriver, DeviceKind, Transport

PROPERTIES = ("address", "setup_runtimes")


class MadeDriver(DeviceDriver[Any]):
    """A driver of a test; only what a test asks for is there."""

    def fingerprint(self) -> str:
        """The same for all."""
        return "f" * 16

    def runtimes(self) -> list[str]:
        """One that no exporter has."""
        return ["fake"]

    def connect(self) -> Transport:
        """Nobody connects."""
        raise AssertionError("not to be called")


def driver_of(base: type[DeviceDriver[Any]] = MadeDriver, **methods: Any) -> type[Any]:
    """A class of drivers with the given methods; its properties are functions as well."""
    made = {n: property(m) if n in PROPERTIES else m for n, m in methods.items()}
    return type("Made", (base,), made)


def kind_of(
    name: str = "mine",
    *,
    options: Any = None,
    base: type[DeviceDriver[Any]] = MadeDriver,
    methods: dict[str, Callable[..., Any]] | None = None,
    **record: Any,
) -> DeviceKind:
    """A kind whose driver has `methods`, each of which is given the driver.

    Args:
        name: Of the kind.
        options: The model of its options.
        base: Of the driver.
        methods: By name.
        record: Other fields of the record.
    """
    made = driver_of(base, **(methods or {}))
    made.model = options
    values: dict[str, Any] = {"summary": "for tests", "driver": lambda: made}
    return DeviceKind(name=name, **{**values, **record})
