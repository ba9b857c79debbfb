"""What an explanation leaves in the results store, and what of it is there once."""

from __future__ import annotations

import math
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from layer_records import comparison, facts, record

from zoo.analysis.advice import Advice
from zoo.analysis.explain import Explanation
from zoo.analysis.explanation_record import failure_recorded, record_explanation
from zoo.analysis.layer_errors import layer_errors
from zoo.common.errors import NativeCrash
from zoo.contracts import OperatorRecord
from zoo.results import store as store_module
from zoo.results.store import Store

TIME = Advice(command="zoo export net --recurrent unrolled", why="it is slow", about="time")
ERROR = Advice(command="zoo export net --keep-float a", why="a loses the most")


def explanation(*records: OperatorRecord, advice: Advice | None = None) -> Explanation:
    return Explanation(
        model_id="net.digits", format="tflite", file=facts("int8", 11_000, 0.9),
        twin=facts("float32", 40_000, 0.95), data="digits", split="validation",
        comparison=comparison(*records), findings=(), advice=advice,
    )  # fmt: skip


def keep(store: Store, found: Explanation, **environment: Any) -> None:
    record_explanation(
        store, found, sha256=("a" * 64, "b" * 64), environment=environment, seconds=1.0
    )


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return f"sqlite:///{tmp_path / 'records.sqlite'}"


def test_layers_are_ranked_by_what_computing_otherwise_may_mend() -> None:
    layers = layer_errors(
        comparison(
            record("fine", own_sqnr_db=45.0),
            record("bad", own_sqnr_db=12.004, weight_sqnr_db=12.0),
            record("worse", own_sqnr_db=5.0, output_sqnr_db=5.0),
            record("real", own_sqnr_db=3.0, arithmetic="float"),
            record("<b>", layers=()),
        )
    )
    assert [(one.layer, one.rank, one.cause) for one in layers] == [
        *(("fine", None, ""), ("bad", 2, "weights"), ("worse", 1, "output")),
        *(("real", None, ""), ("<b>", None, "")),
    ]
    assert layers[1].own_sqnr_db == 12.0


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_no_figure(figure: float) -> None:
    (layer,) = layer_errors(comparison(record("a", sqnr_db=figure, own_sqnr_db=figure)))
    assert (layer.sqnr_db, layer.own_sqnr_db) == (None, None)


def test_the_same_errors_are_recorded_once_whatever_the_times(url: str) -> None:
    store = Store(url)
    keep(store, explanation(record("a", microseconds=10.0)), cpu="one")
    keep(store, explanation(record("a", microseconds=99.0), advice=TIME), cpu="one")
    assert len(store.records()) == 1
    keep(store, explanation(record("a", own_sqnr_db=44.0)), cpu="one")
    keep(store, explanation(record("a")), cpu="another")
    store.close()
    assert len(store.records()) == 3


def test_advice_on_errors_is_kept_and_on_times_is_not(url: str) -> None:
    store = Store(url)
    keep(store, explanation(record("a", own_sqnr_db=9.0), advice=ERROR))
    keep(store, explanation(record("a"), advice=TIME))
    kept = [stored.record.result for stored in store.records(kind="explain")]
    store.close()
    assert [one and one["command"] for one in kept] == [ERROR.command, ""]


def test_a_store_that_gets_locked_gets_the_record_later(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "PATIENCE_SECONDS", 0.2)
    store = Store(url)
    lock = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    notes: list[str] = []
    for _ in range(2):
        keep(store, explanation(record("a")))
    store.close(lambda _, event: notes.append(event["text"]))
    lock.close()
    assert "2 records wait in" in notes[0]
    later = Store(url)
    assert [stored.record.step for stored in later.records()] == ["explain net.digits.int8.tflite"]
    later.close()


def test_a_comparison_that_fails_is_recorded_and_raised(url: str) -> None:
    store = Store(url)
    with pytest.raises(NativeCrash), failure_recorded(store, "net.int8.onnx"):
        raise NativeCrash("the runtime crashed", fix="update it")
    (stored,) = store.records()
    store.close()
    assert (stored.record.kind, stored.record.status) == ("explain", "failed")
    assert "the runtime crashed" in stored.record.reason


def test_1000_layers_are_recorded(url: str) -> None:
    store = Store(url)
    keep(store, explanation(*(record(f"layer{n}", own_sqnr_db=n / 10) for n in range(1000))))
    (stored,) = store.records()
    store.close()
    assert stored.record.result is not None
    assert len(stored.record.result["layers"]) == 1000
