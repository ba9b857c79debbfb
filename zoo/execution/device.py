"""A configured device: a kind, its options, its driver behind a guard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from zoo.common.errors import ZooError
from zoo.contracts.device import Clock, DeviceKind
from zoo.contracts.runtime import Runtime, VendorTool
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
        brought: Runtimes whose sources plugins bring; agents there are given them.
    """

    name: str
    kind: DeviceKind
    options: DeviceOptions = field(default_factory=dict)
    source: Path | None = None
    brought: tuple[Runtime, ...] = ()

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
        tool = self.tool()
        with guarding(self.kind.name, "connect"):
            inner = self.kind.connect(self.options)
            return GuardedTransport(inner, self.kind.name, tool, self.brought)

    def fingerprint(self) -> str:
        """Identifies the machine and the runtimes there."""
        with guarding(self.kind.name, "tell the device's fingerprint"):
            return self.kind.fingerprint(self.options)

    def runtimes(self) -> Sequence[str]:
        """What can run files there now: a vendor's tool first, then the agent's runtimes."""
        tool = self.tool()
        try:
            with guarding(self.kind.name, "tell the device's runtimes"):
                there = self.kind.runtimes(self.options)
        except ZooError:
            if tool is None:
                raise
            there = ()  # The agent may run there, and need not.
        return [*([] if tool is None else [tool.name]), *there, *self._brought_there]

    @cached_property
    def _brought_there(self) -> list[str]:
        """Those of the plugins' runtimes that an agent there can import."""
        if not self.brought or self.kind.examine is not None:
            return []
        from zoo.execution.session import AgentSession

        transport = self.connect()
        try:
            with AgentSession(transport, self.brought[0].name) as session:
                return list(session.describe(self.brought)["runtimes"])
        except ZooError:
            return []  # Where no agent can be started, nothing that it would run is there.
        finally:
            transport.close()

    def tool(self) -> VendorTool | None:
        """The vendor's benchmark tool that users have supplied for it."""
        return None if self.kind.tool is None else self.kind.tool(self.options)
