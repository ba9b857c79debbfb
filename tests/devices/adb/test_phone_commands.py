"""``zoo bench --device phone`` from end to end, with LiteRT's own program in place of the agent."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from adb_server import SERIAL, AdbServer
from commands import Zoo
from commands import zoo as zoo
from short_timing import short_timing as short_timing


@pytest.fixture
def typed(zoo: Zoo, server: AdbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zoo:
    """Types a command in a folder whose ``devices.toml`` names the phone and the program."""
    program = tmp_path / "benchmark_model"
    source = (Path(__file__).parents[2] / "support" / "real_benchmark_model.py").read_text(
        encoding="utf-8"
    )
    program.write_text(f"#!{sys.executable}\n{source}", encoding="utf-8")
    (tmp_path / "devices.toml").write_text(
        f'[phone]\nkind = "adb"\nserver = "{server.address}"\nserial = "{SERIAL}"\n'
        f'benchmark_model = "{program}"\nbenchmark_folder = "{server.folder}/tmp"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    # No test may start a real ADB server.
    monkeypatch.setenv("ADBUTILS_ADB_PATH", "/bin/false")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    assert zoo("devices", "allow").code == 0
    return zoo


def test_the_table_says_who_timed_and_what_it_is_worth(typed: Zoo, files: dict[str, Path]) -> None:
    found = typed("bench", files["wide"], "--device", "phone", "--tier", "brief", "--json")
    assert found.code == 0, found.err
    (row,) = found.json
    timed = row["measurement"]
    assert (timed["runtime"], timed["device"], row["error"]) == ("benchmark_model", "phone", None)
    assert timed["runs"] >= 64

    shown = typed("bench", files["wide"], "--device", "phone", "--tier", "brief")
    assert shown.code == 0, shown.err
    assert "These are the figures of benchmark_model" in shown.out
    assert "no verdict compares them with others" in shown.out


def test_what_it_cannot_do_is_refused_before_anything_is_timed(
    typed: Zoo, files: dict[str, Path]
) -> None:
    for arguments, message in (
        (("--budget", "p90<=20ms"), "benchmark_model does not support --budget"),
        (("--device", "host"), "cannot be timed side by side"),
        (("--runtime", "onnxruntime"), "unknown runtime"),
    ):
        done = typed("bench", files["wide"], "--device", "phone", *arguments)
        assert done.code == 2, arguments
        assert message in done.err
        assert "Traceback" not in done.err


def test_a_phone_that_is_gone_is_told(
    typed: Zoo, server: AdbServer, files: dict[str, Path]
) -> None:
    server.unplug()
    done = typed("bench", files["wide"], "--device", "phone", "--tier", "brief")
    assert done.code != 0
    assert "Traceback" not in done.err
    assert "fix:" in done.err
    assert "phone" in done.err
