"""The kit passes an analysis that keeps its word, and catches each way to break it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest
from device_kinds import MadeDriver, kind_of

from zoo.common.errors import BadFile, UsageError
from zoo.contracts import DeviceDriver, Examination, Figure, Specimen
from zoo.contracts.checks import InvalidRecord
from zoo.execution.device import Device
from zoo.execution.driver_guard import DriverFailed
from zoo.registry import PluginSettings, load_registry
from zoo.testing.devices import DeviceConformance, checks_of
from zoo.testing.offline_analysis import OFFLINE_CHECKS
from zoo.testing.selection import select
from zoo.testing.verdict import Verdict

REGISTRY = load_registry(PluginSettings(installed=False))


def honest(driver: DeviceDriver[None], specimen: Specimen) -> Examination:
    """Weighs a file."""
    content = specimen.path.read_bytes()
    if len(content) < specimen.contents.payload_bytes:
        raise BadFile(f"{specimen.path.name} is cut off")
    return Examination(
        verdict="fits",
        figures=(Figure(name="flash", value=len(content), unit="B"),),
        configuration={"scales": "kitchen"},
        tools={"scales": "1.0"},
    )


def changed(**changes: Any) -> Any:
    """An analysis that is honest but for `changes`."""
    from dataclasses import replace

    return lambda driver, specimen: replace(honest(driver, specimen), **changes)


def verdict(check: str, examine: Any = honest, **changes: Any) -> Verdict:
    methods = {"examine": examine, "runtimes": lambda driver: ["scales"]}
    methods |= {name: changes.pop(name) for name in ("fingerprint", "runtimes") if name in changes}
    record = {"formats": ("tflite",), "clock": "estimated", **changes}
    kind = kind_of("scales", methods=methods, **record)
    device = Device(name="kitchen", kind=kind)
    assert checks_of(device) == OFFLINE_CHECKS
    return DeviceConformance(REGISTRY, device).check(check)


@pytest.mark.parametrize("check", OFFLINE_CHECKS)
def test_an_honest_one(check: str) -> None:
    found = verdict(check)
    assert (found.status, found.fix) == ("passed", ""), found.measured


def random(driver: DeviceDriver[None], specimen: Specimen) -> Examination:
    return changed(figures=(Figure(name="luck", value=secrets.randbelow(1 << 60)),))(
        driver, specimen
    )


def littering(driver: DeviceDriver[None], specimen: Specimen) -> Examination:
    specimen.path.with_suffix(".log").write_text("done")
    return honest(driver, specimen)


def altering(driver: DeviceDriver[None], specimen: Specimen) -> Examination:
    found = honest(driver, specimen)
    if specimen.path.name.startswith("-"):  # not the kit's own
        specimen.path.write_bytes(b"changed")
    return found


def by_name(driver: DeviceDriver[None], specimen: Specimen) -> Examination:
    return changed(figures=(Figure(name="name", value=len(specimen.path.name)),))(driver, specimen)


def blind(driver: DeviceDriver[None], specimen: Specimen) -> Examination:
    return Examination(
        verdict="fits",
        figures=(Figure(name="flash", value=7.0, unit="B"),),
        configuration={"scales": "none"},
        tools={"guess": "1"},
    )


@pytest.mark.parametrize(
    ("check", "examine", "message"),
    [
        ("examine", changed(figures=()), "no figure is reported"),
        ("examine", changed(tools={}), "the tools that made the figures are not named"),
        (
            "examine",
            changed(configuration={}),
            "the configuration that the figures are for is not given",
        ),
        ("repeat", random, "figures differ"),
        ("read", blind, "two files have the same figures"),
        ("names", littering, "behind"),
        ("names", altering, "the file was changed"),
        ("names", by_name, "depend on the file's name"),
        ("refuse", blind, "half a file: fits"),
        ("examine", lambda driver, specimen: 1 / 0, "division by zero"),
    ],
)
def test_wrong_ones(check: str, examine: Any, message: str) -> None:
    found = verdict(check, examine)
    assert found.status == "failed"
    assert message in found.measured


def test_what_does_not_describe_itself() -> None:
    assert verdict("describe", fingerprint=lambda driver: secrets.token_hex(4)).status == "failed"
    missing = verdict("describe", runtimes=lambda driver: [])
    assert "not here" in missing.measured
    assert verdict("examine", formats=("gguf",)).status == "skipped"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"formats": ()}, "the driver of a kind without formats needs connect"),
        ({"examine": None}, "the driver of a kind that names formats needs"),
    ],
)
def test_records_that_contradict_their_drivers(changes: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"formats": ("tflite",), "clock": "estimated", "examine": honest}
    values |= {"base": DeviceDriver, **changes}
    examine = values.pop("examine")
    kind = kind_of("scales", methods={"examine": examine} if examine else {}, **values)
    with pytest.raises(DriverFailed, match="of kind 'scales' failed to start") as caught:
        Device(name="kitchen", kind=kind).fingerprint()
    assert message in (caught.value.why or "")


def test_an_analysis_estimates() -> None:
    with pytest.raises(InvalidRecord, match="clock must say so"):
        verdict("describe", clock="real")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"verdict": ""}, "has a verdict"),
        ({"figures": (Figure(name="RAM", value=2, limit=1),)}, "beyond its limit: RAM"),
        ({"figures": (Figure(name="ms", value=2, estimate=True),)}, "names the configuration"),
    ],
)
def test_examinations_that_contradict_themselves(given: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"verdict": "fits", "figures": ()}
    with pytest.raises(InvalidRecord, match=message):
        Examination(**{**values, **given})


def test_figures_are_numbers() -> None:
    with pytest.raises(InvalidRecord, match="finite"):
        Figure(name="RAM", value=float("nan"))


def test_no_agent_is_started_on_an_analysis() -> None:
    with pytest.raises(UsageError, match="no program can be started"):
        DeviceDriver.connect(MadeDriver(None))


def test_one_of_many_known_devices_stands_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    chosen = select(REGISTRY, "microcontroller")
    assert [device.name for device in chosen.devices] == ["nano33ble"]
    assert chosen.device_checks == OFFLINE_CHECKS
    assert [device.name for device in select(REGISTRY, "pico").devices] == ["pico"]
