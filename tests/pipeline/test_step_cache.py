"""The cache of finished steps: what is used is what was made, byte for byte."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_steps import FakeStep, Told, named
from hypothesis import given
from hypothesis import strategies as st
from makers import fuzz

from zoo.common.errors import BadFile
from zoo.pipeline import step_cache
from zoo.pipeline.engine import Pipeline
from zoo.pipeline.step_cache import RECORD, StepCache
from zoo.pipeline.steps.step import Outcome, StepContext
from zoo.results.records import StepRecord

KEY = "a" * 64


def record(**changes: object) -> StepRecord:
    given = {"step": "export", "kind": "export", "key": KEY, "status": "passed", **changes}
    return StepRecord(**given)


def kept(cache: StepCache, files: dict[str, bytes], key: str = KEY, seconds: float = 60.0) -> Path:
    partial = cache.begin(key)
    for name, data in files.items():
        (partial / name).parent.mkdir(parents=True, exist_ok=True)
        (partial / name).write_bytes(data)
    return cache.commit(
        partial, key, record(result={"loss": 0.1, "parts": (1, 2)}, seconds=seconds)
    )


FILES = {"net.tflite": b"weights" * 40, "deep/labels.txt": b"cat\ndog\n", "empty": b""}


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def replaced_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def reworded(path: Path) -> None:
    path.write_text(path.read_text().replace("0.1", "0.2"))


@pytest.mark.parametrize("name", list(FILES))
def test_intact_files_are_used(tmp_path, name):
    cache = StepCache(tmp_path)
    folder = kept(cache, FILES)
    found = cache.load(KEY)
    assert found is not None
    assert found.result == {"loss": 0.1, "parts": [1, 2]}
    assert (folder / name).read_bytes() == FILES[name]
    listed = json.loads((folder / RECORD).read_text())["files"][name]
    assert listed["bytes"] == len(FILES[name])


@pytest.mark.parametrize(
    ("name", "damage", "why"),
    [
        ("net.tflite", flipped, "net.tflite differs from its SHA-256"),
        ("net.tflite", cut, "net.tflite has 279 bytes of 280"),
        ("net.tflite", Path.unlink, "net.tflite is missing"),
        ("net.tflite", replaced_by_folder, "net.tflite is missing"),
        ("deep/labels.txt", flipped, "deep/labels.txt differs from its SHA-256"),
        ("empty", Path.unlink, "empty is missing"),
        (RECORD, reworded, "record.json differs from its SHA-256"),
        (RECORD, flipped, "record.json"),
        (RECORD, cut, "record.json is no record"),
        (RECORD, Path.unlink, "record.json is missing"),
        (RECORD, replaced_by_folder, "record.json cannot be read"),
    ],
)
def test_damage_is_found_and_named(tmp_path, name, damage: Callable[[Path], object], why):
    cache = StepCache(tmp_path)
    damage(kept(cache, FILES) / name)
    with pytest.raises(BadFile) as caught:
        cache.load(KEY)
    assert str(caught.value.why).startswith(why)
    (entry,) = cache.entries(verify=True)
    assert entry.damage == caught.value.why
    with pytest.raises(FileExistsError):
        kept(cache, FILES)  # whether an entry can be used is not the writer's to judge
    cache.remove(KEY)
    kept(cache, FILES)
    assert cache.load(KEY) is not None


@fuzz
@given(st.data())
def test_any_flipped_bit_is_found(data):
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        cache = StepCache(Path(name))
        folder = kept(cache, FILES)
        path = folder / data.draw(st.sampled_from(["net.tflite", "deep/labels.txt", RECORD]))
        raw = bytearray(path.read_bytes())
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(raw)
        # A blank that became another kind of blank leaves the same record.
        try:
            found = cache.load(KEY)
        except BadFile:
            return
        assert path.name == RECORD
        assert found == record(result={"loss": 0.1, "parts": [1, 2]})


def test_an_entry_from_before_files_were_listed_is_made_anew(tmp_path):
    cache = StepCache(tmp_path)
    folder = kept(cache, FILES)
    plain = json.loads((folder / RECORD).read_text())
    del plain["files"], plain["sha256"]
    (folder / RECORD).write_text(json.dumps(plain))
    with pytest.raises(BadFile):
        cache.load(KEY)


def test_everything_is_on_the_disk_before_the_folder_has_its_name(tmp_path, monkeypatch):
    cache = StepCache(tmp_path)
    synced: list[str] = []

    def sync(path: Path) -> None:
        synced.append("named" if (tmp_path / KEY).exists() else path.name.partition("-")[0])

    monkeypatch.setattr(step_cache, "sync", sync)
    kept(cache, FILES)
    assert sorted(synced[:-1]) == [".part", "deep", "empty", "labels.txt", "net.tflite", RECORD]
    assert synced[-1] == "named"
    synced.clear()
    kept(cache, FILES, key="b" * 64, seconds=0.2)
    assert synced == [], "what is quickly made anew does not wait for the disk"


@pytest.mark.parametrize("damage", [flipped, cut, Path.unlink], ids=["bit", "half", "missing"])
def test_a_damaged_step_runs_again_and_says_so(tmp_path, damage):
    """Half files were published as passed, and missing ones failed for ever."""
    runs: list[str] = []

    def work(given: StepContext) -> Outcome[Told]:
        runs.append("made")
        (given.folder / "file").write_text("content")
        return Outcome(result=Told())

    def run() -> tuple[list[StepRecord], list[str]]:
        notes = []
        pipeline = Pipeline(
            cache=StepCache(tmp_path),
            store=None,
            run="r",
            on_step=lambda step, event: event["event"] == "note" and notes.append(event["text"]),
        )
        step = FakeStep(id=named("a"), content=KEY, work=work)
        return pipeline.execute([step]), notes

    run()
    damage(tmp_path / KEY / "file")
    (again,), notes = run()
    assert (again.status, again.cached, runs) == ("passed", False, ["made", "made"])
    assert (tmp_path / KEY / "file").read_text() == "content"
    assert [note.partition(":")[0] for note in notes] == ["what was kept is damaged, and made anew"]
    (third,), notes = run()
    assert (third.cached, notes) == (True, [])


@pytest.mark.parametrize("kind", ["file", "link", "dead link"])
def test_what_is_no_folder_is_replaced(tmp_path, kind):
    cache = StepCache(tmp_path / "steps")
    cache.folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    if kind == "file":
        (cache.folder / KEY).touch()
    else:
        (cache.folder / KEY).symlink_to(elsewhere)
    if kind == "link":
        elsewhere.mkdir()
        (elsewhere / "mine").touch()
    if kind != "dead link":
        with pytest.raises(BadFile):
            cache.load(KEY)
    kept(cache, FILES)
    assert cache.load(KEY) is not None
    assert kind != "link" or (elsewhere / "mine").exists()


def test_other_files_in_the_folder_do_no_harm(tmp_path):
    """A file manager leaves its own."""
    cache = StepCache(tmp_path)
    (kept(cache, FILES) / ".DS_Store").write_bytes(b"x")
    assert cache.load(KEY) is not None


def test_names_that_are_not_utf8(tmp_path):
    cache = StepCache(tmp_path)
    name = os.fsdecode(b"caf\xe9")
    folder = kept(cache, {name: b"1"})
    assert cache.load(KEY) is not None
    (folder / name).write_bytes(b"2")
    with pytest.raises(BadFile):
        cache.load(KEY)


def test_entries(tmp_path):
    cache = StepCache(tmp_path / "steps")
    assert list(cache.entries()) == []
    kept(cache, FILES)
    kept(cache, {"a": b"1"}, "b" * 64)
    cache.begin("c" * 64)
    first, second = cache.entries()
    assert (first.step, first.kind, second.folder.name) == ("export", "export", "b" * 64)
    assert first.bytes > 280 + 8
    shutil.rmtree(second.folder)
    cache.remove(KEY)
    assert list(cache.entries()) == []
