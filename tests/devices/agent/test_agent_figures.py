"""What the agent tells beside latencies: operators, batches, energy, and clocks that jump."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from zoo.benchmark.profile import energy_of
from zoo.devices.agent.zoo_agent import energy, timing
from zoo.devices.agent.zoo_agent.common import AgentError
from zoo.devices.agent.zoo_agent.runtimes import litert as litert_code
from zoo.devices.agent.zoo_agent.runtimes.base import Model, Options, middle
from zoo.devices.agent.zoo_agent.runtimes.flatbuffer import Flatbuffer, tflite_signature
from zoo.devices.agent.zoo_agent.runtimes.loading import open_model
from zoo.devices.local.host import HostTransport
from zoo.execution.failures import AgentRefused
from zoo.execution.session import AgentSession
from zoo.results.measurements import Profile

BRIEF = {"min_runs": 3, "min_seconds": 0.0, "max_seconds": 20.0, "warmup_seconds": 0.01}


class TestWhereItRan:
    """Each runtime says it in its own way, after the samples."""

    def test_onnx_nodes_by_provider(
        self, onnxruntime: AgentSession, files: dict[str, Path]
    ) -> None:
        onnxruntime.load(files["onnx"], purpose="timing")
        onnxruntime.bench(**BRIEF)
        assert onnxruntime.locate() == {
            "name": "CPUExecutionProvider",
            "providers": {"CPUExecutionProvider": 1},
            "operators": 1,
            "delegated": 1,
            "remaining": [],
        }

    def test_nothing_is_loaded(self) -> None:
        with (
            AgentSession(HostTransport(), "litert") as session,
            pytest.raises(AgentRefused, match="locate before load"),
        ):
            session.locate()


class TestProfile:
    """Every operator has a row, in the order of execution."""

    def test_onnx(self, onnxruntime: AgentSession, files: dict[str, Path]) -> None:
        onnxruntime.load(files["sum"], purpose="timing")
        found = onnxruntime.profile(0.05)
        assert [row.operator for row in found.operators] == ["Add"]
        assert found.operators[0].executor == "CPUExecutionProvider"
        assert found.operators[0].ms > 0
        assert "ONNX Runtime's profiler" in found.method

    @pytest.mark.parametrize(
        ("name", "operator", "executor"),
        [
            ("dense", "FULLY_CONNECTED", "XNNPACK"),
            ("dense_int8", "FULLY_CONNECTED", "XNNPACK"),
            ("cast", "CAST", "built-in"),
            ("stateful", "RNN", "built-in"),
        ],
    )
    def test_tflite(
        self,
        litert: AgentSession,
        files: dict[str, Path],
        name: str,
        operator: str,
        executor: str,
    ) -> None:
        before = files[name].read_bytes()
        litert.load(files[name], purpose="timing")
        found = litert.profile(0.05)
        assert [(row.operator, row.executor) for row in found.operators] == [(operator, executor)]
        assert "cut after each operator" in found.method
        assert files[name].read_bytes() == before

    def test_a_runtime_that_does_not_tell(self, files: dict[str, Path]) -> None:
        pytest.importorskip("tflite_micro")
        with AgentSession(HostTransport(), "tflite-micro") as session:
            session.load(files["dense"])
            with pytest.raises(AgentRefused, match="does not tell") as caught:
                session.profile()
        assert caught.value.kind == "NoProfile"

    def test_the_cut_file_ends_where_it_says(self, files: dict[str, Path]) -> None:
        data = files["dense"].read_bytes()
        file = Flatbuffer(data)
        assert file.operators() == [[3]]
        cut = bytearray(data)
        for place, changed in file.prefix(0, 0).items():
            cut[place : place + len(changed)] = changed
        assert Flatbuffer(bytes(cut)).operators() == []
        inputs, outputs = tflite_signature(bytes(cut))
        assert outputs == inputs

    def test_shares_leave_out_what_is_below_the_clock(self) -> None:
        row = {"name": "x", "operator": "A", "executor": "built-in"}
        told = {"method": "m", "operators": [{**row, "ns": 3e6}, {**row, "ns": -1e6}]}
        from zoo.execution.protocol import profile_of

        found: Profile = profile_of({"profile": told})
        assert [share for _, share in found.slowest()] == [1.0, 0.0]

    def test_the_middle_half(self) -> None:
        assert middle([1.0, 2.0, 4.0, 1000.0]) == 3.0
        assert middle([7.0]) == 7.0


class TestBatch:
    """Several examples in one inference, where the file leaves that open."""

    def test_free(self, onnxruntime: AgentSession, files: dict[str, Path]) -> None:
        assert onnxruntime.load(files["onnx_free"], purpose="timing", batch=8).batch == 8
        assert len(onnxruntime.bench(**BRIEF).samples) >= 3
        examples = np.random.default_rng(3).normal(size=(11, 4)).astype(np.float32)
        many = onnxruntime.run(examples)
        onnxruntime.load(files["onnx_free"])
        np.testing.assert_allclose(many, onnxruntime.run(examples), atol=1e-6)

    @pytest.mark.parametrize(("runtime", "name"), [("onnxruntime", "onnx"), ("litert", "dense")])
    def test_fixed(self, files: dict[str, Path], runtime: str, name: str) -> None:
        with AgentSession(HostTransport(), runtime) as session:
            with pytest.raises(
                AgentRefused, match="input x takes no batch of 8: it is fixed at 1"
            ) as caught:
                session.load(files[name], purpose="timing", batch=8)
            assert caught.value.kind == "FixedBatch"
            assert session.load(files[name], purpose="timing", batch=1).batch == 1

    def test_none(self, onnxruntime: AgentSession, files: dict[str, Path]) -> None:
        with pytest.raises(AgentRefused, match="give at least 1"):
            onnxruntime.load(files["onnx_free"], batch=0)


def opened(path: Path) -> Model:
    """A file in LiteRT, in this process."""
    module = pytest.importorskip(litert_code.MODULE)
    return open_model("litert", litert_code, module, {"path": str(path)}, Options())


@pytest.fixture
def system(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder as the kernel shows a device in /sys/class."""

    def make(place: str, **values: object) -> Path:
        folder = tmp_path / place
        folder.mkdir(parents=True, exist_ok=True)
        for name, value in values.items():
            (folder / name).write_text(f"{value}\n")
        return folder

    return make


