"""The identity of a network that is a folder of files."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from zoo.common.errors import BadFile
from zoo.common.files import sha256_of
from zoo.networks.sources import identity
from zoo.networks.sources.identity import identity_of

#: What the documentation says.
_LIST = "find . -type f -printf '%P\\0' | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum"


def test_a_folder_is_the_list_of_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("b.pb", "a/ü 1", "a.x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    told = subprocess.run(["sh", "-c", _LIST], cwd=tmp_path, capture_output=True, check=True)
    before = identity_of(tmp_path)
    assert before == told.stdout.decode().split()[0]
    (tmp_path / "b.pb").rename(tmp_path / "c.pb")
    assert identity_of(tmp_path) != before
    assert identity_of(tmp_path / "c.pb") == sha256_of(tmp_path / "c.pb")
    monkeypatch.setattr(identity, "_MOST_FILES", 2)
    with pytest.raises(BadFile, match="more than 2 files"):
        identity_of(tmp_path)
    with pytest.raises(BadFile, match="cannot be read"):
        identity_of(tmp_path / ("a" * 300))
