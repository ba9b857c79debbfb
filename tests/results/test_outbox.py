"""A record that the store does not take is appended later: once, and never lost."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from zoo.common.errors import UsageError, ZooError
from zoo.results import store as store_module
from zoo.results.outbox import Outbox, OutboxEntry, keep
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store


def record(step: str = "bench net", **changes: object) -> StepRecord:
    return StepRecord(**{"kind": "bench", "key": "k", "status": "passed", "step": step, **changes})


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_home: Path) -> str:
    monkeypatch.setattr(store_module, "PATIENCE_SECONDS", 0.2)
    return f"sqlite:///{tmp_path / 'records.sqlite'}"


def waiting(home: Path) -> list[Path]:
    return list((home / "data" / "unrecorded").glob("*/*.json"))


def locked(url: str) -> sqlite3.Connection:
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    return connection


def steps(url: str) -> list[str]:
    store = Store(url)
    found = [stored.record.step for stored in store.records()]
    store.close()
    return found


def test_a_record_in_the_database_waits_nowhere(url, own_home):
    store = Store(url)
    store.append("run", record(), samples=b"1")
    store.close()
    assert waiting(own_home) == []


def test_only_what_the_database_refuses_waits_for_the_disk(url, own_home, monkeypatch):
    synced: list[Path] = []
    store = Store(url)
    with monkeypatch.context() as patch:
        for module in ("zoo.common.files", "zoo.results.outbox"):
            patch.setattr(f"{module}.sync", synced.append)
        store.append("run", record("taken"))
        assert synced == []
        lock = locked(url)
        store.append("run", record("refused"))
    (entry,) = waiting(own_home)
    assert synced == [entry, entry.parent]
    entry.unlink()  # as another command does that has appended it meanwhile
    keep(OutboxEntry(row={}, samples=None, file=entry))
    lock.close()
    store.close()
    assert not entry.parent.exists()


def test_a_locked_store_gets_its_records_from_the_next_command(url, own_home):
    store = Store(url)
    store.append("run", record("first"))
    lock = locked(url)
    store.append("run", record("second", result={"worst": float("inf")}), samples=b"\0raw\xff")
    store.append("run", record("third"))
    notes: list[tuple[str, str]] = []
    store.close(lambda step, event: notes.append((step, event["text"])))
    lock.close()
    ((step, text),) = notes
    assert step == "store"
    assert text.startswith("2 records wait in ")
    assert text.endswith("(database is locked)")
    assert len(waiting(own_home)) == 2
    again = Store(url)
    assert [s.record.step for s in again.records()] == ["first", "second", "third"]
    assert again.records()[1].record.result == {"worst": float("inf")}
    assert again.samples("k") == b"\0raw\xff"
    again.close(lambda step, event: notes.append((step, event["text"])))
    assert waiting(own_home) == []
    assert len(notes) == 1


def test_a_lock_that_ends_before_the_command_does_leaves_nothing_waiting(url, own_home):
    store = Store(url)
    lock = locked(url)
    store.append("run", record())
    lock.close()
    notes: list[str] = []
    store.close(lambda step, event: notes.append(event["text"]))
    assert (notes, waiting(own_home), steps(url)) == ([], [], ["bench net"])


def test_what_was_appended_before_a_kill_is_not_appended_twice(url, own_home, monkeypatch):
    """Killed after the database had it, and before the file was deleted."""
    monkeypatch.setattr(store_module, "remove", lambda entry: None)
    store = Store(url)
    store.append("run", record(), samples=b"1")
    store.close()
    assert len(waiting(own_home)) == 1
    monkeypatch.undo()
    monkeypatch.setenv("ZOO_HOME", str(own_home))
    assert steps(url) == ["bench net"]
    assert waiting(own_home) == []


KILLED = """
import os, signal, sys
from zoo.results.records import StepRecord
from zoo.results.store import Store
store = Store(sys.argv[1])
store._insert = lambda entry: os.kill(os.getpid(), signal.SIGKILL)
store.append("run", StepRecord(step="killed", kind="bench", key="k", status="passed"))
"""


def test_a_command_that_is_killed_while_it_appends(url, own_home):
    done = subprocess.run([sys.executable, "-c", KILLED, url], check=False, env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL
    assert steps(url) == ["killed"]


def open_at_once(url: str, barrier: threading.Barrier) -> None:
    barrier.wait(60)
    Store(url).close()


def test_commands_that_append_the_same_waiting_records_at_once(url, own_home):
    Store(url).close()
    outbox = Outbox(url)
    for number in range(20):
        row = dict.fromkeys(("kind", "key", "created"), "k")
        row |= {"run": "r", "status": "passed", "step": f"s{number}", "token": f"{number:032}"}
        body = json.dumps({"step": f"s{number}", "kind": "k", "key": "k", "status": "passed"})
        outbox.add({**row, "body": body}, b"1")
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(3)
    processes = [context.Process(target=open_at_once, args=(url, barrier)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert sorted(steps(url)) == sorted(f"s{number}" for number in range(20))
    assert waiting(own_home) == []


def test_another_store_does_not_get_them(url, own_home, tmp_path):
    store = Store(url)
    lock = locked(url)
    store.append("run", record())
    store.close()
    assert steps(f"sqlite:///{tmp_path / 'other.sqlite'}") == []
    lock.close()
    assert steps(url) == ["bench net"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"row": 3, "samples": null}'])
def test_a_file_that_is_no_entry_is_left_alone(url, own_home, text):
    folder = Outbox(url).folder
    folder.mkdir(parents=True)
    (folder / "x.json").write_text(text)
    assert steps(url) == []
    assert (folder / "x.json").read_text() == text


def row_of(item: StepRecord, **changes: str | None) -> dict[str, str]:
    row = dict.fromkeys(("run", "step", "kind", "key", "status", "created"), "x")
    whole = {**row, "body": json.dumps(as_plain(item)), "token": "0" * 32, **changes}
    return {name: value for name, value in whole.items() if value is not None}


@pytest.mark.parametrize(
    "changes",
    [{"colour": "red"}, {"run": None}, {"body": None}, {"id": "1"}, {"body": "x"}, {"body": "[]"}],
    ids=["column", "no run", "no body", "number", "no JSON", "no record"],
)
def test_an_entry_that_was_edited_never_enters_the_database(url, own_home, changes):
    """What is appended stays there for ever, and would stop every reader."""
    store = Store(url)
    store.append("run", record("first"))
    store.close()
    Outbox(url).add(row_of(record("edited"), **changes), None)
    assert steps(url) == ["first"]
    assert len(waiting(own_home)) == 1


def test_a_record_that_the_database_refuses_keeps_no_other_from_it(url, own_home, monkeypatch):
    Store(url).close()
    Outbox(url).add(row_of(record("refused")), None)
    insert = Store._insert

    def refuse(self: Store, entry: OutboxEntry) -> None:
        if entry.row["token"] == "0" * 32:
            raise ZooError("no") from sa.exc.DataError("INSERT", {}, Exception("too long"))
        insert(self, entry)

    monkeypatch.setattr(Store, "_insert", refuse)
    store = Store(url)
    store.append("run", record("second"))
    assert [s.record.step for s in store.records()] == ["second"]
    notes: list[str] = []
    store.close(lambda step, event: notes.append(event["text"]))
    assert notes[0].startswith("1 records wait in ")


def test_neither_store_nor_outbox(url, own_home):
    """Then the caller must know at once."""
    store = Store(url)
    (own_home / "data").mkdir(exist_ok=True)
    (own_home / "data" / "unrecorded").write_text("in the way")
    lock = locked(url)
    with pytest.raises(ZooError, match="cannot be used"):
        store.append("run", record())
    lock.close()
    store.append("run", record())
    store.close()
    assert steps(url) == ["bench net"]


@pytest.mark.parametrize("name", ["caf\udce9.tflite", "a\0b", "x" * 5000])
def test_names_that_no_database_takes(url, name):
    store = Store(url)
    store.append(name, record(name))
    assert [s.record.step for s in store.records(run=name)] == [name]
    store.close()


def test_a_database_in_memory_serves_all_threads_and_ends_quietly(own_home, capfd, recwarn):
    store = Store("sqlite:///:memory:")
    threads = [
        threading.Thread(target=store.append, args=("run", record(str(n)))) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(s.record.step for s in store.records()) == sorted(map(str, range(8)))
    told = []
    store.close(lambda step, event: told.append(event["text"]))
    assert told == ["8 records are kept nowhere: the store is in memory"]
    assert (capfd.readouterr().err, list(recwarn), waiting(own_home)) == ("", [], [])


def test_an_option_that_the_driver_leaves_out_is_refused(tmp_path, recwarn):
    """Opened without `mode=ro`, the database would be written."""
    file = tmp_path / "records.sqlite"
    with pytest.raises(UsageError, match="is not a usable database URL") as caught:
        Store(f"sqlite:///{file}?mode=ro")
    assert "'mode' are not accepted" in caught.value.why
    assert "sqlalche.me" not in str(caught.value)
    assert (list(recwarn), file.exists()) == ([], False)
    Store(f"sqlite:///{file}?timeout=3").close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:s3cret@127.0.0.1:1/base",
        "postgresql+nodriver://me:s3cret@host/base",
        "postgresql+psycopg://me:s3cret@host:port/base",
        "postgresql+psycopg://me:s3c%20ret@[::1/base?x=1",
        "nosuch://me:s3cret:x@y@host/s3cret",
    ],
)
def test_no_password_in_a_message(url):
    pytest.importorskip("psycopg")
    with pytest.raises(ZooError) as caught:
        Store(url)
    error: BaseException | None = caught.value
    assert isinstance(error, ZooError)
    shown = f"{error} {error.why} {error.fix}"
    assert "s3c" not in shown.replace("/s3cret", "")
    assert "me:***" in shown


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO records (id, run, step, kind, key, status, created, body) "
        "VALUES (1, 'r', 's', 'k', 'k', 'passed', '', '{}')",
        "REPLACE INTO records (token, run, step, kind, key, status, created, body) "
        "SELECT token, 'r', 's', 'k', 'k', 'passed', '', '{}' FROM records",
        "REPLACE INTO samples (id, key, nanoseconds) VALUES (1, 'k', x'00')",
    ],
)
def test_replacing_is_refused_by_the_database(url, statement):
    store = Store(url)
    store.append("run", record(status="failed"), samples=b"raw")
    engine = sa.create_engine(url)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
    assert store.records()[0].record.status == "failed"
    assert store.samples("k") == b"raw"
    store.close()
