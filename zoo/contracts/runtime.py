"""Runtimes: programs that run files of some formats on a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.contracts.checks import check, check_name

if TYPE_CHECKING:
    from zoo.contracts.exporter import FileContents
    from zoo.contracts.transport import Transport


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """One runtime.

    Attributes:
        name: What users type for ``--runtime``; also what `Exporter.runtimes` may name.
        summary: One line for lists.
        formats: Names of the exporters whose files it runs; none for a `reference`.
        module: Python module by whose presence a device has it; empty for a vendor's `tool`.
        distributions: Its own distribution first, then those that bring the same module in its
            place; their versions are part of the key of every result.
        extra: The extra of the distribution that brings it; empty for none.
        source: Python file with the class that runs it, for the agent; None for runtimes that the
            agent brings itself, and for a `tool`.
        probe: File that holds one dense layer, `zoo.testing.devices.WEIGHTS` and ``BIAS``, in a
            format that it runs: with it a device is tried out. None where there is none.
        setup: Whether ``zoo devices setup`` installs it on a device.
        gpu: Whether it can run files on a GPU.
        refusal: Why it cannot run a file with such contents, and what can; empty where nothing
            speaks against it. None where it runs all that has its operators.
        reference: Whether it runs networks as they were before their export, and no files.
        tool: Whether it is a vendor's benchmark tool, which times a file in a process of its own
            and returns a summary in place of samples (`ToolSummary`). Users supply it
            for a device; its times have no intervals and are compared with no others.
    """

    name: str
    summary: str
    formats: tuple[str, ...] = ()
    module: str = ""
    distributions: tuple[str, ...] = ()
    extra: str = ""
    source: Path | None = None
    probe: Path | None = None
    setup: bool = False
    gpu: bool = False
    refusal: Callable[[FileContents], str] | None = None
    reference: bool = False
    tool: bool = False

    @property
    def description(self) -> dict[str, Any]:
        """The description that the agent gets."""
        return {"name": self.name, "distributions": list(self.distributions)}

    def __post_init__(self) -> None:
        check_name("runtime", self.name)
        check(bool(self.formats) != self.reference, self.name, "it runs files, or is a reference")
        check(bool(self.module) != self.tool, self.name, "names a module, unless it is a tool")
        check(not self.module or bool(self.distributions), self.name, "names no distribution")
        source = self.source
        check(source is None or source.is_file(), self.name, f"its source is no file: {source}")
        check(source is None or not self.tool, self.name, "the agent does not run a vendor's tool")


@dataclass(frozen=True, kw_only=True)
class ToolOrder:
    """Parameters of one timing process of a vendor's tool.

    Attributes:
        threads: For one inference.
        min_runs: At least so many inferences,
        min_seconds: and at least for so long,
        max_seconds: but never longer than this.
        warmup_seconds: How long to warm up.
    """

    threads: int
    min_runs: int
    min_seconds: float
    max_seconds: float
    warmup_seconds: float


@dataclass(frozen=True, kw_only=True)
class ToolSummary:
    """The summary that a vendor's tool reports of one process, in place of samples.

    Attributes:
        runs: Inferences that it timed.
        mean_ms: Their mean, in milliseconds, as all that follow.
        std_ms: Their standard deviation.
        min_ms: The fastest.
        max_ms: The slowest.
        p5_ms: 5th percentile.
        median_ms: Median.
        p95_ms: 95th percentile.
        init_ms: Until the file was loaded.
        first_ms: The first inference.
        warmup_runs: Inferences of the warm-up.
        warmup_mean_ms: Their mean.
        peak_memory_mb: Of the process, in 10^6 bytes.
        delegate: Delegate that took operations; ``none`` where it reports none.
        delegated: How many operations it took.
        operations: Of how many.
        partitions: In how many pieces.
    """

    runs: int
    mean_ms: float
    std_ms: float | None = None
    min_ms: float | None = None
    max_ms: float | None = None
    p5_ms: float | None = None
    median_ms: float | None = None
    p95_ms: float | None = None
    init_ms: float | None = None
    first_ms: float | None = None
    warmup_runs: int | None = None
    warmup_mean_ms: float | None = None
    peak_memory_mb: float | None = None
    delegate: str | None = None
    delegated: int | None = None
    operations: int | None = None
    partitions: int | None = None


@dataclass(frozen=True, kw_only=True)
class VendorTool:
    """A vendor's benchmark tool that a user has supplied for one device.

    Attributes:
        name: Of its `Runtime`.
        sha256: Of the program, which stands for its version.
        run: Times a file that lies here, in a fresh process on the device behind a transport that
            the same kind made. Raises `ZooError` when it crashed, hung, refused or gave no figures.
    """

    name: str
    sha256: str
    run: Callable[[Transport, Path, ToolOrder], ToolSummary]

    def __post_init__(self) -> None:
        check_name("tool", self.name)
        check(callable(self.run), self.name, "run must be callable")

    @property
    def version(self) -> str:
        """The first digits of its SHA-256."""
        return self.sha256[:12]
