"""Budgets as people write them; everything else is an error that says what to write."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.benchmark.compare.budgets import (
    QUANTITIES,
    UNITS,
    Budget,
    budget_for,
    parse_budget,
    parse_budgets,
)
from zoo.common.errors import UnknownName, UsageError

NAMED = st.sampled_from(sorted(QUANTITIES))


@pytest.mark.parametrize(
    ("text", "quantity", "limit"),
    [
        ("p90<=20ms", "p90", 20.0),
        ("  p90 <= 20 ms ", "p90", 20.0),
        ("P90≤0.02s", "p90", 20.0),
        ("p50<250us", "p50", 0.25),
        ("p99<=.5µs", "p99", 0.0005),
        ("first=<1e3ns", "first", 0.001),
        ("peak_memory<=30MB", "peak_memory", 30e6),
        ("peak-memory<=30MiB", "peak_memory", 30 * 2**20),
        ("size<=100kB", "size", 100e3),
        ("size<=1.5KiB", "size", 1536.0),
        ("energy<=5mJ", "energy", 5.0),
    ],
)
def test_what_people_write(text: str, quantity: str, limit: float) -> None:
    budget = parse_budget(text)
    assert (budget.quantity, budget.limit) == (quantity, pytest.approx(limit, rel=1e-12))
    assert parse_budget(str(budget)) == budget


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "p90<=20ms"),
        ("p90", "p90<=20ms"),
        ("sise", "size<=100kB"),
        ("<=20ms", "p90<=20ms"),
        ("p90>=20ms", "at most|the most"),
        ("p90==20ms", "'=='"),
        ("p95<=20ms", "did you mean 'p9"),
        ("latency<=20ms", "choose one of: energy, first, load"),
        ("peak_memry<=20MB", "did you mean 'peak_memory'"),
        ("p90<=20", "write 20ms"),
        ("p90<=20 sec", "write 20s"),
        ("p90<=20MS", "write 20ms"),
        ("p90<=20MB", "is in ns, us"),
        ("size<=20mb", "write 20MB"),
        ("size<=20ms", "is in B, kB"),
        ("p90<=ms", "p90<=20ms"),
        ("p90<=-20ms", "not a number"),
        ("p90<=nanms", "not a number"),
        ("p90<=infs", "not a number"),
        ("p90<=0ms", "size that anything has"),
        ("p90<=1e99ms", None),
        ("p90<=٣ms", "not a number"),
        ("p90<=1_000ms", "no unit"),
        ("p90<=20ms<=30ms", "no unit"),
        ("p90<=" + "9" * 500 + "ms", None),
    ],
)
def test_what_is_wrong_is_said_with_what_to_write(text: str, told: str | None) -> None:
    if told is None and "e99" in text:
        assert parse_budget(text).limit == 1e99  # absurd, and understood
        return
    with pytest.raises(UsageError, match=told) as caught:
        parse_budget(text)
    assert caught.value.fix
    assert len(str(caught.value)) < 400, "nobody's mile of digits is repeated"


def test_a_misspelt_quantity_offers_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        parse_budget("p9<=20ms")
    assert caught.value.suggestions == ["p99", "p90"]


def test_several() -> None:
    found = parse_budgets(["p90<=20ms, size<=1MB", "peak_memory<=30MB"])
    assert [b.quantity for b in found] == ["p90", "size", "peak_memory"]
    with pytest.raises(UsageError, match="two budgets for p90"):
        parse_budgets(["p90<=20ms", "p90<=30ms"])
    with pytest.raises(UsageError, match="is not QUANTITY"):
        parse_budgets(["p90<=20ms,"])
    assert parse_budgets([]) == ()


@given(NAMED, st.integers(1, 10**9), st.data())
def test_every_quantity_takes_each_of_its_units(name: str, count: int, data: st.DataObject) -> None:
    units = UNITS[QUANTITIES[name].dimension]
    unit = data.draw(st.sampled_from(sorted(units)))
    budget = parse_budget(f"{name}<={count}{unit}")
    assert budget.limit == pytest.approx(count * float(units[unit]), rel=1e-12)
    assert budget == budget_for(name, f" {count} {unit} ")


@given(st.text(max_size=60))
def test_nothing_else_than_a_budget_or_an_error_comes_of_any_text(text: str) -> None:
    budget = outcome(lambda: parse_budget(text))
    if isinstance(budget, Budget):
        assert 0.0 < budget.limit < float("inf")
        assert budget.quantity in QUANTITIES
    else:
        assert budget.fix


@given(NAMED, st.text(max_size=20))
def test_nor_of_any_limit_in_a_recipe(name: str, text: str) -> None:
    budget = outcome(lambda: budget_for(name, text))
    assert budget.limit > 0.0 if isinstance(budget, Budget) else budget.fix


def outcome(parse: Callable[[], Budget]) -> Budget | UsageError:
    try:
        return parse()
    except UsageError as error:
        return error
