"""The folder of a search."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.common.errors import UsageError, ZooError
from zoo.pipeline.search.folder import held


def test_a_search_that_was_refused_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "lenet5-1a2b3c4d"
    with pytest.raises(UsageError), held(folder):
        raise UsageError("a budget of 1 s is too short")
    assert list(tmp_path.iterdir()) == []


def test_what_a_search_has_kept_stays(tmp_path: Path) -> None:
    def interrupted() -> None:
        with held(tmp_path / "s"):
            (tmp_path / "s" / "study.journal").write_text("trial 0")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "s" / "study.journal").exists()


def test_two_searches_never_share_a_folder(tmp_path: Path) -> None:
    with held(tmp_path / "s"):
        with pytest.raises(ZooError, match="another process searches"), held(tmp_path / "s"):
            pass
        assert (tmp_path / "s" / ".lock").exists(), "the second has removed nothing"
