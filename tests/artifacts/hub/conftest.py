"""What the tests of hubs share: a folder of judged files, and a hub on this machine."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import TOKEN, Hub, hub_server
from judged_files import originals as originals
from signing_keys import keys as keys


@pytest.fixture
def folder(originals: dict[str, Path], tmp_path: Path) -> Path:
    """Judged files, and what a run keeps beside them."""
    made = tmp_path / "run"
    made.mkdir()
    for path in originals.values():
        shutil.copy(path, made)
    (made / "records.json").write_text("[]")
    (made / "recipe.toml").write_text("seed = 0\n")
    (made / ".hidden").write_text("x")
    return made


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    if importlib.util.find_spec("huggingface_hub") is None:
        pytest.skip("huggingface_hub is not installed")
    monkeypatch.setenv("ZOO_OFFLINE", "0")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with hub_server() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.address)
        yield found
