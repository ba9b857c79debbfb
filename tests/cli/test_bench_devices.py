"""zoo bench over several devices: nothing is lost with one of them, nothing is done twice."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from linear_network import linear_onnx

from zoo.benchmark.journal import Journal
from zoo.benchmark.tiers import TIERS, Tier
from zoo.execution.devices_file import allow_project
from zoo.results.store import Store

#: Devices that are this machine, and do what files in the working folder tell them.
PLUGIN = """
import os
import signal
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

import zoo
from zoo.contracts import DeviceKind


class Options(BaseModel):
    place: str
    backend: Literal["coal", "wind"] = "coal"


class Driver(zoo.DeviceDriver[Options]):
    def connect(driver):
        from zoo.devices.local.host import HostTransport

        place = driver.options.place

        class Counted(HostTransport):
            def start_agent(self, runtime):
                starts = Path("starts." + place)
                count = len(starts.read_text()) if starts.exists() else 0
                if Path("unplug." + place).exists() and count >= 2:
                    raise zoo.ZooError("the cable is out", fix="put it in")
                starts.write_text("x" * (count + 1))
                if Path("interrupt").exists() and count + 1 == int(Path("interrupt").read_text()):
                    Path("interrupt").unlink()
                    os.kill(os.getpid(), signal.SIGINT)
                return super().start_agent(runtime)

        return Counted()

    def fingerprint(self):
        return "f" * 16

    def runtimes(self):
        return ["onnxruntime"]


@zoo.hookimpl
def zoo_devices():
    for name, remote in (("near", False), ("far", True)):
        yield DeviceKind(name=name, summary="for tests", driver=lambda: Driver, remote=remote)
"""
DEVICES = '[desk]\nkind = "near"\nplace = "desk"\n[roof]\nkind = "far"\nplace = "roof"\n'
TINY = Tier(name="tiny", runs=4, seconds=0.02, processes=2, warmup_seconds=0.01, limit_seconds=20.0)


@pytest.fixture(autouse=True)
def tiny_and_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short tier, and no disturbance: a machine that runs tests is never quiet."""
    monkeypatch.setitem(TIERS, "tiny", TINY)
    monkeypatch.setattr("zoo.benchmark.interleaving.disturbances", lambda *_, **__: ())


@pytest.fixture
def bench(zoo: Any, own_folders: Path) -> Any:
    """Types zoo bench of one file with one and two threads on both devices."""
    Path("places.py").write_text(PLUGIN)
    Path("devices.toml").write_text(DEVICES)
    allow_project()
    linear_onnx(Path("net.onnx"))

    def typed(*more: str, device: str = "desk,roof", threads: str = "1,2") -> Any:
        given = ("bench", "net.onnx", "--device", device, "--threads", threads)
        return zoo("--plugin", "places.py", *given, "--tier", "tiny", *more)

    return typed


def starts(place: str) -> int:
    return len(Path(f"starts.{place}").read_text())


def records(status: str) -> list[Any]:
    store = Store()
    found = [row.record for row in store.records(kind="bench") if row.record.status == status]
    store.close()
    return found


def test_every_file_with_every_count_on_every_device(bench: Any) -> None:
    found = bench("--json")
    assert (found.code, found.err) == (0, "")
    assert [(row["device"], row["threads"], row["verdict"]) for row in found.json] == [
        *(("desk", 1, "good"), ("desk", 2, "good"), ("roof", 1, "good"), ("roof", 2, "good")),
    ]
    for row in found.json:
        assert row["measurement"]["answers"]["exact"]
        assert row["measurement"]["answers"]["reference"].startswith("host, onnxruntime")
    # Per candidate one process that is asked for answers, and two that are timed.
    assert starts("desk") == starts("roof") == 6
    assert len(records("passed")) == 4


def test_every_backend_is_a_device_of_its_own(bench: Any) -> None:
    found = bench("--json", "--backend", "coal,wind", device="desk", threads="1")
    assert (found.code, found.err) == (0, "")
    assert [(row["device"], row["verdict"]) for row in found.json] == [
        *(("desk", "good"), ("desk-wind", "good"))
    ]
    steps = {record.step for record in records("passed")}
    assert steps == {"bench net.onnx 1 desk", "bench net.onnx 1 desk-wind"}
    refused = bench("--backend", "winde", device="desk", threads="1")
    assert refused.code == 2
    assert "did you mean 'wind'?" in refused.err
    assert "far (coal, wind); near (coal, wind)" in " ".join(refused.err.split())


