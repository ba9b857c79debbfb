"""Emulated times are shown as such, and nothing is ranked, compared or drawn by them."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import measured_times
import pytest
from device_kinds import kind_of
from report_views import row
from rich.console import Console

from zoo import optimize
from zoo.cli.bench_table import print_timings
from zoo.common.errors import UsageError
from zoo.contracts.checks import InvalidRecord
from zoo.report.charts.latency_chart import latency_chart
from zoo.report.headline import _fastest
from zoo.report.remarks import remarks
from zoo.report.table import print_files

REAL = row("float32", p50=5.0)
EMULATED = row("int8", p50=0.5, clock="emulated", quiet=False)


def test_the_fastest_file_is_one_of_the_real_ones() -> None:
    assert _fastest([REAL, EMULATED]).file == REAL.file
    assert _fastest([REAL, replace(EMULATED, clock="real", quiet=True)]).file == EMULATED.file
    alone = _fastest([EMULATED])
    assert (alone.value, alone.detail) == ("–", "its times are emulated")


def test_no_remark_says_which_is_faster() -> None:
    twin = replace(REAL, clock="emulated")
    said = " ".join(remarks([twin, EMULATED]))
    assert "faster" not in said
    assert "noisy" not in said
    assert "are emulated: they tell nothing of the real device's" in said
    real = " ".join(remarks([REAL, replace(EMULATED, clock="real", quiet=True)]))
    assert "faster" in real
    assert "emulated" not in real


def test_the_table_puts_them_in_brackets() -> None:
    console = Console(file=StringIO(), width=200)
    print_files([REAL, EMULATED], console=console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "(0.500 / 0.600)" in text
    assert "( ) emulated: not the device's own time" in text
    assert "while the host was not quiet" not in text


def test_they_are_not_drawn() -> None:
    assert latency_chart([EMULATED], None).svg == ""
    assert latency_chart([REAL, EMULATED], None).svg


def test_the_table_of_bench_says_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    print_timings([measured_times.timing("emulated"), measured_times.timing("emulated")])
    said = capsys.readouterr().out
    assert said.count("EMULATED") == 2
    assert said.count("never ranked or compared") == 1
    assert "~1.0000" in said
    print_timings([measured_times.timing("real")])
    assert "emulated" not in capsys.readouterr().out.lower()


def test_no_search_ranks_by_them() -> None:
    with pytest.raises(UsageError, match="times of 'emulated-pi4' are emulated"):
        optimize("lenet5.fashion_mnist", device="emulated-pi4")


def test_a_clock_that_nobody_knows() -> None:
    with pytest.raises(InvalidRecord, match="clock must be one of real, emulated, estimated"):
        kind_of(clock="guessed")
