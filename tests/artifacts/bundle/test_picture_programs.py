"""Programs of a bundle read pictures and write better ones as the zoo does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zoo.contracts import ImagePreprocessing, UsageRequest
from zoo.tasks.image_generation import pixels_of

pytest.importorskip("jinja2")

COLOURS = ImagePreprocessing(height=4, width=6, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
CASES = {
    "colours": COLOURS,
    "channels first": COLOURS.in_layout("nchw"),
    "grey": ImagePreprocessing(height=4, width=6, channels=1),
}
PYTHON = """
import sys; sys.path.insert(0, "python")
import numpy as np, run
run.read_image("bad.png").tofile("read.bin")
answer = np.fromfile("answer.bin", np.float32).reshape(run.OUTPUTS[0]["shape"])
run.save_image(answer, "made.bin")
"""
JAVASCRIPT = """
import { readFileSync, writeFileSync } from "node:fs";
import { pictureOf, readPicture } from "./javascript/run.mjs";
const file = (name) => new Uint8Array(readFileSync(name));
writeFileSync("read.bin", readPicture(file("bad.pnm")));
writeFileSync("made.bin", pictureOf(new Float32Array(file("answer.bin").buffer)));
let said = "";
try { readPicture(file("other.pnm")); } catch (error) { said = String(error); }
if (!said.includes("6 x 4 pixels")) throw new Error("another size was read");
"""
CPP = """
#include <cstring>
#define main main_of_the_bundle
#include "cpp/run.cpp"
#undef main
int main() {
  const auto raw = ReadPicture("bad.pnm");
  std::ofstream read("read.bin", std::ios::binary);
  read.write(reinterpret_cast<const char*>(raw.data()), kInputs);
  read.close();
  WritePicture("made.bin", Read<float>("answer.bin", kOutputs));
  try { ReadPicture("other.pnm"); } catch (const std::runtime_error& error) {
    return std::strstr(error.what(), "6 x 4 pixels") ? 0 : 2;
  }
  return 3;
}
"""


def folder_of(own: ImagePreprocessing, folder: Path) -> dict[str, bytes]:
    """A bundle without its model, with pictures; returns what each program must read and write."""
    from zoo.exporters.onnx.usage import usage

    random, shape = np.random.default_rng(0), (8, 12, own.channels)
    pixels = random.integers(0, 256, (4, 6, own.channels)).astype(np.uint8)
    answer = random.uniform(-0.2, 1.2, shape).astype(np.float32)
    # Halves, both ends, and what is no number.
    answer[0, :5, 0] = [0.5 / 255, 1.5 / 255, 0.0, 1.0, np.nan]
    plain = {"scale": None, "zero_point": None}
    given = {"name": "in", "shape": [1, *own.input_shape], "dtype": "float32", **plain}
    output = {"name": "out", "shape": [1, *shape], "dtype": "float32", "max_abs": 1e-4, **plain}
    facts = {
        "model": {"file": "net.onnx"},
        "input": {**given, "raw_dtype": own.dtype},
        "output": output,
        "outputs": [{**output, "answer": "picture"}],
        "answer": "picture",
        "preprocessing": asdict(own),
        "state": {"kept": False, "carried": {}},
        "golden": {"count": 3, "max_abs": 1e-4},
    }
    facts["inputs"] = [facts["input"]]
    request = UsageRequest(model=folder / "net.onnx", facts=facts, operators={}, target="")
    texts = {"metadata.json": json.dumps(facts), "labels.txt": "picture\n"}
    for name, text in {**usage(request).files, **texts}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    picture = Image.fromarray(pixels[:, :, 0] if own.channels == 1 else pixels)
    picture.save(folder / "bad.png")
    for name, one in (("bad", picture), ("other", picture.resize((7, 4)))):
        one.save(folder / f"{name}.pnm", "PPM")
    answer.tofile(folder / "answer.bin")
    raw = np.moveaxis(pixels, -1, 0) if own.layout == "nchw" else pixels
    head = b"P5" if own.channels == 1 else b"P6"
    made = head + b"\n12 8\n255\n" + pixels_of(answer).tobytes()
    return {"read.bin": raw.tobytes(), "made.bin": made}


@pytest.mark.parametrize("kind", CASES)
def test_every_program_reads_and_writes_the_same_pictures(
    kind: str, tmp_path: Path, compiled: Callable[..., Path]
) -> None:
    expected, programs = folder_of(CASES[kind], tmp_path), {}
    pytest.importorskip("onnxruntime")
    programs["Python"] = [sys.executable, "-c", PYTHON]
    if node := shutil.which("node"):
        (tmp_path / "picture.mjs").write_text(JAVASCRIPT)
        programs["JavaScript"] = [node, "picture.mjs"]
    if kind != "colours":
        (tmp_path / "picture.cpp").write_text(CPP)
        programs["C++"] = [str(compiled(tmp_path, "picture.cpp"))]
    for language, program in programs.items():
        for name in expected:
            (tmp_path / name).unlink(missing_ok=True)
        done = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (language, done.stderr)
        for name, content in expected.items():
            assert (tmp_path / name).read_bytes() == content, (language, name)
    for text in ("kotlin/Run.kt", "swift/main.swift"):
        program_text = (tmp_path / text).read_text(encoding="utf-8")
        assert "readPicture(" in program_text
        assert "writePicture(" in program_text
