"""One file over time, place by place, with a verdict on each latency against the one before."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from zoo.benchmark.compare.comparison import Side, compare_sides
from zoo.common.errors import ZooError
from zoo.report.charts.svg import Chart
from zoo.report.charts.trend_chart import trend_chart
from zoo.results.measurements import Samples
from zoo.server.catalogue import Catalogue
from zoo.server.figures import plain_timing, timing_cells
from zoo.server.file_entries import StoredTiming
from zoo.server.page import TRENDS, Page, file_path, trend_path
from zoo.server.path_index import PathIndex

#: Latencies of a place that are shown, the newest.
_SHOWN = 24
#: Pages whose verdicts are remembered.
_REMEMBERED = 64


class TrendPages:
    """Pages of files by their names."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._by_path = PathIndex(catalogue, self._names, trend_path)
        self._made: dict[tuple[str, int], Page] = {}

    def paths(self) -> Iterator[str]:
        """Of files that were timed more than once in a place."""
        for name in self._names():
            if self._catalogue.has_trend(name):
                yield trend_path(name)

    def _names(self) -> Iterable[str]:
        return dict.fromkeys(entry.name for entry in self._catalogue.files.values())

    def page(self, path: str, query: Mapping[str, str]) -> Page | None:
        """The page at a path; None where there is none."""
        name = self._by_path.at(path)
        if name is None or not self._catalogue.has_trend(name):
            return None
        at = (name, self._catalogue.read)
        if at not in self._made:
            while len(self._made) >= _REMEMBERED:
                del self._made[next(iter(self._made))]
            self._made[at] = self._page(path, name)
        return self._made[at]

    def _page(self, path: str, name: str) -> Page:
        places = [
            (cells.where, *self._place(number, found))
            for number, found in enumerate(self._catalogue.places(name).values())
            if len(found) > 1
            for cells in [timing_cells(found[-1])]
        ]
        newest = self._catalogue.versions(name)[-1]
        return Page(
            path=path,
            template="trend.html",
            title=name,
            section=TRENDS,
            data={
                "file": name,
                "places": [{"where": where, "latencies": told} for where, _, told in places],
            },
            values={
                "places": [(where, chart, told) for where, chart, told in places],
                "file": file_path(newest.sha256),
            },
        )

    def _place(self, number: int, found: list[StoredTiming]) -> tuple[Chart, list[dict[str, Any]]]:
        shown = found[-_SHOWN:]
        before = found[-_SHOWN - 1 : -len(shown)] if len(found) > len(shown) else []
        sides = [self._side(timing) for timing in [*before, *shown]]
        verdicts: list[str] = [] if before else [""]
        reasons: list[str] = [] if before else [""]
        for one, other in itertools.pairwise(sides):
            verdict, reason = _verdict(one, other)
            verdicts.append(verdict)
            reasons.append(reason)
        measurements = [timing.measurement for timing in shown]
        told = [
            {**plain_timing(timing), "against_the_one_before": verdict or None, "why": reason}
            for timing, verdict, reason in zip(shown, verdicts, reasons, strict=True)
        ]
        return trend_chart(f"trend-{number}", measurements, verdicts), told

    def _side(self, timing: StoredTiming) -> Side:
        packed = self._catalogue.store.samples(timing.key)
        samples = None if packed is None else Samples.decode(packed)
        measurement = self._catalogue.measurement(timing.number) or timing.measurement
        return Side(measurement=measurement, samples=samples, origin=timing.run)


def _verdict(one: Side, other: Side) -> tuple[str, str]:
    try:
        pair = compare_sides(one, other, together=False)
    except ZooError as error:
        return "not compared", error.what
    return pair.verdict, pair.reason
