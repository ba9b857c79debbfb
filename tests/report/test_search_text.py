"""What a search says of its limits, in the unit of what it is judged by."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.contracts import Metric
from zoo.pipeline.search.optimize import SearchResult
from zoo.pipeline.search.points import SearchLimits, SearchPoint
from zoo.report.search_text import answer, format_limits


@pytest.mark.parametrize(
    ("rises", "limits", "missed"),
    [
        (True, "file ≤ 1.00 kB, drop ≤ 10 points", "it loses 12.5 points, 2.5 more than allowed"),
        (False, "file ≤ 1.00 kB, rise ≤ 10 %", "it is 12.5 % further off, 2.5 % more than allowed"),
    ],
)
def test_a_limit_of_an_error_is_in_per_cent(rises: bool, limits: str, missed: str) -> None:
    metric = Metric(
        name="accuracy" if rises else "mean absolute error",
        value=0.9, low=0.8, high=0.95, count=100, higher_is_better=rises,
    )  # fmt: skip
    point = SearchPoint(
        name="tflite int8", stage="precisions", network="net", format="tflite", precision="int8",
        verdict="passed", bytes=900, drop=12.5, metric=metric, p50_ms=1.0,
    )  # fmt: skip
    found = SearchResult(
        model_id="net.data", data="data", folder=Path(), reference=metric, findings=(),
        limits=SearchLimits(max_bytes=1000, max_drop=10.0), points=(point,), front=(),
        best=None, nearest=point, files=(), notes=(), stopped=False, seconds=1.0, created="",
    )  # fmt: skip
    assert format_limits(found) == limits
    assert missed in answer(found)
