"""Stores are named by URLs or paths; what is only read is never made; one store, one outbox."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa
from home import own_home as own_home

from zoo.common.errors import UsageError
from zoo.results.addresses import common_spelling, parsed_address
from zoo.results.connecting import NoStore, StoreLocked
from zoo.results.outbox import Outbox
from zoo.results.records import StepRecord
from zoo.results.store import Store


def record(step: str = "export net") -> StepRecord:
    return StepRecord(step=step, kind="export", key="k", status="passed")


@pytest.mark.parametrize("name", ["records.sqlite", "a b.db", "what?.sqlite3", "50%.db", "ä#.db"])
def test_a_plain_path_names_a_store(tmp_path: Path, own_home: Path, name: str) -> None:
    path = tmp_path / name
    store = Store(str(path))
    store.append("run", record())
    store.close()
    assert path.is_file()
    again = Store(str(path), writes=False)
    assert [one.record.step for one in again.records()] == ["export net"]
    again.close()
    named = Store(again.name, writes=False)
    assert len(named.records()) == 1
    named.close()


def test_a_plain_path_in_the_environment(tmp_path: Path, own_home: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_STORE", "results.db")
    store = Store()
    assert store.name == f"sqlite:///{tmp_path / 'results.db'}"
    store.close()


def test_a_path_of_another_kind_gets_the_address_that_works(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as raised:
        Store(str(tmp_path / "results"))
    assert f"--store sqlite:///{tmp_path / 'results' / 'records.sqlite'}" in raised.value.fix


@pytest.mark.parametrize("spelling", ["sqlite:///{}", "{}", "sqlite:///file:{}?uri=true"])
def test_what_is_only_read_is_not_made(tmp_path: Path, own_home: Path, spelling: str) -> None:
    path = tmp_path / "folder" / "mistyped.sqlite"
    with pytest.raises(NoStore, match=r"mistyped\.sqlite"):
        Store(spelling.format(path), writes=False)
    assert not path.parent.exists()


def test_an_empty_file_is_no_store_and_stays_empty(tmp_path: Path, own_home: Path) -> None:
    path = tmp_path / "empty.sqlite"
    path.touch()
    with pytest.raises(NoStore):
        Store(str(path), writes=False)
    assert path.stat().st_size == 0


def test_the_default_store_that_was_never_written_is_read_as_empty(own_home, monkeypatch) -> None:
    monkeypatch.delenv("ZOO_STORE", raising=False)
    store = Store(writes=False)
    assert store.records() == []
    store.close()
    assert not list(own_home.rglob("*.sqlite"))


def test_a_locked_store_says_who_to_wait_for(tmp_path: Path, own_home: Path) -> None:
    path = tmp_path / "records.sqlite"
    Store(str(path)).close()
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("PRAGMA journal_mode=DELETE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreLocked, match="another program holds it"):
            Store(str(path), writes=False, patience=0.05)
    other.close()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("postgresql+psycopg://me:a@Host/db", "postgresql://me@host:5432/db", True),
        ("postgresql://me@/db?host=/run&connect_timeout=3", "postgresql://me@/db?host=/run", True),
        ("postgresql://host/db?user=me&port=5432", "postgresql://me@host/db", True),
        ("postgresql://me@host/", "postgresql://me@host/me", True),
        ("postgresql://me@host/db", "postgresql://me@host:5433/db", False),
        ("postgresql://me@host/db", "postgresql://me@host/db?options=-csearch_path%3Da", False),
        ("sqlite:////a/b/../r.db", "/a/r.db", True),
        ("sqlite:////a/r.db", "sqlite:///file:/a/r.db?uri=true&mode=ro", True),
        ("sqlite:////a/r.db", "sqlite:////a/s.db", False),
    ],
)
def test_spellings_of_one_store(one: str, other: str, same: bool) -> None:
    spelled = [common_spelling(parsed_address(text)) for text in (one, other)]
    assert (spelled[0] == spelled[1]) is same


def test_a_link_and_a_relative_name_lead_to_one_outbox(tmp_path, own_home, monkeypatch) -> None:
    (tmp_path / "real.db").touch()
    (tmp_path / "link.db").symlink_to("real.db")
    monkeypatch.chdir(tmp_path)
    texts = ("link.db", "sqlite:///real.db", f"sqlite:///{tmp_path / 'real.db'}")
    assert len({common_spelling(parsed_address(text)) for text in texts}) == 1


def test_what_waits_under_an_older_spelling_arrives(tmp_path: Path, own_home: Path) -> None:
    path = tmp_path / "records.sqlite"
    older = Outbox(f"sqlite:///{path.parent}/./{path.name}")
    row = {"run": "r", "step": "waited", "kind": "export", "key": "k", "status": "passed"}
    body = json.dumps({**row, "created": ""})
    older.add({**row, "created": "", "body": body, "token": "t" * 32}, None)
    other = Outbox("sqlite:////elsewhere/records.sqlite")
    other.add({**row, "created": "", "body": body, "token": "u" * 32}, None)
    assert older.folder != Outbox(common_spelling(sa.make_url(f"sqlite:///{path}"))).folder
    store = Store(str(path))
    assert [one.record.step for one in store.records()] == ["waited"]
    store.close()
    assert not older.folder.exists()
    assert len(list(other.folder.glob("*.json"))) == 1
