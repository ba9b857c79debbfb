"""Ethos-U NPUs that nobody owns: Vela's estimates, and what they are for."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from zoo.artifacts.artifact import open_unaltered
from zoo.common.errors import MissingExtra, UnknownName, Unsupported, UsageError, ZooError
from zoo.common.tools import ProgramExit, run_module
from zoo.contracts import Figure, Specimen
from zoo.devices.ethos_u import vela
from zoo.devices.ethos_u.driver import layer_table
from zoo.devices.ethos_u.vela import Layer
from zoo.devices.ethos_u.vela_options import EthosUOptions
from zoo.execution.devices import add_device, device_named
from zoo.execution.offline_analysis import OfflineAnalysis, analyse_file, specimen_of
from zoo.registry import PluginSettings, load_registry
from zoo.testing.offline_analysis import PROBES, REAL_PROBES

REGISTRY = load_registry(PluginSettings(installed=False))
INTEGER, REAL = PROBES / "dense.tflite", REAL_PROBES / "dense.tflite"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


def figures(record: OfflineAnalysis) -> dict[str, Figure]:
    return {figure.name: figure for figure in record.figures}


class TestExamined:
    """With Vela itself."""

    @pytest.fixture(autouse=True)
    def package(self) -> None:
        pytest.importorskip("ethosu.vela", reason="needs the extra ethos-u")

    @pytest.mark.parametrize(
        ("name", "system", "memory"),
        [
            ("ethos-u55-128", "Ethos_U55_High_End_Embedded", "Shared_Sram"),
            ("ethos-u55-256", "Ethos_U55_High_End_Embedded", "Shared_Sram"),
            ("ethos-u65-512", "Ethos_U65_Client_Server", "Dedicated_Sram_384KB"),
            ("ethos-u85-256", "Ethos_U85_SYS_DRAM_Mid", "Dedicated_Sram_384KB"),
        ],
    )
    def test_estimates_say_what_they_are_for(self, name: str, system: str, memory: str) -> None:
        record = analyse_file(REGISTRY, device_named(REGISTRY, name), INTEGER)
        assert record.passed
        assert record.verdict.endswith("ms estimated")
        assert all(figure.estimate for figure in record.figures)
        told = record.configuration
        assert (told["accelerator"], told["system configuration"]) == (name, system)
        assert told["memory mode"] == memory
        assert "nothing was measured" in record.remarks[0]
        found = figures(record)
        assert found["on the NPU"].value == 100
        clock = float(str(told["clock"]).split()[0]) * 1e6
        assert found["NPU time"].value == pytest.approx(found["NPU cycles"].value / clock * 1e3)
        (row,) = record.tables[0].rows
        assert (row[0], row[2], row[5]) == ("dense", "NPU", 12)  # 4 inputs × 3 outputs

    def test_limits_and_the_compiled_file(self, tmp_path: Path) -> None:
        given = {"accelerator": "ethos-u55-64", "flash": "16B", "keep": "out/kept"}
        device = add_device(REGISTRY, "npu", "ethos-u", given)
        record = analyse_file(REGISTRY, device, INTEGER)
        assert (record.verdict, record.passed) == ("does not fit", False)
        assert "of flash by Vela's estimate" in record.faults[0]
        kept = tmp_path / "out" / "kept" / "dense.ethos-u55-64.vela.tflite"
        assert record.files == (str(Path("out/kept") / kept.name),)
        assert kept.read_bytes()[4:8] == b"TFL3"

    def test_a_configuration_that_there_is_not(self) -> None:
        given = {"accelerator": "ethos-u55-64", "system_config": "Ethos_U55_High_End_Embeded"}
        device = add_device(REGISTRY, "npu", "ethos-u", given)
        with pytest.raises(UnknownName, match="system config") as caught:
            analyse_file(REGISTRY, device, INTEGER)
        assert "Ethos_U55_High_End_Embedded" in str(caught.value.fix)

    def test_half_a_file(self, tmp_path: Path) -> None:
        options = EthosUOptions(accelerator="ethos-u55-64")
        with pytest.raises(ZooError, match=r"cannot compile half\.tflite") as caught:
            vela.estimate(options, "half.tflite", INTEGER.read_bytes()[:300])
        assert caught.value.why
        assert "Traceback" not in str(caught.value)

    def test_a_configuration_of_ones_own(self, tmp_path: Path) -> None:
        (tmp_path / "mine.ini").write_text("no configuration")
        given = {"accelerator": "ethos-u55-64", "config": "mine.ini"}
        device = add_device(REGISTRY, "npu", "ethos-u", given)
        with pytest.raises(UsageError, match="is no Vela configuration"):
            analyse_file(REGISTRY, device, INTEGER)


def test_real_numbers_are_refused() -> None:
    with pytest.raises(Unsupported, match="computes in real numbers") as caught:
        analyse_file(REGISTRY, device_named(REGISTRY, "ethos-u55-128"), REAL)
    assert "none of its 1 computing operators" in str(caught.value.why)
    assert "--precision int8" in str(caught.value.fix)


def test_without_vela(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vela, "installed", lambda _: False)
    with pytest.raises(MissingExtra) as caught:
        analyse_file(REGISTRY, device_named(REGISTRY, "ethos-u55-128"), INTEGER)
    assert caught.value.fix == 'pip install "edgezoo[ethos-u]"'


def test_an_accelerator_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="'ethos-u55-128'"):
        add_device(REGISTRY, "npu", "ethos-u", {"accelerator": "ethos-u55-127"})
    with pytest.raises(UnknownName, match="did you mean 'ethos-u55-128'"):
        device_named(REGISTRY, "ethos-u55-12")


def operation(original: str, name: str, cycles: float, target: str = "NPU") -> Layer:
    return Layer(original=original, name=name, target=target, cycles=cycles, macs=cycles * 32)


def test_operations_are_gathered_by_layer() -> None:
    from dataclasses import replace

    made: Specimen = replace(
        specimen_of(open_unaltered(REGISTRY, INTEGER)), layers=("stem", "pool", "head")
    )
    operations = [
        operation("Conv2D", "stem_1/Relu;stem_1/Conv2D", 60),
        operation("Conv2D", "stem_1/Relu_act", 0),
        operation("Mean", "pool_1/Mean", 10, "CPU"),
        operation("Softmax", "head_1/MatMul_softmax_0", 20),
        operation("Softmax", "StatefulPartitionedCall_1:0", 20),
    ]
    table = layer_table(EthosUOptions(accelerator="ethos-u55-64"), made, operations)
    rows: list[tuple[Any, ...]] = [row[:4] for row in table.rows]
    assert rows == [
        ("stem", "Conv2D", "NPU", 60),
        ("pool", "Mean", "CPU", None),
        ("head", "Softmax", "NPU", 40),
    ]
    assert [row[6] for row in table.rows] == [50, None, 50]


SUMMARY = {
    "inference_time": "0.001",
    "cycles_total": "1000",
    "core_clock": "1e6",
    "sram_memory_used": "1",
    "dram_memory_used": "0",
    "on_chip_flash_memory_used": "nan",
    "off_chip_flash_memory_used": "2",
}
LAYER = {"Original Operator": "Conv2D", "Name": "a", "Target": "NPU", "Op Cycles": "9"}


@pytest.mark.parametrize(
    ("summary", "layer", "words"),
    [
        ({}, {}, ""),
        ({"inference_time": "fast"}, {}, "could not convert"),
        ({"inference_time": "nan"}, {}, "inference_time is nan"),
        ({"cycles_total": "0"}, {}, "cycles_total is 0"),
        ({"core_clock": "-1e6"}, {}, "a figure is -1e6"),
        ({"sram_memory_used": "inf"}, {}, "a figure is inf"),
        ({}, {"Op Cycles": "many"}, "could not convert"),
        ({}, {"MAC Count": None}, "tables are not as expected"),
        ({}, {"Name": "x" * 200_000}, "field larger than"),
        ({}, {"Name": "x" * (17 << 20)}, "bytes"),
    ],
)
def test_tables_of_words_are_no_estimate(
    monkeypatch: pytest.MonkeyPatch, summary: dict[str, str], layer: dict[str, Any], words: str
) -> None:
    rows = {**LAYER, "MAC Count": "1", **layer}

    def compiled(module: str, arguments: list[str], *, seconds: float) -> ProgramExit:
        out = Path(arguments[-2])
        out.mkdir()
        for name, row in (("a_summary_b", {**SUMMARY, **summary}), ("a_per-layer", rows)):
            values = [value for value in row.values() if value is not None]
            (out / f"{name}.csv").write_text(",".join(row) + "\n" + ",".join(values) + "\n")
        (out / "a_vela.tflite").write_bytes(b"")
        return ProgramExit(code=0, stdout="", stderr="", seconds=seconds)

    monkeypatch.setattr(vela, "run_module", compiled)
    monkeypatch.setattr(vela, "vela_version", lambda: "1.0")
    monkeypatch.setattr(vela, "config_file", lambda _: Path("x.ini"))
    monkeypatch.setattr(vela, "check_sections", lambda *_: None)
    options = EthosUOptions(accelerator="ethos-u55-64")
    if not words:
        assert vela.estimate(options, "a.tflite", b"").flash == 2048
        return
    with pytest.raises(ZooError, match=r"Vela 1\.0 cannot compile a\.tflite") as caught:
        vela.estimate(options, "a.tflite", b"")
    assert words in (caught.value.why or "")


def test_programs_of_others_are_ended_and_named(tmp_path: Path, monkeypatch: Any) -> None:
    (tmp_path / "slow.py").write_text("import time; time.sleep(60)")
    (tmp_path / "dead.py").write_text("import os; os.kill(os.getpid(), 11)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert run_module("slow", [], seconds=0.5).failure == "it took more than 0.5 s and was ended"
    assert run_module("dead", [], seconds=60).failure == "it was killed by SIGSEGV"
    if sys.platform == "linux":
        (tmp_path / "greedy.py").write_text("b = bytearray(1 << 46)")
        greedy = run_module("greedy", [], seconds=60)
        assert greedy.code == 1
        assert "MemoryError" in greedy.stderr
