"""Memory that is free, and that a worker took."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.common import memory
from zoo.common.errors import ZooError
from zoo.common.worker import call


def test_a_worker_s_memory_is_that_beyond_the_fork_server_s() -> None:
    found: list[int] = []
    name, size = "children:take_memory", 300_000_000
    call(name, {"size": size, "fails": False}, on_memory=found.append, tensorflow=False)
    with pytest.raises(ZooError, match="after all"):
        call(name, {"size": 0, "fails": True}, on_memory=found.append, tensorflow=False)
    large, little = found
    assert 300_000_000 < large < 400_000_000
    assert 0 <= little < 100_000_000


def test_available_memory_is_what_is_left_of_the_container(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = memory.available_memory()
    assert 0 < machine <= memory.machine_memory()
    for name, text in (
        ("_CONTAINER", "1000"),
        ("_USED", "900\n"),
        ("_USES", "anon 500\ninactive_file 300\n"),
    ):
        file = tmp_path / name
        file.write_text(text)
        monkeypatch.setattr(memory, name, file)
    assert memory.available_memory() == 400
    (tmp_path / "_USES").write_text("inactive_file")
    assert memory.available_memory() == 100
    (tmp_path / "_CONTAINER").write_text("max")
    assert memory.available_memory() > 1000
