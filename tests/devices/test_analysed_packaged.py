"""Packaged networks as written for microcontrollers and NPUs, examined for both."""

from __future__ import annotations

from pathlib import Path

import pytest

import zoo
from zoo.execution.devices import device_named
from zoo.execution.offline_analysis import analyse_file
from zoo.registry import PluginSettings, load_registry

pytest.importorskip("tensorflow")
REGISTRY = load_registry(PluginSettings(installed=False))
MODELS = ("lenet5.fashion_mnist", "resnet8.fashion_mnist", "lstm_small.fashion_mnist_rows")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("exported")
    for model in MODELS:
        run = zoo.export(
            model,
            output=folder,
            store=f"sqlite:///{folder / 'store.db'}",
            format=["tflite"],
            precision=["int8"],
            target="mcu",
        )
        assert run.passed
    return {model: folder / f"{model}.int8.tflite" for model in MODELS}


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_on_a_board(exported: dict[str, Path], model: str) -> None:
    pytest.importorskip("tflite_micro", reason="needs the extra micro")
    record = analyse_file(REGISTRY, device_named(REGISTRY, "nano33ble"), exported[model])
    assert (record.verdict, record.faults) == ("fits", ())
    assert any("golden inputs" in remark for remark in record.remarks)


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS)
def test_on_an_npu(exported: dict[str, Path], model: str) -> None:
    pytest.importorskip("ethosu.vela", reason="needs the extra ethos-u")
    record = analyse_file(REGISTRY, device_named(REGISTRY, "ethos-u55-256"), exported[model])
    assert record.passed
    share = next(figure for figure in record.figures if figure.name == "on the NPU")
    assert share.value > 90
    named = {str(row[0]) for row in record.tables[0].rows}
    assert "normalization" in named
    assert len(named) > 3
