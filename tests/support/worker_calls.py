"""A call that shows that the caller goes on after the death of a child."""

from __future__ import annotations

from zoo.common.worker import call


def alive() -> None:
    """The caller goes on after a child's death."""
    assert call("children:add", {"a": 1, "b": 2}) == 3