class TestEnergy:
    """Meters as the kernel's documents describe them."""

    def test_nothing_is_told(self, tmp_path: Path) -> None:
        assert energy.energy_meters(str(tmp_path)) == []

    def test_packages_count_and_their_parts_do_not(
        self, tmp_path: Path, system: Callable[..., Path]
    ) -> None:
        zone = system(
            "powercap/intel-rapl:0",
            name="package-0",
            energy_uj=1_000_000,
            max_energy_range_uj=10_000_000,
        )
        system("powercap/intel-rapl:0:0", name="core", energy_uj=5)
        system("powercap/intel-rapl:1", name="psys", energy_uj=5)
        (meter,) = energy.energy_meters(str(tmp_path))
        meter.look()
        (zone / "energy_uj").write_text("3500000\n")
        meter.look()
        told = meter.used(2.0, 50)
        assert told == {
            "meter": "RAPL package-0",
            "joules": 2.5,
            "readings": 2,
            "seconds": 2.0,
            "inferences": 50,
        }

    def test_a_counter_that_begins_anew(self, tmp_path: Path, system: Callable[..., Path]) -> None:
        zone = system(
            "powercap/intel-rapl:0",
            name="package-0",
            energy_uj=9_000_000,
            max_energy_range_uj=10_000_000,
        )
        (meter,) = energy.energy_meters(str(tmp_path))
        meter.look()
        (zone / "energy_uj").write_text("500000\n")
        meter.look()
        told = meter.used(1.0, 1)
        assert told is not None
        assert told["joules"] == 1.5

    def test_what_may_not_be_read_is_no_meter(
        self, tmp_path: Path, system: Callable[..., Path]
    ) -> None:
        system("powercap/intel-rapl:0", name="package-0", max_energy_range_uj=1)
        assert energy.energy_meters(str(tmp_path)) == []

    def test_rails_of_a_board(self, tmp_path: Path, system: Callable[..., Path]) -> None:
        system(
            "hwmon/hwmon3",
            name="ina3221",
            in1_label="VDD_IN",
            in1_input=5000,
            curr1_input=800,
            in2_label="VDD_CPU",
            in2_input=5000,
            curr2_input=200,
        )
        system("hwmon/hwmon4", name="coretemp", in1_input=1, curr1_input=1)
        whole, part = energy.energy_meters(str(tmp_path))
        assert (whole.name, part.name) == ("ina3221 VDD_IN", "ina3221 VDD_CPU")
        for _ in range(3):
            whole.look()
        told = whole.used(10.0, 5)
        assert told is not None
        assert told["joules"] == pytest.approx(40.0)

    def test_a_battery_tells_while_nothing_charges_it(
        self, tmp_path: Path, system: Callable[..., Path]
    ) -> None:
        gauge = {"type": "Battery", "current_now": -500_000, "voltage_now": 4_000_000}
        system("power_supply/battery", status="Charging", **gauge)
        assert energy.energy_meters(str(tmp_path)) == []
        system("power_supply/battery", status="Discharging", **gauge)
        (meter,) = energy.energy_meters(str(tmp_path))
        assert meter.read() == pytest.approx(2e6)

    def test_processes_together(self) -> None:
        rows = [
            {"meter": "part", "joules": 1.0, "seconds": 2.0, "inferences": 10},
            {"meter": "whole", "joules": 4.0, "seconds": 2.0, "inferences": 10},
            {"meter": "whole", "joules": 8.0, "seconds": 4.0, "inferences": 20},
        ]
        whole, part = energy_of(rows)
        assert (whole.meter, part.meter) == ("whole", "part")
        assert (whole.joules, whole.mj_per_inference, whole.watts) == (12.0, 400.0, 2.0)
        assert energy_of([]) == ()

    def test_samples_are_taken_all_the_same(
        self,
        files: dict[str, Path],
        tmp_path: Path,
        system: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        system("hwmon/hwmon0", name="ina219", in1_input=5000, curr1_input=1000)
        monkeypatch.setattr(timing, "POWER_EVERY_NS", 1_000_000)
        meters = energy.energy_meters(str(tmp_path))
        monkeypatch.setattr(timing, "energy_meters", lambda: meters)
        model = opened(files["dense"])
        told = timing.bench(model, {"min_runs": 20, "min_seconds": 0.02, "max_seconds": 20.0})
        (row,) = told["energy"]
        assert row["readings"] > 2
        assert row["joules"] == pytest.approx(5.0 * told["wall_seconds"])


class TestClock:
    """Times that no inference can have taken are refused, not averaged away."""

    @pytest.mark.parametrize(
        ("durations", "wall", "said"),
        [
            ([5, -3, 4], 1.0, "went back"),
            ([0, 0, 7], 1.0, "2 of 3 inferences took no time at all"),
            ([10**9, 10**9], 1.0, "2 s of samples in 1 s"),
        ],
    )
    def test_absurd_samples(self, durations: list[int], wall: float, said: str) -> None:
        with pytest.raises(AgentError, match=said) as caught:
            timing.check_clock(array("q", durations), wall)
        assert caught.value.kind == "ClockFault"

    def test_plain_ones(self) -> None:
        timing.check_clock(array("q", [10**6] * 900), 1.0)

    @pytest.mark.parametrize(
        ("calendar", "awake", "gap"),
        [
            (10.0, 10.0, 0.0),
            (10.1, 10.0, 0.0),
            (3610.0, 10.0, 3600.0),
            (7.5, 10.0, -2.5),
            (130.0, 130.0, 120.0),
        ],
    )
    def test_clocks_that_disagree(self, calendar: float, awake: float, gap: float) -> None:
        elapsed = {
            "wall_seconds": 10.0,
            "calendar_seconds": calendar,
            "awake_or_not_seconds": awake,
        }
        assert timing.clock_gap(elapsed) == pytest.approx(gap)

    def test_a_clock_that_jumps_back_while_measuring(
        self, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        model = opened(files["dense"])
        monkeypatch.setattr(timing, "clock", jumping().__next__)
        with pytest.raises(AgentError, match="the clock went back"):
            timing.bench(model, {"min_runs": 2000, "min_seconds": 0.0, "max_seconds": 60.0})


def jumping() -> Iterator[int]:
    """Nanoseconds that go on by 10 µs, and now and then an hour back and forth."""
    now, step = 0, 0
    while True:
        step += 1
        now += 10_000
        yield now - (3_600_000_000_000 if step % 997 == 0 else 0)
