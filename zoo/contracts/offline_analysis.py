"""Records of offline analysis: a file, and the findings for a device that is never timed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.contracts.checks import check

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray

    from zoo.contracts.exporter import FileContents

Cell = str | int | float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Specimen:
    """A file to be analysed, with inputs to try it on.

    Attributes:
        path: The file.
        contents: What is in it.
        layers: Names of the network's Keras layers in its order; empty when unknown.
        precision: As exported; empty when unknown.
        inputs: For its first input, as the network takes them before the file rounds them,
            (inputs, …); None for a file with several inputs.
        outputs: What the runtime that judged the file answered to these, in real numbers,
            (inputs, …); None where none did.
        origin: What these are, in words: ``3 golden inputs (digits/test)``.
        value_range: Of inputs that are real numbers.
    """

    path: Path
    contents: FileContents
    layers: tuple[str, ...] = ()
    precision: str = ""
    inputs: NDArray[Any] | None = None
    outputs: NDArray[Any] | None = None
    origin: str = ""
    value_range: tuple[float, float] = (0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number with its unit.

    Attributes:
        name: ``RAM``.
        value: Finite.
        unit: ``B``, ``ms``, ``cycles``, ``%``, ``steps``; empty for a plain count.
        limit: The most that the device has or allows; None for no limit.
        estimate: Whether a model of the device computed it; else it was measured or counted.
    """

    name: str
    value: float
    unit: str = ""
    limit: float | None = None
    estimate: bool = False

    def __post_init__(self) -> None:
        check(bool(self.name), "figure", "a figure has a name")
        check(math.isfinite(self.value), self.name, "a figure is a finite number")
        limit = self.limit
        check(limit is None or math.isfinite(limit), self.name, "a limit is a finite number")

    @property
    def within(self) -> bool:
        """Whether it keeps its limit."""
        return self.limit is None or self.value <= self.limit


@dataclass(frozen=True, kw_only=True)
class FigureTable:
    """Rows of findings: operator by operator, layer by layer.

    Attributes:
        name: What it shows, and by what.
        headings: One per column, with units.
        rows: As many cells each as there are headings; None where nothing is known.
    """

    name: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def __post_init__(self) -> None:
        fits = all(len(row) == len(self.headings) for row in self.rows)
        check(fits, self.name, "each row has as many cells as there are headings")


@dataclass(frozen=True, kw_only=True)
class Examination:
    """The findings about one file.

    Attributes:
        verdict: In few words: ``fits``, ``does not fit``, ``0.35 ms estimated``.
        faults: Why the file cannot be used there as it is, each with what to do about it; empty
            when it can.
        figures: The most important first; one beyond its limit needs a fault that says so.
        tables: In detail.
        remarks: Remarks on the figures, in sentences.
        configuration: Everything that the figures depend on beside the file: board, accelerator,
            memory mode, with sources; JSON-compatible.
        tools: That found it out: name → version.
        files: Files that were kept because the options asked for them.
    """

    verdict: str
    figures: tuple[Figure, ...]
    faults: tuple[str, ...] = ()
    tables: tuple[FigureTable, ...] = ()
    remarks: tuple[str, ...] = ()
    configuration: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        check(bool(self.verdict), "examination", "an examination has a verdict")
        beyond = [figure.name for figure in self.figures if not figure.within]
        check(
            not beyond or bool(self.faults),
            "examination",
            f"nothing is said of what is beyond its limit: {', '.join(beyond)}",
        )
        guessed = any(figure.estimate for figure in self.figures)
        check(
            not guessed or bool(self.configuration),
            "examination",
            "an estimate names the configuration that it is for",
        )

    @property
    def passed(self) -> bool:
        """Whether the file can be used there."""
        return not self.faults
