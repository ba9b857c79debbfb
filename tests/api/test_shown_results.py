"""What prompts and notebooks show of results: short, and never more than text."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from report_views import accuracy, evaluation

import zoo
from zoo.api import views as views
from zoo.common.brief import Brief, BriefList, BriefTuple, Sheet, brief_result
from zoo.common.errors import MissingExtra
from zoo.contracts import ImagePreprocessing
from zoo.contracts.prediction import DecodedOutput
from zoo.contracts.preprocessing import Sample
from zoo.contracts.task import Metric
from zoo.pipeline.files import RunFile, RunFiles
from zoo.results.predictions import PredictedExample, Predictions, UnreadExample

EVIL = "<script>alert(1)</script>\x1b[31m[red]&.tflite"
FILE = RunFile(
    path=Path(EVIL),
    name=EVIL,
    format="tflite",
    precision="int8",
    verdict="rejected",
    reason="<img src=x onerror=y>\n" * 200,
    size=72_100,
    metrics={"accuracy": accuracy(351)},
)


@dataclass(frozen=True, kw_only=True, repr=False)
class Deep(Brief):
    name: str
    rows: Any = ()
    nothing: Any = None


def test_records_are_one_short_line() -> None:
    assert repr(Deep(name="a", rows=[1, 2])) == "Deep(name='a', rows=[1, 2])"
    for rows in ([Deep(name="x" * 900, rows=list(range(9)))] * 99, {"k" * 900: "\n\x1b[2J" * 900}):
        text = repr(Deep(name="https://me:hidden@host/\n\x1b[2J", rows=rows))
        assert len(text) < 400
        assert text.isprintable()
        assert "hidden" not in text


def test_long_lists_and_dictionaries_are_cut_and_stay_what_they_are() -> None:
    rows, sheet = [Deep(name="x" * 900)] * 25, {str(n): "y" * 900 for n in range(25)}
    found, other = brief_result(rows), brief_result(sheet)
    assert (type(found), type(other)) == (BriefList, Sheet)
    assert (found, other) == (rows, sheet)
    for text in (repr(found), repr(other)):
        assert len(text) < 3500
        assert text.splitlines()[-2] == "  … 15 more"
    assert (repr(BriefList()), repr(Sheet())) == ("[]", "{}")
    assert type(brief_result((1,))) is tuple
    assert len(repr(zoo.models())) < 4000
    assert len(repr(zoo.info("lenet5"))) < 2000


def test_datasets_are_two_lines() -> None:
    text = repr(zoo.open_dataset("digits"))
    assert text.splitlines()[0] == "Dataset digits: 1,257 train, 266 validation, 274 test"
    assert len(text) < 200


def test_files_are_lines_and_escaped_rows() -> None:
    files = RunFiles((FILE, replace(FILE, path=None, verdict="failed", size=None, metrics={})))
    text, html = repr(files), files._repr_html_()
    assert [line.split("  ")[1:3] for line in text.splitlines()] == [
        ["rejected", "72.1 kB"],
        ["failed", text.splitlines()[1].split("  ")[2]],
    ]
    assert len(text) < 500
    assert "\x1b" not in text + str(html)
    assert html is not None
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "97.5 %" in html
    assert repr(RunFiles()) == "no files"


def test_files_as_a_table_of_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    lost = replace(FILE, path=None, verdict="failed", size=None, metrics={})
    frame = RunFiles((FILE, lost)).to_pandas()
    assert list(frame["verdict"]) == ["rejected", "failed"]
    assert frame["accuracy"][0] == pytest.approx(351 / 360)
    assert frame["accuracy"].isna()[1]
    assert frame["size"].isna()[1]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra) as caught:
        RunFiles((FILE,)).to_pandas()
    assert 'pip install "edgezoo[pandas]"' in str(caught.value.fix)


def test_confusion_matrix_is_an_array_with_its_labels() -> None:
    found = replace(
        evaluation(EVIL),
        details={"confusion": [[3, 1], [0, 2]], "classes": ["cat", "dog"]},
    )
    assert found.confusion is not None
    assert (found.confusion[0, 1], found.labels) == (1, ("cat", "dog"))
    # Of an earlier version, and of a task without classes.
    assert replace(found, details={"confusion": [[1, 0], [0, 1]]}).labels == ("0", "1")
    other = replace(found, details={})
    assert (other.confusion, other.labels) == (None, ())
    html = found._repr_html_()
    assert html is not None
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert len(repr(found)) < 400


def test_metrics_are_numbers_with_intervals() -> None:
    metric = FILE.metrics["accuracy"]
    assert isinstance(metric, Metric)
    assert metric.low < metric.value < metric.high


def test_predictions_are_one_line_and_an_escaped_table() -> None:
    output = DecodedOutput(answer="cat", confidence=0.75, chosen=("cat",))
    one = PredictedExample(sample=Sample(name=EVIL, read=lambda: None), output=output)
    found = Predictions(
        subject="net.tflite",
        task="image-classification",
        classes=("cat",),
        runtime="litert",
        preprocessing=ImagePreprocessing(height=8, width=8, channels=1),
        examples=BriefTuple([one] * 1000),
        failed=(UnreadExample(input=EVIL, why="no picture"),) * 1000,
    )
    assert len(repr(found)) < 400
    assert "examples: 1,000, failed: 1,000, counts={'cat': 1000}" in repr(found)
    assert repr(found.examples).splitlines()[-2] == "  … 990 more"
    assert "answer='cat', confidence=0.75" in repr(one)
    html = found._repr_html_()
    assert html is not None
    assert len(html) < 12_000
    assert "and 980 more" in html
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "\x1b" not in html + repr(found)
