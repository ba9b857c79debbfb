"""A results store on PostgreSQL that many write to, over a connection that may break."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket as sockets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import children
import pytest
import sqlalchemy as sa
from databases import Database

from zoo.common.errors import ZooError
from zoo.results import schema
from zoo.results.connecting import outbox_and_options
from zoo.results.records import StepRecord
from zoo.results.store import Store

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
WRITERS, EACH = 8, 200


def record(step: str = "gate", **changes: object) -> StepRecord:
    return StepRecord(**{"kind": "gate", "key": "k", "status": "passed", "step": step, **changes})


def waiting(home: Path) -> list[Path]:
    return list((home / "data" / "unrecorded").glob("*/*.json"))


@pytest.mark.slow
@pytest.mark.parametrize("old", [True, False], ids=["old", "new"])
def test_many_writers_that_begin_at_once_lose_and_double_nothing(database, old):
    """Each also brings the database to today's schema, as the first does."""
    if old:
        database.make_old()
    context = multiprocessing.get_context("fork")
    start, answers = context.Barrier(WRITERS), context.Queue()
    names = [f"writer{number}" for number in range(WRITERS)]
    given = [(database.url, start, name, answers, EACH) for name in names]
    processes = [context.Process(target=children.append_many, args=one) for one in given]
    for process in processes:
        process.start()
    assert [answers.get() for _ in processes] == [""] * WRITERS
    for process in processes:
        process.join()
    store = Store(database.url)
    for name in names:
        steps = [stored.record.step for stored in store.records(run=name)]
        assert steps == [f"step {number}" for number in range(EACH)]
    store.close()
    ((count, tokens),) = database.ask(
        "SELECT count(*), count(DISTINCT token) FROM records WHERE run LIKE 'writer%'"
    )
    assert count == tokens == WRITERS * EACH
    assert database.ask("SELECT version_num FROM zoo_schema_version") == [(str(schema.VERSION),)]


@pytest.mark.parametrize(
    "statement", ["TRUNCATE records", "TRUNCATE samples, measured", "DELETE FROM records"]
)
def test_append_only_means_truncating_too(database, statement):
    store = Store(database.url)
    store.append("run", record(), samples=b"raw")
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        database.ask(statement + " RETURNING id" * statement.startswith("DELETE"))
    assert len(store.records()) == 1
    store.close()


def as_user(database: Database, name: str, *grants: str) -> str:
    """The URL of another user, who has these rights alone."""
    database.run(
        f"DROP ROLE IF EXISTS {name}; CREATE ROLE {name} LOGIN; "
        "REVOKE ALL ON SCHEMA public FROM PUBLIC; "
        + "".join(f"GRANT {grant} TO {name}; " for grant in grants)
    )
    return database.url.replace("zoo@", f"{name}:s3cret@")


READS = ("USAGE ON SCHEMA public", "SELECT ON ALL TABLES IN SCHEMA public")


