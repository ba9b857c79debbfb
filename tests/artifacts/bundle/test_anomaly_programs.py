"""Programs of a bundle compute the anomaly score and the verdict as the zoo does."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bundle_programs import lines_of, write_programs

from zoo.contracts import ImagePreprocessing, Preprocessing, SeriesPreprocessing
from zoo.tasks.anomaly_scores import squared_error

pytest.importorskip("jinja2")

COLOURS = ImagePreprocessing(
    height=4, width=6, channels=3, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0)
)
CASES: dict[str, Preprocessing] = {
    "series": SeriesPreprocessing(steps=7, channels=2, mean=(100.0, -3.0), std=(5.0, 0.25)),
    "colours": COLOURS,
    "channels first": COLOURS.in_layout("nchw"),
    "grey as colours": ImagePreprocessing(
        height=4, width=6, channels=1, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0)
    ),
}
PYTHON = """
import sys; sys.path.insert(0, "python")
import numpy as np, run
raw = np.fromfile("raw.bin", run.INPUT["raw_dtype"]).reshape(run.INPUT["shape"])
answer = np.fromfile("answer.bin", np.float32).reshape(run.OUTPUTS[0]["shape"])
print(run.score_of(answer, raw), run.in_words([answer], raw).split(",")[0])
"""
JAVASCRIPT = """
import { readFileSync } from "node:fs";
import { scoreOf, verdictOf } from "./javascript/run.mjs";
const values = (name, Kind) => new Kind(new Uint8Array(readFileSync(name)).buffer);
const score = scoreOf(values("raw.bin", KIND), values("answer.bin", Float32Array));
console.log(score, verdictOf(score));
"""
CPP = """
#include <iostream>
// Its own program is compiled, too.
#define main main_of_the_bundle
#include "cpp/run.cpp"
#undef main
int main() {
  const double score = Score(Read<Raw>("raw.bin", kInputs), Read<float>("answer.bin", kOutputs));
  std::cout.precision(12);
  std::cout << score << " " << Verdict(score) << "\\n";
}
"""


def folder_of(own: Preprocessing, folder: Path, threshold: float) -> tuple[float, str]:
    """What a bundle has beside its model, an input and an output; returns the zoo's score."""
    from zoo.artifacts.bundle.facts import score_facts

    random, shape = np.random.default_rng(0), own.in_layout("nhwc").network_shape
    low, high = own.value_range
    raw = random.uniform(low, high, own.input_shape).astype(own.dtype)
    answer = random.normal(size=shape).astype(np.float32)
    facts = score_facts(own, {"threshold": threshold, "rule": "mine"})
    labels = ("normal", "anomaly")
    write_programs(folder, own, shape, "reconstruction", labels, score=facts)
    raw.tofile(folder / "raw.bin")
    answer.tofile(folder / "answer.bin")
    score = float(squared_error(answer[None], raw[None], own)[0])
    return score, "normal" if score <= threshold else "anomaly"


def said(folder: Path, *program: str | Path) -> tuple[float, str]:
    (line,) = lines_of(folder, *program)
    score, verdict = line.split()
    return float(score), verdict


@pytest.mark.parametrize("kind", CASES)
def test_every_program_scores_as_the_zoo(
    kind: str, tmp_path: Path, compiled: Callable[..., Path]
) -> None:
    own, found = CASES[kind], {}
    score, verdict = folder_of(own, tmp_path, 2.0 if kind == "series" else 20.0)
    if kind in ("series", "channels first"):
        pytest.importorskip("onnxruntime")
        found["Python"] = said(tmp_path, sys.executable, "-c", PYTHON)
    if node := shutil.which("node"):
        array = "Float32Array" if own.dtype == "float32" else "Uint8Array"
        (tmp_path / "score.mjs").write_text(JAVASCRIPT.replace("KIND", array))
        found["JavaScript"] = said(tmp_path, node, "score.mjs")
    if kind != "colours":
        (tmp_path / "score.cpp").write_text(CPP)
        found["C++"] = said(tmp_path, compiled(tmp_path, "score.cpp"))
    for language, (own_score, own_verdict) in found.items():
        assert own_score == pytest.approx(score, rel=1e-5), language
        assert own_verdict == verdict, language
    for text in ("kotlin/Run.kt", "swift/main.swift"):
        program = (tmp_path / text).read_text(encoding="utf-8")
        assert "scoreOf(" in program
        assert "verdictOf(score)" in program
