"""The leaderboards."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from zoo.common.errors import UsageError, nearest
from zoo.common.units import parse_seconds, parse_size
from zoo.report.charts.front_chart import front_charts
from zoo.report.charts.svg import Chart
from zoo.results import formatting as fmt
from zoo.server.board import (
    NOWHERE,
    ORDERS,
    Asked,
    Board,
    BoardKey,
    BoardRow,
    board_rows,
    make_board,
)
from zoo.server.catalogue import Catalogue
from zoo.server.figures import (
    brief_timing,
    numbered_part,
    part,
    parts_of,
    place_text,
    plain_metric,
    timing_cells,
)
from zoo.server.page import ENTRIES, Page, file_path, model_path, record_path, slug

LIST = "leaderboard/"
#: In the place of a task that no plugin knows.
UNKNOWN = "unknown"
#: Characters in the name of a folder.
_LONGEST = 200
#: Rows of a written page.
WRITTEN_ENTRIES = 2000
#: Files in a drawing.
_DRAWN = 24
#: Drawings that are remembered.
_REMEMBERED = 64


class BoardPages:
    """Pages of leaderboards."""

    def __init__(
        self, catalogue: Catalogue, task_of: Callable[[str], str], *, static: bool
    ) -> None:
        self._catalogue, self._task_of = catalogue, task_of
        # A script filters the rows of a written page: there all are on one, unless they are many.
        self._entries = WRITTEN_ENTRIES if static else ENTRIES
        self._read = -1
        self._rows: dict[BoardKey, list[BoardRow]] = {}
        self._drawn: dict[tuple[Any, ...], tuple[Chart, ...]] = {}

    def paths(self) -> Iterator[str]:
        """Of all of them."""
        yield LIST
        yield from self._parts()
        for key, rows in self._boards().items():
            yield from parts_of(board_path(key), len(rows), self._entries)

    def page(self, path: str, query: Mapping[str, str]) -> Page | None:
        """The page at a path; None where there is none."""
        boards = self._boards()
        if path == LIST:
            return self._list(path, "Leaderboard", boards)
        if part_of := self._parts().get(path):
            title, keys = part_of
            return self._list(path, title, {key: boards[key] for key in keys})
        head, number = numbered_part(path)
        found = next((key for key in boards if board_path(key) == head), None)
        return None if found is None else self._board(path, number, found, query)

    def warm(self) -> None:
        """Draws the largest board, so that nobody waits for the library of charts to be loaded."""
        boards = self._boards()
        largest = max(boards, key=lambda key: len(boards[key]), default=None)
        if largest is not None:
            self._board(board_path(largest), 1, largest, {})

    def _boards(self) -> dict[BoardKey, list[BoardRow]]:
        if self._read != self._catalogue.read:
            found: dict[BoardKey, list[BoardRow]] = {}
            for key, row in board_rows(self._catalogue, self._task_of):
                found.setdefault(key, []).append(row)
            self._rows = dict(sorted(found.items(), key=lambda one: (one[0].task, -len(one[1]))))
            self._read = self._catalogue.read
        return self._rows

    def _parts(self) -> dict[str, tuple[str, list[BoardKey]]]:
        """Lists of one task or device, where there are several: path → heading, boards."""
        found: dict[str, tuple[str, list[BoardKey]]] = {}
        for kind in ("task", "device"):
            names = sorted({getattr(key, kind) for key in self._boards()})
            for name in names if len(names) > 1 else ():
                keys = [key for key in self._boards() if getattr(key, kind) == name]
                found[f"{LIST}{kind},{slug(name or UNKNOWN)}/"] = (name or f"{kind} unknown", keys)
        return found

    def _list(self, path: str, title: str, boards: Mapping[BoardKey, list[BoardRow]]) -> Page:
        rows = [
            {
                "path": board_path(key),
                "key": key,
                "files": len({row.file.sha256 for row in found}),
                "ranked": len({row.file.sha256 for row in found if not row.unranked}),
                "best": fmt.metric_with_range(_best(found)),
            }
            for key, found in boards.items()
        ]
        data = [
            {
                **_plain_key(key),
                "page": board_path(key),
                "files": row["files"],
                "ranked": row["ranked"],
            }
            for key, row in zip(boards, rows, strict=True)
        ]
        return Page(
            path=path,
            template="boards.html",
            title=title,
            section="Leaderboard",
            data={"leaderboards": data},
            values={
                "rows": rows,
                "choices": {
                    "task": sorted({key.task for key in boards}),
                    "device": sorted({key.device for key in boards}),
                    "data": sorted({key.dataset for key in boards}),
                },
                "parts": [(name, part) for part, (name, _) in self._parts().items()],
            },
        )

    def _board(
        self, path: str, number: int, key: BoardKey, query: Mapping[str, str]
    ) -> Page | None:
        rows = self._boards()[key]
        order = query.get("sort") or "quality"
        if order not in ORDERS:
            raise UsageError(
                f"a leaderboard is not ordered by {order!r}",
                fix=f"by {fmt.listed(ORDERS)}"
                + "".join(f"; did you mean {n}" for n in nearest(order, ORDERS)[:1]),
            )
        board = make_board(key, rows, asked_of(query, rows), order)
        every = [*board.rows, *board.unranked]
        shown = part(every, number, self._entries)
        if number > 1 and not shown:
            return None
        pages = parts_of(board_path(key), len(every), self._entries)
        names = Counter(name for name, _ in {(r.file.name, r.file.sha256) for r in every})
        asked = {name: query.get(name, "") for name in _FIELDS if query.get(name)}
        return Page(
            path=path,
            template="board.html",
            title=f"{key.dataset} on {key.device}" if key.device != NOWHERE else key.dataset,
            section="Leaderboard",
            data={
                **_plain_key(key),
                "filters": asked,
                "order": order,
                "rows": [_plain_row(row, board) for row in shown],
                "pages": pages,
            },
            values={
                "key": key,
                "board": board,
                "rows": [_cells(row, board, names) for row in shown],
                "charts": self._charts(board) if number == 1 else (),
                "asked": asked,
                "order": order,
                "orders": list(ORDERS),
                "choices": {
                    name: sorted({getattr(row, name) for row in rows} - {""})
                    for name in ("runtime", "format", "precision")
                },
                "others": [
                    (other.device, board_path(other))
                    for other in self._rows
                    if _same_data(key, other)
                ],
                "pages": pages,
                "number": number,
                "percent": bool(rows) and fmt.is_share(rows[0].metric),
                "higher": not rows or rows[0].metric.higher_is_better,
            },
        )

    def _charts(self, board: Board) -> tuple[Chart, ...]:
        """The front; drawn again only when a point of it has changed."""
        drawn = board.shown(_DRAWN)
        shown = [
            (p.name, p.bytes, p.metric, p.p50_ms, p.p50_low_ms, p.p50_high_ms) for p in drawn.points
        ]
        at = (board.key, tuple(shown))
        if at not in self._drawn:
            while len(self._drawn) >= _REMEMBERED:
                del self._drawn[next(iter(self._drawn))]
            names = {row.name: row.file.name for row in board.rows}
            self._drawn[at] = front_charts(
                drawn, lambda point: names[point.name], "best quality here", narrow=False
            )
        return self._drawn[at]


#: What a form of filters asks.
_FIELDS = ("runtime", "format", "precision", "max_size", "max_latency", "min_quality", "sort")


def board_path(key: BoardKey) -> str:
    """Of a leaderboard's page."""
    names = (key.task or UNKNOWN, key.dataset, key.split, key.metric, key.device)
    name = ",".join(slug(name) for name in names)
    return f"{LIST}{name if len(name) < _LONGEST else slug(name)}/"


