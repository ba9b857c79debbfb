"""How long pages of a store with 10,000 records take, what an idle server costs, and their size.

    python benchmarks/serve.py                      # about two minutes
    python benchmarks/serve.py --records 100000

The records are those of 1,000 files of 100 models: for each its export, its gate, and latencies on
eight devices. Every page is asked five times over HTTP; the first time is told apart, since charts
are drawn then. Limits: 0.5 s a page, 1 % of a core, 20 MB for 1,000 files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store
from zoo.results.tables import MEASURED, RECORDS, measured_row

LIMIT_SECONDS, LIMIT_SHARE, LIMIT_BYTES = 0.5, 0.01, 20e6
DEVICES = [f"device-{number}" for number in range(8)]
PRECISIONS = ("float32", "float16", "int8", "int4", "dynamic")
CREATED = "2026-11-22T20:00:00+00:00"


def main() -> None:
    """Fills a store, asks, and prints what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--records", type=int, default=10_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zoo-serve-") as folder:
        url = f"sqlite:///{Path(folder) / 'records.sqlite'}"
        os.environ["ZOO_HOME"] = folder
        fill(url, asked.records)
        measure_pages(url)
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


def records(count: int) -> Iterator[tuple[str, StepRecord]]:
    """Of each file ten, and of files as many as it takes."""
    for number in range(-(-count // 10)):
        model, precision = f"net{number // 10}.digits", PRECISIONS[number % 5]
        format = "tflite" if number % 10 < 5 else "onnx"
        file, run = f"{model}.{precision}.{format}", f"{model}-{number // 10:08x}"
        sha256 = hashlib.sha256(file.encode()).hexdigest()
        results = [("export", exported(file, sha256)), ("gate", gated(file, sha256, number))]
        results += [("bench", timed(file, sha256, d, number)) for d in DEVICES]
        for kind, result in results:
            step = f"{kind} {format} {precision} {result.get('device', '')}".strip()
            yield (
                run,
                StepRecord(
                    step=step,
                    kind=kind,
                    key=hashlib.sha256(f"{file} {step}".encode()).hexdigest(),
                    status="passed",
                    seconds=2.0,
                    created=CREATED,
                    result=result,
                ),
            )


def exported(file: str, sha256: str) -> dict[str, Any]:
    """The result of an export."""
    tensor = {"name": "x", "shape": [1, 28, 28, 1], "dtype": "float32"}
    contents = {
        "inputs": [tensor],
        "outputs": [{**tensor, "shape": [1, 10]}],
        "operators": {"CONV_2D": 9, "ADD": 4, "FULLY_CONNECTED": 1, "MEAN": 1, "SOFTMAX": 1},
        "integer_operators": 16,
        "float_operators": 0,
        "float_islands": [],
        "conversions": 0,
        "custom_operators": [],
        "dynamic_tensors": [],
        "weight_bytes": 5000,
        "payload_bytes": 14000,
        "payload_sha256": sha256,
    }
    return {
        "file": file,
        "format": file.rpartition(".")[2],
        "precision": file.split(".")[2],
        "bytes": 17000,
        "sha256": sha256,
        "contents": contents,
    }


def gated(file: str, sha256: str, number: int) -> dict[str, Any]:
    """The result of a gate with as many checks as it has on pictures."""
    value = 0.8 + 0.19 * ((number * 37) % 100) / 100
    names = ("finite", "parity", "preprocessing", "accuracy", "classes", "confidence")
    names += ("resolution", "placement", "operators", "shapes", "further sizes")
    metric = {"name": "accuracy", "value": value, "low": value - 0.02, "high": value + 0.02}
    like = {"count": 274, "max_abs": 0.0076, "mean_abs": 0.0011, "agreement": 0.993}
    measured = "99.27% of 274 agree, max |Δ| 0.035, moved by 0.011, by more than 0.25 on 0.00%"
    return {
        "file": file,
        "format": file.rpartition(".")[2],
        "precision": file.split(".")[2],
        "passed": True,
        "checks": [
            {"name": name, "passed": True, "value": measured, "limit": "at least 98%, at most 0.6"}
            for name in names
        ],
        "evaluation": {
            "subject": file,
            "dataset": "digits",
            "split": "test",
            "metrics": [{**metric, "count": 274}],
            "details": {
                "confusion": [[27 if r == c else 0 for c in range(10)] for r in range(10)],
                "classes": [str(n) for n in range(10)],
            },
            "outputs": "outputs.npz",
            "runtime": "litert",
            "seconds": 0.6,
            "recalls": {
                str(n): {**metric, "name": "recall", "count": 27, "counted": "example"}
                for n in range(10)
            },
        },
        "network": like,
        "preprocessing": like,
        "drop": 0.4,
        "sha256": sha256,
        "bytes": 15_000 + 97 * (number % 311),
        "model_bytes": 14_000,
    }


def timed(file: str, sha256: str, device: str, number: int) -> dict[str, Any]:
    """The result of a measurement."""
    p50 = 0.05 + ((number * 53) % 97) / 100 + DEVICES.index(device) / 10
    times = {
        f"{name}_{end}": scale * p50
        for name, scale in (("p50", 1.0), ("p90", 1.3), ("p99", 2.0))
        for end in ("ms", "low_ms", "high_ms")
    }
    return {
        "file": file,
        "sha256": sha256,
        "device": device,
        "device_fingerprint": "7bd55ecb5e7db415",
        "runtime": "litert" if file.endswith("tflite") else "onnxruntime",
        "runtime_version": "2.3.0",
        "api": "CompiledModel.run_by_name",
        "threads": 1,
        "delegate": "XNNPACK",
        "placement": {"name": "XNNPACK", "partitions": 1, "delegated": 16, "remaining": []},
        "tier": "quick",
        "processes": 3,
        "inputs": {"source": "seeded", "seed": 0, "range": [0.0, 255.0]},
        "load_ms": 1.1,
        "first_ms": 0.13,
        **times,
        "interval": "bootstrap over processes",
        "runs": 22976,
        "seconds": 3.0,
        "floors_met": True,
        "peak_memory_mb": 58.9,
        "quiet": number % 7 != 0,
        "noise": [] if number % 7 else ["the kernel took the processor away 210 times per second"],
        "environment": {
            "cpu": "AMD EPYC",
            "cores": 2,
            "memory_bytes": 25276502016,
            "os": "Linux-6.18.44-x86_64-with-glibc2.36",
            "python": "3.11.7",
            "runtimes": {"litert": "2.3.0", "onnxruntime": "1.32.0"},
            "processes": [{"noise": [], "spin_before_ns": 1000} for _ in range(3)],
        },
        "created": CREATED,
    }


def measure_pages(url: str) -> None:
    """Starts the server as a user would, asks each kind of page, and lets it rest."""
    command = [sys.executable, "-m", "zoo", "serve", "--port", "0", "--store", url, "--json"]
    began = time.perf_counter()
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as server:
        try:
            assert server.stdout is not None
            text = ""
            while not text.endswith("}\n"):
                text += server.stdout.readline()
            base = json.loads(text)["local"]
            print(f"the server answers {time.perf_counter() - began:.1f} s after it was started")
            for name, path in pages(base).items():
                first, *others = [seconds(base + path) for _ in range(6)]
                middle, before = statistics.median(others), work_of(server.pid)
                for _ in range(10):
                    seconds(base + path)
                worked = (work_of(server.pid) - before) / 10
                word = "ok" if middle <= LIMIT_SECONDS else "SLOW"
                print(
                    f"{name}: {1000 * middle:.0f} ms, of which the server computed "
                    f"{1000 * worked:.0f} ms; the first time {1000 * first:.0f} ms  {word}"
                )
            share = idle(server.pid)
            print(f"idle: {share:.2%} of a core  {'ok' if share < LIMIT_SHARE else 'BUSY'}")
        finally:
            server.terminate()


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
    began = time.perf_counter()
    told = subprocess.run([*command, "--json"], check=True, capture_output=True, text=True).stdout
    written = json.loads(told)
    word = "ok" if written["bytes"] <= LIMIT_BYTES else "LARGE"
    print(
        f"as files: {written['pages']:,} pages, {written['bytes'] / 1e6:.1f} MB  {word}, "
        f"{time.perf_counter() - began:.0f} s"
    )


if __name__ == "__main__":
    main()
