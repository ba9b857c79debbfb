"""Records go in, come out unchanged, and are never altered or lost."""

from __future__ import annotations

import json
import multiprocessing
import sqlite3
import sys
from pathlib import Path

import children
import pytest
import sqlalchemy as sa
from databases import OLD
from hypothesis import given
from hypothesis import strategies as st
from makers import comparison, contents, fuzz, no_privileges

from zoo.common.errors import MissingExtra, UsageError, ZooError
from zoo.results.record_text import read_record
from zoo.results.records import Epoch, Export, StepRecord, as_plain
from zoo.results.store import Store

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
RECORDS = st.builds(
    StepRecord,
    step=st.text(),
    kind=st.text(),
    key=st.text(),
    status=st.sampled_from(["passed", "rejected", "failed", "skipped"]),
    reason=st.text(st.characters()),
    seconds=st.floats(0, 1e9),
    created=st.text(),
    result=st.none() | st.dictionaries(st.text(max_size=4), PLAIN, max_size=4),
)


def record(step: str = "export tflite int8", **changes) -> StepRecord:
    return StepRecord(**{"kind": "export", "key": "k", "status": "passed", "step": step, **changes})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    opened = Store(f"sqlite:///{tmp_path / 'records.sqlite'}")
    yield opened
    opened.close()


@fuzz
@given(st.lists(RECORDS, min_size=1, max_size=4))
def test_round_trip(records):
    store = Store("sqlite:///:memory:")
    for item in records:
        store.append("run", item)
    assert [stored.record for stored in store.records()] == records
    store.close()


@fuzz
@given(RECORDS)
def test_json_round_trip(item):
    assert read_record(json.dumps(as_plain(item))) == item


def test_numbers_that_are_not_finite_survive(store):
    store.append("run", record(result={"worst": float("inf"), "mean": float("nan")}))
    result = store.records()[0].record.result
    assert result["worst"] == float("inf")
    assert result["mean"] != result["mean"]


def test_records_hold_other_records():
    """A step's own record becomes plain JSON, tuples lists."""
    made = Export(file="a", format="f", precision="int8", bytes=1, sha256="s", contents=contents())
    plain = json.loads(json.dumps(as_plain(made)))
    assert plain["contents"]["inputs"][0]["shape"] == [1, 8, 8, 1]
    assert json.loads(json.dumps(as_plain(comparison())))["agreement"] == 1.0
    assert "seconds" in as_plain(Epoch(**dict.fromkeys(Epoch.__dataclass_fields__, 0)))


def test_keys_of_later_versions_are_left_out():
    plain = {**as_plain(record()), "colour": "red"}
    assert read_record(json.dumps(plain)) == record()


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "3", '"passed"', "{}"),
        json.dumps({**as_plain(record()), "status": "splendid"}),
        json.dumps({**as_plain(record()), "result": "text"}),
        json.dumps({**as_plain(record()), "seconds": "long"}),
        json.dumps({k: v for k, v in as_plain(record()).items() if k != "key"}),
    ],
)
def test_what_is_no_record(text):
    with pytest.raises(ValueError, match=r"."):
        read_record(text)


def test_order_and_filters(store):
    store.append("one", record("a", kind="export"))
    store.append("two", record("b", kind="gate"))
    store.append("one", record("c", kind="gate"))
    assert [(s.run, s.record.step) for s in store.records()] == [
        *(("one", "a"), ("two", "b"), ("one", "c"))
    ]
    assert [s.record.step for s in store.records(run="one")] == ["a", "c"]
    assert [s.record.step for s in store.records(kind="gate")] == ["b", "c"]
    assert [s.record.step for s in store.records(run="two", kind="export")] == []


def test_samples(store):
    store.append("run", record(key="k1"), samples=b"\0raw\xff")
    store.append("run", record(key="k2"))
    assert store.samples("k1") == b"\0raw\xff"
    assert store.samples("k2") is None


