"""Finished steps in a content store: what arrives is what was sent, byte for byte, or nothing."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path

import pytest
from stored_steps import FILES, KEY, contents, kept

from zoo.common.errors import BadFile, UsageError, ZooError
from zoo.pipeline.content_store import store as store_room
from zoo.pipeline.content_store.places import Folder
from zoo.pipeline.content_store.steps import fetch_step, has_step, send_step
from zoo.pipeline.content_store.store import ContentStore, open_store, stays_inside, store_url
from zoo.pipeline.step_cache import StepCache

OTHER = "b" * 64


@pytest.fixture
def here(tmp_path) -> StepCache:
    return StepCache(tmp_path / "here")


@pytest.fixture
def there(tmp_path) -> StepCache:
    return StepCache(tmp_path / "there")


@pytest.fixture
def store(tmp_path) -> ContentStore:
    return open_store(str(tmp_path / "store"))


def blobs(store: ContentStore) -> list[Path]:
    return sorted(p for p in (store.place.folder / "files").rglob("*") if p.is_file())


def test_a_step_arrives_byte_for_byte(store, here, there):
    sent = kept(here)
    assert not has_step(store, KEY)
    assert not fetch_step(store, there, KEY)
    send_step(store, here, KEY)
    assert has_step(store, KEY)
    assert fetch_step(store, there, KEY)
    assert there.load(KEY) == here.load(KEY)
    assert contents(there.folder / KEY) == contents(sent)
    assert fetch_step(store, there, KEY)  # again: it is there already


def test_equal_files_are_stored_once(store, here):
    kept(here)
    kept(here, {"other.tflite": FILES["net.tflite"]}, OTHER)
    send_step(store, here, KEY)
    first = {path: path.stat().st_mtime_ns for path in blobs(store)}
    send_step(store, here, OTHER)
    assert {path: path.stat().st_mtime_ns for path in blobs(store)} == first
    assert len(first) == len(FILES)


def test_what_was_sent_in_part_is_not_there(store, here, there, monkeypatch):
    """Files come first, the record last: a sender that is killed leaves nothing to be seen."""
    kept(here)
    sent = []

    def cut(self: Folder, source: Path, name: str) -> None:
        sent.append(name)
        if len(sent) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Folder, "send", cut)
    with pytest.raises(KeyboardInterrupt):
        send_step(store, here, KEY)
    monkeypatch.undo()
    assert not has_step(store, KEY)
    assert not fetch_step(store, there, KEY)
    send_step(store, here, KEY)
    assert fetch_step(store, there, KEY)


@pytest.mark.parametrize("damage", [lambda p: p.write_bytes(b"weightz" * 40), Path.unlink])
def test_a_damaged_file_is_refused_and_sent_anew(store, here, there, damage):
    kept(here, {"net.tflite": FILES["net.tflite"]})
    send_step(store, here, KEY)
    damage(blobs(store)[0])
    with pytest.raises(BadFile, match="damaged") as caught:
        fetch_step(store, there, KEY)
    assert "is missing" in str(caught.value) or "differs from its SHA-256" in str(caught.value)
    assert there.load(KEY) is None
    assert not list(there.folder.glob("*"))
    assert not has_step(store, KEY)
    send_step(store, here, KEY)
    assert fetch_step(store, there, KEY)


def reworded(text: str, **changes: object) -> str:
    return json.dumps({**json.loads(text), **changes})


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda text: text.replace("0.1", "0.2"), "differs from its SHA-256"),
        (lambda text: text[:40], "is no record"),
        (lambda text: "[" * 100_000, "is no record"),
        (lambda text: "\udcff", "is no text"),
    ],
)
def test_a_record_that_is_none_is_refused(store, here, there, spoil, why):
    kept(here)
    send_step(store, here, KEY)
    record = store.place.folder / f"steps/{KEY}.json"
    record.write_bytes(spoil(record.read_text()).encode(errors="surrogateescape"))
    with pytest.raises(BadFile, match=why):
        fetch_step(store, there, KEY)
    assert not has_step(store, KEY)


@pytest.mark.parametrize(
    "name", ["../out", "/tmp/out", "a/../../out", "..", "", ".", "a//b", "a\\..\\out", "a\0b", "a/"]
)
def test_names_that_lead_out_of_the_folder_are_refused(store, here, there, tmp_path, name):
    """Also under a seal that is right, as whoever may write to the store can make one."""
    assert not stays_inside(name)
    kept(here)
    send_step(store, here, KEY)
    record = store.place.folder / f"steps/{KEY}.json"
    plain = json.loads(record.read_text())
    plain.pop("sha256")
    plain["files"][name] = plain["files"]["net.tflite"]
    from zoo.pipeline.step_cache import _seal

    record.write_text(json.dumps({**plain, "sha256": _seal(plain)}))
    with pytest.raises(BadFile, match="outside its folder"):
        fetch_step(store, there, KEY)
    assert not (tmp_path / "out").exists()
    assert not there.folder.exists()


@pytest.mark.parametrize(
    "name", ["a", "a b/c.txt", "ümlaut/..x", "...", "a/.b", "a\\b", "caf\udce9"]
)
def test_other_names_stay_inside(name):
    assert stays_inside(name)


@pytest.mark.parametrize("size", [-1, "3", True, None, 1e3])
def test_sizes_that_are_none_are_refused(store, here, there, size):
    from zoo.pipeline.step_cache import _seal

    kept(here)
    send_step(store, here, KEY)
    record = store.place.folder / f"steps/{KEY}.json"
    plain = json.loads(record.read_text())
    plain.pop("sha256")
    plain["files"]["net.tflite"]["bytes"] = size
    record.write_text(json.dumps({**plain, "sha256": _seal(plain)}))
    with pytest.raises(BadFile, match="no number of bytes"):
        fetch_step(store, there, KEY)


def test_no_more_is_read_than_the_record_says(store, here, there):
    """A file that grew, or that another put there, cannot fill the disk."""
    kept(here, {"net.tflite": b"four"})
    send_step(store, here, KEY)
    (blob,) = blobs(store)
    os.truncate(blob, 1 << 40)
    with pytest.raises(BadFile, match="differs"):
        fetch_step(store, there, KEY)


def test_the_record_of_another_step_is_refused(store, here, there):
    kept(here)
    send_step(store, here, KEY)
    (store.place.folder / f"steps/{KEY}.json").rename(store.place.folder / f"steps/{OTHER}.json")
    with pytest.raises(BadFile, match="record of aaaa"):
        fetch_step(store, there, OTHER)


def test_a_damaged_entry_is_not_sent_and_is_replaced_by_what_arrives(store, here, there):
    send_step(store, here, kept(here).name)
    fetch_step(store, there, KEY)
    (there.folder / KEY / "net.tflite").write_bytes(b"x")
    with pytest.raises(BadFile, match=r"net\.tflite has 1 bytes"):
        send_step(store, there, KEY)
    assert fetch_step(store, there, KEY)
    assert there.load(KEY) is not None
    with pytest.raises(LookupError, match="no step"):
        send_step(store, there, OTHER)


def test_several_may_fetch_and_send_at_once(store, here, there):
    kept(here)
    failed: list[BaseException] = []

    def both() -> None:
        try:
            send_step(store, here, KEY)
            assert fetch_step(store, there, KEY)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=both) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert [path.name for path in there.folder.iterdir()] == [KEY]


def test_a_full_disk_is_said_before_the_first_byte(store, here, there, monkeypatch):
    kept(here)
    send_step(store, here, KEY)
    usage = type("Usage", (), {"free": 3})
    monkeypatch.setattr(store_room.shutil, "disk_usage", lambda folder: usage)
    with pytest.raises(ZooError, match=r"no room for 0\.288 kB"):
        fetch_step(store, there, KEY)
    assert not there.folder.exists()


def test_a_disk_that_fills_leaves_nothing(store, here, there, monkeypatch):
    kept(here)
    send_step(store, here, KEY)

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("zoo.pipeline.content_store.places.Arrived.copy", full)
    with pytest.raises(ZooError):
        fetch_step(store, there, KEY)
    assert not list(there.folder.iterdir())


def test_a_store_without_rights_is_told_before_work(tmp_path, store):
    store.check()
    file = tmp_path / "file"
    file.write_text("no folder")
    with pytest.raises(ZooError, match="cannot be written") as caught:
        open_store(str(file)).check()
    assert "--artifacts" in (caught.value.fix or "")


def test_addresses(tmp_path, monkeypatch):
    monkeypatch.delenv("ZOO_ARTIFACTS", raising=False)
    assert store_url(None) is None
    monkeypatch.setenv("ZOO_ARTIFACTS", "/mnt/store")
    assert store_url(None) == "/mnt/store"
    assert store_url("s3://other") == "s3://other"
    assert open_store(f"file://{tmp_path}").place.folder == tmp_path
    assert open_store("~/store").place.folder == Path.home() / "store"
    with pytest.raises(UsageError, match="names no folder"):
        open_store("file://")
    assert ContentStore("s3://key:word@host/b", Folder(tmp_path)).shown == "s3://key:***@host/b"


def test_only_keys_name_steps(store):
    with pytest.raises(ValueError, match="not the key"):
        has_step(store, "../steps")


def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(store, here, there):
    kept(here, {"net.tflite": FILES["net.tflite"]})
    send_step(store, here, KEY)
    (blob,) = blobs(store)
    record = store.place.folder / f"steps/{KEY}.json"
    text = record.read_text()
    for path in (blob, record):
        path.unlink()
        os.mkfifo(path)
        with pytest.raises(ZooError, match="a named pipe, not a file"):
            fetch_step(store, there, KEY)
        send_step(store, here, KEY)
        assert path.is_file(), "it is made anew"
    assert record.read_text() == text
    assert fetch_step(store, there, KEY)


def test_damage_that_may_not_be_removed_is_not_said_to_be_sent_anew(store, here, there):
    """In the folder of another user, say: a sender would take it for what it has sent."""
    kept(here, {"net.tflite": FILES["net.tflite"]})
    send_step(store, here, KEY)
    (blob,) = blobs(store)
    blob.write_bytes(b"x" * len(FILES["net.tflite"]))

    class Kept(Folder):
        def remove(self, name: str) -> bool:
            return False

    held = ContentStore(store.url, Kept(store.place.folder))
    with pytest.raises(BadFile, match="differs from its SHA-256") as caught:
        fetch_step(held, there, KEY)
    assert str(caught.value.fix).startswith("delete it there, which this machine may not")
    (store.place.folder / f"steps/{KEY}.json").write_text("{}")
    with pytest.raises(BadFile) as caught:
        fetch_step(held, there, KEY)
    assert str(caught.value.fix).startswith("delete it there, which this machine may not")


def test_a_folder_that_a_worker_has_not_mounted_is_not_made(tmp_path, store):
    with pytest.raises(ZooError, match="is not on") as caught:
        store.check(known=True)
    assert "another folder there" in str(caught.value.why)
    assert not store.place.folder.exists()
    store.check()
    store.check(known=True)
