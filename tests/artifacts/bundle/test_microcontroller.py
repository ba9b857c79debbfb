"""Firmware files: the array is the model, byte by byte; the arena and answers are measured."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from bundles import compiled, made, prepare_replay, run
from digit_files import registry, with_manifest

from zoo.artifacts.artifact import open_artifact
from zoo.contracts import Arena
from zoo.devices.microcontroller.arena import measure_arena
from zoo.exporters.tflite.microcontroller import resolver_methods

__all__ = ["compiled"]

#: Prints the array as it lies in memory, and whether it is aligned.
PRINT = """
#include <cstdint>
#include <cstdio>
#include "microcontroller/model_data.h"
int main() {
  std::fwrite(g_model, 1, g_model_size, stdout);
  return reinterpret_cast<std::uintptr_t>(g_model) % 16 == 0 ? 0 : 1;
}
"""
ARENA = Arena(bytes=4096, version="1.0")


@pytest.fixture
def firmware(copy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The file and its folder, without the package that measures."""
    measured = "zoo.devices.microcontroller.arena.measure_arena"
    monkeypatch.setattr(measured, lambda model, inputs: ARENA)
    file = copy("int8.tflite")
    return file, made(file, target="mcu").folder


def test_the_array_is_the_model(firmware: tuple[Path, Path], compiled: Callable[..., Path]) -> None:
    file, folder = firmware
    (folder / "print.cc").write_text(PRINT)
    program = compiled(folder, "-I", ".", "print.cc", "microcontroller/model_data.cc")
    done = subprocess.run([program], capture_output=True, check=False)
    assert done.returncode == 0  # aligned
    artifact = open_artifact(registry(), file)
    assert len(done.stdout) == artifact.contents.payload_bytes < file.stat().st_size
    assert hashlib.sha256(done.stdout).hexdigest() == artifact.contents.payload_sha256


def test_the_program_hands_over_and_compares(
    firmware: tuple[Path, Path], compiled: Callable[..., Path]
) -> None:
    file, folder = firmware
    sources = ("microcontroller/main.cc", "microcontroller/model_data.cc")
    program = compiled(folder, "-I", "microcontroller", *sources)
    sizes, received = prepare_replay(file, folder)
    right = run(folder, program, **sizes)
    assert (right.returncode, right.stdout.count(": ok")) == (0, 3)
    assert (folder / "received.bin").read_bytes() == received
    answers = (folder / "answers.bin").read_bytes()
    (folder / "answers.bin").write_bytes(answers[::-1])
    assert run(folder, program, **sizes).returncode == 1


def test_operators_are_those_of_the_file(firmware: tuple[Path, Path]) -> None:
    text = (firmware[1] / "microcontroller/operators.h").read_text()
    assert "MicroMutableOpResolver<2>" in text
    assert "resolver.AddFullyConnected()" in text
    assert "resolver.AddSoftmax()" in text


def test_names_of_resolver_methods() -> None:
    names = ["CONV_2D", "FULLY_CONNECTED", "UNIDIRECTIONAL_SEQUENCE_LSTM", "MAX_POOL_2D", "MUL"]
    assert resolver_methods([*names, "CUSTOM:Tea"]) == [
        *("AddConv2D", "AddFullyConnected", "AddMaxPool2D", "AddMul"),
        "AddUnidirectionalSequenceLSTM",
    ]


def test_other_targets_get_no_firmware(copy: Callable[[str], Path]) -> None:
    assert not any("microcontroller" in name for name in made(copy("int8.tflite")).files)


class TestMeasured:
    """With the real package."""

    @pytest.fixture(autouse=True)
    def package(self) -> None:
        pytest.importorskip("tflite_micro", reason="needs the extra micro")

    def test_the_arena_and_the_answers(self, copy: Callable[[str], Path]) -> None:
        file = copy("int8.tflite")
        folder = made(file, target="mcu").folder
        readme = (folder / "README.md").read_text()
        assert "the same class on 3 of 3" in readme
        header = (folder / "microcontroller/model_data.h").read_text()
        (line,) = (row for row in header.splitlines() if "kTensorArenaSize" in row)
        size = int(line.partition("=")[2].strip(" ;"))
        assert f"{size:,} bytes" in readme
        # Two tensors of 10 and 64 bytes, and what the interpreter keeps of five tensors and two
        # operators: a few hundred bytes to a few thousand.
        assert 200 < size < 5000

    def test_operators_that_it_lacks_are_named(self, tmp_path: Path) -> None:
        import numpy as np
        from ai_edge_litert import schema_py_generated as schema
        from digit_files import tflite_digits

        path = tflite_digits(tmp_path / "odd.tflite", integer=False)
        model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
        lacking = schema.BuiltinOperator.LOCAL_RESPONSE_NORMALIZATION
        model.operatorCodes[1].builtinCode = model.operatorCodes[1].deprecatedBuiltinCode = lacking
        import flatbuffers

        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        path.write_bytes(bytes(builder.Output()))
        arena = measure_arena(path, np.zeros((1, 1, 8, 8, 1), np.float32))
        assert arena.bytes is None
        assert arena.problem == "it has no operator LOCAL_RESPONSE_NORMALIZATION"


def test_the_arena_of_a_file_for_another_target_is_not_asked_for(
    copy: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("not to be called")

    monkeypatch.setattr("zoo.devices.microcontroller.arena.measure_arena", never)
    file = copy("int8.tflite")
    assert made(with_manifest(file, target="x86-vnni")).passed
