"""A configured device: a kind, its options, its driver behind a guard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from zoo.contracts.device import Clock, DeviceKind
from zoo.contracts.foreign_benchmark import ForeignBenchmark
from zoo.contracts.transport import DeviceOptions
from zoo.execution.driver_guard import GuardedTransport, guarding


@dataclass(frozen=True, kw_only=True)
class Device:
    """One device: a kind and how to reach this one.

    Attributes:
        name: What users type for ``--device``.
        kind: How it is reached.
        options: Complete.
        source: The file that names it; None for a kind that is a device by itself.
    """

    name: str
    kind: DeviceKind
    options: DeviceOptions = field(default_factory=dict)
    source: Path | None = None

    @property
    def address(self) -> str:
        """Where it is, in a few words."""
        if self.kind.address is not None:
            return self.kind.address(self.options)
        given = (f"{k}={v}" for k, v in sorted(self.options.items()) if v is not None)
        return ", ".join(given) or self.kind.name

    @property
    def clock(self) -> Clock:
        """What its times are."""
        return self.kind.clock

    @property
    def bound_kind(self) -> DeviceKind:
        """Its kind with its options filled in, for callers who give none."""
        kind, options = self.kind, self.options
        return replace(
            kind,
            connect=lambda _: kind.connect(options),
            fingerprint=lambda _: kind.fingerprint(options),
            runtimes=lambda _: kind.runtimes(options),
        )

    def connect(self) -> GuardedTransport:
        """Opens a transport to it, around which whatever its driver raises is a `ZooError`."""
        with guarding(self.kind.name, "connect"):
            return GuardedTransport(self.kind.connect(self.options), self.kind.name)

    def fingerprint(self) -> str:
        """Identifies the machine and the runtimes there."""
        with guarding(self.kind.name, "tell the device's fingerprint"):
            return self.kind.fingerprint(self.options)

    def runtimes(self) -> Sequence[str]:
        """Agent runtimes that can be used there now."""
        with guarding(self.kind.name, "tell the device's runtimes"):
            return self.kind.runtimes(self.options)

    def benchmark(self) -> ForeignBenchmark | None:
        """The program of others that times files there, if users have supplied one."""
        return None if self.kind.benchmark is None else self.kind.benchmark(self.options)
