"""A share of few examples beside the least that it may be: what is told, and what is refused."""

from __future__ import annotations

import pytest

from zoo.common.proportions import LeastShare, wilson_interval


def found(differing: int, count: int, least: float = 0.98) -> LeastShare:
    return LeastShare(share=1 - differing / count, count=count, least=least)


@pytest.mark.parametrize(
    ("differing", "count", "passed", "decided"),
    [
        (2, 64, True, False),  # 96.9 %: its interval reaches 99.1 %.
        (3, 64, True, False),
        (4, 64, False, True),
        (1, 3, False, True),
        (0, 3, True, False),
        (0, 188, True, False),
        (0, 189, True, True),
        (40, 2000, True, False),  # Exactly at the limit.
        (60, 2000, False, True),
        (10, 10_000, True, True),
    ],
)
def test_a_share_is_refused_where_it_is_surely_less(differing, count, passed, decided) -> None:
    share = found(differing, count)
    assert (share.passed, share.decided) == (passed, decided)
    assert passed == (wilson_interval(count - differing, count)[1] >= 0.98)
    assert (share.unsure("inputs") == "") == decided


@pytest.mark.parametrize("differing", [0, 1, 2, 3])
def test_so_many_examples_as_are_named_decide_and_fewer_do_not(differing: int) -> None:
    share = found(differing, 64)
    enough = share.deciding_count
    assert enough is not None
    assert LeastShare(share=share.share, count=enough, least=0.98).decided
    assert not LeastShare(share=share.share, count=enough - 1, least=0.98).decided
    assert f"{enough:,} inputs alike would decide" in share.unsure("inputs")


def test_at_the_limit_no_number_decides() -> None:
    assert found(40, 2000).deciding_count is None
    assert "no number of inputs alike would decide" in found(40, 2000).unsure("inputs")


def test_what_is_asked_of_each_example_is_no_matter_of_chance() -> None:
    assert not found(1, 64, least=1.0).passed
    assert found(0, 3, least=1.0).decided


@pytest.mark.parametrize("share", [float("nan"), -0.1, 1.1])
def test_what_is_no_share_is_refused(share: float) -> None:
    assert not LeastShare(share=share, count=64, least=0.98).passed


@pytest.mark.parametrize(("least", "most"), [(0.98, 380), (0.99, 764)])
def test_few_are_so_many_that_chance_may_halve_the_distance(least: float, most: int) -> None:
    """The share halfway is surely above the least on one more, and not on so many."""
    for count, few in (most, True), (most + 1, False):
        assert LeastShare(share=1.0, count=count, least=least).few == few
        half = (1 - least) / 2
        deviation = (half * (1 - half) / count) ** 0.5
        assert (1.96 * deviation > half) == few
