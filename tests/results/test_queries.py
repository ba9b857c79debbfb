"""Indexed reads: what they find is what a look at every record finds, of old databases, too."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from databases import OLD, Database
from hypothesis import given, settings
from hypothesis import strategies as st
from measured import PLAIN

from zoo.results.measurements import Measurement
from zoo.results.queries import (
    files_on,
    newest_of_model,
    newest_of_run,
    newest_on_device,
    runs_and_files,
)
from zoo.results.records import StepRecord
from zoo.results.store import Store, StoredRecord

FILES = ("net.digits.int8.onnx", "net.digits.float32.onnx", "network.digits.int8.onnx", "Grün\0.n")
PLACES = st.builds(
    replace,
    st.just(PLAIN),
    file=st.sampled_from(FILES),
    device=st.sampled_from(["host", "pi4"]),
    threads=st.sampled_from([1, 2]),
    batch=st.sampled_from([1, 8]),
    shapes=st.sampled_from([{}, {"x": (1, 28)}, {"x": (1, 56)}]),
)


def timed(measurement: Measurement, **changes: object) -> StepRecord:
    record = StepRecord(
        step="bench", kind="bench", key="e" * 64, status="passed", result=asdict(measurement)
    )
    return replace(record, **changes)


def place(m: Measurement) -> tuple[object, ...]:
    return m.file, m.device, m.runtime, m.threads, m.batch, tuple(m.shapes)


def newest(kept: list[tuple[str, int, Measurement]]) -> list[int]:
    """Numbers of the newest in each place, by a look at all."""
    found = {str((place(m), m.shapes)): number for _, number, m in kept}
    return sorted(found.values())


def numbers(found: list[StoredRecord]) -> list[int]:
    return [int(stored.record.reason) for stored in found]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "bench:a"]), PLACES), max_size=12))
def test_what_is_found_by_indexes_is_what_a_look_at_all_finds(
    made: list[tuple[str, Measurement]],
) -> None:
    store = Store("sqlite://")
    kept = [(run, number, measurement) for number, (run, measurement) in enumerate(made)]
    for run, number, measurement in kept:
        store.append(run, timed(measurement, reason=str(number)))
    of_run = [one for one in kept if one[0] == "a"]
    assert numbers(newest_of_run(store, "a")) == newest(of_run)
    of_model = [one for one in kept if one[2].file.startswith("net.")]
    assert numbers(newest_of_model(store, "net")) == newest(of_model)
    there = [one for one in kept if (one[2].device, one[2].file) == ("pi4", FILES[0])]
    assert numbers(newest_on_device(store, "pi4", FILES[0])) == newest(there)
    store.close()


def test_both_databases_answer_alike(database: Database) -> None:
    store = Store(database.url)
    for number, file in enumerate((*FILES, FILES[0])):
        store.append("a" if number else "b", timed(replace(PLAIN, file=file), reason=str(number)))
    assert numbers(newest_of_model(store, "net.digits")) == [1, 4]
    assert numbers(newest_of_run(store, "a")) == [1, 2, 3, 4]
    assert numbers(newest_on_device(store, "host", FILES[0])) == [4]
    kept = sorted([*FILES[:3], "Grün\\0.n"])
    assert files_on(store, "host") == kept
    assert runs_and_files(store) == (["a", "b"], kept)
    assert newest_of_run(store, "c") == newest_of_model(store, "ne") == files_on(store, "x") == []
    store.close()


def test_what_cannot_be_compared_is_left_out(database: Database) -> None:
    store = Store(database.url)
    store.append("a", timed(PLAIN, status="failed"))
    store.append("a", timed(PLAIN, kind="gate"))
    store.append("a", timed(PLAIN, result={"file": "net.onnx", "of": "another version"}))
    summary = {"source": "a vendor's tool"}
    store.append("a", timed(PLAIN, result={**asdict(PLAIN), "summaries": [summary]}))
    assert newest_of_run(store, "a") == []
    store.close()


def test_records_of_old_databases_are_found(database: Database) -> None:
    database.make_old()
    body = (
        '{"step": "bench", "kind": "bench", "key": "f", "status": "passed", "result": {"file": '
        '"old.onnx", "device": "pi4", "runtime": "litert", "threads": 2, "p50_ms": 1.0}}'
    )
    unreadable = body.replace('"threads": 2', '"threads": null')
    database.run(
        "INSERT INTO records (id, run, step, kind, key, status, created, body) VALUES "
        f"(90, 'before', 'bench', 'bench', 'f', 'passed', 'then', '{body}'), "
        f"(91, 'before', 'bench', 'bench', 'f', 'passed', 'then', '{unreadable}'), "
        "(92, 'before', 'bench', 'bench', 'f', 'passed', 'then', '[1]')"
    )
    store = Store(database.url)
    found = database.ask("SELECT record, run, file, threads, batch, shapes FROM measured")
    assert (90, "before", "old.onnx", 2, 1, "{}") in found
    assert not {91, 92} & {row[0] for row in found}
    (only,) = newest_on_device(store, "pi4", "old.onnx")
    assert only.run == "before"
    store.close()


ODD = [
    *("Infinity", "-1e400", "NaN", "9" * 30, "9" * 4400, "null", "[]", '"many"'),
    f"{'[' * 100_000}{']' * 100_000}",
]


def test_odd_records_of_old_databases_stop_no_migration(tmp_path: Path) -> None:
    file = tmp_path / "records.sqlite"
    old = sqlite3.connect(file)
    old.executescript((OLD / "store_before_versions.sqlite.sql").read_text(encoding="utf-8"))
    body = (
        '{"step": "bench", "kind": "bench", "key": "f", "status": "passed", "result": {"file": '
        '"old.onnx", "device": "pi4", "runtime": "litert", "threads": %s, "p50_ms": 1.0}}'
    )
    bodies = [*(body % odd for odd in (*ODD, "2")), "", "null", '{"result": []}']
    rows = [("before", "bench", "bench", "f", "passed", "then", text) for text in bodies]
    names = "run, step, kind, key, status, created, body"
    old.executemany(f"INSERT INTO records ({names}) VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    old.commit()
    old.close()
    store = Store(f"sqlite:///{file}")
    assert [one.run for one in newest_on_device(store, "pi4", "old.onnx")] == ["before"]
    result = {**asdict(PLAIN), "threads": 2**40}
    store.append("a", timed(PLAIN, result=result))
    assert newest_of_run(store, "a") == []
    assert len(store.records(run="a")) == 1, "kept, though it is in no index"
    store.close()


@pytest.mark.parametrize("name", ["Grün\0", "\udcff"])
def test_names_are_found_as_they_were_written(tmp_path: Path, name: str) -> None:
    """No database takes a zero, or half of a character."""
    store = Store(f"sqlite:///{tmp_path / 'records.sqlite'}")
    store.append(name, timed(replace(PLAIN, file=f"{name}.onnx", device=name)))
    assert len(newest_of_run(store, name)) == 1
    assert len(newest_of_model(store, name)) == 1
    assert len(newest_on_device(store, name, f"{name}.onnx")) == 1
    assert len(files_on(store, name)) == 1
    store.close()


def test_what_waited_in_the_outbox_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'records.sqlite'}"
    store = Store(url)
    with monkeypatch.context() as away:
        away.setattr(store, "_away", True)
        store.append("a", timed(PLAIN, reason="0"))
        assert newest_of_run(store, "a") == []
    store.close()
    again = Store(url)
    assert numbers(newest_of_run(again, "a")) == [0]
    again.close()
