"""Whatever goes wrong on a device is a record, a line that a person understands, and no more."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from linear_network import linear_onnx
from short_timing import short_timing as short_timing

from zoo.benchmark.tiers import TIERS
from zoo.execution.session import AgentSession
from zoo.results.store import Store

#: A kind that is this machine, with an agent or a line that fails where its options say.
PLUGIN = """
import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict

import zoo
from zoo.contracts import DeviceKind
from zoo.devices.local.host import HostTransport
from zoo.devices.shared.agent_files import AGENT
from zoo.execution.agent_process import PipeProcess

ERRORS = {"zoo": zoo.ZooError("the wire is cut", fix="mend it"), "os": OSError(5, "Input/output"),
          "key": KeyError("wire"), "time": TimeoutError("too slow")}


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    at: str = ""
    fault: str = ""
    unplugged: str = ""
    raises: str = "zoo"


class Transport(HostTransport):
    def __init__(self, options):
        super().__init__()
        self.options = options
        self.step("connect")

    def step(self, name):
        if self.options.unplugged == name:
            raise ERRORS[self.options.raises]

    def put(self, local):
        self.step("put")
        return super().put(local)

    def start_agent(self, runtime):
        self.step("start")
        agent = [str(AGENT), "--runtime", runtime]
        if not self.options.at:
            process = PipeProcess([sys.executable, *agent])
        else:
            script = str(Path(FAULTY))
            process = PipeProcess([sys.executable, script, self.options.at,
                                   self.options.fault, *agent])
        if self.options.unplugged in ("send", "receive"):
            def broken(*arguments):
                self.step(self.options.unplugged)
            setattr(process, self.options.unplugged, broken)
        return process

    def condition(self):
        self.step("condition")
        return super().condition()

    def close(self):
        self.step("close")


class Driver(zoo.DeviceDriver[Options]):
    def connect(self):
        return Transport(self.options)

    def fingerprint(self):
        return "f" * 16

    def runtimes(self):
        return ["litert", "onnxruntime"]


@zoo.hookimpl
def zoo_devices():
    yield DeviceKind(name="faulty", summary="for tests", driver=lambda: Driver)
