"""A written site opened from its folder, without a server."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from chromium import Browser, browser, find_chromium
from stored_results import LATER, fill, gated, record

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("starlette")

from zoo.common.units import SIZES, TIMES
from zoo.contracts.task import Metric
from zoo.registry import load_registry
from zoo.results.store import Store
from zoo.server.board_files import write_site

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium"),
]
BOARD = "leaderboard/image-classification,digits,test,accuracy,host/index.html"
ERROR = "squared error"
#: Sets a field of the form, and tells which rows are left.
FILTER = """
(() => {{
  const field = document.querySelector('form.filters [name={name}]');
  field.value = {value};
  field.dispatchEvent(new Event('input', {{ bubbles: true }}));
  const rows = [...document.querySelectorAll('form.filters ~ table tbody tr')];
  const told = (row) => row.querySelector('small').textContent.trim();
  const left = rows.filter((row) => !row.hidden).map(told);
  field.value = '';
  field.dispatchEvent(new Event('input', {{ bubbles: true }}));
  return [left, rows.filter((row) => row.hidden).length];
}})()
"""


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Path:
    url = f"sqlite:///{tmp_path_factory.mktemp('store')}/results.db"
    fill(url)
    store = Store(url)
    for precision, error in (("float32", 0.000091), ("int8", 0.02)):
        result = gated(f"errors.{precision}.onnx", 0.9, 7000)
        metric = Metric(
            name=ERROR, value=error, low=error / 2, high=2 * error, count=99, higher_is_better=False
        )
        evaluation = replace(result.evaluation, metrics=(metric,))
        result = replace(result, evaluation=evaluation)
        store.append(LATER, record("gate", f"gate errors {precision}", result, day=3))
    store.close()
    folder = tmp_path_factory.mktemp("written") / "site"
    write_site(load_registry(), folder, store=url)
    return folder


def left(shown: Browser, name: str, value: str) -> list[str]:
    """Format and precision of the rows that a filter leaves; without it, all are there again."""
    found, hidden = shown.evaluate(FILTER.format(name=name, value=json.dumps(value)))
    assert hidden == 0
    return list(found)


def test_filters_of_a_leaderboard_leave_what_fits(board: Path, tmp_path: Path) -> None:
    with browser(tmp_path / "profile") as shown:
        shown.call("Runtime.enable")
        shown.look(1280)
        shown.visit((board / BOARD).as_uri())
        small, large = "tflite int8", "onnx float32"
        rejected, disturbed = "onnx int8", large  # whose latency is 10 µs
        everything = [large, small, rejected, disturbed]
        assert left(shown, "format", "onnx") == [large, rejected, disturbed]
        assert left(shown, "precision", "int8") == [small, rejected]
        assert left(shown, "max_size", "21kB") == [rejected]
        assert left(shown, "max_latency", "50us") == [rejected, disturbed]
        assert left(shown, "max_latency", "0.25 ms") == [small, rejected, disturbed]
        assert left(shown, "min_quality", "94.5") == [large, rejected, disturbed]
        assert left(shown, "min_quality", "99.5") == []
        # What is no limit hides nothing.
        for wrong in ("much", "0kB", "-1kB", "1"):
            assert left(shown, "max_size", wrong) == everything
        # The units are those of the command's own limits.
        for name, units in (("max_size", SIZES), ("max_latency", TIMES)):
            for unit in units:
                assert left(shown, name, f"0.000000001{unit}") != everything, unit
        assert [e for e in shown.events if e["method"] == "Runtime.exceptionThrown"] == []


def test_small_errors_are_filtered_by_their_value(board: Path, tmp_path: Path) -> None:
    (page,) = board.glob("leaderboard/*squared*error*/index.html")
    with browser(tmp_path / "profile") as shown:
        shown.visit(page.as_uri())
        small, large = "onnx float32", "onnx int8"  # 9.1e−5 and 0.02
        assert left(shown, "min_quality", "0.001") == [small]
        assert left(shown, "min_quality", "1e-4") == [small]
        assert left(shown, "min_quality", "0.00009") == []
        assert left(shown, "min_quality", "-1") == []
        assert left(shown, "min_quality", "1") == [small, large]
