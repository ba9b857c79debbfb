"""Conformance checks of devices that files are analysed for offline."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.artifacts.artifact import open_unaltered
from zoo.common.errors import ZooError
from zoo.contracts import Examination, Specimen
from zoo.execution.device import Device
from zoo.execution.offline_analysis import analyse, specimen_of
from zoo.registry import Registry
from zoo.results.records import as_plain
from zoo.testing.verdict import Finding, NotTried

#: Files that hold one dense layer in integers of 8 bits, in each format that may be examined.
PROBES = Path(__file__).with_name("integer_probes")
#: The same layer in real numbers.
REAL_PROBES = Path(__file__).parents[1] / "execution" / "probe_files"
_HOSTILE = "-a b'$(id)`id`;\n*.probe"


def describe(registry: Registry, device: Device) -> Finding:
    """The device describes itself, the same way each time, and what examines is here."""
    first, again = device.fingerprint(), device.fingerprint()
    if first != again or not first:
        return _failed(f"it calls itself {first!r} and {again!r}", "derive it from the options")
    tools = list(device.runtimes())
    if not tools:
        return _failed(
            "what examines files is not here", f'pip install "edgezoo[{_extra(device)}]"'
        )
    return _passed(f"{device.address}, {', '.join(tools)}")


def find(registry: Registry, device: Device) -> Finding:
    """A sound file is examined: figures with units, what they are for, and what told them."""
    found = _examined(registry, device, _probe(registry, device, PROBES))
    if not found.figures:
        return _failed("no figure is reported", "return at least one zoo.Figure")
    if not found.tools or not all(found.tools.values()):
        return _failed(
            "the tools that made the figures are not named", "name tools with their versions"
        )
    if not found.configuration:
        return _failed(
            "the configuration that the figures are for is not given", "fill in configuration"
        )
    json.dumps(as_plain(found), allow_nan=False, default=str)
    told = ", ".join(f"{f.name} {f.value:g} {f.unit}".strip() for f in found.figures)
    return _passed(f"{found.verdict}: {told}")


def repeat(registry: Registry, device: Device) -> Finding:
    """The same file has the same findings."""
    probe = _probe(registry, device, PROBES)
    first, again = (_plain(_examined(registry, device, probe)) for _ in range(2))
    differing = [key for key in first if first[key] != again[key]]
    if differing:
        return _failed(f"{', '.join(differing)} differ from one time to the next", "seed it")
    return _passed("the same twice")


def read(registry: Registry, device: Device) -> Finding:
    """The findings are of the file: another one has others, or is refused."""
    integer = _examined(registry, device, _probe(registry, device, PROBES))
    try:
        real = _examined(registry, device, _probe(registry, device, REAL_PROBES))
    except ZooError as refusal:
        return _passed(f"real numbers: {refusal.what}")
    if not real.faults and real.figures == integer.figures:
        return _failed("two files have the same figures", "examine the file that is given")
    return _passed(f"real numbers: {real.verdict}")


def names(registry: Registry, device: Device) -> Finding:
    """A file may be called anything; it and its folder are left as they were."""
    probe = _probe(registry, device, PROBES)
    expected = _examined(registry, device, probe)
    with tempfile.TemporaryDirectory(prefix="zoo-check-") as folder:
        hostile = Path(folder) / f"{_HOSTILE}{probe.suffix}"
        shutil.copyfile(probe, hostile)
        around = {*Path(folder).iterdir(), *Path.cwd().iterdir()}
        found = _examined(registry, device, hostile)
        kept = {file.resolve() for file in found.files}
        added = {*Path(folder).iterdir(), *Path.cwd().iterdir()} - around
        left = sorted(f.name for f in added if f.resolve() not in kept and not _parent(f, kept))
        same = hostile.read_bytes() == probe.read_bytes()
    if not same:
        return _failed("the file was changed", "work on a copy")
    if left:
        return _failed(f"it left {', '.join(left)} behind", "work in a temporary folder")
    if found.figures != expected.figures:
        return _failed("the figures depend on the file's name", "pass the name as one argument")
    return _passed("the same figures, nothing left behind")


def refuse(registry: Registry, device: Device) -> Finding:
    """A damaged file is refused, or has faults; it takes nothing down."""
    probe = _probe(registry, device, PROBES)
    sound = specimen_of(open_unaltered(registry, probe))
    with tempfile.TemporaryDirectory(prefix="zoo-check-") as folder:
        broken = Path(folder) / probe.name
        content = probe.read_bytes()
        broken.write_bytes(content[: len(content) // 2])
        damaged: Specimen = replace(sound, path=broken)
        try:
            found = device.examine(damaged)
        except ZooError as refusal:
            return _passed(refusal.what)
    if found.passed:
        return _failed(f"half a file: {found.verdict}", "raise a ZooError, or tell faults")
    return _passed(found.faults[0])


def _probe(registry: Registry, device: Device, folder: Path) -> Path:
    """A file of a format that the device's kind takes."""
    for probe in sorted(folder.iterdir()):
        exporter = registry.exporter_for(probe)
        if exporter is not None and exporter.name in device.kind.formats:
            return probe
    raise NotTried(f"no file is at hand of {', '.join(device.kind.formats)}")


def _examined(registry: Registry, device: Device, file: Path) -> Examination:
    return analyse(device, open_unaltered(registry, file))


def _plain(found: Examination) -> dict[str, Any]:
    return as_plain(found)


def _parent(file: Path, kept: set[Path]) -> bool:
    return any(file.resolve() in each.parents for each in kept)


def _extra(device: Device) -> str:
    return device.kind.extra or "all"


def _passed(measured: str) -> Finding:
    return Finding(passed=True, measured=measured)


def _failed(measured: str, fix: str) -> Finding:
    return Finding(passed=False, measured=measured, fix=fix)


_CHECKS: dict[str, Callable[[Registry, Device], Finding]] = {
    "describe": describe,
    "examine": find,
    "repeat": repeat,
    "read": read,
    "names": names,
    "refuse": refuse,
}
#: Every check of an analysis by name, in order.
OFFLINE_CHECKS = tuple(_CHECKS)


def offline_check(name: str, registry: Registry, device: Device) -> Finding:
    """Runs one check.

    Raises:
        NotTried: No file is at hand for it.
    """
    return _CHECKS[name](registry, device)
