"""Sequence classification: one class per sequence."""

from __future__ import annotations

from typing import Any

from zoo.hookspecs import hookimpl
from zoo.tasks.classification import classification


@hookimpl
def zoo_tasks() -> Any:
    """Yields the task."""
    yield classification("sequence-classification", "One class per sequence")
