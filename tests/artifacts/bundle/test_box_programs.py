"""Programs of a bundle find the boxes that the zoo finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bundle_programs import lines_of, runnable, write_programs

from zoo.contracts import ImagePreprocessing
from zoo.contracts.anchors import Anchors
from zoo.tasks.object_detection.decoding import above
from zoo.tasks.object_detection.heads import head_of

pytest.importorskip("jinja2")

CLASSES, THRESHOLD = 3, 0.35
#: Shapes of outputs, and what they are decoded with, by kind of head.
GRID, ANCHORS = (6, 9, 7), Anchors.of_sizes([(6, 9), (3, 5), (1, 1)])
HEADS = {
    "centres": (GRID, {"threshold": THRESHOLD}),
    "anchors": ((len(ANCHORS.boxes()), 7), {"threshold": THRESHOLD, **ANCHORS.recorded()}),
}
NAMES = ("a cat", "a dog", "another")
PYTHON = """
import json, sys; sys.path.insert(0, "python")
import numpy as np, run
answer = np.fromfile("answer.bin", np.float32)
print(json.dumps([list(box) for box in run.boxes_of(answer)]))
print(run.in_words([answer]))
"""
JAVASCRIPT = """
import { readFileSync } from "node:fs";
import { boxesOf } from "./javascript/run.mjs";
const grid = new Float32Array(new Uint8Array(readFileSync("answer.bin")).buffer);
console.log(JSON.stringify(boxesOf(grid).map((box) => [box.label, box.score, ...box.edges])));
"""
CPP = """
#include <iostream>
// Its own program is compiled, too.
#define main main_of_the_bundle
#include "cpp/run.cpp"
#undef main
int main() {
  const std::vector<Box> found = Boxes(Read<float>("answer.bin", kOutputs));
  std::cout.precision(12);
  std::cout << "[";
  for (const Box& box : found) {
    std::cout << (&box == &found[0] ? "[" : ",[") << box.label << "," << box.score << ","
              << box.y_min << "," << box.x_min << "," << box.y_max << "," << box.x_max << "]";
  }
  std::cout << "]\\n" << InWords(Read<float>("answer.bin", kOutputs), "") << "\\n";
}
"""


def outputs(shape: tuple[int, ...], kind: str) -> np.ndarray:
    random = np.random.default_rng(3)
    values = random.random((1, *shape), np.float32)
    if kind == "of integers":  # full of equal neighbours
        values = np.rint(values * 8).astype(np.float32) / 8
    if kind == "of nothing":
        values[..., :CLASSES] *= 0.3
    return values


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What a bundle has beside its model, by kind of head."""
    from zoo.artifacts.bundle.facts import box_facts

    made = {}
    for head, (shape, decoding) in HEADS.items():
        made[head] = folder = write_programs(
            tmp_path_factory.mktemp(head),
            ImagePreprocessing(height=48, width=72, channels=1),
            shape,
            "boxes",
            NAMES,
            boxes=box_facts(decoding),
        )
        (folder / "boxes.mjs").write_text(JAVASCRIPT)
        (folder / "boxes.cpp").write_text(CPP)
    return made


@pytest.mark.parametrize("head", HEADS)
def test_every_program_finds_the_boxes_of_the_zoo(
    bundles: dict[str, Path], head: str, compiled: Callable[..., Path]
) -> None:
    bundle, (shape, decoding) = bundles[head], HEADS[head]
    programs = runnable(bundle, "boxes", PYTHON, compiled)
    for kind in ("of real numbers", "of integers", "of nothing"):
        answer = outputs(shape, kind)
        answer.tofile(bundle / "answer.bin")
        expected = above(head_of(decoding).decode(answer)[0], THRESHOLD)
        assert len(expected) == 0 if kind == "of nothing" else len(expected) >= 8
        for language, program in programs.items():
            lines = lines_of(bundle, *program)
            found = np.reshape(json.loads(lines[0]), (-1, 6))
            assert found.shape == expected.shape, (language, kind)
            np.testing.assert_allclose(found, expected, atol=1e-5, err_msg=f"{language} {kind}")
            if len(lines) > 1:
                names = [NAMES[int(box[0])] for box in expected[:1]]
                first = [f"{n} {box[1]:.2f} [" for n, box in zip(names, expected, strict=False)]
                assert lines[1].startswith((first or ["nothing"])[0])


@pytest.mark.parametrize("head", HEADS)
def test_programs_that_nothing_here_compiles_have_the_decoder(
    bundles: dict[str, Path], head: str
) -> None:
    for text in ("kotlin/Run.kt", "swift/main.swift"):
        program = (bundles[head] / text).read_text(encoding="utf-8")
        assert "boxesOf(answer)" in program
        assert "inWords(answer" in program
        assert str(THRESHOLD) in program
