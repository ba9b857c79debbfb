"""Times and errors of operators as node data for Google's Model Explorer.

Model Explorer draws a file's graph and colours its operators by numbers of a JSON file: graph →
``results`` → operator → ``value``, with the colours beside them. Each measure is a file of its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.analysis.explain import Explanation
from zoo.common.errors import Unsupported, UsageError, ZooError
from zoo.common.files import is_there, read_file, write_text
from zoo.contracts import OperatorRecord
from zoo.contracts.layers import EXACT_DB

#: What `zoo.common.files` says where files cannot be written.
FIX = "name another folder with --overlay"
#: The end of the names of files of times.
TIMES = ".time-ms.json"
#: Bytes that an overlay can have.
_MOST = 1 << 26
#: The least time is white, the greatest is red.
_GRADIENT = [{"stop": 0, "bgColor": "#ffffff"}, {"stop": 1, "bgColor": "#e05a4e"}]
#: Up to so many decibels: a worse ratio is darker, and one that is harmless has no colour.
_THRESHOLDS = [
    {"value": 10, "bgColor": "#b2182b", "textColor": "#ffffff"},
    {"value": 20, "bgColor": "#e05a4e"},
    {"value": 30, "bgColor": "#f6a582"},
    {"value": 40, "bgColor": "#fddbc7"},
]


@dataclass(frozen=True, kw_only=True)
class _Measure:
    """A measure of operators: the end of its files' names, its values and its colours."""

    suffix: str
    value: Callable[[OperatorRecord], float | None]
    colours: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class WrittenOverlay:
    """A file that was written, and whether there was an older one."""

    path: Path
    replaced: bool


def _milliseconds(record: OperatorRecord) -> float | None:
    return None if record.microseconds is None else round(record.microseconds / 1000, 6)


def _decibels(value: float | None) -> float | None:
    """None for no error at all, too: it has no decibels."""
    return None if value is None or value >= EXACT_DB else round(value, 2)


_MEASURES = (
    _Measure(suffix=TIMES, value=_milliseconds, colours={"gradient": _GRADIENT}),
    _Measure(
        suffix=".snr-cumulative-db.json",
        value=lambda record: _decibels(record.sqnr_db),
        colours={"thresholds": _THRESHOLDS},
    ),
    _Measure(
        suffix=".snr-isolated-db.json",
        value=lambda record: _decibels(record.own_sqnr_db),
        colours={"thresholds": _THRESHOLDS},
    ),
)


def refuse_other_files(folder: Path, names: Sequence[str]) -> None:
    """Refuses, before the work, to replace what is no node data.

    Args:
        folder: Of the overlays.
        names: Of the files to be explained.

    Raises:
        UsageError: A file of the name of an overlay is there and holds something else.
    """
    for name in names:
        for measure in _MEASURES:
            path = folder / f"{Path(name).name}{measure.suffix}"
            if is_there(path) and not _is_node_data(path):
                raise UsageError(
                    f"{path} is there already, and is no node data of Model Explorer",
                    why="it would be replaced",
                    fix=FIX,
                )


def write_overlays(found: Explanation, folder: Path) -> list[WrittenOverlay]:
    """Writes a file for each measure that has a value for some operator.

    Args:
        found: The explanation of a file.
        folder: Where files go; those of an older explanation of the same file are replaced.

    Returns:
        The files, named after the explained one and the measure.

    Raises:
        Unsupported: The format's plugin does not say what viewers call its operators.
        UsageError: A file of the name of an overlay is there and holds something else.
        ZooError: The folder cannot be written.
    """
    name = found.file.path.name
    refuse_other_files(folder, [name])
    written = []
    for suffix, data in overlays(found).items():
        path = folder / f"{name}{suffix}"
        replaced = is_there(path)
        write_text(path, json.dumps(data, indent=2) + "\n", fix=FIX)
        written.append(WrittenOverlay(path=path, replaced=replaced))
    return written


def overlays(found: Explanation) -> dict[str, Any]:
    """The node data of each measure that has values, by the end of its file's name.

    Raises:
        Unsupported: The format's plugin does not say what viewers call its operators.
    """
    comparison = found.comparison
    if not comparison.graph or not all(record.node for record in comparison.operators):
        raise Unsupported(
            f"there is no overlay for {found.file.path.name}",
            why=f"the plugin of the format {found.format} does not say what viewers of graphs call "
            "the graph and its operators",
            fix="its author can set LayerComparison.graph and OperatorRecord.node; leave out "
            "--overlay",
        )
    made = {}
    for measure in _MEASURES:
        values = {record.node: measure.value(record) for record in comparison.operators}
        results = {node: {"value": v} for node, v in values.items() if v is not None}
        if results:
            made[measure.suffix] = {comparison.graph: {"results": results, **measure.colours}}
    return made


def _is_node_data(path: Path) -> bool:
    try:
        found = json.loads(read_file(path, _MOST))
    except (OSError, ValueError, RecursionError, ZooError):
        return False
    return isinstance(found, dict) and all(
        isinstance(graph, dict) and isinstance(graph.get("results"), dict)
        for graph in found.values()
    )
