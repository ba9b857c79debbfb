"""What this program cannot do, in the sentences that the zoo shows."""

from __future__ import annotations


class RefusedError(Exception):
    """A reason to refuse a network.

    Args:
        what: What happened.
        why: The cause.
        fix: What to do next.
        kind: Name of the zoo's error.
    """

    def __init__(self, what: str, *, why: str, fix: str, kind: str = "BadFile") -> None:
        super().__init__(what)
        self.sentences = {"kind": kind, "what": what, "why": why, "fix": fix}


def first_line(error: BaseException) -> str:
    """The first line of a message, at most 300 characters; without one, the error's class."""
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__
