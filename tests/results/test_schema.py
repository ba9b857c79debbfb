"""Databases of every version open, on SQLite and on PostgreSQL; later ones are refused."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import children
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from databases import Database

from zoo.common.errors import ZooError
from zoo.results import schema
from zoo.results.records import StepRecord
from zoo.results.store import Store
from zoo.results.tables import METADATA

MIGRATIONS = Path(schema.__file__).with_name("migrations")


def record(step: str) -> StepRecord:
    return StepRecord(step=step, kind="gate", key="e" * 64, status="passed")


def recorded_version(database: Database) -> list[tuple[object, ...]]:
    return database.ask(f"SELECT version_num FROM {schema.VERSION_TABLE}")


def tables(database: Database) -> set[str]:
    engine = sa.create_engine(database.url)
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_the_version_is_that_of_the_last_migration():
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [str(schema.VERSION)]


def test_a_database_from_before_versions_opens(database):
    database.make_old()
    store = Store(database.url)
    first, rejected, timed, failed = (stored.record for stored in store.records())
    assert first.result == {"best_epoch": 3, "notes": ["it's 100 % done"]}
    assert rejected.reason == "accuracy: 1.2 points were lost"
    assert rejected.result["worst"] == math.inf
    assert failed.reason == "Grün \0 \ud83d"
    assert store.samples(timed.key) == b"\0\1raw\xff"
    store.append("after", record("gate onnx int8"), samples=b"new")
    store.close()
    again = Store(database.url)
    assert [s.record.step for s in again.records(run="after")] == ["gate onnx int8"]
    assert len(again.records()) == 5
    again.close()
    assert recorded_version(database) == [(str(schema.VERSION),)]


@pytest.mark.parametrize("old", [True, False], ids=["old", "new"])
def test_every_database_ends_with_today_s_schema(database, old):
    if old:
        database.make_old()
    Store(database.url).close()
    engine = sa.create_engine(database.url)
    with engine.connect() as connection:
        own = {"version_table": schema.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=own)
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


@pytest.mark.parametrize("old", [True, False], ids=["old", "new"])
@pytest.mark.parametrize(
    "statement",
    [
        *("UPDATE records SET status = 'passed'", "DELETE FROM records"),
        *("UPDATE samples SET nanoseconds = NULL", "DELETE FROM samples"),
        *("UPDATE measured SET run = 'x'", "DELETE FROM measured"),
    ],
)
def test_every_database_refuses_changes(database, old, statement):
    if old:
        database.make_old()
    store = Store(database.url)
    store.append("run", record("a"), samples=b"raw")
    timed = {"file": "a.onnx", "device": "host", "runtime": "onnxruntime", "threads": 1}
    store.append("run", replace(record("b"), kind="bench", result=timed))
    before = store.records()
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        database.ask(statement)
    assert [s.run for s in store.records()] == [s.run for s in before]
    assert store.samples("e" * 64) == b"raw"
    store.close()


@pytest.mark.parametrize("version", [str(schema.VERSION + 1), "splendid"])
def test_a_later_database_is_refused(database, version):
    Store(database.url).close()
    database.run(f"UPDATE {schema.VERSION_TABLE} SET version_num = '{version}'")
    with pytest.raises(ZooError, match="cannot be used") as caught:
        Store(database.url)
    assert f"its schema has version {version}, and this program reads those up to" in str(
        caught.value.why
    )
    assert "upgrade edgezoo" in caught.value.fix
    assert recorded_version(database) == [(version,)]


def test_a_migration_that_fails_leaves_nothing(database):
    """Here at an index of somebody else's table, after the other table was made."""
    database.run("CREATE TABLE records (id INTEGER, title TEXT)")
    with pytest.raises(ZooError, match="cannot be used"):
        Store(database.url)
    assert tables(database) == {"records"}
    database.run("DROP TABLE records")
    Store(database.url).close()
    assert recorded_version(database) == [(str(schema.VERSION),)]


@pytest.mark.parametrize("old", [True, False], ids=["old", "new"])
def test_processes_that_open_at_once(database, old):
    if old:
        database.make_old()
    context = multiprocessing.get_context("spawn")
    start, answers = context.Barrier(3), context.Queue()
    processes = [
        context.Process(target=children.append_many, args=(database.url, start, name, answers))
        for name in "abc"
    ]
    for process in processes:
        process.start()
    assert [answers.get() for _ in processes] == [""] * 3
    for process in processes:
        process.join()
    store = Store(database.url)
    for name in "abc":
        assert [s.record.step for s in store.records(run=name)] == [f"step {n}" for n in range(10)]
    store.close()
    assert recorded_version(database) == [(str(schema.VERSION),)]


def test_threads_that_open_at_once(tmp_path):
    urls = [f"sqlite:///{tmp_path / f'{number}.sqlite'}" for number in range(8)]
    with ThreadPoolExecutor(len(urls)) as pool:
        for store in pool.map(Store, urls):
            assert store.records() == []
            store.close()


def test_migrations_are_loaded_only_when_there_is_something_to_do(tmp_path):
    url = f"sqlite:///{tmp_path / 'records.sqlite'}"
    code = (
        "import sys; from zoo.results.store import Store; "
        f"Store({url!r}).close(); print('alembic' in sys.modules)"
    )
    said = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [done.stdout.strip() for done in said] == ["True", "False"]
    assert [done.stderr for done in said] == ["", ""]


def test_the_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "places.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as other:
        other.execute("CREATE TABLE places (id INTEGER)")
    before = file.read_bytes()
    with pytest.raises(ZooError, match="is the database of another program") as refused:
        Store(f"sqlite:///{file}")
    assert refused.value.why == "it holds places, and nothing of edgezoo"
    assert file.read_bytes() == before
