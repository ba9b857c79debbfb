"""The environment of a run as names and texts, never as Python writes its tables."""

from __future__ import annotations

from zoo.report.environment import environment_rows


def test_tables_within_are_written_out() -> None:
    processes = [{"noise": ["the load was 3.2"], "runs": 9}, {"noise": ["the load was 3.2"]}]
    assert environment_rows(
        {
            "cpu": "AMD EPYC", "flags": ["avx", "fma"], "mhz": 2596.15, "governor": None,
            "memory_bytes": 25_276_059_648, "runtimes": {"litert": "2.3.0", "tflite-micro": "1"},
            "options": {"cpus": "", "xnnpack": True, "gpu": None}, "energy_meters": [],
            "processes": processes,
        }
    ) == {
        "processor": "AMD EPYC",
        "instruction sets": "avx, fma",
        "clock, MHz": "2,596",
        "memory, GB": "25.3",
        "runtimes installed": "litert 2.3.0, tflite-micro 1",
        "options": "xnnpack yes",
        "processes": "2",
        "disturbances": "the load was 3.2",
    }  # fmt: skip


def test_whatever_a_device_tells_is_text() -> None:
    told = environment_rows({"a": {"b": [{"c": 1}, [2, None]]}, "processes": "none", "e": {}})
    assert told == {"a": "b c 1, 2", "processes": "none"}
