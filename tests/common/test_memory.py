"""Memory that is free, and that a worker took."""

from __future__ import annotations

from pathlib import Path

import psutil
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


#: What Linux shows of each version: the line of a process, its folder, and names of files.
VERSIONS = {
    "one": (
        "4:memory:/box/job\n0::/\n",
        "memory",
        ("limit_in_bytes", "usage_in_bytes", "total_inactive_file"),
    ),
    "two": ("0::/box/job\n", ".", ("max", "current", "inactive_file")),
}


@pytest.mark.parametrize("version", sorted(VERSIONS))
def test_available_memory_is_what_is_left_of_the_container(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line, root, (limit, used, cached) = VERSIONS[version]
    (tmp_path / "own").write_text(line)
    machine = memory.available_memory()
    assert 0 < machine <= memory.machine_memory()
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    monkeypatch.setattr(memory, "_OWN", tmp_path / "own")
    whole = memory.machine_memory()
    assert memory.available_memory() > 1000
    job = tmp_path / root / "box" / "job"
    job.mkdir(parents=True)
    for folder, most in ((job, "1000"), (job.parent, "2000"), (job.parent.parent, "max")):
        (folder / f"memory.{limit}").write_text(most)
        (folder / f"memory.{used}").write_text("900\n")
        (folder / "memory.stat").write_text(f"anon 500\n{cached} 300\n")
    assert (memory.available_memory(), memory.machine_memory()) == (400, 1000)
    (job / "memory.stat").write_text(cached)
    assert memory.available_memory() == 100
    (job / f"memory.{limit}").write_text("max")  # then that of the group around it
    assert (memory.available_memory(), memory.machine_memory()) == (1400, 2000)
    (tmp_path / "own").write_text(line.replace("/box/job", "/../elsewhere"))
    assert memory.machine_memory() == whole


def test_where_linux_shows_no_groups_the_machine_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_OWN", Path("/nowhere"))
    assert memory.machine_memory() == psutil.virtual_memory().total
