"""New folders for tests, without a look at those that are there.

pytest reads the names of all folders before it makes another one: milliseconds after some thousand
tests.
"""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path

import pytest

_NUMBERS = count()


def own_folder(factory: pytest.TempPathFactory, name: str) -> Path:
    """An empty folder whose name begins like `name`."""
    short = re.sub(r"\W", "_", name)[:20]
    folder = factory.getbasetemp() / "each" / f"{short}{next(_NUMBERS)}"
    folder.mkdir(mode=0o700, parents=True)
    return folder
