"""The packaged table of boards, as written; `boards` makes records of it."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("boards.toml")


@cache
def tables() -> dict[str, dict[str, Any]]:
    """Name → what the table says."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def board_names() -> list[str]:
    """Of every board of the table."""
    return list(tables())
