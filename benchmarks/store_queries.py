"""How long the results store takes to answer with a million records of latencies in it.

    python benchmarks/store_queries.py                            # SQLite, in a folder of its own
    python benchmarks/store_queries.py --records 100000
    python benchmarks/store_queries.py --store postgresql+psycopg://me@/empty

The records are those of 20 devices, 50 files of ten networks and a tag for every hundredth. Each
query is asked five times: what `zoo compare` needs for a tag, a network, and the newest of a file
on a device. The limit is 50 ms.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from zoo.results import queries
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store
from zoo.results.tables import MEASURED, RECORDS, TIMED, measured_row

LIMIT_MS = 50.0
PAGE = 5000


def main() -> None:
    """Fills a store, asks, and prints what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--store", help="an empty database [SQLite in a folder of its own]")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zoo-store-") as folder:
        url = asked.store or f"sqlite:///{Path(folder) / 'records.sqlite'}"
        store = Store(url)
        began = time.perf_counter()
        fill(sa.create_engine(url), asked.records)
        print(f"{asked.records:,} records written in {time.perf_counter() - began:.0f} s")
        for name, query in QUERIES.items():
            took = [milliseconds(lambda query=query: query(store)) for _ in range(5)]
            middle = statistics.median(took)
            print(f"{name}: {middle:.1f} ms  {'ok' if middle <= LIMIT_MS else 'SLOW'}")
        if not asked.store:
            print(f"SQLite's file: {(Path(folder) / 'records.sqlite').stat().st_size / 1e9:.1f} GB")
        store.close()


QUERIES: dict[str, Callable[[Store], Any]] = {
    "a tag": lambda store: queries.newest_of_run(store, "bench:tag-7"),
    "a network": lambda store: queries.newest_of_model(store, "net3.digits"),
    "a file on a device": lambda store: queries.newest_on_device(
        store, "device-3", "net3.digits.p2.onnx"
    ),
    "files of a device": lambda store: queries.files_on(store, "device-3"),
    "a tag that is not there": lambda store: queries.newest_of_run(store, "bench:nothing"),
    "all names, for an error": queries.runs_and_files,
}


def milliseconds(call: Callable[[], Any]) -> float:
    """The time of a call."""
    began = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - began)


def fill(engine: sa.Engine, count: int) -> None:
    """Writes records as `Store.append` does, many in a transaction."""
    random = Random(0)
    for start in range(0, count, PAGE):
        rows = [row(number, random) for number in range(start, min(start + PAGE, count))]
        places = [measured_row(one["id"], one["run"], one["body"]) for one in rows]
        with engine.begin() as connection:
            connection.execute(RECORDS.insert(), rows)
            connection.execute(MEASURED.insert(), places)
    if engine.dialect.name == "postgresql":
        # Its own housekeeping does so in the background, a minute later.
        with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    engine.dispose()


def row(number: int, random: Random) -> dict[str, Any]:
    """A record of one of 20 devices, 50 files, and, of every hundredth, of a tag of its own."""
    result = {
        "file": f"net{random.randrange(10)}.digits.p{random.randrange(5)}.onnx",
        "device": f"device-{random.randrange(20)}",
        "runtime": "onnxruntime",
        "threads": random.choice([1, 2, 4]),
        "environment": {"cpu": "x" * 200, "processes": ["y" * 100] * 5},
    }
    record = StepRecord(step="bench", kind=TIMED, key="e" * 64, status="passed", result=result)
    run = "bench" if number % 100 else f"bench:tag-{number // 100 % 1000}"
    return {
        "id": number + 1,
        "run": run,
        "step": "bench",
        "kind": TIMED,
        "key": "e" * 64,
        "status": "passed",
        "created": record.created,
        "body": json.dumps(as_plain(record)),
        "token": f"{number:032x}",
    }


if __name__ == "__main__":
    main()
