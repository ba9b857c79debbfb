"""Programs of a bundle code whole numbers as the zoo does, and decode them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bundle_programs import lines_of, runnable, write_programs

from zoo.artifacts.bundle.facts import code_facts, code_files
from zoo.contracts import ImagePreprocessing, PartPreprocessing
from zoo.tasks.image_compression.coder import CodeCoder
from zoo.tasks.image_compression.counting import counted_tables
from zoo.tasks.image_compression.file_checks import codes_of

pytest.importorskip("jinja2")

SHAPE = (3, 4, 5)
COUNT = 60
SPREADS = (0.02, 0.6, 2.0, 9.0, 70.0)
PYTHON = """
import sys; sys.path.insert(0, "python")
from pathlib import Path
import numpy as np, run
answer = np.fromfile("answer.bin", np.float32).reshape(1, 3, 4, 5)
coded = run.encode_code(run.whole(answer))
Path("coded.bin").write_bytes(coded)
run.decode_code(Path("given.bin").read_bytes(), (60,)).tofile("codes.bin")
print(run.in_words([answer]))
for name in sys.argv[1:]:
    try:
        run.decode_code(Path(name).read_bytes(), (60,))
        print("read")
    except ValueError:
        print("refused")
"""
JAVASCRIPT = """
import { readFileSync, writeFileSync } from "node:fs";
import { coderOf, wholeOf } from "./javascript/run.mjs";
const file = (name) => new Uint8Array(readFileSync(name));
const coder = coderOf(readFileSync("tables.txt", "utf8"));
const answer = new Float32Array(file("answer.bin").buffer);
const coded = coder.encode(wholeOf(answer));
writeFileSync("coded.bin", coded);
writeFileSync("codes.bin", new Uint8Array(coder.decode(file("given.bin")).buffer));
console.log(`60 whole numbers in ${coded.length} bytes`);
for (const name of process.argv.slice(2)) {
  try { coder.decode(file(name)); console.log("read"); } catch { console.log("refused"); }
}
"""
CPP = """
#include <iostream>
// Its own program is compiled, too.
#define main main_of_the_bundle
#include "cpp/run.cpp"
#undef main
std::vector<std::uint8_t> Bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}
int main(int argc, char** argv) {
  const Coder coder("");
  const auto answer = Read<float>("answer.bin", kOutputs);
  const auto coded = Coded(coder, answer);
  std::ofstream made("coded.bin", std::ios::binary);
  for (const std::uint8_t byte : coded) made.put(static_cast<char>(byte));
  const auto codes = coder.Decode(Bytes("given.bin"));
  std::ofstream back("codes.bin", std::ios::binary);
  back.write(reinterpret_cast<const char*>(codes.data()), kOutputs * 2);
  std::cout << InWords(answer, "") << "\\n";
  for (int number = 1; number < argc; ++number) {
    try {
      coder.Decode(Bytes(argv[number]));
      std::cout << "read\\n";
    } catch (const std::runtime_error&) {
      std::cout << "refused\\n";
    }
  }
}
"""


def answers() -> np.ndarray:
    """Codes in real numbers: halves, numbers without a frequency, and what is no number."""
    random = np.random.default_rng(5)
    values = random.laplace(0, SPREADS, (6, *SHAPE)).astype(np.float32)
    values[1] = np.rint(values[1]) + 0.5
    values[2, 0, 0] = [1e9, -1e9, 40000, np.nan, 3000]
    values[3] = 0
    return values


@pytest.fixture(scope="module")
def coder() -> CodeCoder:
    return CodeCoder(counted_tables(codes_of(answers()[:1])))


@pytest.fixture(scope="module")
def decoding() -> dict[str, float | str]:
    return {"tables": counted_tables(codes_of(answers()[:1])).text}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, decoding: dict[str, float | str]) -> Path:
    """What the bundle of an encoder has beside its model."""
    folder = write_programs(
        tmp_path_factory.mktemp("codes"),
        ImagePreprocessing(height=24, width=32, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3),
        SHAPE,
        "code",
        ("picture",),
        code=code_facts(decoding),
    )
    for name, text in code_files(decoding).items():
        (folder / name).write_text(text)
    (folder / "code.mjs").write_text(JAVASCRIPT)
    (folder / "code.cpp").write_text(CPP)
    return folder


def wrong_files(folder: Path, coded: bytes) -> list[str]:
    """The coded picture itself, and what is no such."""
    made = {
        "whole": coded,
        "cut": coded[:-2],
        "odd": coded[:-1],
        "longer": coded + b"\0\0",
        "foreign": b"\x89PNG" + coded,
        "empty": b"",
        "head": coded[:8],
        "escapes": coded[:2] + b"\xff\xff" + coded[4:],
        "state": coded[:4] + bytes([coded[4] ^ 1]) + coded[5:],
    }
    for name, content in made.items():
        (folder / f"{name}.coded").write_bytes(content)
    return [f"{name}.coded" for name in made]


def test_every_program_codes_as_the_zoo_does(
    bundle: Path, coder: CodeCoder, compiled: Callable[..., Path]
) -> None:
    programs = runnable(bundle, "code", PYTHON, compiled)
    every = codes_of(answers())
    given = coder.encode(every)
    names = wrong_files(bundle, given[0])
    for number, answer in enumerate(answers()):
        answer.tofile(bundle / "answer.bin")
        # Another one is decoded than is coded.
        (bundle / "given.bin").write_bytes(given[number - 1])
        for language, program in programs.items():
            for left in ("coded.bin", "codes.bin"):
                (bundle / left).unlink(missing_ok=True)
            told, *others = lines_of(bundle, *program, *names)
            where = (language, number)
            assert (bundle / "coded.bin").read_bytes() == given[number], where
            codes = np.fromfile(bundle / "codes.bin", "<i2")
            np.testing.assert_array_equal(codes, every[number - 1].reshape(-1), str(where))
            assert told == f"60 whole numbers in {len(given[number])} bytes"
            assert others == ["read", *["refused"] * (len(names) - 1)], where


def test_programs_of_a_decoder_read_coded_pictures(
    tmp_path: Path, decoding: dict[str, float | str], compiled: Callable[..., Path]
) -> None:
    record = PartPreprocessing(
        shape=SHAPE, low=-9, high=9, before="encoder", output="code", whole_numbers=True
    )
    folder = write_programs(
        tmp_path, record, (24, 32, 3), "picture", ("picture",), code=code_facts(decoding)
    )
    compiled(folder, "cpp/run.cpp")
    for path, told in (
        ("cpp/run.cpp", "coder.Decode(bytes)"),
        ("kotlin/Run.kt", "coder.decode(File(path).readBytes())"),
        ("swift/main.swift", "coder.decode([UInt8]"),
        ("javascript/run.mjs", "coder.decode(new Uint8Array(coded))"),
        ("python/run.py", 'decode_code(Path(path).read_bytes(), INPUT["shape"])'),
    ):
        text = (folder / path).read_text(encoding="utf-8")
        assert told in text, path
        # A decoder takes no pictures.
        assert "eadPicture" not in text, path
    assert "made" in (folder / "javascript" / "node.mjs").read_text(encoding="utf-8")


@pytest.mark.parametrize("changed", [b"0:1,", b"\xff", b"", None])
def test_changed_tables_are_told_in_a_sentence(
    bundle: Path, tmp_path: Path, changed: bytes | None
) -> None:
    """Not by a traceback, nor by codes of other tables."""
    folder = tmp_path / "changed"
    shutil.copytree(bundle, folder)
    tables = folder / "tables.txt"
    content = tables.read_bytes()
    if changed is None:
        tables.unlink()
    else:
        tables.write_bytes(changed + content[len(changed) or 3 :])
    command = [sys.executable, "python/run.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("tables.txt ")
    assert done.stderr.endswith(": take it from the bundle again\n")
    assert "Traceback" not in done.stderr


def test_programs_that_nothing_here_compiles_have_the_coder(bundle: Path) -> None:
    for text, marks in (
        ("kotlin/Run.kt", ("class Coder(folder: File)", "inWords(answer, coder)", "readPicture(")),
        ("swift/main.swift", ("struct Coder", "try inWords(answer)", "readPicture(")),
    ):
        program = (bundle / text).read_text(encoding="utf-8")
        for mark in marks:
            assert mark in program, text
        digest = json.loads((bundle / "metadata.json").read_text())["code"]["digest"]
        assert f"0x{digest[:2]}" in program
