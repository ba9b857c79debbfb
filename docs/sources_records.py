"""The records of networks from elsewhere, docs/sources-matrix.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sources_networks import ROWS, NetworkRow

from zoo.registry import Registry

RECORDS = Path(__file__).with_name("sources-matrix.json")


def read() -> dict[str, Any]:
    """The records that are here."""
    if not RECORDS.exists():
        return {"columns": [], "machines": [], "rows": []}
    records: dict[str, Any] = json.loads(RECORDS.read_text(encoding="utf-8"))
    return records


def is_of_another(records: dict[str, Any], row: NetworkRow, network: str) -> bool:
    """Whether the cells on record of a row were measured on another network than `network`.

    Of a row that does not say which network it is about nobody knows, where it is trained here;
    others are what was published.
    """
    before = next((one for one in records["rows"] if one["label"] == row.label), None)
    if before is None or not before["cells"]:
        return False
    known = before.get("network", "")
    return bool(known != network if known else row.is_made_here)


def without_cells(records: dict[str, Any], row: NetworkRow) -> dict[str, Any]:
    """The records with nothing measured of a row."""
    rows = [
        {**one, "cells": [], "network": ""} if one["label"] == row.label else one
        for one in records["rows"]
    ]
    return {**records, "rows": rows}


def with_cells(
    records: dict[str, Any],
    row: NetworkRow,
    cells: Sequence[dict[str, Any]],
    machine: dict[str, Any],
    registry: Registry,
    network: str = "",
) -> dict[str, Any]:
    """The records with cells of a row added or replaced; all rows are there, measured or not.

    Args:
        records: As they are.
        row: Whose cells.
        cells: That were measured.
        machine: Timed them; empty where none did.
        registry: Knows the columns.
        network: Hash of the network; empty where a cell could not be made.
    """
    machines = list(records["machines"])
    if machine and machine not in machines:
        machines.append(machine)
    place = machines.index(machine) if machine else None
    columns = [
        (exporter.name, precision)
        for exporter in registry.exporters
        for precision in sorted(exporter.precisions, key=lambda p: registry.precision(p).order)
    ]
    known = {one["label"]: one["cells"] for one in records["rows"]}
    networks = {one["label"]: one.get("network", "") for one in records["rows"]}
    networks[row.label] = network or networks.get(row.label, "")
    rows = []
    for one in ROWS:
        held = {(c["format"], c["precision"]): c for c in known.get(one.label, ())}
        if one.label == row.label:
            timed = ({**c, "machine": place if c.get("p50_ms") else None} for c in cells)
            held |= {(c["format"], c["precision"]): c for c in timed}
        rows.append(
            {
                "label": one.label,
                "source": one.source,
                "note": one.note,
                "trained": one.is_trained,
                "network": networks.get(one.label, ""),
                "cells": [held[cell] for cell in columns if cell in held],
            }
        )
    return {"columns": [list(c) for c in columns], **_with_used(machines, rows)}


def _with_used(machines: Sequence[Any], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Machines that timed a cell, and the rows with their places among these."""
    used = sorted({c["machine"] for one in rows for c in one["cells"]} - {None})
    places: dict[int | None, int | None] = {None: None}
    places |= {before: after for after, before in enumerate(used)}
    renewed = [
        {**one, "cells": [{**c, "machine": places[c["machine"]]} for c in one["cells"]]}
        for one in rows
    ]
    return {"machines": [machines[at] for at in used], "rows": renewed}