@pytest.mark.slow
def test_what_is_finished_is_measured_anew_when_asked_again(bench: Any) -> None:
    bench("--json")
    again = bench("--json").json
    assert not any(row["kept"] for row in again)
    assert starts("desk") == 12
    assert len(records("passed")) == 8
    assert list(Journal().folder.iterdir()) == []


def test_a_lost_device_costs_its_own_rows(bench: Any) -> None:
    Path("unplug.roof").touch()
    lost = bench()
    assert lost.code == 1
    assert lost.out.count("desk") == 2
    assert "net.onnx, 1 thread, onnxruntime on roof: the cable is out" in lost.err
    assert "fix: put it in" in lost.err
    assert len(records("passed")) == 2
    assert {record.reason.splitlines()[0] for record in records("failed")} == {"the cable is out"}

    Path("unplug.roof").unlink()
    measured = starts("desk")
    repeated = bench("--json")
    assert repeated.code == 0
    assert [row["kept"] for row in repeated.json] == [True, True, False, False]
    assert starts("desk") == measured + 1, "one process tells whether all is as it was"
    assert len(records("passed")) == 4, "what was recorded is not recorded twice"


def test_interrupted_and_taken_up(bench: Any) -> None:
    Path("interrupt").write_text("5")
    stopped = bench()
    assert stopped.code == 130
    assert "the same command goes on from there" in stopped.err
    assert "Traceback" not in stopped.err
    assert records("failed") == [], "an interruption is no failure of the file"
    kept = [path.name for path in Journal().folder.iterdir() if path.name.endswith(".process")]
    before = starts("desk") + starts("roof")
    repeated = bench("--json")
    assert repeated.code == 0
    assert len(records("passed")) == 4
    # Eight processes are timed in all; each device tells first whether all is as it was.
    asked = starts("desk") + starts("roof") - before - (8 - len(kept))
    assert 0 <= asked <= 4
    assert len(kept) >= 1
    assert len(Store().records(kind="bench")) == 4


@pytest.mark.slow
def test_fresh_forgets_what_was_kept(bench: Any) -> None:
    Path("unplug.roof").touch()
    bench()
    Path("unplug.roof").unlink()
    repeated = bench("--json", "--fresh")
    assert not any(row["kept"] for row in repeated.json)


def test_a_noisy_number_says_so_wherever_it_stands(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    share = itertools.count(40)
    monkeypatch.setattr(
        "zoo.benchmark.interleaving.disturbances", lambda *_, **__: (f"busy {next(share)}%",)
    )
    noisy = bench(device="desk", threads="1")
    rows = [line.split() for line in noisy.out.splitlines() if line.startswith("net.onnx  ")]
    (row,) = rows
    assert row[-1] == "NOISY"
    assert row[5].startswith("~")
    (line,) = [line for line in noisy.out.splitlines() if "do not rely on" in line]
    last = next(share) - 1
    assert line.endswith(f"noisy, do not rely on it: busy {last}%"), "once, with the worst figure"
    assert "~ net.onnx 1 on desk" in noisy.err
    (found,) = bench("--json", device="desk", threads="1").json
    assert (found["verdict"], found["measurement"]["quiet"]) == ("noisy", False)
    several = bench(device="desk")
    told = [line for line in several.out.splitlines() if "do not rely on" in line]
    assert told == [f"2 measurements are noisy (~), do not rely on them: busy {next(share) - 1}%"]


@pytest.mark.slow
def test_several_runtimes(bench: Any) -> None:
    wrong = bench("--runtime", "onnxruntime,litert")
    assert wrong.code == 2
    assert "unknown runtime of these files 'litert'" in wrong.err
    missing = bench("--runtime", "openvino,onnxruntime", "--json")
    assert missing.code == 1
    told = {(r["device"], r["runtime"]): r["verdict"] for r in missing.json}
    assert told["desk", "onnxruntime"] == "good"
    assert told["desk", "openvino"] == "failed"


@pytest.mark.slow
def test_accuracy_on_the_device(zoo: Any, judged_file: Path) -> None:
    found = zoo("bench", judged_file, "--accuracy", "digits", "--tier", "tiny", "--json").json
    evaluated = zoo("evaluate", judged_file, "--json").json
    there = found[0]["measurement"]["accuracy"]
    assert there["metrics"] == evaluated["metrics"]
    assert there["runtime"] == "onnxruntime"
    refused = zoo("bench", linear_onnx(Path("plain.onnx")), "--accuracy", "digits")
    assert refused.code == 2
    assert "has no manifest" in refused.err
