"""One process at a time holds a lock, and whoever comes second is told the caller's error."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.common import file_lock
from zoo.common.errors import ZooError


def test_the_second_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    file, refusal = tmp_path / "new" / ".lock", ZooError("somebody is at it")
    with file_lock.held(file, refusal):
        with pytest.raises(ZooError, match="somebody is at it"), file_lock.held(file, refusal):
            pass
        with file_lock.held(tmp_path / "other", refusal):
            pass
    with file_lock.held(file, refusal):
        pass


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refusal = ZooError("unused")
    with pytest.raises(ZooError, match="file"), file_lock.held(tmp_path / "file" / "x", refusal):
        pass
