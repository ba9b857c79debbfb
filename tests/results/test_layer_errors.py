"""Records of explanations: typed, of numbers alone, and read from other versions."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError
from stored_results import explained, keep_explained

from zoo.results.layer_errors import EXPLAIN, LayerErrors
from zoo.results.records import as_plain
from zoo.results.store import Store

READ = TypeAdapter(LayerErrors)
FILE = "net.digits.int8.tflite"


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'records.sqlite'}")
    keep_explained(store, explained(FILE, command="zoo export net.digits", why="it helps"))
    (stored,) = store.records(kind=EXPLAIN)
    store.close()
    found = READ.validate_python(stored.record.result)
    assert found == explained(FILE, command="zoo export net.digits", why="it helps")
    assert [layer.layer for layer in found.worst_first] == ["head", "c1"]


def test_what_a_later_version_adds_is_left_out() -> None:
    plain = {**as_plain(explained(FILE)), "later": 1}
    plain["layers"] = [{**layer, "later": 2} for layer in plain["layers"]]
    assert READ.validate_python(plain) == explained(FILE)


@pytest.mark.parametrize("figure", [float("nan"), float("inf"), "much"])
def test_a_figure_that_is_no_number_is_refused(figure: object) -> None:
    plain = as_plain(explained(FILE))
    plain["layers"][0]["own_sqnr_db"] = figure
    with pytest.raises(ValidationError):
        READ.validate_python(plain)
