"""A phone without Python: LiteRT's own program in place of the agent."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from adb_phone import KIND, REGISTRY, gone, options, wait_for
from adb_phone import own_home as own_home
from adb_server import AdbServer
from short_timing import short_timing as short_timing

from zoo.benchmark.cells import cells_of, check_compared, check_tools, time_cells, with_tools
from zoo.benchmark.compare.judgement import judge_budgets
from zoo.benchmark.journal import Journal
from zoo.benchmark.tiers import tier_named
from zoo.benchmark.timing import record_result
from zoo.common.errors import UsageError, ZooError
from zoo.common.files import sha256_of
from zoo.common.worker import Children
from zoo.execution.device import Device
from zoo.execution.failures import AgentDied, AgentHung
from zoo.results.measurements import Measurement
from zoo.results.queries import runs_and_files
from zoo.results.store import Store


class TestBenchmarkModel:
    """LiteRT's own program, which a user supplies, in place of the agent."""

    @pytest.fixture
    def program(self, tmp_path: Path) -> Path:
        made = tmp_path / "android_aarch64_benchmark_model"
        here = Path(__file__).parents[2] / "support" / "real_benchmark_model.py"
        made.write_text(f"#!{sys.executable}\n{here.read_text()}")
        return made

    def device(self, server: AdbServer, program: Path, **changes: object) -> Device:
        given = {"benchmark_model": str(program), "benchmark_folder": str(server.folder / "tmp")}
        # No Python is there: the agent could not run.
        values = options(server, app="com.other", python="python9", **given, **changes)
        return Device(name="phone", kind=KIND, options=values)

    def measured(self, device: Device, file: Path, tier: str = "brief") -> Measurement | ZooError:
        children = Children()
        cells = with_tools(REGISTRY, device, cells_of(REGISTRY, [file], [], [1], children))
        (timed,) = time_cells(REGISTRY, device, cells, tier_named(tier), children=children)
        return timed.result if isinstance(timed.result, ZooError) else timed.result[0]

    def test_its_figures(self, server: AdbServer, program: Path, files: dict[str, Path]) -> None:
        found = self.measured(self.device(server, program, cpus="1"), files["wide"])
        assert isinstance(found, Measurement), found
        assert (found.runtime, found.threads, found.device) == ("benchmark_model", 1, "phone")
        assert found.runtime_version == sha256_of(program)[:12]
        (process,) = found.summaries
        assert process.runs == found.runs >= 64
        assert process.min_ms is not None
        assert process.max_ms is not None
        assert process.min_ms <= process.mean_ms <= process.max_ms
        assert found.p50_ms == process.median_ms
        assert (found.p50_low_ms, found.p90_ms, found.p99_ms) == (None, None, None)
        assert found.peak_memory_mb is not None
        assert found.quiet
        (counted,) = found.environment["processes"]
        assert [c["thermal"] for c in counted["condition"]] == ["none", "none"]
        asked = server.log.read_text().splitlines()
        assert asked == [f"power set-fixed-performance-mode-enabled {w}" for w in ("true", "false")]
        assert not list((server.folder / "tmp/run").iterdir())

    def test_a_throttled_phone(
        self, server: AdbServer, program: Path, files: dict[str, Path]
    ) -> None:
        server.environment["THERMAL"] = "2"
        found = self.measured(self.device(server, program), files["wide"])
        assert isinstance(found, Measurement), found
        assert found.noise == ("Android throttles the phone for heat: moderate",)

    @pytest.mark.parametrize(
        ("script", "message"),
        [
            ("echo Aborted; kill -6 $$", "SIGABRT"),
            ("kill -4 $$", "SIGILL"),
            ("echo hello", "reports no figures"),
            ("head -c 100000 /dev/urandom", "reports no figures"),
            ("echo 'ERROR: Failed to load'; exit 1", "Failed to load"),
        ],
    )
    def test_how_it_may_fail(
        self,
        server: AdbServer,
        tmp_path: Path,
        files: dict[str, Path],
        script: str,
        message: str,
    ) -> None:
        program = tmp_path / "failing"
        program.write_text(f"#!/bin/sh\n{script}\n")
        found = self.measured(self.device(server, program), files["wide"])
        assert isinstance(found, ZooError)
        assert message in str(found)
        # Whatever happened, the clocks were given back.
        assert server.log.read_text().splitlines()[-1].endswith("false")

    def test_built_for_another_processor(
        self, server: AdbServer, tmp_path: Path, files: dict[str, Path]
    ) -> None:
        program = tmp_path / "foreign"
        header = bytearray(Path("/bin/true").read_bytes()[:4096])
        header[18] = 0xF3 if header[18] != 0xF3 else 0x3E  # the machine that an ELF file is for
        program.write_bytes(header)
        found = self.measured(self.device(server, program), files["wide"])
        assert isinstance(found, ZooError)
        assert "cannot execute benchmark_model" in str(found)

    def test_one_that_hangs_is_ended_there(
        self,
        server: AdbServer,
        tmp_path: Path,
        files: dict[str, Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("zoo.devices.adb.benchmark_model._PATIENCE", -119.5)
        program = tmp_path / "stuck"
        program.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nexec sleep 600\n")
        found = self.measured(self.device(server, program), files["wide"])
        assert isinstance(found, AgentHung)
        pid = int((tmp_path / "pid").read_text())
        wait_for(lambda: gone(pid))

    def test_unplugged(self, server: AdbServer, tmp_path: Path, files: dict[str, Path]) -> None:
        program = tmp_path / "unplugged"
        program.write_text(f"#!/bin/sh\ntouch {tmp_path}/running\nexec sleep 600\n")

        def pull() -> None:
            wait_for((tmp_path / "running").exists)
            server.unplug()

        pulling = threading.Thread(target=pull)
        pulling.start()
        found = self.measured(self.device(server, program), files["wide"])
        pulling.join()
        assert isinstance(found, AgentDied)
        assert "line to the device broke" in str(found)

    def test_it_is_the_one_way_of_timing(
        self, server: AdbServer, program: Path, files: dict[str, Path], tmp_path: Path
    ) -> None:
        """Several processes, the journal and the store; the record is compared with no other."""
        device = self.device(server, program)
        assert device.runtimes() == ["benchmark_model"], "the agent cannot run there"
        store, journal, children = Store(f"sqlite:///{tmp_path}/s.db"), Journal(), Children()
        cells = cells_of(REGISTRY, [files["wide"]], ["benchmark_model"], [1, 2], children)
        tier = replace(tier_named("brief"), processes=2)
        how = {"children": children, "journal": journal}
        first = time_cells(REGISTRY, device, cells, tier, **how)  # type: ignore[arg-type]
        again = time_cells(REGISTRY, device, cells, tier, **how)  # type: ignore[arg-type]
        assert [timed.kept for timed in (*first, *again)] == [False, False, True, True]
        timings = [record_result(store, device, timed) for timed in again]
        assert [len(t.measurement.summaries) for t in timings if t.measurement] == [2, 2]
        assert [r.record.kind for r in store.records()] == ["bench", "bench"]
        assert runs_and_files(store) == ([], [])
        judged = judge_budgets(timings, ["p50<=10s", "load<=10s", "size<=4MB"], registry=REGISTRY)
        assert [j.verdict for j in judged[0]] == ["can't tell", "can't tell", "within"]
        store.close()

    def test_what_it_cannot_do(
        self, server: AdbServer, program: Path, files: dict[str, Path]
    ) -> None:
        paths = [files["wide"], files["onnx"]]
        cells = cells_of(REGISTRY, paths, [], [1], Children())
        cells = with_tools(REGISTRY, self.device(server, program), cells)
        assert [cell.runtime for cell in cells] == ["benchmark_model", None]
        with pytest.raises(UsageError, match="cannot be timed side by side"):
            check_tools(REGISTRY, cells, {})
        with pytest.raises(UsageError, match="benchmark_model has no option --profile"):
            check_tools(REGISTRY, cells[:1], {"--batch": False, "--profile": True})
        with pytest.raises(UsageError, match="no verdict compares its figures"):
            check_compared(REGISTRY, cells)

    def test_none_is_supplied(self, server: AdbServer, tmp_path: Path) -> None:
        assert Device(name="phone", kind=KIND, options=options(server)).tool() is None
        missing = self.device(server, tmp_path / "nowhere")
        with pytest.raises(UsageError, match="there is no file"):
            missing.tool()
