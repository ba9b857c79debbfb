"""A home folder for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from own_folders import own_folder


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's files, and none uses the network."""
    home = own_folder(tmp_path_factory, "home")
    monkeypatch.setenv("ZOO_HOME", str(home))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.delenv("ZOO_FASHION_MNIST", raising=False)
    return home
