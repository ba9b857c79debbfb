"""The tables of docs/gate.md, from the records of `honest_files.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.contracts.precision import BASELINE, PRECISIONS

#: Inputs of a draw in which it is tried how often few inputs refuse a file.
FEW = 64


@dataclass(frozen=True)
class Column:
    """A figure of the tables.

    Attributes:
        key: Of a cell.
        heading: Over it.
        limit: The gate's, from a precision's tolerances.
        scale: What it is shown in.
        young: Whether older records lack it: then it is told how many files have it.
    """

    key: str
    heading: str
    limit: str
    scale: float = 1.0
    unit: str = ""
    young: bool = False

    def text(self, value: float | None) -> str:
        """The figure with two significant digits."""
        return "–" if value is None else f"{value * self.scale:.2g}{self.unit}"


COLUMNS = (
    Column("moved", "probabilities moved by", "moved"),
    Column("far", "by more than 0.25", "far", 100, " %"),
    Column("noise", "noise of other outputs", "noise"),
    Column("scaled", "log-odds scaled by", "scaled", young=True),
    Column("shifted", "those of a class shifted by", "shifted", young=True),
    Column("rise", "rise of the calibration error, points", "confidence"),
)


def limits_table(rows: Sequence[Any]) -> str:
    """Of each precision the limit, and the worst that an honest file does."""
    few = f"most draws of {FEW} inputs that are refused (by the share alone)"
    headings = ["precision", "files", *(c.heading for c in COLUMNS), "lose a class", "refused", few]
    lines = ["| " + " | ".join(headings) + " |", "|---|" + "---:|" * (len(headings) - 1)]
    for precision in PRECISIONS:
        cells = [c for row in rows for c in row["cells"] if c["precision"] == precision.name]
        words = [precision.name, str(len(cells))]
        for column in COLUMNS:
            known = [c[column.key] for c in cells if c.get(column.key) is not None]
            worst = column.text(max(known, default=None))
            most = getattr(precision.tolerances, column.limit)
            # Some records are older than the figure; networks without classes have none.
            of = f" ({len(known)} files)" if len(known) < len(cells) and column.young else ""
            words.append(f"{worst} of {column.text(most)}{of}")
        words.append(str(sum(not c.get("keeps classes", True) for c in cells)))
        words.append(str(sum(c["verdict"] == "rejected" for c in cells)))
        drawn = [c for c in cells if "refused on few" in c]
        own, bare = (
            max((c[k] for c in drawn), default=0.0)
            for k in ("refused on few", "refused on few by share")
        )
        words.append(f"{own:.1%} ({bare:.1%}), {len(drawn)} files" if drawn else "–")
        lines.append("| " + " | ".join(words) + " |")
    return "\n".join(lines)


def networks_table(rows: Sequence[Any]) -> str:
    """Of each network and precision the worst figure of all formats."""
    shown = [p.name for p in PRECISIONS if p != BASELINE]
    lines = ["| network | examples | " + " | ".join(shown) + " |"]
    lines.append("|---|---:|" + "---:|" * len(shown))
    for row in rows:
        words = [row["label"], f"{row['cells'][0]['count']:,}"]
        for name in shown:
            cells = [c for c in row["cells"] if c["precision"] == name]
            figures = [c[k] for k in ("moved", "noise") for c in cells if c.get(k) is not None]
            refused = ", refused" if any(c["verdict"] == "rejected" for c in cells) else ""
            words.append(f"{max(figures):.2g}{refused}" if figures else "–")
        lines.append("| " + " | ".join(words) + " |")
    return "\n".join(lines)
