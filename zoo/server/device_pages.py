"""Devices: their state and health, what runs on them, and what was timed there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from zoo.common.errors import ZooError
from zoo.common.extras import installed
from zoo.common.optional_imports import require
from zoo.pipeline.executors.status import ExecutorStatus, status_of
from zoo.pipeline.recipe import RecipeExecutor
from zoo.registry import Registry
from zoo.server.catalogue import Catalogue
from zoo.server.page import Page

LIST = "devices/"


@dataclass(frozen=True, kw_only=True)
class Joining:
    """A way by which devices of a kind join.

    Attributes:
        kind: Name of the kind.
        summary: What it is.
        path: Of the page for them.
        addresses: Of that page for other machines; empty where none can connect.
    """

    kind: str
    summary: str
    path: str
    addresses: tuple[str, ...] = ()

    @property
    def codes(self) -> list[tuple[str, str]]:
        """Each address with its QR code, an ``<svg>`` element; empty without the package."""
        if not installed("segno"):
            return [(address, "") for address in self.addresses]
        made = require("segno")
        return [
            (address, made.make(address, micro=False).svg_inline(scale=4, border=4, light="#fff"))
            for address in self.addresses
        ]


class DevicePages:
    """The page of devices."""

    def __init__(self, catalogue: Catalogue, registry: Registry, *, static: bool) -> None:
        self._catalogue, self._registry, self._static = catalogue, registry, static
        self.joining: tuple[Joining, ...] = ()

    def paths(self) -> Iterator[str]:
        """Of the only one."""
        yield LIST

    def page(self, path: str, query: Mapping[str, str]) -> Page | None:
        """The page at a path; None where there is none."""
        if path != LIST:
            return None
        with self._catalogue.lock:
            recorded = self._recorded()
        status, problem = (None, "") if self._static else self._status()
        told = {} if status is None else {device.name: device for device in status.devices}
        names = [*told, *(name for name in recorded if name not in told)]
        rows = [(name, told.get(name), recorded.get(name)) for name in names]
        return Page(
            path=LIST,
            template="devices.html",
            title="Devices",
            section="Devices",
            data={
                "devices": [
                    {
                        "device": name,
                        **({} if state is None else asdict(state)),
                        **(seen or {}),
                    }
                    for name, state, seen in rows
                ],
                "waiting": {} if status is None else dict(status.waiting),
                "running": {} if status is None else dict(status.running),
            },
            values={"rows": rows, "status": status, "problem": problem, "joining": self.joining},
        )

    def _status(self) -> tuple[ExecutorStatus | None, str]:
        try:
            return status_of(self._registry, RecipeExecutor()), ""
        except ZooError as error:
            return None, str(error)

    def _recorded(self) -> dict[str, dict[str, Any]]:
        """What the store says of each device: when it was last timed on, and how often."""
        found: dict[str, dict[str, Any]] = {}
        for entry in self._catalogue.files.values():
            for timing in entry.timings:
                m = timing.measurement
                one = found.setdefault(
                    m.device, {"last": "", "latencies": 0, "files": set(), "clock": m.clock}
                )
                one["last"] = max(one["last"], m.created)
                one["latencies"] += 1
                one["files"].add(entry.sha256)
        for one in found.values():
            one["files"] = len(one["files"])
        return dict(sorted(found.items()))