def test_records_survive_closing(tmp_path):
    url = f"sqlite:///{tmp_path / 'new' / 'folder' / 'records.sqlite'}"
    first = Store(url)
    first.append("run", record())
    first.close()
    again = Store(url)
    assert [s.record for s in again.records()] == [record()]
    again.close()


@pytest.mark.parametrize(
    "statement",
    [
        *("UPDATE records SET status = 'passed'", "DELETE FROM records"),
        *("UPDATE samples SET nanoseconds = x''", "DELETE FROM samples"),
    ],
)
def test_database_itself_refuses_changes(store, tmp_path, statement):
    """Through any connection, not only ours."""
    store.append("run", record(status="failed"), samples=b"raw")
    engine = sa.create_engine(store.url)
    with pytest.raises(sa.exc.IntegrityError, match="append-only"), engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()
    assert store.records()[0].record.status == "failed"
    assert store.samples("k") == b"raw"


def test_default_is_in_the_user_s_data_folder(own_home):
    Store().close()
    assert (own_home / "data" / "records.sqlite").is_file()


@pytest.mark.parametrize("url", ["records", "nosuchdb:///x", "://", "nosuchdb+x://h/d"])
def test_bad_url(url):
    with pytest.raises(UsageError, match="is not a usable database URL") as caught:
        Store(url)
    assert "sqlite:////" in caught.value.fix


def test_database_whose_driver_is_not_installed():
    with pytest.raises(UsageError, match="is not a usable database URL") as caught:
        Store("mysql+mysqldb_of_nobody://user@host/base")
    assert caught.value.why


def test_a_driver_that_an_extra_brings(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match="postgres"):
        Store("postgresql+psycopg://host/base")


def test_file_that_is_no_database(tmp_path):
    file = tmp_path / "records.sqlite"
    file.write_bytes(b"This is a letter to my aunt. " * 100)
    with pytest.raises(ZooError, match="cannot be used") as caught:
        Store(f"sqlite:///{file}")
    assert caught.value.why == "file is not a database"
    assert file.read_bytes().startswith(b"This is a letter")


def test_database_of_somebody_else(tmp_path):
    url = f"sqlite:///{tmp_path / 'records.sqlite'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE records (id INTEGER, title TEXT)"))
    engine.dispose()
    with pytest.raises(ZooError, match="cannot be used"):
        Store(url)


def test_row_that_is_no_record(store):
    store.append("run", record())
    engine = sa.create_engine(store.url)
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO records (run, step, kind, key, status, created, body) "
                "VALUES ('r', 's', 'k', 'k', 'passed', '', '[]')"
            )
        )
    engine.dispose()
    with pytest.raises(ZooError, match="holds a row that is no record"):
        store.records()


def test_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ZooError, match="cannot be made"):
        Store(f"sqlite:///{tmp_path / 'file' / 'records.sqlite'}")
    with no_privileges(), pytest.raises(ZooError, match="cannot be"):
        Store("sqlite:////var/lib/of/nobody/records.sqlite")


def test_processes_that_append_at_once(tmp_path):
    """They also make the tables at once: neither finds the database there."""
    context = multiprocessing.get_context("spawn")
    url = f"sqlite:///{tmp_path / 'records.sqlite'}"
    start, answers = context.Barrier(3), context.Queue()
    processes = [
        context.Process(target=children.append_many, args=(url, start, name, answers))
        for name in "abc"
    ]
    for process in processes:
        process.start()
    assert [answers.get() for _ in processes] == [""] * 3
    for process in processes:
        process.join()
    store = Store(url)
    for name in "abc":
        assert [s.record.step for s in store.records(run=name)] == [f"step {n}" for n in range(10)]
    store.close()


def test_a_store_that_can_only_be_read_is_told(tmp_path):
    """It is of an earlier version, and cannot be brought up."""
    file = tmp_path / "records.sqlite"
    sqlite3.connect(file).executescript((OLD / "store_before_versions.sqlite.sql").read_text())
    with pytest.raises(ZooError, match="cannot be used") as caught:
        Store(f"sqlite:///file:{file}?mode=ro&uri=true")
    assert "copy it to a folder that you can write" in str(caught.value)
