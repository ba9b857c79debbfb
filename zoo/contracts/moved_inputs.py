"""Inputs that another machine sent here: where they are in this machine's cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MovedInput:
    """A dataset or weights that another machine named by a path of its own, and their copy here.

    Attributes:
        name: As that machine's recipe has it: ``folder:photos?group=person``, ``my.safetensors``.
        typed: The part of the name that the copy takes the place of: ``folder:photos``; of weights
            the whole name.
        place: What stands there instead: ``folder:/…/photos``, or the path of the weights.
        folder: That holds all files of the copy.
        arrived: Names, sizes and times of these files when the copy was complete; as long as they
            are so, the content is that of the other machine.
        fingerprint: Of the dataset on that machine; empty of weights.
    """

    name: str
    typed: str
    place: str
    folder: str
    arrived: str
    fingerprint: str = ""

    @property
    def is_data(self) -> bool:
        """Whether it is a dataset."""
        return bool(self.fingerprint)

    def here(self, name: str) -> str | None:
        """A dataset's name with the copy's path; None where it is about another one."""
        rest = name.removeprefix(self.typed)
        if not self.is_data or not name.startswith(self.typed) or rest[:1] not in ("", "?"):
            return None
        return self.place + rest


def name_here(moved: Sequence[MovedInput], name: str) -> str:
    """A dataset's name as this machine opens it: itself, unless it was sent here."""
    found = (here for one in moved if (here := one.here(name)) is not None)
    return next(found, name)
