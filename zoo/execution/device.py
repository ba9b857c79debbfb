"""A configured device: a kind, its options, its driver behind a guard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.common.errors import ZooError
from zoo.contracts.device import Clock, DeviceDriver, DeviceKind
from zoo.contracts.offline_analysis import Examination, Specimen
from zoo.contracts.runtime import Runtime, VendorTool
from zoo.contracts.transport import DeviceOptions
from zoo.execution.driver_guard import GuardedTransport, driver_guard
from zoo.execution.runtimes import plugin_runtimes, runtimes_by_format
from zoo.execution.trust import Untrusted, is_trusted
from zoo.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Device:
    """A configured device: a kind and the options of this one, its driver behind a guard.

    Whatever its driver raises is a `ZooError`.

    Attributes:
        name: What users type for ``--device``.
        source: The file that names it; None for a kind that is a device by itself.
        plugin_runtimes: Runtimes whose sources plugins bring; agents there are given them.
        digest: Of the content of `source` that must have been allowed; empty where none need be.
        plugin: Distribution, version and name of the plugin that brings the driver, for messages.
        machine: The fingerprint of a device that hangs on another machine, which told it.
        runtimes_by_format: All runtimes that run a format's files, those of plugins included.
    """

    name: str
    kind: DeviceKind
    options: DeviceOptions = field(default_factory=dict)
    source: Path | None = None
    plugin_runtimes: tuple[Runtime, ...] = ()
    digest: str = ""
    plugin: str = ""
    machine: str = ""
    runtimes_by_format: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def clock(self) -> Clock:
        """What its times are."""
        return self.kind.clock

    @property
    def driver_name(self) -> str:
        """The driver in words, for messages."""
        return f"of kind {self.kind.name!r}" + (f" ({self.plugin})" if self.plugin else "")

    def guard(self, step: str) -> AbstractContextManager[None]:
        """Around calls of its driver: whatever they raise is a `ZooError` that names the driver."""
        return driver_guard(self.driver_name, step)

    @cached_property
    def driver(self) -> DeviceDriver[Any]:
        """The code behind it, without a guard."""
        with self.guard("start"):
            driver = self.kind.driver_of(self.options)
        driver.plugin_runtimes = self.plugin_runtimes
        return driver

    def require_trust(self) -> None:
        """Raises `Untrusted` unless its file, if it came with a project, was allowed."""
        if self.source is not None and self.digest and not is_trusted(self.source, self.digest):
            raise Untrusted(self.source, self.name)

    @property
    def _trusted_driver(self) -> DeviceDriver[Any]:
        """The code behind it, for all that starts programs or reaches the device."""
        self.require_trust()
        return self.driver

    @property
    def address(self) -> str:
        """Where it is, in a few words."""
        driver = self.driver
        with self.guard("tell the device's address"):
            given = (f"{k}={v}" for k, v in sorted(self.options.items()) if v is not None)
            return _text(driver.address) or ", ".join(given) or self.kind.name

    def connect(self) -> GuardedTransport:
        """Opens a transport to it."""
        driver, tool = self._trusted_driver, self.tool()
        with self.guard("connect"):
            return GuardedTransport(driver.connect(), self.driver_name, tool, self.plugin_runtimes)

    def fingerprint(self) -> str:
        """Identifies the machine and the runtimes there."""
        if self.machine:
            return self.machine
        driver = self._trusted_driver
        with self.guard("tell the device's fingerprint"):
            return _text(driver.fingerprint())

    def runtimes(self) -> list[str]:
        """What can run files there now: a vendor's tool first, then the agent's runtimes.

        Of an analysis, the tools that examine files.
        """
        driver, tool = self._trusted_driver, self.tool()
        try:
            with self.guard("tell the device's runtimes"):
                there = list(driver.runtimes())
        except ZooError:
            if tool is None:
                raise
            there = []  # The agent may run there, and need not.
        brought = [name for name, refusal in self.plugin_runtimes_there.items() if refusal is None]
        return [*([] if tool is None else [tool.name]), *there, *brought]

    @cached_property
    def plugin_runtimes_there(self) -> dict[str, ZooError | None]:
        """The plugins' runtimes that an agent there can import, or why none could be asked.

        One agent is asked for all of them, unless each runtime has an environment of its own.
        """
        if not self.plugin_runtimes or self.kind.analysis:
            return {}
        from zoo.execution.session import AgentSession

        transport, found = self.connect(), dict[str, ZooError | None]()
        together = (
            [(each,) for each in self.plugin_runtimes]
            if self.driver.apart
            else [self.plugin_runtimes]
        )
        try:
            for asked in together:
                first = asked[0].name
                try:
                    with AgentSession(transport, first, self.driver.patience) as session:
                        found |= dict.fromkeys(session.describe(asked)["runtimes"])
                except ZooError as error:
                    found[first] = error
        finally:
            transport.close()
        return found

    def further_runtimes(self, format: str) -> tuple[str, ...]:
        """Runtimes of a format for a device that has none of its exporter's own.

        None on this machine: there files are judged in what their exporter names.
        """
        return () if self.kind.local else self.runtimes_by_format.get(format, ())

    def tool(self) -> VendorTool | None:
        """The vendor's benchmark tool that users have supplied for it."""
        driver = self._trusted_driver
        with self.guard("tell which tool times files"):
            return driver.tool()

    def examine(self, specimen: Specimen) -> Examination:
        """Whether and how a file would run there."""
        driver = self._trusted_driver
        with self.guard(f"examine {specimen.path.name}"):
            found = driver.examine(specimen)
            if not isinstance(found, Examination):
                raise TypeError(f"examine returned a {type(found).__name__}")
            return found

    @property
    def setup_runtimes(self) -> tuple[str, ...]:
        """The runtimes that its setup brings; none of a kind that has no setup."""
        if not self.kind.prepares:
            return ()
        driver = self.driver
        with self.guard("tell which runtimes its setup brings"):
            return tuple(_text(name) for name in driver.setup_runtimes)

    def open_page(self, port: int, path: str) -> str:
        """Has its browsers show a page of this machine's loopback; returns where it was opened."""
        driver = self._trusted_driver
        with self.guard("open a page on the device"):
            return _text(driver.open_page(port, path))

    def close_pages(self) -> None:
        """Takes back what `open_page` arranged there."""
        driver = self._trusted_driver
        with self.guard("take back how pages of this machine were reached"):
            driver.close_pages()

    def setup(self, tell: Callable[[str], None]) -> str:
        """Prepares it; returns what is ready then."""
        driver = self._trusted_driver
        with self.guard("set the device up"):
            return _text(driver.setup(tell))


def device_of(
    registry: Registry,
    name: str,
    kind: DeviceKind,
    options: DeviceOptions | None = None,
    source: Path | None = None,
    digest: str = "",
) -> Device:
    """A device of a kind that the registry knows, with the plugins' runtimes."""
    return Device(
        name=name,
        kind=kind,
        options=options or {},
        source=source,
        digest=digest,
        plugin_runtimes=plugin_runtimes(registry),
        plugin=registry.devices.provider(kind.name).identity,
        runtimes_by_format=runtimes_by_format(registry),
    )


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise TypeError(f"text was expected, a {type(found).__name__} came")
    return found
