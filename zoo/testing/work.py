"""What the kit lets child processes do, so that a crash costs one check."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from zoo.common.progress import Event
from zoo.testing.candidate import CandidateNetwork
from zoo.testing.verdict import Finding, NotTried


def perform(
    *, candidate: CandidateNetwork, function: str, emit: Callable[[Event], None]
) -> Finding:
    """Runs one check of a network.

    Args:
        candidate: The variant.
        function: As in `zoo.testing.checks.NamedCheck`.
        emit: Receives progress.
    """
    emit({"event": "stage", "text": "building"})
    module, _, name = function.partition(":")
    try:
        finding: Finding = getattr(importlib.import_module(module), name)(candidate.open())
    except NotTried as reason:  # an exception would arrive in the parent as a failure
        return Finding(passed=False, measured=str(reason), tried=False)
    return finding