"""


@pytest.fixture
def faulty(zoo, own_folders):
    """Names a device with a fault, and types commands that know its kind."""
    code = PLUGIN.replace(
        "FAULTY)", f"{str(Path(__file__).parents[1] / 'support' / 'faulty_agent.py')!r})"
    )
    Path("faulty.py").write_text(code)

    def typed(*words, **options):
        if options:
            given = [f"{key}={value}" for key, value in options.items()]
            added = zoo("--plugin", "faulty.py", "devices", "add", "bad", "faulty", *given)
            assert added.code == 0, added.err
        return zoo("--plugin", "faulty.py", *words)

    return typed


def failures(home: Path) -> list[str]:
    """The reasons of the failed records in the store."""
    store = Store(None)
    try:
        found = store.records(run="bench")
    finally:
        store.close()
    return [row.record.reason for row in found if row.record.status == "failed"]


@pytest.mark.parametrize(
    ("at", "fault", "message", "cure"),
    [
        ("load", "torn line", "killed by SIGABRT during 'load'", "try another"),
        ("load", "garbage", "'Bus error (core dumped)'", "something else writes"),
        ("bench", "garbage", "answer to 'bench' is not one", "something else writes"),
        ("load", "hang", "gave no answer to 'load' in time", "check that the device is awake"),
        ("describe", "other version", "the agent uses protocol 0, edgezoo 1", "copy the agent"),
        ("bench", "clock back", "a clock that jumped", ""),
        ("describe", "end", "the agent ended during 'describe'", ""),
        ("bench", "flood", r"its last output: eeee", ""),
        ("bench", "SIGILL", "killed by SIGILL during 'bench'", "a build of the runtime for that"),
        ("load", "SIGKILL", "for lack of memory", "end other programs on the device"),
        ("load", "SIGSEGV", "native code of the runtime crashed", "try another precision"),
        ("describe", "little memory", "Memory allocation still failed", "end other programs"),
    ],
)
def test_an_agent_that_fails(
    faulty, plain_file, own_folders, monkeypatch, at, fault, message, cure
):
    if fault == "hang":
        ask = AgentSession._ask

        def impatient(session, command, timeout, **fields):
            return ask(session, command, 0.5 if command == at else timeout, **fields)

        monkeypatch.setattr(AgentSession, "_ask", impatient)
    typed = faulty("bench", plain_file, "--device", "bad", "--tier", "brief", at=at, fault=fault)
    assert typed.code == 1
    assert message in typed.err
    assert cure in typed.err
    assert "Traceback" not in typed.err + typed.out
    (reason,) = failures(own_folders)
    assert message in reason


@pytest.mark.slow
def test_of_three_devices_one_lies(faulty, zoo, plain_file, own_folders, monkeypatch):
    """It would be the fastest; the others keep their results, and the exit code says it."""
    # Of a shorter time, what it takes beside the samples could be the truth.
    monkeypatch.setitem(TIERS, "brief", replace(TIERS["brief"], seconds=1.0))
    for name in ("one", "two"):
        faulty("devices", "add", name, "faulty")
    typed = faulty(
        *("bench", plain_file, "--device", "one,bad,two", "--tier", "brief"),
        at="bench",
        fault="too fast",
    )
    assert typed.code == 1
    rows = [line.split()[1] for line in typed.out.splitlines() if line.startswith("plain.onnx ")]
    assert rows == ["one", "two"]
    assert "on bad" in typed.err
    assert "what was timed is not what was run" in typed.err
    (reason,) = failures(own_folders)
    assert "the agent's answer to 'bench' cannot be true" in reason


@pytest.mark.parametrize("step", ["put", "start", "condition", "send", "receive"])
@pytest.mark.parametrize("raises", ["zoo", "os", "key", "time"])
def test_unplugged_at_every_step(faulty, plain_file, own_folders, step, raises):
    """Drivers of others may raise anything: it is told, recorded, and costs that device alone."""
    if raises == "time" and step in ("send", "receive"):
        pytest.skip("is how an agent that hangs is told")
    typed = faulty(
        *("bench", plain_file, "--device", "bad", "--tier", "brief"), unplugged=step, raises=raises
    )
    assert typed.code == 1
    told = {
        "zoo": "the wire is cut",
        "os": "Input/output",
        "key": "KeyError: 'wire'",
        "time": "too slow",
    }
    assert told[raises] in typed.err
    assert "Traceback" not in typed.err + typed.out
    (reason,) = failures(own_folders)
    assert told[raises] in reason


@pytest.mark.parametrize("raises", ["zoo", "os", "key"])
def test_a_device_that_cannot_be_connected_to(faulty, plain_file, raises):
    typed = faulty(
        *("bench", plain_file, "--device", "bad", "--tier", "brief"),
        unplugged="connect",
        raises=raises,
    )
    assert typed.code == 1
    assert "the wire is cut" in typed.err or "failed to connect" in typed.err
    assert "Traceback" not in typed.err + typed.out
    looked = faulty("devices", "doctor", "bad")
    assert looked.code == 1
    assert "\nbad: the " in looked.out


@pytest.mark.parametrize("raises", ["zoo", "os", "key"])
def test_unplugged_at_the_end_loses_no_result(faulty, plain_file, raises):
    typed = faulty(
        *("bench", plain_file, "--device", "bad", "--tier", "brief"),
        unplugged="close",
        raises=raises,
    )
    assert typed.code == 0, typed.err
    assert "plain.onnx" in typed.out


def test_a_runtime_too_old_for_the_file(zoo, plain_file):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(str(plain_file))
    model.opset_import[0].version = 99
    Path("new.onnx").write_bytes(model.SerializeToString())
    typed = zoo("bench", "new.onnx", plain_file, "--tier", "brief")
    assert typed.code == 1
    assert "new.onnx, 1 thread" in typed.err
    assert "the runtime there does not support an operator or the format of the file" in typed.err
    assert "install a newer runtime there" in typed.err
    assert "plain.onnx" in typed.out, "the other file has its result"


@pytest.mark.parametrize("device", ["host", "bad"])
def test_a_file_altered_after_the_gate_is_sent_nowhere(faulty, altered_file, device):
    """Were it sent, this device would say that the wire is cut."""
    faulty("devices", "list", unplugged="put")
    typed = faulty("bench", altered_file, "--device", device, "--tier", "brief")
    assert typed.code == 2
    assert "was altered after its manifest was written" in typed.err
    assert "the wire is cut" not in typed.err


def test_two_processes_want_one_device(faulty, plain_file, own_folders):
    faulty("devices", "list", at="none", fault="none")
    code = (
        "import sys; from zoo.execution.lock import device_lock; from zoo.execution.devices import "
        "device_named; from zoo.registry import PluginSettings, load_registry\n"
        "registry = load_registry(PluginSettings(paths=(sys.argv[1],)))\n"
        "with device_lock(device_named(registry, 'bad')):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", code, "faulty.py"]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        typed = faulty("bench", plain_file, "--device", "bad", "--tier", "brief")
        assert typed.code == 1
        assert "'bad' is in use" in typed.err
        assert f"process {other.pid} of this machine holds it since" in typed.err
        other.kill()
    freed = faulty("bench", plain_file, "--device", "bad", "--tier", "brief")
    assert freed.code == 0, freed.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--device", "hots"], "did you mean 'host'"),
        (["--device", "ssh"], "is a kind of device, not a device"),
        (["--device", "faulty", "--runtime", "onnxruntme"], "did you mean 'onnxruntime'"),
        (["--device", "faulty", "--tier", "breif"], "did you mean 'brief'"),
    ],
)
def test_names_that_are_none(faulty, plain_file, words, message):
    typed = faulty("bench", plain_file, *words)
    assert typed.code == 2
    assert message in typed.err
    assert typed.out == ""


def test_a_model_of_another_kind_than_its_manifest_says(judged_file, zoo):
    """The manifest of one network, moved into the file of another one."""
    from zoo.artifacts.artifact import open_artifact
    from zoo.registry import load_registry

    registry = load_registry()
    artifact = open_artifact(registry, judged_file)
    other = linear_onnx(Path("other.onnx"))
    onnx = pytest.importorskip("onnx")
    model = onnx.load(str(other))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 10
    model.graph.node[1].name = "another"
    onnx.save(model, str(other))
    moved = shutil.copyfile(other, "moved.onnx")
    artifact.exporter.write_manifest(Path(moved), artifact.exporter.read_manifest(judged_file))
    typed = zoo("bench", moved, "--tier", "brief")
    assert typed.code == 2
    assert "was altered after its manifest was written" in typed.err
