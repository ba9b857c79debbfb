"""The tables of docs/gate.md, from the records of `honest_files.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.contracts.precision import BASELINE, PRECISIONS
from zoo.registry import PluginSettings, load_registry
from zoo.results import formatting as fmt
from zoo.tasks.target_checks import WIDEST_STEP

REGRESSION = load_registry(PluginSettings(installed=False)).tasks.get("regression")

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


def rounded_table(rows: Sequence[Any]) -> str:
    """Of files of four bits: how far they are from the network with its weights rounded so."""
    shown = [c for c in COLUMNS if c.key in ("moved", "far", "scaled", "shifted")]
    headings = ["precision", "format", "files", *(c.heading for c in shown), "least agreement"]
    headings += ["probabilities moved from the network as trained", "least agreement with that"]
    lines = ["| " + " | ".join(headings) + " |", "|---|---|" + "---:|" * (len(headings) - 2)]
    for precision in PRECISIONS:
        cells = [c for r in rows for c in r["cells"] if c["precision"] == precision.name]
        for format in sorted({c["format"] for c in cells if "rounded" in c}):
            both = [c for c in cells if "rounded" in c and c["format"] == format]
            own = [c["rounded"] for c in both]
            words = [precision.name, format, str(len(own))]
            for column in shown:
                worst = max(c[column.key] for c in own)
                most = getattr(precision.rounded, column.limit)
                words.append(f"{column.text(worst)} of {column.text(most)}")
            least = getattr(precision.rounded, "agreement", 0.0)
            words.append(f"{min(c['agreement'] for c in own):.1%} of {least:.0%}")
            words.append(f"{max(c['moved'] for c in both):.2g}")
            words.append(f"{min(c['agreement'] for c in both):.1%}")
            lines.append("| " + " | ".join(words) + " |")
    return "\n".join(lines)


#: Of real targets: the figure, its limit where one of a precision's tolerances is it.
TARGETS = (
    Column("noise", "noise beside the spread", "noise"),
    Column("aligned", "scaled or shifted, beyond rounding", "aligned"),
    Column("worse", "error larger by", "", 1, " %"),
    Column("step", "steps, in mean errors", ""),
)


def targets_table(rows: Sequence[Any]) -> str:
    """Of real targets the limit of each precision, and the worst that an honest file does."""
    cells = [c for row in rows for c in row["cells"] if c.get("answers") == "targets"]
    headings = ["precision", "files", *(c.heading for c in TARGETS), "refused"]
    lines = ["| " + " | ".join(headings) + " |", "|---|" + "---:|" * (len(headings) - 1)]
    limits = {"worse": REGRESSION.allowed_loss, "step": lambda _: WIDEST_STEP}
    for precision in PRECISIONS:
        own = [c for c in cells if c["precision"] == precision.name]
        if not own:
            continue
        words = [precision.name, str(len(own))]
        for column in TARGETS:
            known = [max(c[column.key], 0.0) for c in own if c.get(column.key) is not None]
            most = (
                getattr(precision.tolerances, column.limit)
                if column.limit
                else limits[column.key](precision)
            )
            words.append(f"{column.text(max(known, default=None))} of {column.text(most)}")
        words.append(str(sum(c["verdict"] == "rejected" for c in own)))
        lines.append("| " + " | ".join(words) + " |")
    return "\n".join(lines)


def networks_table(rows: Sequence[Any]) -> str:
    """Of each network and precision the worst figure of all formats."""
    shown = [p.name for p in PRECISIONS if p != BASELINE]
    lines = ["| network | examples | " + " | ".join(shown) + " |"]
    lines.append("|---|---:|" + "---:|" * len(shown))
    seeds: dict[str, list[Any]] = {}
    for row in rows:
        seeds.setdefault(row["label"].partition(" seed ")[0], []).append(row)
    for label, alike in seeds.items():
        often = f", {fmt.count(len(alike), 'training')}" if " seed " in alike[0]["label"] else ""
        words = [label + often, f"{alike[0]['cells'][0]['count']:,}"]
        for name in shown:
            cells = [c for row in alike for c in row["cells"] if c["precision"] == name]
            figures = [c[k] for k in ("moved", "noise") for c in cells if c.get(k) is not None]
            refused = ", refused" if any(c["verdict"] == "rejected" for c in cells) else ""
            words.append(f"{max(figures):.2g}{refused}" if figures else "–")
        lines.append("| " + " | ".join(words) + " |")
    return "\n".join(lines)
