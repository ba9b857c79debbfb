"""Pages of a store that is missing, empty, locked, replaced, or whose server stops meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import postgresql
import pytest
from asgi import get
from stored_results import MODEL, fill

pytest.importorskip("jinja2")
pytest.importorskip("starlette")

from zoo.common.errors import ZooError
from zoo.pipeline.step_cache import StepCache
from zoo.registry import load_registry
from zoo.results.schema import VERSION, VERSION_TABLE
from zoo.results.store import Store
from zoo.server import catalogue as catalogue_module
from zoo.server.app import make_app
from zoo.server.catalogue import Catalogue
from zoo.server.site import Site

Served = Callable[..., tuple[Site, Any]]


@pytest.fixture
def served(tmp_path: Path, own_home: Path, monkeypatch) -> Iterator[Served]:
    """What `zoo serve` makes of a store's address."""
    monkeypatch.setattr(catalogue_module, "_PAUSE_SECONDS", 0.0)
    opened = []

    def serve(url: str, patience: float = 0.05) -> tuple[Site, Any]:
        store = Store(url, writes=False, patience=patience, opened=False)
        opened.append(store)
        cache = StepCache(tmp_path / "cache")
        site = Site(Catalogue(store), load_registry(), cache, static=False, store=store.name)
        return site, make_app(site, "secret", ["localhost"])

    yield serve
    for store in opened:
        store.close()


def test_a_store_that_is_not_there_yet_and_appears(tmp_path: Path, served: Served) -> None:
    path = tmp_path / "later.sqlite"
    _, app = served(str(path))
    for page in ("", "leaderboard/", "runs/"):
        answer = get(app, f"/secret/{page}")
        assert answer.status == 200
        assert "There is no store here yet" in answer.text
        assert f"sqlite:///{path}" in answer.text
    assert get(app, "/secret/models/net/").status == 404
    assert not path.exists()
    fill(f"sqlite:///{path}")
    assert MODEL in get(app, "/secret/").text


@pytest.mark.parametrize("content", [None, b""])
def test_a_store_without_a_record(tmp_path: Path, served: Served, content: bytes | None) -> None:
    path = tmp_path / "records.sqlite"
    if content is None:
        Store(str(path)).close()
    else:
        path.write_bytes(content)
    answer = get(served(str(path))[1], "/secret/")
    assert answer.status == 200
    assert "zoo ship lenet5 --data digits" in answer.text
    assert path.read_bytes() == content or content is None


def test_a_store_that_is_locked_for_a_while(tmp_path: Path, served: Served) -> None:
    path = tmp_path / "records.sqlite"
    fill(f"sqlite:///{path}")
    site, app = served(str(path))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA journal_mode=DELETE")
    other.execute("BEGIN EXCLUSIVE")
    for page in ("", "index.json", "runs/", "records/1/"):
        answer = get(app, f"/secret/{page}")
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert answer.headers["refresh"] == "5"
        assert "database is locked" in answer.text
        assert "tries again every 5 seconds" in answer.text
        assert "Traceback" not in answer.text
    other.execute("ROLLBACK")
    other.close()
    assert MODEL in get(app, "/secret/").text
    assert site.catalogue.unread == 0


def test_readers_go_on_while_another_process_writes(tmp_path: Path, served: Served) -> None:
    path = tmp_path / "records.sqlite"
    fill(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert MODEL in get(served(str(path))[1], "/secret/").text
    other.close()


def test_a_store_that_is_replaced_or_deleted(tmp_path: Path, served: Served) -> None:
    path, new = tmp_path / "records.sqlite", tmp_path / "new.sqlite"
    fill(f"sqlite:///{path}")
    site, app = served(str(path))
    assert MODEL in get(app, "/secret/").text
    Store(str(new)).close()
    for side in ("-wal", "-shm"):
        Path(f"{path}{side}").unlink(missing_ok=True)
    new.replace(path)
    assert "This store holds no record yet" in get(app, "/secret/").text
    fill(f"sqlite:///{path}")
    assert MODEL in get(app, "/secret/").text
    path.unlink()
    assert "There is no store here yet" in get(app, "/secret/").text
    assert site.catalogue.files == {}


def test_a_row_that_is_no_record_costs_itself_alone(tmp_path: Path, served: Served) -> None:
    path = tmp_path / "records.sqlite"
    fill(f"sqlite:///{path}")
    with sqlite3.connect(path) as other:
        for number, body in enumerate(("{", "[]", '{"result": 3}', "null", '{"result": {}}')):
            values = ("run", "s", "bench", "k", "passed", "", body, f"t{number}")
            names = "run, step, kind, key, status, created, body, token"
            other.execute(f"INSERT INTO records ({names}) VALUES (?,?,?,?,?,?,?,?)", values)
    other.close()
    site, app = served(str(path))
    assert "5 records of other versions" in get(app, "/secret/").text
    assert site.catalogue.unread == 5


def test_a_store_of_a_later_program_is_named(tmp_path: Path, served: Served) -> None:
    path = tmp_path / "records.sqlite"
    fill(f"sqlite:///{path}")
    site, app = served(str(path))
    with sqlite3.connect(path) as other:
        other.execute(f"UPDATE {VERSION_TABLE} SET version_num = '{VERSION + 1}'")
    other.close()
    answer = get(app, "/secret/")
    assert answer.status == 503
    assert "upgrade edgezoo" in answer.text
    assert "refresh" not in answer.headers
    with pytest.raises(ZooError, match="a later edgezoo wrote it"):
        site.catalogue.store.ready()


def test_a_server_that_stops_and_comes_back(served: Served) -> None:
    with postgresql.stoppable_server() as server:
        url = f"postgresql+psycopg://zoo@/postgres?host={server.folder}"
        fill(url)
        site, app = served(url, 30.0)
        assert MODEL in get(app, "/secret/").text
        read = site.catalogue.read
        server.stop()
        for page in ("", "runs/", "records/1/"):
            answer = get(app, f"/secret/{page}")
            assert (answer.status, answer.headers["retry-after"]) == (503, "5")
            assert "see that the server runs" in answer.text
        server.start()
        assert MODEL in get(app, "/secret/").text
        assert get(app, f"/secret/records/{site.catalogue.newest}/").status == 200
        assert site.catalogue.read == read


def test_a_store_that_just_failed_is_not_asked_at_once(tmp_path, served, monkeypatch) -> None:
    monkeypatch.setattr(catalogue_module, "_PAUSE_SECONDS", 3600.0)
    path = tmp_path / "records.sqlite"
    path.write_text("not a database, though its name says so")
    site, app = served(str(path))
    assert get(app, "/secret/").status == 503
    monkeypatch.setattr(site.catalogue.store, "ready", lambda: pytest.fail("it was asked"))
    assert get(app, "/secret/").status == 503
