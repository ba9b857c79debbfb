"""Recorded errors by layer, in words and as rows."""

from __future__ import annotations

import pytest
from stored_results import explained

from zoo.report.layer_errors import HEADINGS, error_rows, worst_in_words
from zoo.results.layer_errors import LayerError


def layer(name: str, own: float | None, **given: object) -> LayerError:
    values = {"operator": "CONV_2D", "arithmetic": "integer", "sqnr_db": own, **given}
    return LayerError(layer=name, own_sqnr_db=own, **values)


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ((layer("c1", 12.0, cause="weights"), layer("c2", 31.0)),
         "c1 (CONV_2D) adds the most error: 12.0 dB by itself, from its weights. "
         "The last layer has 31.0 dB in the whole file."),
        ((layer("c1", -3.0),), "c1 (CONV_2D) adds the most error: −3.0 dB by itself. "
         "The last layer has −3.0 dB in the whole file."),
        ((layer("c1", 61.0), layer("c2", 55.0), layer("c3", None)),
         "No layer adds an error that shows. The worst, c2 (CONV_2D), has 55.0 dB. "
         "The last layer has 55.0 dB in the whole file. 1 layer cannot be compared."),
        ((layer("c1", 200.0),), "No layer differs from the float32 file’s."),
        ((layer("c1", None),), "No layer can be compared with the float32 file’s."),
    ],
    ids=["weights", "worse than nothing", "none that shows", "the same", "unknown"],
)  # fmt: skip
def test_the_worst_layer_is_said(layers: tuple[LayerError, ...], text: str) -> None:
    assert worst_in_words(explained("net.digits.int8.tflite", *layers)) == text


def test_what_is_unknown_or_the_same_is_no_figure() -> None:
    rows = error_rows([layer("c1", None, sqnr_db=200.0), layer("c2", 7.25)])
    assert [row[2:4] for row in rows] == [("–", "same"), ("7.2", "7.2")]
    assert len(rows[0]) == len(HEADINGS)
