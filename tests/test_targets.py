"""Targets: found by name, by another name, or as this machine."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from zoo import targets
from zoo.common.errors import UnknownName, UsageError
from zoo.contracts import Target
from zoo.contracts.checks import InvalidRecord
from zoo.registry import load_registry
from zoo.targets import host_target, target_named

REGISTRY = load_registry()


def fake_host(monkeypatch, machine, *flags):
    monkeypatch.setattr(targets.platform, "machine", lambda: machine)
    monkeypatch.setattr(targets, "cpu_flags", lambda: frozenset(flags))


@pytest.mark.parametrize(
    ("machine", "flags", "expected"),
    [
        ("x86_64", ["sse4_2", "avx512_vnni"], "x86-vnni"),
        ("x86_64", ["avx2", "avx_vnni"], "x86-vnni"),
        ("x86_64", ["avx2"], "x86-avx2"),
        ("x86_64", [], "x86-avx2"),
        ("aarch64", ["asimd"], "arm64"),
        ("aarch64", ["asimd", "asimddp"], "arm64-dotprod"),
        ("armv7l", ["neon"], "armv7"),
    ],
)
def test_host_is_recognised(monkeypatch, machine, flags, expected):
    fake_host(monkeypatch, machine, *flags)
    assert host_target(REGISTRY).name == expected
    assert target_named(REGISTRY, "auto").name == expected


def test_unknown_host_is_asked_for_a_name(monkeypatch):
    fake_host(monkeypatch, "sparc64", "avx512_vnni")
    with pytest.raises(UsageError, match=r"no target describes this machine \(sparc64\)"):
        target_named(REGISTRY, "auto")
    assert target_named(REGISTRY, "mcu").name == "mcu"


def test_flags_are_read_from_the_processor(monkeypatch, tmp_path):
    file = tmp_path / "cpuinfo"
    file.write_text("processor\t: 0\nFeatures\t: fp asimd asimddp\n", encoding="utf-8")
    monkeypatch.setattr(targets, "_CPUINFO", file)
    monkeypatch.setattr(targets.platform, "system", lambda: "Linux")
    assert targets.cpu_flags() == {"fp", "asimd", "asimddp"}
    monkeypatch.setattr(targets, "_CPUINFO", tmp_path / "missing")
    assert targets.cpu_flags() == frozenset()


def test_aliases_and_near_names():
    assert target_named(REGISTRY, "npu").name == "ethos-u55"
    with pytest.raises(UnknownName, match="did you mean 'browser'"):
        target_named(REGISTRY, "browzer")


@pytest.mark.parametrize(
    "changes",
    [
        {"precisions": ()},
        {"precisions": ("int3",)},
        {"activations": "both"},
        {"layout": "chwn"},
        {"interface": "int4"},
        {"recurrent": {"int8": "folded"}},
        {"recurrent": {"int3": "fused"}},
    ],
)
def test_wrong_records_are_refused(changes):
    with pytest.raises(InvalidRecord, match="odd"):
        Target(**{"name": "odd", "summary": "", "source": "", "precisions": ("int8",), **changes})


def test_command_marks_this_machine(monkeypatch):
    from zoo.cli.main import zoo as cli

    fake_host(monkeypatch, "aarch64", "asimddp")
    shown = CliRunner().invoke(cli, ["targets"]).output
    assert "This machine: arm64-dotprod" in shown
    assert all(target.name in shown for target in REGISTRY.targets)
    told = json.loads(CliRunner().invoke(cli, ["targets", "--json"]).output)
    assert told["this_machine"] == "arm64-dotprod"
    assert {t["name"] for t in told["targets"]} == set(REGISTRY.targets.names())
    fake_host(monkeypatch, "sparc64")
    assert "No target describes this machine" in CliRunner().invoke(cli, ["targets"]).output
    told = json.loads(CliRunner().invoke(cli, ["targets", "--json"]).output)
    assert told["this_machine"] is None
