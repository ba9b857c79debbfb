"""Each kind says which runtimes its setup brings, so that errors name it where it helps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo.benchmark.cells import Cell, time_cells
from zoo.benchmark.tiers import tier_named
from zoo.common.errors import ZooError
from zoo.common.worker import Children
from zoo.devices.local import gpu
from zoo.execution.device import Device, device_of
from zoo.execution.devices import runtime_on
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
BOTH = {"tflite", "onnx"}
#: Kind, options, and the formats for which the setup brings a runtime.
SETUPS: list[tuple[str, dict[str, Any], set[str]]] = [
    ("browser", {}, BOTH),
    ("browser", {"page": "phone"}, BOTH),
    ("emulated", {"board": "pi4"}, BOTH),
    ("gpu", {}, {"onnx"}),
    ("gpu", {"python": "cuda"}, set()),
    ("host", {}, {"tflite"}),
    ("host", {"python": "mine"}, set()),
    ("ssh", {"host": "pi4"}, BOTH),
    ("ssh", {"host": "pi4", "python": "uv"}, set()),
    ("ssh", {"host": "pi4", "python": "/opt/own"}, set()),
    ("adb", {}, set()),
    ("microcontroller", {"board": "nano33ble"}, set()),
    ("ethos-u", {"accelerator": "ethos-u55-128"}, set()),
]


def device(kind: str, options: dict[str, Any]) -> Device:
    return device_of(REGISTRY, "mine", REGISTRY.devices.get(kind), options)


def test_no_kind_is_forgotten() -> None:
    assert {kind for kind, _, _ in SETUPS} == set(REGISTRY.devices.names())


@pytest.mark.parametrize(("kind", "options", "formats"), SETUPS)
def test_formats_for_which_a_setup_brings_a_runtime(
    kind: str, options: dict[str, Any], formats: set[str]
) -> None:
    found = device(kind, options).setup_runtimes
    assert {f for name in found for f in REGISTRY.runtimes.get(name).formats} == formats


@pytest.mark.parametrize(
    ("kind", "options", "format"),
    [
        (kind, options, format)
        for kind, options, _ in SETUPS
        for format in sorted(BOTH)
        if kind in ("browser", "gpu", "emulated", "ssh", "adb")
    ],
)
def test_a_missing_runtime_is_brought_by_the_setup_or_by_hand(
    kind: str, options: dict[str, Any], format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = device(kind, options)
    monkeypatch.setattr(type(one.driver), "runtimes", lambda driver: [])
    formats = next(f for k, o, f in SETUPS if (k, o) == (kind, options))
    with pytest.raises(ZooError, match=f"'mine' cannot run {format} files") as caught:
        runtime_on(REGISTRY.exporters.get(format), one)
    assert (caught.value.fix == "type: zoo devices setup mine") == (format in formats)


def test_a_gpu_that_runs_one_format_is_not_set_up_for_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = device("gpu", {})
    monkeypatch.setattr(type(one.driver), "runtimes", lambda driver: ["onnxruntime"])
    with pytest.raises(ZooError, match="'mine' cannot run tflite files") as caught:
        runtime_on(REGISTRY.exporters.get("tflite"), one)
    assert caught.value.fix == (
        "install one there by hand; zoo devices setup mine brings onnxruntime-webgpu alone, and "
        "none for tflite files"
    )


@pytest.mark.parametrize("there", [False, True])
def test_without_a_gpu_the_setup_is_named_with_its_format(
    monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    made = {"onnxruntime-webgpu": Path("python")} if there else {}
    monkeypatch.setattr(gpu, "environments", lambda of: made)
    monkeypatch.setattr(gpu.GpuDriver, "gpu_support", ({}, {"litert": "no adapters"}))
    with pytest.raises(gpu.NoGpu) as caught:
        device("gpu", {}).driver.runtimes()
    brings = (
        " (zoo devices setup gpu brings onnxruntime-webgpu for onnx files, on GPUs of all makers)"
    )
    assert caught.value.fix == (
        f"install the GPU's driver and a runtime for it{'' if there else brings}, then try: "
        "zoo devices doctor gpu"
    )


def test_a_runtime_that_was_named_is_brought_by_the_setup(
    files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.artifacts.artifact import open_unaltered

    one = device("host", {})
    monkeypatch.setattr(type(one.driver), "runtimes", lambda driver: ["litert"])
    artifact = open_unaltered(REGISTRY, files["dense"])
    cells = [
        Cell(artifact=artifact, runtime=name, threads=1, check=None)
        for name in ("tflite-runtime", "openvino")
    ]
    found = time_cells(REGISTRY, one, cells, tier_named("smoke"), children=Children())
    fixes = [timed.result.fix for timed in found if isinstance(timed.result, ZooError)]
    assert fixes == [
        "type: zoo devices setup mine",
        "`zoo devices doctor mine` shows the runtimes that are there",
    ]
