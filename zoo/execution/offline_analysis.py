"""Offline analysis: files for devices that are never timed, worked out on this machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artifacts.artifact import Artifact, open_unaltered
from zoo.artifacts.golden_samples import read_golden
from zoo.artifacts.value_range import UNIT_RANGE, value_range_of
from zoo.common.brief import Brief
from zoo.common.clock import utc_now
from zoo.common.errors import UsageError
from zoo.common.files import sha256_of
from zoo.contracts import Examination, Figure, FigureTable, Specimen
from zoo.execution.device import Device
from zoo.execution.devices import device_named
from zoo.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What the results store calls these steps.
KIND = "examine"
#: Inputs that are drawn for a file which brings none.
DRAWN = 3
_SEED = 0


@dataclass(frozen=True, kw_only=True, repr=False)
class OfflineAnalysis(Brief):
    """The offline analysis of one file for one device, with everything that it depends on.

    Attributes:
        file: Name of the file.
        sha256: Of its bytes.
        device: Name of the device.
        device_kind: Its kind.
        device_fingerprint: Of the device's description and of the tools.
        verdict: In few words.
        passed: Whether the file can be used there.
        faults: Why not.
        figures: The most important first.
        tables: In detail.
        remarks: What whoever reads the figures must know.
        configuration: Board, accelerator, memory mode: what the figures are for.
        tools: What found it out: name → version.
        files: Names of files that were kept.
        seconds: How long it took.
        created: When, ISO 8601, UTC.
    """

    file: str
    sha256: str
    device: str
    device_kind: str
    device_fingerprint: str
    verdict: str
    passed: bool
    figures: tuple[Figure, ...]
    faults: tuple[str, ...] = ()
    tables: tuple[FigureTable, ...] = ()
    remarks: tuple[str, ...] = ()
    configuration: dict[str, Any] = field(default_factory=dict)
    tools: dict[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    seconds: float = 0.0
    created: str = ""


def analyse_file(registry: Registry, device: Device, path: Path) -> OfflineAnalysis:
    """Analyses one file for one device.

    Raises:
        ZooError: The file is damaged or of a format that the device's kind does not take, or the
            tool that analyses it is missing.
    """
    artifact = open_unaltered(registry, path)
    started = time.perf_counter()
    found = analyse(device, artifact)
    return OfflineAnalysis(
        file=path.name,
        sha256=sha256_of(path),
        device=device.name,
        device_kind=device.kind.name,
        device_fingerprint=device.fingerprint(),
        verdict=found.verdict,
        passed=found.passed,
        figures=found.figures,
        faults=found.faults,
        tables=found.tables,
        remarks=found.remarks,
        configuration={**found.configuration, "device": _given_options(device)},
        tools=dict(found.tools),
        files=tuple(str(kept) for kept in found.files),
        seconds=time.perf_counter() - started,
        created=utc_now(),
    )


def analyse(device: Device, artifact: Artifact) -> Examination:
    """The findings of the device's driver.

    Raises:
        UsageError: The kind is no analysis, or takes no files of this format.
    """
    kind = device.kind
    if not kind.analysis:
        raise UsageError(f"{device.name!r} is a device that files are timed on")
    if artifact.exporter.name not in kind.formats:
        raise UsageError(
            f"{device.name!r} takes no {artifact.exporter.name} files",
            why=f"what examines files for {kind.name!r} reads {', '.join(kind.formats)}",
            fix=f"zoo export MODEL --format {kind.formats[0]}",
        )
    return device.examine(specimen_of(artifact))


def specimen_of(artifact: Artifact) -> Specimen:
    """A file with real inputs, its golden ones, or else with seeded random ones."""
    manifest = artifact.manifest
    inputs: NDArray[Any] | None
    outputs: NDArray[Any] | None = None
    if manifest is not None and manifest.golden is not None:
        arrays = read_golden(manifest.golden, artifact.path)
        inputs, outputs = arrays.inputs, arrays.outputs
        origin = f"{len(arrays.inputs)} golden inputs ({manifest.golden.dataset})"
    else:
        inputs, origin = _drawn(artifact), f"{DRAWN} random inputs: the file brings no real ones"
    if len(artifact.contents.inputs) != 1:
        inputs, outputs, origin = None, None, ""
    return Specimen(
        path=artifact.path,
        contents=artifact.contents,
        layers=manifest.layers if manifest is not None else (),
        precision=manifest.precision if manifest is not None else "",
        inputs=inputs,
        outputs=outputs,
        origin=origin,
        value_range=value_range_of(artifact) if manifest is not None else UNIT_RANGE,
    )


def _drawn(artifact: Artifact) -> NDArray[Any] | None:
    """Seeded random inputs, over the whole range of an integer input; None without fixed shape."""
    import numpy as np

    given = artifact.contents.inputs[0]
    shape = given.shape[1:]
    if any(side < 1 for side in shape):
        return None
    random = np.random.default_rng(_SEED)
    low, high = value_range_of(artifact)
    if given.scale is not None:
        limits = np.iinfo(given.dtype)
        zero = given.zero_point or 0
        low, high = (limits.min - zero) * given.scale, (limits.max - zero) * given.scale
    elif np.dtype(given.dtype).kind in "iu":
        return random.integers(0, 2, (DRAWN, *shape)).astype(given.dtype)
    return random.uniform(low, high, (DRAWN, *shape)).astype(np.float32)


def _given_options(device: Device) -> dict[str, Any]:
    return {key: value for key, value in device.options.items() if value is not None}


def refuse_timing_options(device: Device, given: Sequence[str]) -> None:
    """Refuses options of timing for a device that is never timed.

    Raises:
        UsageError: Names the first.
    """
    if given:
        raise UsageError(
            f"{given[0]} means nothing for {device.name!r}",
            why=f"devices of kind {device.kind.name!r} are analyses: nothing is timed there",
            fix=f"leave {given[0]} out; limits of memory are options of the device "
            f"(zoo devices add NAME {device.kind.name} …)",
        )


def refuse_budgets(
    registry: Registry,
    devices: Sequence[str],
    budgets: Sequence[str],
    files: Sequence[str] = (),
    runtimes: Sequence[str] = (),
) -> None:
    """Refuses budgets for figures that the agent does not measure.

    Args:
        registry: Finds the devices.
        devices: By name.
        budgets: That were given.
        files: That are to be timed.
        runtimes: That were asked for; none leaves it to the files and devices.

    Raises:
        UsageError: Names the device that is never timed, or the vendor's tool that would time.
    """
    for name in devices if budgets else ():
        device = device_named(registry, name)
        if device.kind.analysis:
            refuse_timing_options(device, ["--budget"])
        tool = device.tool()
        if tool is None or (runtimes and tool.name not in runtimes):
            continue
        formats = registry.runtimes.get(tool.name).formats
        exporters = (registry.exporter_for(Path(file)) for file in files)
        if any(exporter is not None and exporter.name in formats for exporter in exporters):
            raise UsageError(
                f"{tool.name} does not support --budget",
                fix="leave --budget out, or name a runtime of the agent: --runtime …",
            )


def refuse_untimed(registry: Registry, name: str | None) -> None:
    """Refuses to search on a device that is never timed: a search ranks files by latencies.

    Raises:
        UsageError: Nothing is timed on that device.
    """
    device = device_named(registry, name)
    if device.kind.analysis:
        raise UsageError(
            f"nothing is timed on {device.name!r}, so no search can rank files there",
            why=f"devices of kind {device.kind.name!r} are analyses",
            fix="search with --max-size on a device that files are timed on, then examine what it "
            f"found: zoo bench FILE --device {device.name}",
        )
