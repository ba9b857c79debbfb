"""``zoo cache``: what lies there, whether it is intact, and removing it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from zoo.pipeline.step_cache import StepCache
from zoo.results.records import StepRecord


def steps(home: Path) -> list[Path]:
    cache = StepCache(home / "cache" / "steps")
    made = []
    for key, kind in (("a" * 64, "export"), ("b" * 64, "gate")):
        partial = cache.begin(key)
        (partial / "net.tflite").write_bytes(b"x" * 5000)
        made.append(
            cache.commit(partial, key, StepRecord(step=kind, kind=kind, key=key, status="passed"))
        )
    return made


def test_an_empty_cache(zoo, own_folders) -> None:
    assert zoo("cache", "show").out == f"{own_folders / 'cache'}: 0 B\n"
    assert zoo("cache", "verify").out == "0 finished steps, 0 B: 0 damaged\n"
    assert zoo("cache", "clear", "--yes").out == "removed 0 entries, 0 B\n"


def test_show(zoo, own_folders) -> None:
    steps(own_folders)
    (own_folders / "cache" / "weights").mkdir()
    (own_folders / "cache" / "weights" / "net").write_bytes(b"1" * 1500)
    shown = zoo("cache", "show").out.splitlines()
    assert [line.split()[:3] for line in shown[:4]] == [
        *(["folder", "kind", "entries"], ["steps", "export", "1"], ["steps", "gate", "1"]),
        ["weights", "1", "1.5"],
    ]
    folders = zoo("cache", "show", "--json").json["folders"]
    assert [row["entries"] for row in folders] == [1, 1, 1]
    assert folders[2]["bytes"] == 1500


def test_verify_names_the_file_and_the_exit_code_says_so(zoo, own_folders) -> None:
    whole, damaged = steps(own_folders)
    assert zoo("cache", "verify").code == 0
    (damaged / "net.tflite").write_bytes(b"x" * 4999)
    typed = zoo("cache", "verify")
    assert typed.code == 1
    assert f"DAMAGED  {damaged}\n  why: net.tflite has 4,999 bytes of 5,000\n" in typed.out
    assert "2 finished steps" in typed.out
    entries = zoo("cache", "verify", "--json").json
    assert [bool(entry["damage"]) for entry in entries] == [False, True]
    assert whole.name in entries[0]["folder"]


def test_clear_asks_and_refuses_where_nobody_can_answer(zoo, own_folders, monkeypatch) -> None:
    made = steps(own_folders)
    for stdin in (sys.stdin, None):  # no terminal, and closed
        monkeypatch.setattr(sys, "stdin", stdin)
        typed = zoo("cache", "clear")
        assert typed.code == 2
        assert "add --yes" in typed.err
    assert all(folder.exists() for folder in made)


def test_clear(zoo, own_folders) -> None:
    old, new = steps(own_folders)
    locks = own_folders / "cache" / "locks"
    locks.mkdir()
    (locks / "host.lock").touch()
    month = time.time() - 40 * 24 * 3600
    for path in (*old.iterdir(), old):
        os.utime(path, (month, month))
    typed = zoo("cache", "clear", "steps", "--older-than", "30", "--yes")
    assert typed.out.startswith("removed 1 entries, 5.")
    assert (old.exists(), new.exists()) == (False, True)
    zoo("cache", "clear", "--yes")
    assert (new.exists(), (locks / "host.lock").exists()) == (False, True)


@pytest.mark.parametrize("name", ["step", "..", "../data", "/", "locks"])
def test_only_folders_of_the_cache(zoo, own_folders, name) -> None:
    made = steps(own_folders)
    (own_folders / "data").mkdir()
    typed = zoo("cache", "clear", name, "--yes")
    assert typed.code == 2
    assert "unknown folder of the cache" in typed.err
    assert made[0].exists()
    assert (own_folders / "data").exists()
