"""What tests of emulated boards share: a home of their own."""

from __future__ import annotations

from pathlib import Path

import apt_repository
import pytest

with_apt = pytest.mark.skipif(bool(apt_repository.why_not()), reason=apt_repository.why_not() or "")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def ignore(words: str) -> None:
    """Told to nobody."""
