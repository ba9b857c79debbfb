"""Runs made by hand for the report's tests, and a reader for the pages they become."""

from __future__ import annotations

import math
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np

from zoo.contracts.task import Check, Metric
from zoo.pipeline.rows import ArtifactRow
from zoo.report.remarks import remarks
from zoo.report.view import RunView, SampleImage
from zoo.results.records import Epoch, Evaluation, StepRecord, TrainingResult

VOID = {"meta", "link", "img", "br", "wbr", "hr", "input"}


def accuracy(right: int, count: int = 360, name: str = "accuracy") -> Metric:
    """A proportion with its Wilson interval."""
    share, z = right / count, 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    half /= 1 + z * z / count
    # At its ends the interval is exact, as that of the product is.
    low = 0.0 if right == 0 else middle - half
    high = 1.0 if right == count else middle + half
    return Metric(name=name, value=share, low=low, high=high, count=count)


def row(precision: str = "float32", p50: float | None = 0.0193, **changes: Any) -> ArtifactRow:
    """A file that passed, timed on a quiet host, intervals of 3 % to both sides."""
    whole: dict[str, Any] = {
        "file": f"lenet5.digits.{precision}.tflite",
        "format": "tflite",
        "precision": precision,
        "verdict": "passed",
        "bytes": 250_412 if precision == "float32" else 71_236,
        "size_ratio": None if precision == "float32" else 250_412 / 71_236,
        "accuracy": accuracy(351),
        "drop_points": 0.0,
        "agreement": 1.0,
        "max_abs": 2.4e-7,
        "integer_share": 1.0 if precision == "int8" else 0.0,
        "checks": (Check(name="parity", passed=True, value="2.4e-7", limit="1e-4"),),
    }
    if p50 is not None:
        whole |= {
            "p50_ms": p50,
            "p90_ms": p50 * 1.2,
            "p50_low": p50 * 0.97,
            "p50_high": p50 * 1.03,
            "runtime": "litert",
            "threads": 1,
            "quiet": True,
        }
    return ArtifactRow(**{**whole, **changes})


def rejected() -> ArtifactRow:
    failed = Check(
        name="accuracy",
        passed=False,
        value="11.4 points lost",
        limit="at most 1.00 point",
        reason="Calibrate with more examples.",
    )
    return row(
        "dynamic-int8",
        None,
        file="lenet5.digits.dynamic-int8.onnx.rejected",
        format="onnx",
        verdict="rejected",
        reason="accuracy: 11.4 points lost, at most 1.00 allowed.",
        accuracy=accuracy(310),
        drop_points=11.39,
        checks=(failed,),
    )


def failed() -> ArtifactRow:
    return ArtifactRow(
        file="lenet5.digits.int8.onnx",
        format="onnx",
        precision="int8",
        verdict="failed",
        reason="The exporter died of SIGSEGV.\n  fix: try dynamic-int8",
    )


def epoch(number: int, loss: float = 0.5, **changes: float) -> Epoch:
    whole: dict[str, Any] = {
        "epoch": number,
        "loss": loss,
        "metric": 0.9,
        "validation_loss": loss * 1.1,
        "validation_metric": 0.88,
        "learning_rate": 0.001,
        "examples_per_second": 20_000.0,
        "seconds": 0.071,
    }
    return Epoch(**{**whole, **changes})


def training(*epochs: Epoch, best: int = 1) -> TrainingResult:
    return TrainingResult(
        model_id="lenet5.digits",
        parent="lenet5.mnist",
        dataset="digits",
        metric_name="accuracy",
        epochs=epochs,
        best_epoch=best,
        weights="lenet5.digits.safetensors",
        weights_sha256="9f2c" * 16,
        options={"epochs": len(epochs), "optimizer": "adam"},
        seconds=14.2,
    )


def evaluation(subject: str = "lenet5.digits") -> Evaluation:
    return Evaluation(
        subject=subject,
        dataset="digits",
        split="test",
        metrics=(accuracy(351),),
        details={},
        outputs=None,
        runtime="keras",
        seconds=1.3,
    )


def sample(true_class: str = "7", **predictions: tuple[str, float]) -> SampleImage:
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)
    return SampleImage(
        pixels=pixels, true_class=true_class, reference=("7", 0.98), predictions=predictions
    )


def run(**changes: Any) -> RunView:
    """A whole run with one file of each verdict."""
    rows = (row(), row("int8", 0.0291), rejected(), failed())
    plain = RunView(
        title="lenet5 on digits",
        model_id="lenet5.digits",
        parent="lenet5.mnist",
        dataset="digits",
        created="2026-11-22T12:04:11+00:00",
        command="zoo ship lenet5  --dataset digits",
        rows=rows,
        training=training(epoch(1, 0.9), epoch(2, 0.4), epoch(3, 0.3), best=2),
        reference=evaluation(),
        confusions={
            "lenet5.digits": [[34, 2], [1, 35]],
            "lenet5.digits.int8.tflite": [[33, 3], [1, 35]],
        },
        samples=(sample("7", **{rows[0].file: ("7", 0.97), rows[1].file: ("1", 0.52)}),),
        classes=("cat", "dog"),
        environment={"Processor": "Xeon, 2 cores"},
        remarks=remarks(rows),
        next_commands=("zoo bench lenet5.digits.int8.tflite",),
        steps=(
            StepRecord(step="finetune", kind="finetune", key="a", status="passed", seconds=14.2),
            StepRecord(
                step="evaluate", kind="evaluate", key="b", status="passed", seconds=1, cached=True
            ),
            StepRecord(
                step="export onnx int8", kind="export", key="c", status="failed", reason="SIGSEGV"
            ),
        ),
    )
    return replace(plain, **changes)


class Page(HTMLParser):
    """A page taken apart: tags with their attributes, and the text outside of style and script."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.style = self.script = ""
        self.open: list[str] = []
        self.cells: list[list[str]] = []
        self.feed(source)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            self.style += data
            return
        if "script" in self.open:
            self.script += data
            return
        self.words.append(data)
        if "td" in self.open or "th" in self.open:
            self.cells[-1][-1] += data

    @property
    def text(self) -> str:
        """All text on one line, with plain spaces."""
        return " ".join("".join(self.words).split())

    def with_tag(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def row_of(self, start: str) -> list[str]:
        """Cells of the first table row whose heading begins with `start`."""
        found = next(cells for cells in self.cells if cells and cells[0].strip().startswith(start))
        return [" ".join(cell.split()) for cell in found]
