"""Programs of a bundle choose the classes of pixels that the zoo chooses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bundle_programs import lines_of, runnable, write_programs

from zoo.contracts import ImagePreprocessing
from zoo.registry import load_registry

pytest.importorskip("jinja2")

SHAPE, NAMES = (6, 9, 4), ("the ground", "a cat", "a dog", "a bird")
PYTHON = """
import json, sys; sys.path.insert(0, "python")
import numpy as np, run
answer = np.fromfile("answer.bin", np.float32).reshape(1, 6, 9, 4)
print(json.dumps(run.class_map(answer).reshape(-1).tolist()))
print(run.in_words([answer]))
"""
JAVASCRIPT = """
import { readFileSync } from "node:fs";
import { classMap } from "./javascript/run.mjs";
const answer = new Float32Array(new Uint8Array(readFileSync("answer.bin")).buffer);
console.log(JSON.stringify(Array.from(classMap(answer))));
"""
CPP = """
#include <iostream>
// Its own program is compiled, too.
#define main main_of_the_bundle
#include "cpp/run.cpp"
#undef main
int main() {
  const std::vector<int> found = ClassMap(Read<float>("answer.bin", kOutputs));
  for (std::size_t pixel = 0; pixel < found.size(); ++pixel) {
    std::cout << (pixel ? "," : "[") << found[pixel];
  }
  std::cout << "]\\n" << InWords(Read<float>("answer.bin", kOutputs), "") << "\\n";
}
"""


def answer(kind: str) -> np.ndarray:
    random = np.random.default_rng(3)
    values = random.random((1, *SHAPE), np.float32)
    if kind == "of integers":  # full of ties, of which the first class wins
        values = np.rint(values * 4).astype(np.float32) / 4
    if kind == "of one class":
        values[..., 2] += 2
    return values


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a bundle has beside its model."""
    folder = write_programs(
        tmp_path_factory.mktemp("masks"),
        ImagePreprocessing(height=6, width=9, channels=1),
        SHAPE,
        "class-map",
        NAMES,
    )
    (folder / "masks.mjs").write_text(JAVASCRIPT)
    (folder / "masks.cpp").write_text(CPP)
    return folder


def test_every_program_chooses_the_classes_of_the_zoo(
    bundle: Path, compiled: Callable[..., Path]
) -> None:
    task = load_registry().tasks.get("semantic-segmentation")
    programs = runnable(bundle, "masks", PYTHON, compiled)
    for kind in ("of real numbers", "of integers", "of one class"):
        given = answer(kind)
        given.tofile(bundle / "answer.bin")
        expected = task.decode(given)[0]
        shares = {one.name: one.value for one in task.decoded(given[0], NAMES, 9).scores}
        assert len(shares) == (1 if kind == "of one class" else 4)
        for language, program in programs.items():
            lines = lines_of(bundle, *program)
            assert json.loads(lines[0]) == expected.reshape(-1).tolist(), (language, kind)
            for line in lines[1:]:
                found = re.findall(r"(\w+ \w+) ([\d.]+)%", line)
                assert [name for name, _ in found] == [*shares], (language, kind)
                told = [float(share) / 100 for _, share in found]
                assert told == pytest.approx([*shares.values()], abs=6e-4)


def test_programs_that_nothing_here_compiles_have_the_decoder(bundle: Path) -> None:
    for text in ("kotlin/Run.kt", "swift/main.swift"):
        program = (bundle / text).read_text(encoding="utf-8")
        assert "classMap(answer)" in program
        assert "inWords(answer" in program
        assert "classes = 4" in program
