"""What this program cannot do, in the sentences that the zoo shows."""

from __future__ import annotations

#: Bytes of weights; files for devices hold no more.
_MOST_BYTES = 2_000_000_000


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


def refuse_large(title: str, count: int) -> None:
    """Refuses a network whose weights have more bytes than a file for devices holds."""
    if count > _MOST_BYTES:
        raise RefusedError(
            f"{title} is larger than 2 GB",
            why=f"its weights have {count:,} bytes; files for devices hold no more",
            fix="bring a smaller network",
        )


def first_line(error: BaseException) -> str:
    """The first line of a message, at most 300 characters; without one, the error's class."""
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__