def asked_of(query: Mapping[str, str], rows: list[BoardRow]) -> Asked:
    """Filters from the fields of a form.

    Raises:
        UsageError: A field holds what makes no sense; names it.
    """
    least = query.get("min_quality", "").strip().removesuffix("%").strip()
    shares = bool(rows) and fmt.is_share(rows[0].metric)
    try:
        quality = float(least) / (100.0 if shares else 1.0) if least else None
    except ValueError:
        quality = math.nan
    if quality is not None and not math.isfinite(quality):
        raise UsageError(f"a quality of {least!r} is no number", fix="for example: 90")
    size, latency = query.get("max_size", "").strip(), query.get("max_latency", "").strip()
    return Asked(
        runtime=query.get("runtime", ""),
        format=query.get("format", ""),
        precision=query.get("precision", ""),
        max_bytes=parse_size(size, "the largest size") if size else None,
        max_ms=1000 * parse_seconds(latency, "the longest latency") if latency else None,
        least=quality,
    )


def _same_data(one: BoardKey, other: BoardKey) -> bool:
    return replace(one, device="") == replace(other, device="")


def _plain_key(key: BoardKey) -> dict[str, Any]:
    return {
        "task": key.task or None,
        "dataset": key.dataset,
        "split": key.split,
        "metric": key.metric,
        "device": None if key.device == NOWHERE else key.device,
    }


def _best(rows: list[BoardRow]) -> Any:
    ranked = sorted((row for row in rows if not row.unranked), key=ORDERS["quality"])
    return ranked[0].metric if ranked else None


def _standing(row: BoardRow, board: Board) -> str:
    return row.unranked or ("front" if row.name in board.on_front else "")


def _cells(row: BoardRow, board: Board, names: Mapping[str, int]) -> dict[str, Any]:
    gate = row.file.gate
    return {
        "row": row,
        "twice": names[row.file.name] > 1,
        "path": file_path(row.file.sha256),
        "model": model_path(row.model),
        "gate": "" if gate is None else record_path(gate.number),
        "quality": fmt.metric_value(row.metric),
        "interval": fmt.metric_interval(row.metric),
        "size": fmt.size_text(row.bytes),
        "timing": None if row.timing is None else timing_cells(row.timing),
        "place": None if row.timing is None else place_text(row.timing),
        "standing": _standing(row, board),
    }


def _plain_row(row: BoardRow, board: Board) -> dict[str, Any]:
    gate = row.file.gate
    return {
        "file": row.file.name,
        "page": file_path(row.file.sha256),
        "format": row.format,
        "precision": row.precision,
        "bytes": row.bytes,
        "quality": plain_metric(row.metric),
        "quality_record": None if gate is None else record_path(gate.number),
        "latency": None if row.timing is None else brief_timing(row.timing),
        "ranked": not row.unranked,
        "front": row.name in board.on_front,
        "why_not_ranked": row.unranked,
    }