def forget(database: Database, name: str) -> None:
    database.run(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_who_may_only_read_is_told_before_work_and_may_read(database, own_home):
    store = Store(database.url)
    store.append("run", record())
    store.close()
    url = as_user(database, "reader", *READS)
    with pytest.raises(ZooError, match="may only be read") as caught:
        Store(url)
    assert caught.value.why == "permission denied for table records"
    assert 'GRANT SELECT, INSERT ON records, samples, measured TO "reader"' in caught.value.fix
    assert "s3cret" not in str(caught.value)
    reading = Store(url, writes=False)
    assert [stored.record for stored in reading.records()] == [record()]
    reading.close()
    assert waiting(own_home) == []
    forget(database, "reader")


def test_the_rights_that_the_error_names_are_enough(database):
    Store(database.url).close()
    url = as_user(database, "half", *READS)
    with pytest.raises(ZooError) as caught:
        Store(url)
    grants = [part for part in caught.value.fix.split(": ", 1)[1].split("; ") if "GRANT" in part]
    database.run("; ".join(grants))
    store = Store(url)
    timed = {"file": "a.onnx", "device": "host", "runtime": "onnxruntime", "threads": 1}
    store.append("run", replace(record(), kind="bench", result=timed), samples=b"raw")
    store.close()
    assert database.ask("SELECT count(*) FROM measured") == [(1,)]
    assert database.ask("SELECT count(*) FROM records") == [(1,)]  # no probe is left
    forget(database, "half")


def test_who_may_not_make_tables_is_told_before_work(database):
    url = as_user(database, "guest", "USAGE ON SCHEMA public")
    with pytest.raises(ZooError, match="cannot be used") as caught:
        Store(url)
    assert "permission denied for schema public" in caught.value.why
    assert "GRANT" in caught.value.fix
    forget(database, "guest")


def test_a_replica_is_refused_before_work(database):
    Store(database.url).close()
    name = sa.make_url(database.url).database
    database.run(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(ZooError, match="may only be read") as caught:
        Store(database.url)
    assert "read-only transaction" in caught.value.why


def test_connections_that_the_server_ends_are_replaced(database, own_home):
    """As by a restart between two steps: nothing has to wait."""
    store = Store(database.url)
    store.append("run", record("before"))
    end_others(database)
    store.append("run", record("after"))
    assert waiting(own_home) == []
    notes: list[str] = []
    store.close(lambda step, event: notes.append(event["text"]))
    assert notes == []
    assert database.ask("SELECT step FROM records ORDER BY id") == [("before",), ("after",)]


def end_others(database: Database) -> None:
    database.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


@dataclass
class Proxy:
    """Hands bytes on between a TCP port and the server's socket, until it is cut."""

    server: str
    listener: sockets.socket = field(default_factory=sockets.socket)
    pairs: list[sockets.socket] = field(default_factory=list)
    #: Bytes from or to clients after which the network is cut, counted from now; None for never.
    asked: int | None = None
    answered: int | None = None
    is_cut: bool = False
    #: Whether bytes are kept back, and connections stay open.
    is_held: bool = False

    def start(self) -> int:
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()
        return self.listener.getsockname()[1]

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            if self.is_cut:
                client.close()
                continue
            behind = sockets.socket(sockets.AF_UNIX)
            behind.connect(self.server)
            self.pairs += [client, behind]
            for source, target in ((client, behind), (behind, client)):
                threading.Thread(
                    target=self._hand_on,
                    args=(source, target, "asked" if source is client else "answered"),
                    daemon=True,
                ).start()

    def _hand_on(self, source: sockets.socket, target: sockets.socket, counted: str) -> None:
        try:
            while data := source.recv(65536):
                while self.is_held:
                    time.sleep(0.02)
                left = getattr(self, counted)
                if left is not None:
                    target.sendall(data[:left])
                    if len(data) > left:
                        self.cut()
                        return
                    setattr(self, counted, left - len(data))
                else:
                    target.sendall(data)
        except OSError:
            pass

    def cut(self) -> None:
        self.is_cut = True
        while self.pairs:
            end = self.pairs.pop()
            with contextlib.suppress(OSError):
                end.shutdown(sockets.SHUT_RDWR)  # a thread may be reading, which close leaves
            end.close()

    def mend(self) -> None:
        self.is_cut = False
        self.asked = self.answered = None


@pytest.fixture
def proxy(database) -> Iterator[tuple[Proxy, str]]:
    parsed = sa.make_url(database.url)
    made = Proxy(f"{parsed.query['host']}/.s.PGSQL.5432")
    port = made.start()
    yield made, f"postgresql+psycopg://zoo:s3cret@127.0.0.1:{port}/{parsed.database}"
    made.listener.close()
    made.cut()


def test_records_wait_while_the_network_is_cut_and_arrive_once(database, proxy, own_home):
    """Cut everywhere: before a record, within it, before its commit, before the answer to that."""
    network, url = proxy
    expected: Counter[tuple[object, ...]] = Counter()
    cuts = Counter()
    for side in ("asked", "answered"):
        for left in (*range(0, 1200, 75), 10_000):
            store = Store(url)
            setattr(network, side, left)
            for number in range(2):
                name = f"cut {side} {left} {number}"
                store.append("run", record(name), samples=name.encode())
                expected[(name,)] += 1
            waited = len(waiting(own_home))
            assert (waited > 0) == network.is_cut
            cuts[side, waited] += 1
            notes: list[str] = []
            store.close(lambda step, event: notes.append(event["text"]))  # noqa: B023
            assert len(notes) == (1 if network.is_cut else 0)
            assert all("s3cret" not in note and "records wait in" in note for note in notes)
            network.mend()
            Store(url).close()
            assert waiting(own_home) == []
    for side in ("asked", "answered"):  # both records were cut, and the second alone, and none
        assert {waited for cut, waited in cuts if cut == side} == {0, 1, 2}
    assert Counter(database.ask("SELECT step FROM records")) == expected
    assert Counter(database.ask("SELECT convert_from(nanoseconds, 'UTF8') FROM samples")) == (
        expected
    )


def test_a_server_that_is_away_is_told_before_work(database, proxy):
    network, url = proxy
    network.cut()
    with pytest.raises(ZooError, match="cannot be used") as caught:
        Store(url)
    assert "see that the server runs" in caught.value.fix
    assert "s3cret" not in str(caught.value)
    assert ":***@" in str(caught.value)


def test_records_wait_while_the_server_hangs_and_arrive_once(
    database, proxy, own_home, monkeypatch
):
    monkeypatch.setattr("zoo.results.answer_timeout.ANSWER_SECONDS", 0.5)
    network, url = proxy[0], f"{proxy[1]}?connect_timeout=2"
    store = Store(url)
    store.append("run", record("before"))
    network.is_held = True
    store.append("run", record("meanwhile"))
    assert len(waiting(own_home)) == 1
    notes: list[str] = []
    store.close(lambda step, event: notes.append(event["text"]))
    assert "records wait in" in notes[0]
    network.cut()  # what was kept back comes to nothing
    network.is_held = False
    network.mend()
    Store(url).close()
    assert waiting(own_home) == []
    steps = database.ask("SELECT step FROM records ORDER BY id")
    assert steps == [("before",), ("meanwhile",)]


def test_a_lock_that_is_not_given_back_is_told(database, monkeypatch):
    Store(database.url).close()
    store = Store(database.url)
    monkeypatch.setattr("zoo.results.answer_timeout.ANSWER_SECONDS", 0.5)
    engine = sa.create_engine(database.url)
    with engine.begin() as connection:
        connection.execute(sa.text("LOCK TABLE samples"))
        with pytest.raises(ZooError, match="cannot be used") as caught:
            store.samples("key")
    assert caught.value.why == "the server did not answer within 0.5 s"
    assert store.samples("key") is None
    store.close()
    engine.dispose()


def test_a_database_or_user_that_is_not_there_is_named(database):
    for changes, why in (({"database": "nowhere"}, '"nowhere"'), ({"username": "x"}, '"x"')):
        url = sa.make_url(database.url).set(**changes).render_as_string(hide_password=False)
        with pytest.raises(ZooError, match="cannot be used") as caught:
            Store(url)
        assert "does not exist" in caught.value.why
        assert why in caught.value.why


def test_a_network_that_is_cut_without_a_word_costs_seconds(database):
    def options(url: str) -> dict[str, object]:
        return outbox_and_options(sa.make_url(url), 60.0)[1]["connect_args"]

    assert options(database.url)["connect_timeout"] == 10
    assert options(database.url)["tcp_user_timeout"] == 60_000
    assert "connect_timeout" not in options(f"{database.url}&connect_timeout=3")
    assert "prepare_threshold" not in options("postgresql+psycopg2://host/base")
