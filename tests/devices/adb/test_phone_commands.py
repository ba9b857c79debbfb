"""``zoo bench --device phone`` from end to end, with LiteRT's own program in place of the agent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from adb_server import SERIAL, AdbServer

Zoo = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def zoo(server: AdbServer, tmp_path: Path) -> Zoo:
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
    environment = {
        **os.environ,
        "ZOO_HOME": str(tmp_path / "home"),
        # No test may start a real ADB server.
        "ADBUTILS_ADB_PATH": "/bin/false",
        "COLUMNS": "200",
    }

    allow = [sys.executable, "-m", "zoo", "devices", "allow"]
    subprocess.run(allow, cwd=tmp_path, env=environment, check=True, capture_output=True)

    def typed(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "zoo", *map(str, arguments)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return typed


def test_the_table_says_who_timed_and_what_it_is_worth(
    zoo: Zoo, files: dict[str, Path], tmp_path: Path
) -> None:
    typed = zoo("bench", files["dense"], "--device", "phone", "--tier", "brief", "--json")
    assert typed.returncode == 0, typed.stderr
    (row,) = json.loads(typed.stdout)
    found = row["measurement"]
    assert (found["runtime"], found["device"], row["error"]) == ("benchmark_model", "phone", None)
    assert found["runs"] >= 64

    shown = zoo("bench", files["dense"], "--device", "phone", "--tier", "brief")
    assert shown.returncode == 0, shown.stderr
    assert "These are the figures of benchmark_model" in shown.stdout
    assert "no verdict compares them with others" in shown.stdout


def test_what_it_cannot_do_is_refused_before_anything_is_timed(
    zoo: Zoo, files: dict[str, Path]
) -> None:
    for arguments, message in (
        (("--budget", "p90<=20ms"), "benchmark_model does not know --budget"),
        (("--device", "host"), "cannot be timed side by side"),
        (("--runtime", "onnxruntime"), "unknown runtime"),
    ):
        typed = zoo("bench", files["dense"], "--device", "phone", *arguments)
        assert typed.returncode == 2, arguments
        assert message in typed.stderr
        assert "Traceback" not in typed.stderr


def test_a_phone_that_is_gone_is_told(zoo: Zoo, server: AdbServer, files: dict[str, Path]) -> None:
    server.unplug()
    typed = zoo("bench", files["dense"], "--device", "phone", "--tier", "brief")
    assert typed.returncode != 0
    assert "Traceback" not in typed.stderr
    assert "fix:" in typed.stderr
    assert "phone" in typed.stderr
