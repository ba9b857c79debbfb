"""How long pages of a store with 10,000 records take, what an idle server costs, and their size.

    python benchmarks/serve.py                      # about two minutes
    python benchmarks/serve.py --records 100000 --only pages

The records are those of 1,000 files of 100 models, as long as those of `zoo ship lenet5 --data
digits` and with figures of their own: for each file its export, its gate, and latencies on eight
devices. Every page is asked over HTTP, also right after a record was added. Processor time is that
of the server; times depend on what else the machine does, whose load is printed. Limits: 0.5 s a
page, 1 % of a core at rest, with an open page, too, and 20 MB for 1,000 files.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa
from serve_records import records

from zoo.results.records import as_plain
from zoo.results.store import Store
from zoo.results.tables import MEASURED, RECORDS, measured_row

LIMIT_SECONDS, LIMIT_SHARE, LIMIT_BYTES = 0.5, 0.01, 20e6


def main() -> None:
    """Fills a store, asks, and prints what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--only", choices=("pages", "files"), help="leave out the others")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zoo-serve-") as folder:
        url = f"sqlite:///{Path(folder) / 'records.sqlite'}"
        os.environ["ZOO_HOME"] = folder
        fill(url, asked.records)
        print(f"{asked.records:,} records; load of the machine {os.getloadavg()[0]:.1f}")
        if asked.only != "files":
            measure_pages(url)
        if asked.only != "pages":
            measure_files(url, Path(folder) / "site")


def fill(url: str, count: int) -> None:
    """Writes so many records."""
    Store(url).close()
    engine = sa.create_engine(url)
    rows: list[dict[str, Any]] = []
    places = []
    for run, record in records(count):
        body = json.dumps(as_plain(record))
        number = len(rows) + 1
        named = {n: getattr(record, n) for n in ("step", "kind", "key", "status", "created")}
        rows.append({"id": number, "run": run, "body": body, "token": f"{number:032x}", **named})
        if record.kind == "bench" and (place := measured_row(number, run, body)):
            places.append(place)
    with engine.begin() as connection:
        connection.execute(RECORDS.insert(), rows)
        connection.execute(MEASURED.insert(), places)
    engine.dispose()


def measure_pages(url: str) -> None:
    """Starts the server as a user would, asks each kind of page, and lets it rest."""
    command = [sys.executable, "-m", "zoo", "serve", "--port", "0", "--store", url, "--json"]
    began = time.perf_counter()
    store = Store(url)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as server:
        try:
            assert server.stdout is not None
            text = ""
            while not text.endswith("\n}\n"):  # the end of the outermost object
                text += server.stdout.readline()
            base = json.loads(text)["local"]
            print(f"the server answers {time.perf_counter() - began:.1f} s after it was started")
            first = seconds(base)
            print(
                f"the first page: {first:.1f} s after that, {work_of(server.pid):.1f} s of "
                "processor time since the start"
            )
            settle(server.pid)
            for name, path in pages(base).items():
                measure_page(name, base + path, server.pid, store)
            share = idle(server.pid)
            print(f"idle: {share:.2%} of a core  {'ok' if share < LIMIT_SHARE else 'BUSY'}")
            with urllib.request.urlopen(f"{base}live"):
                share = idle(server.pid)
            told = "ok" if share < LIMIT_SHARE else "BUSY"
            print(f"idle with an open page of runs: {share:.2%} of a core  {told}")
        finally:
            server.terminate()
            store.close()


def measure_page(name: str, address: str, pid: int, store: Store) -> None:
    """Asks for a page when nothing changed, and each time after a record was added."""
    seconds(address)
    same, computed = [], []
    for _ in range(5):
        before = work_of(pid)
        same.append(seconds(address))
        computed.append(work_of(pid) - before)
    after, computed_after = [], []
    for (run, record), _ in zip(records(10), range(5), strict=False):
        store.append(run, record)
        before = work_of(pid)
        after.append(seconds(address))
        computed_after.append(work_of(pid) - before)
    slow = statistics.median(after) > LIMIT_SECONDS
    print(
        f"{name}: {1000 * statistics.median(same):.0f} ms, of which the server computed "
        f"{1000 * statistics.mean(computed):.0f} ms; after a record was added "
        f"{1000 * statistics.median(after):.0f} ms, {1000 * statistics.mean(computed_after):.0f} ms"
        f"  {'SLOW' if slow else 'ok'}"
    )


def settle(pid: int) -> None:
    """Waits until the server has drawn what it draws in the background after its start."""
    while idle(pid, 1.0) > 0.05:
        pass


def pages(base: str) -> dict[str, str]:
    """One page of each kind."""

    def told(path: str) -> Any:
        with urllib.request.urlopen(f"{base}{path}index.json") as answer:
            return json.load(answer)

    model = told("")["models"][0]["page"]
    file = told(model)["files"][0]
    board = told("leaderboard/")["leaderboards"][0]["page"]
    return {
        "models": "",
        "a model": model,
        "a file": file["page"],
        "a record": file["latencies"][0]["record"],
        "leaderboards": "leaderboard/",
        "a leaderboard": board,
        "the same, filtered": f"{board}?precision=int8&max_size=40kB",
        "runs": "runs/",
        "a run": told("runs/")["runs"][0]["page"],
        "devices": "devices/",
    }


def seconds(address: str) -> float:
    """Until a page is read."""
    began = time.perf_counter()
    with urllib.request.urlopen(address) as answer:
        answer.read()
    return time.perf_counter() - began


def idle(pid: int, during: float = 10.0) -> float:
    """Share of a core that a process takes while nobody asks."""
    before = work_of(pid)
    time.sleep(during)
    return (work_of(pid) - before) / during


def work_of(pid: int) -> float:
    """Seconds of processor time that a process has taken."""
    return float(sum(psutil.Process(pid).cpu_times()[:2]))


def measure_files(url: str, folder: Path) -> None:
    """Writes the pages as files."""
    command = [sys.executable, "-m", "zoo", "board", "--output", str(folder), "--store", url]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run([*command, "--json"], check=True, capture_output=True, text=True).stdout
    after, written = resource.getrusage(resource.RUSAGE_CHILDREN), json.loads(told)
    computed = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    word = "ok" if written["bytes"] <= LIMIT_BYTES else "LARGE"
    print(
        f"as files: {written['pages']:,} pages in {written['files']:,} files, "
        f"{written['bytes'] / 1e6:.1f} MB  {word}, {time.perf_counter() - began:.0f} s, "
        f"{computed:.0f} s of processor time"
    )
    for kind in ("*.html", "*.json", "*.gz"):
        size = sum(path.stat().st_size for path in folder.rglob(kind))
        print(f"    {kind}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
