"""What the kit lets child processes do, so that a crash costs one check."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from zoo.isolation import Event
from zoo.testing.candidate import Candidate
from zoo.testing.verdict import Finding


def perform(*, candidate: Candidate, function: str, emit: Callable[[Event], None]) -> Finding:
    """Runs one check of a network.

    Args:
        candidate: The variant.
        function: As in `zoo.testing.checks.NamedCheck`.
        emit: Receives progress.
    """
    emit({"event": "stage", "text": "building"})
    module, _, name = function.partition(":")
    finding: Finding = getattr(importlib.import_module(module), name)(candidate.open())
    return finding
