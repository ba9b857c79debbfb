"""Empty databases for tests of the results store: a file of SQLite, and PostgreSQL on a socket."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import postgresql
import pytest
import sqlalchemy as sa

OLD = Path(__file__).parents[1] / "results"
NUMBERS = itertools.count()


@dataclass(frozen=True)
class Database:
    """A database that a test may fill.

    Attributes:
        url: As ``--store`` takes it.
        run: Executes a script of SQL in it.
    """

    kind: str
    url: str
    run: Callable[[str], None]

    def make_old(self) -> None:
        """As the last program wrote it that recorded no version."""
        script = OLD / f"store_before_versions.{self.kind}.sql"
        self.run(script.read_text(encoding="utf-8"))

    def ask(self, query: str) -> list[tuple[object, ...]]:
        engine = sa.create_engine(self.url)
        try:
            with engine.begin() as connection:
                return [tuple(row) for row in connection.execute(sa.text(query))]
        finally:
            engine.dispose()


@pytest.fixture(scope="module")
def socket() -> Iterator[Path]:
    with postgresql.server() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty one."""
    if request.param == "sqlite":
        file = tmp_path / "records.sqlite"

        def run(script: str) -> None:
            connection = sqlite3.connect(file)
            connection.executescript(script)
            connection.close()

        return Database("sqlite", f"sqlite:///{file}", run)
    folder = request.getfixturevalue("socket")
    import psycopg

    name = f"test{next(NUMBERS)}"
    with psycopg.connect(host=str(folder), user="zoo", dbname="postgres", autocommit=True) as own:
        own.execute(f"CREATE DATABASE {name}")

    def run(script: str) -> None:
        with psycopg.connect(host=str(folder), user="zoo", dbname=name) as connection:
            connection.execute(script)

    return Database("postgresql", f"postgresql+psycopg://zoo@/{name}?host={folder}", run)
