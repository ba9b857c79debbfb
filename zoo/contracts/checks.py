"""Checks that records make on construction."""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z][a-z0-9_-]*\Z")


class InvalidRecord(ValueError):
    """An unusable record of a plugin; names the field and the reason."""


def check_name(record: str, name: str) -> None:
    """Names are file names, command-line words and parts of model ids, so they stay simple."""
    if not isinstance(name, str) or not _NAME.match(name):
        raise InvalidRecord(
            f"{record} name {name!r} is not usable: use lower-case letters, digits, '_' and '-', "
            "beginning with a letter"
        )


def check(condition: bool, record: str, problem: str) -> None:
    """Raises `InvalidRecord` naming the record unless `condition` holds."""
    if not condition:
        raise InvalidRecord(f"{record}: {problem}")
