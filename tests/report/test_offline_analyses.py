"""Offline analyses on the terminal and on the page: one table per kind of device, then details."""

from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest
from report_views import Page, run

from zoo.cli.bench_table import print_analyses
from zoo.contracts import Figure, FigureTable
from zoo.execution.offline_analysis import OfflineAnalysis
from zoo.report.offline_analysis import analysed_kinds, detail_tables
from zoo.report.pages.html import render

BOARD = OfflineAnalysis(
    file="net.int8.tflite",
    sha256="0" * 64,
    device="pico",
    device_kind="board",
    device_fingerprint="f",
    verdict="does not fit",
    passed=False,
    faults=("it needs too much RAM\n  fix: prune it",),
    figures=(
        Figure(name="RAM", value=300 * 1024, unit="B", limit=256 * 1024),
        Figure(name="time", value=0.3456, unit="ms", estimate=True),
    ),
    tables=(
        FigureTable(
            name="operators", headings=("operator", "bytes"), rows=(("CONV", 12000), ("<b>", None))
        ),
    ),
    remarks=("No latency is claimed.",),
    configuration={"board": "pico", "empty": None, "device": {"board": "pico"}},
    tools={"scales": "1.0"},
)
SMALL = replace(
    BOARD, file="tiny.tflite", verdict="fits", passed=True, faults=(), figures=BOARD.figures[1:]
)
OTHER = replace(SMALL, device="npu", device_kind="accelerator")


def test_kinds_have_tables_of_their_own() -> None:
    board, other = analysed_kinds([BOARD, OTHER, SMALL])
    assert board.table.headings == ("file", "device", "verdict", "RAM", "time")
    assert board.table.rows == [
        ["net.int8.tflite", "pico", "does not fit", "300 of 256 KiB", "~0.346 ms"],
        ["tiny.tflite", "pico", "fits", "–", "~0.346 ms"],
    ]
    assert board.records == [BOARD, SMALL]
    assert other.table.headings == ("file", "device", "verdict", "time")


def test_details_know_which_columns_are_numbers() -> None:
    (table,) = detail_tables(BOARD)
    assert list(table.numeric) == [False, True]
    assert table.rows == [["CONV", "12,000"], ["<b>", "–"]]


def test_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_analyses([BOARD, SMALL])
    told = capsys.readouterr().out
    assert "\nnet.int8.tflite: it needs too much RAM" in told
    assert told.count("No latency is claimed.") == 1  # of both, so once and without a name
    assert "pico: board pico; by scales 1.0" in told
    assert "operators" not in told
    print_analyses([BOARD])
    assert re.search(r"operators\noperator +bytes\nCONV +12,000\n<b> +–", capsys.readouterr().out)


def test_page() -> None:
    source = render(run(examinations=(BOARD, OTHER)))
    page = Page(source)
    assert "300 of 256 KiB" in source
    assert '<span class="badge rejected">does not fit</span>' in source
    assert '<th scope="col" class="n">RAM</th>' in source
    assert '<th scope="row">&lt;b&gt;</th>' in source
    assert "it needs too much RAM" in source
    assert source.count("Devices that nothing was timed on</h2>") == 1
    assert page is not None
    assert "Devices that nothing was timed on" not in render(run())


def test_stored_records_keep_their_fields() -> None:
    """Stores and caches of earlier versions hold these names."""
    assert [field.name for field in fields(OfflineAnalysis)] == [
        *("file", "sha256", "device", "device_kind", "device_fingerprint", "verdict", "passed"),
        *("figures", "faults", "tables", "remarks", "configuration", "tools", "files"),
        *("seconds", "created"),
    ]
