"""Calls that may never return."""

from __future__ import annotations

import threading

import pytest

from zoo.common.timeouts import with_timeout


def test_a_call_that_never_returns_ends_in_an_error() -> None:
    never = threading.Event()
    with pytest.raises(TimeoutError, match=r"no answer within 0\.05 s"):
        with_timeout(0.05, never.wait)
    never.set()


def test_what_a_call_returns_or_raises_comes_through() -> None:
    assert with_timeout(5, int, "16", base=8) == 14
    with pytest.raises(ValueError, match="invalid literal"):
        with_timeout(5, int, "x")
