"""Image classification: one class per image."""

from __future__ import annotations

from typing import Any

from zoo.hookspecs import hookimpl
from zoo.tasks.classification import classification


@hookimpl
def zoo_tasks() -> Any:
    """Yields the task."""
    yield classification("image-classification", "One class per image")
