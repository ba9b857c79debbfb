"""Somewhere an artifact runs: a place where the agent can be started, or one that is analysed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from zoo.contracts.checks import check, check_name
from zoo.contracts.examination import Examination, Specimen
from zoo.contracts.runtime import VendorTool
from zoo.contracts.transport import DeviceOptions, Transport, no_agent

if TYPE_CHECKING:  # lists and help must not wait for it
    from pydantic import BaseModel

#: What the times of a device are: taken on the real thing, on another processor that stands in for
#: it, or calculated. Those that are not real tell nothing of the real ones, nor of each other.
Clock = Literal["real", "emulated", "estimated"]


@dataclass(frozen=True, kw_only=True)
class DeviceKind:
    """A way to reach devices, or to tell without one whether and how a file would run there.

    Attributes:
        name: ``host``; also a device by itself where the kind needs no options.
        summary: One line for lists.
        connect: Opens a transport; takes the options of one device. Left out where `examine` is
            there.
        fingerprint: Identifies the machine and the runtimes there, so that a latency is never
            taken for another's. Raises `ZooError` when the device cannot be reached.
        runtimes: Agent runtimes that can be used there now; raises like `fingerprint`.
        options: Returns the pydantic model whose fields ``devices.toml`` may hold for a device of
            this kind; None when it has none.
        address: Where a device is, in a few words without secrets; two devices with one address
            are one, of which only one process at a time may measure. None stands for the options.
        setup: Prepares a device that is named in ``devices.toml`` (``zoo devices setup NAME``):
            takes its options and a function that tells people what is being done, returns what is
            ready then. None where nothing can be prepared from here.
        tool: A vendor's benchmark tool that users have supplied for this device, which times files
            in place of the agent; returns None where they have not. Contacts no device.
        extra: The extra of the distribution that brings what the driver needs; empty for none.
        distributions: Those installed here whose versions decide what it answers and how fast.
        local: Whether it is this machine, where files are judged after export.
        examine: Finds out on this machine whether and how a file would run there; such a device
            is never timed, and its findings are never ranked with latencies. Raises `ZooError`
            for a file that it cannot take. None for kinds that the agent runs on.
        formats: Names of the exporters whose files `examine` takes.
        remote: Whether the device does the work on processors of its own, so that it may measure
            while others do.
        clock: What its times are; only real ones are ranked, compared or held against a budget.
        known: Devices of this kind that are known without an entry: name → options. An entry of
            ``devices.toml`` with the same name counts instead.
    """

    name: str
    summary: str
    fingerprint: Callable[[DeviceOptions], str]
    runtimes: Callable[[DeviceOptions], Sequence[str]]
    connect: Callable[[DeviceOptions], Transport] = no_agent
    options: Callable[[], type[BaseModel]] | None = None
    address: Callable[[DeviceOptions], str] | None = None
    setup: Callable[[DeviceOptions, Callable[[str], None]], str] | None = None
    tool: Callable[[DeviceOptions], VendorTool | None] | None = None
    extra: str = ""
    distributions: tuple[str, ...] = ()
    local: bool = False
    examine: Callable[[DeviceOptions, Specimen], Examination] | None = None
    formats: tuple[str, ...] = ()
    remote: bool = False
    clock: Clock = "real"
    known: Callable[[], Mapping[str, DeviceOptions]] | None = None

    def __post_init__(self) -> None:
        check_name("device", self.name)
        reached = self.examine is not None or self.connect is not no_agent
        check(reached, self.name, "it needs connect or examine")
        named = (self.examine is not None) == bool(self.formats)
        check(named, self.name, "formats are those that examine takes")
        guessed = self.examine is None or self.clock == "estimated"
        check(guessed, self.name, "what examine tells is estimated; clock must say so")
        clocks = get_args(Clock)
        check(self.clock in clocks, self.name, f"clock must be one of {', '.join(clocks)}")
        for field_name in ("connect", "fingerprint", "runtimes"):
            check(callable(getattr(self, field_name)), self.name, f"{field_name} must be callable")
        for field_name in ("options", "address", "setup", "known", "tool", "examine"):
            value = getattr(self, field_name)
            usable = value is None or callable(value)
            check(usable, self.name, f"{field_name} must be callable or None")
