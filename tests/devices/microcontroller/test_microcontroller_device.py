"""Boards that nobody owns: operators, arena, memory and answers of files, by tflite-micro."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.artifacts.artifact import open_unaltered
from zoo.common.errors import MissingExtra, UsageError
from zoo.contracts import Figure, Specimen
from zoo.devices.microcontroller import outputs as micro_answers
from zoo.devices.microcontroller.board_table import board_names
from zoo.devices.microcontroller.boards import BoardOptions, board_of, boards
from zoo.devices.microcontroller.operators import suggested_fix
from zoo.devices.microcontroller.outputs import compare_outputs
from zoo.execution.device import Device
from zoo.execution.devices import add_device, device_named
from zoo.execution.offline_analysis import OfflineAnalysis, analyse_file, specimen_of
from zoo.registry import PluginSettings, load_registry
from zoo.testing.offline_analysis import PROBES, REAL_PROBES

REGISTRY = load_registry(PluginSettings(installed=False))
INTEGER, REAL = PROBES / "dense.tflite", REAL_PROBES / "dense.tflite"
pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


def figures(record: OfflineAnalysis) -> dict[str, Figure]:
    return {figure.name: figure for figure in record.figures}


def with_operators(source: Path, target: Path, names: Sequence[str]) -> Path:
    """The file with its operator, several times over, under other names."""
    import copy

    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(source.read_bytes(), 0)
    graph, (code,) = model.subgraphs[0], model.operatorCodes
    (operator,) = graph.operators
    model.operatorCodes, graph.operators = [], []
    for number, name in enumerate(names):
        other, again = copy.copy(code), copy.copy(operator)
        other.builtinCode = getattr(schema.BuiltinOperator, name)
        other.deprecatedBuiltinCode = min(other.builtinCode, 127)
        again.opcodeIndex = number
        model.operatorCodes.append(other)
        graph.operators.append(again)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    target.write_bytes(bytes(builder.Output()))
    return target


class TestTable:
    def test_every_board_says_who_says_so(self) -> None:
        assert {"nano33ble", "pico", "esp32", "esp32s3", "stm32f746disco"} <= {*board_names()}
        for name, board in boards().items():
            assert board.source, name
            assert 1024 < board.ram < board.flash or name == "bluepill", name

    def test_figures_of_ones_own_win(self) -> None:
        board = board_of(BoardOptions(board="nano33ble", ram="128KiB"))  # type: ignore[arg-type]
        assert (board.ram, board.flash) == (131072, 1 << 20)
        assert "devices.toml: ram" in board.source

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"board": "nano33bl"}, "did you mean 'nano33ble'"),
            ({"board": "mine", "flash": "1MiB"}, "give flash and ram"),
            ({"board": "pico", "ram": "lots"}, "must be a number of bytes"),
            ({"board": "pico", "ram": "-1"}, "must be a number of bytes"),
            ({"board": "pico", "rom": "1"}, "there is no such key; did you mean 'ram'"),
        ],
    )
    def test_wrong_options(self, options: dict[str, str], message: str) -> None:
        with pytest.raises(UsageError, match=message):
            add_device(REGISTRY, "x", "microcontroller", options)


class TestExamined:
    """With the real packages."""

    @pytest.fixture(autouse=True)
    def package(self) -> None:
        pytest.importorskip("tflite_micro", reason="needs the extra micro")
        pytest.importorskip("ai_edge_litert")

    def test_a_file_that_fits(self) -> None:
        record = analyse_file(REGISTRY, device_named(REGISTRY, "nano33ble"), INTEGER)
        assert (record.verdict, record.passed, record.faults) == ("fits", True, ())
        found = figures(record)
        # Two tensors of 16 bytes and the interpreter's books on four tensors and one operator.
        assert 200 < found["RAM"].value < 5000
        assert found["flash"].value == INTEGER.stat().st_size
        assert (found["difference"].value, found["difference"].limit) == (0, 1)
        assert not any(figure.unit == "ms" for figure in record.figures)
        assert record.tables[0].rows == (("FULLY_CONNECTED", 1, "yes"),)
        assert record.configuration["source"].startswith("https://docs.arduino.cc/")

    def test_a_board_that_is_too_small(self) -> None:
        options = {"board": "speck", "flash": "700B", "ram": "4KiB", "other_ram": "3500"}
        record = analyse_file(
            REGISTRY, add_device(REGISTRY, "speck", "microcontroller", options), INTEGER
        )
        assert (record.verdict, record.passed) == ("does not fit", False)
        assert [fault.split(" takes")[0] for fault in record.faults] == [
            "the tensor arena",
            "the model",
        ]
        assert figures(record)["RAM"].limit == 4096 - 3500

    def test_real_numbers_fit_too(self) -> None:
        record = analyse_file(REGISTRY, device_named(REGISTRY, "pico"), REAL)
        assert record.passed
        assert figures(record)["difference"].unit == ""

    def test_every_operator_that_is_missing(self, tmp_path: Path) -> None:
        names = ("LOCAL_RESPONSE_NORMALIZATION", "FULLY_CONNECTED", "LSH_PROJECTION")
        file = with_operators(INTEGER, tmp_path / "odd.tflite", names)
        record = analyse_file(REGISTRY, device_named(REGISTRY, "pico"), file)
        assert (record.verdict, record.passed) == ("cannot run", False)
        assert "no operator LOCAL_RESPONSE_NORMALIZATION, LSH_PROJECTION;" in record.faults[0]
        assert figures(record)["operators it lacks"].value == 2
        there = {str(name): there for name, _, there in record.tables[0].rows}
        assert there == {names[0]: "no", names[1]: "yes", names[2]: "no"}
        assert "RAM" not in figures(record)  # nobody measured it


def specimen() -> Specimen:
    return specimen_of(open_unaltered(REGISTRY, INTEGER))


def answers(expected: list[list[int]], found: list[list[int]], monkeypatch: Any) -> Any:
    """What is made of LiteRT's answers `expected` and tflite-micro's `found`."""
    import json

    from zoo.common.tools import ProgramExit

    done = ProgramExit(code=0, stdout=json.dumps(expected), stderr="", seconds=1.0)
    monkeypatch.setattr(micro_answers, "run_module", lambda *_, **__: done)
    monkeypatch.setattr(micro_answers, "installed", lambda _: True)
    taken = np.zeros((len(found), 1, 4), np.int8)
    return compare_outputs(specimen(), taken, np.array(found))


class TestAnswers:
    def test_one_step_is_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        same = answers([[3, -5, 7]], [[3, -4, 7]], monkeypatch)
        assert (same.fault, same.figures[0].value) == ("", 1)

    def test_two_are_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        other = answers([[3, -5, 7]], [[3, -3, 7]], monkeypatch)
        assert "by 2 steps where 1 is allowed" in other.fault
        assert "random inputs" in other.fault

    @pytest.mark.parametrize(
        "lie", ["words", [["fast"]], [[1, 2], [3]], [[1]], {"a": 1}, [[[1, 2, 3]]], 7]
    )
    def test_what_is_no_answer_is_not_compared(
        self, monkeypatch: pytest.MonkeyPatch, lie: Any
    ) -> None:
        told = answers(lie, [[3, -5, 7]], monkeypatch)
        assert (told.figures, told.fault) == ((), "")
        assert "not compared: of LiteRT's reference kernels its outputs" in told.remark

    def test_without_the_reference_nothing_is_said_of_them(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(micro_answers, "installed", lambda _: False)
        told = compare_outputs(specimen(), np.zeros((1, 1, 4), np.int8), np.zeros((1, 3)))
        assert told.figures == ()
        assert "not compared" in told.remark


@pytest.mark.parametrize(
    ("precision", "words"),
    [("float16", "float32 where flash allows"), ("dynamic-int8", "--precision int8")],
)
def test_the_nearest_form_that_works(precision: str, words: str) -> None:
    from dataclasses import replace

    assert words in suggested_fix(replace(specimen(), precision=precision), ())
    assert "resolver" in suggested_fix(specimen(), ["LSH_PROJECTION"])


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.devices.microcontroller.arena.installed", lambda _: False)
    device: Device = device_named(REGISTRY, "pico")
    with pytest.raises(MissingExtra, match="tflite_micro") as caught:
        analyse_file(REGISTRY, device, INTEGER)
    assert caught.value.fix == 'pip install "edgezoo[micro]"'


def test_other_formats_are_refused() -> None:
    with pytest.raises(UsageError, match="'pico' takes no onnx files"):
        analyse_file(REGISTRY, device_named(REGISTRY, "pico"), REAL_PROBES / "dense.onnx")
