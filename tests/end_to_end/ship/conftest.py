"""One real run from weights to proven files, which all tests of this folder look at or repeat.

LeNet-5 is fine-tuned on scanned digits for two epochs once: `pytest_xdist_make_scheduler` keeps the
folder with one worker.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ship_commands import ODD, SHIP, Place, Shipped


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("folder")
    (folder / "odd.py").write_text(ODD, encoding="utf-8")
    found = Place(home=tmp_path_factory.mktemp("home"), folder=folder)
    yield found
    # Of all commands of this folder, those that failed or were interrupted included.
    assert list(found.temporary.iterdir()) == []


@pytest.fixture(scope="session")
def shipped(place: Place) -> Shipped:
    typed = place.zoo(*SHIP, "--output", "my runs")
    assert typed.code == 0, typed.err
    (folder,) = (place.folder / "my runs").iterdir()
    return Shipped(typed, folder)


@pytest.fixture(autouse=True)
def in_place(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions called in this process see what the commands see."""
    monkeypatch.setenv("ZOO_HOME", str(place.home))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.chdir(place.folder)
