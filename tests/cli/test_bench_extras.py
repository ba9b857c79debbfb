"""What the table of ``zoo bench`` shows only where there is something to show."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from zoo.cli.bench_columns import further_columns, print_profiles
from zoo.results.measurements import Energy, Measurement, OperatorTime, Profile

ENERGY = Energy(meter="ina3221 VDD_IN", joules=2.0, mj_per_inference=0.4, watts=5.0)


def measured(**values: Any) -> Measurement:
    plain = {"file": "a.onnx", "batch": 1, "examples_per_second": 100.0, "energy": (), "shapes": {}}
    return cast(
        Measurement, SimpleNamespace(**{**plain, "profile": None, "summaries": (), **values})
    )


def placed(**placement: Any) -> str:
    fields = SimpleNamespace(delegate="XNNPACK", placement=placement)
    return cast(str, cast(Any, Measurement.ran_on).fget(fields))


def test_nothing_for_plain_measurements() -> None:
    assert further_columns([measured(), measured()]) == []


def test_batches_and_their_throughput() -> None:
    rows = [measured(), measured(batch=8, examples_per_second=67_515.4)]
    columns = further_columns(rows)
    assert [heading for heading, _ in columns] == ["batch", "per s"]
    assert [cell(rows[1]) for _, cell in columns] == ["8", "67,515"]


def test_energy_where_a_device_tells_it() -> None:
    rows = [measured(), measured(energy=(ENERGY,))]
    ((heading, cell),) = further_columns(rows)
    assert (heading, cell(rows[0]), cell(rows[1])) == ("mJ", "", "0.4")


def test_whose_energy_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_profiles([measured(energy=(ENERGY,))])
    assert "ina3221 VDD_IN: 0.4 mJ for one inference, 5 W, idle power included" in (
        capsys.readouterr().out
    )


def test_long_profiles_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    rows = tuple(
        OperatorTime(name="n" * 99, operator=f"OP{place}", executor="built-in", ms=1.0)
        for place in range(20)
    )
    print_profiles([measured(profile=Profile(method="m", operators=rows))])
    told = capsys.readouterr().out
    assert "OP11" in told
    assert "OP12" not in told
    assert "and 8 more, 40% together" in told
    assert "…n" in told


@pytest.mark.parametrize(
    ("placement", "words"),
    [
        ({}, "XNNPACK"),
        ({"delegated": 4, "remaining": ["A", "B"]}, "XNNPACK 4/6"),
        ({"delegated": 6, "remaining": []}, "XNNPACK"),
        ({"delegated": 2, "operators": 3}, "XNNPACK 2/3"),
        ({"delegated": None, "remaining": None}, "XNNPACK"),
    ],
)
def test_where_it_ran_tells_when_it_was_not_all(placement: dict[str, Any], words: str) -> None:
    assert placed(**placement) == words
