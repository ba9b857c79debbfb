"""The host as a device."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from zoo.devices.local.host import HostTransport
from zoo.execution.session import AgentSession
from zoo.registry import load_registry


def test_registry_offers_it() -> None:
    kind = load_registry().devices.get("host")
    assert kind.local
    assert kind.prepares
    assert "litert" in kind.driver_of({}).runtimes()


def test_listing_devices_imports_nothing_heavy() -> None:
    code = """
import sys
from zoo.registry import load_registry
host = load_registry().devices.get("host")
host.driver_of({}).runtimes()
heavy = {"numpy", "ai_edge_litert", "onnxruntime", "tensorflow", "scipy"} & set(sys.modules)
sys.exit(f"imported: {sorted(heavy)}" if heavy else 0)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_both_sides_name_the_machine_alike(litert: AgentSession) -> None:
    kind = load_registry().devices.get("host")
    about = litert.describe()
    assert about["fingerprint"] == kind.driver_of({}).fingerprint()
    assert len(about["fingerprint"]) == 16


def test_description_names_what_moves_latencies(litert: AgentSession) -> None:
    about = litert.describe()
    assert about["runtime"] == "litert"
    assert about["runtime_version"] == about["runtimes"]["litert"]
    assert about["python"].startswith(f"{sys.version_info.major}.{sys.version_info.minor}.")
    assert about["cores"] >= 1
    assert about["memory_bytes"] > 2**28
    assert {"cpu", "flags", "affinity", "governor", "mhz", "os", "numpy", "agent"} <= set(about)


def test_missing_runtimes_are_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.devices.local.host.MODULES", {"litert": "no_such_module_anywhere"})
    assert load_registry().devices.get("host").driver_of({}).runtimes() == []


def test_files_stay_where_they_are(tmp_path: Path) -> None:
    file = tmp_path / "a b'; rm -rf.tflite"
    file.write_bytes(b"")
    assert HostTransport().put(file) == str(file.resolve())


def test_every_agent_is_a_fresh_process() -> None:
    transport = HostTransport()
    first, second = transport.start_agent("litert"), transport.start_agent("litert")
    assert first.pid != second.pid  # type: ignore[attr-defined]
    assert (first.stop(), second.stop()) == (0, 0)
