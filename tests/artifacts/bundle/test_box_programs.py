"""Programs of a bundle find the boxes that the zoo finds."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bundle_programs import lines_of, write_programs

from zoo.contracts import ImagePreprocessing
from zoo.tasks.object_detection.decoding import above, decode

pytest.importorskip("jinja2")

SHAPE, CLASSES, THRESHOLD = (6, 9, 7), 3, 0.35
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


def grid(kind: str) -> np.ndarray:
    random = np.random.default_rng(3)
    values = random.random((1, *SHAPE), np.float32)
    if kind == "of integers":  # full of equal neighbours
        values = np.rint(values * 8).astype(np.float32) / 8
    if kind == "of nothing":
        values[..., :CLASSES] *= 0.3
    return values


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a bundle has beside its model."""
    from zoo.artifacts.bundle.facts import box_facts

    folder = write_programs(
        tmp_path_factory.mktemp("boxes"),
        ImagePreprocessing(height=48, width=72, channels=1),
        SHAPE,
        "boxes",
        NAMES,
        boxes=box_facts({"threshold": THRESHOLD}),
    )
    (folder / "boxes.mjs").write_text(JAVASCRIPT)
    (folder / "boxes.cpp").write_text(CPP)
    return folder


def test_every_program_finds_the_boxes_of_the_zoo(
    bundle: Path, compiled: Callable[..., Path]
) -> None:
    programs: dict[str, tuple[str | Path, ...]] = {"C++": (compiled(bundle, "boxes.cpp"),)}
    if node := shutil.which("node"):
        programs["JavaScript"] = (node, "boxes.mjs")
    try:
        import onnxruntime  # noqa: F401

        programs["Python"] = (sys.executable, "-c", PYTHON)
    except ImportError:
        pass
    for kind in ("of real numbers", "of integers", "of nothing"):
        answer = grid(kind)
        answer.tofile(bundle / "answer.bin")
        expected = above(decode(answer)[0], THRESHOLD)
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


def test_programs_that_nothing_here_compiles_have_the_decoder(bundle: Path) -> None:
    for text in ("kotlin/Run.kt", "swift/main.swift"):
        program = (bundle / text).read_text(encoding="utf-8")
        assert "boxesOf(answer)" in program
        assert "inWords(answer" in program
        assert str(THRESHOLD) in program
