"""A board by SSH: a real OpenSSH server on this machine, and all that goes wrong on the way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import psutil
import pytest
from measured import measure
from ssh_server import SshServer, make_key, why_not

from zoo.artifacts.artifact import open_unaltered
from zoo.common.errors import ProcessFailed, UsageError, ZooError
from zoo.common.files import sha256_of
from zoo.contracts import Runtime
from zoo.contracts.options import declared_options
from zoo.devices.local.host import HostTransport
from zoo.devices.shared import linux
from zoo.devices.shared.agent_files import agent_archive
from zoo.devices.shared.remote import DeviceUnreachable, shell_command
from zoo.devices.ssh import driver as ssh
from zoo.devices.ssh.connection import SshProcess
from zoo.devices.ssh.options import SshOptions
from zoo.execution.device import Device
from zoo.execution.devices import runtime_on
from zoo.execution.failures import AgentDied, AgentHung, AgentRefused
from zoo.execution.lock import DeviceBusy
from zoo.execution.session import AgentSession
from zoo.registry import load_registry
from zoo.testing.devices import DEVICE_CHECKS, DeviceConformance

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "can be tested")
KIND = load_registry().devices.get("ssh")
ONE = np.ones((1, 4), np.float32)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    made = SshServer(tmp_path_factory.mktemp("sshd"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """Where the other side keeps the agent and files."""
    return tmp_path / "far"


Connect = Callable[..., ssh.SshTransport]


def driver_of(options: dict[str, Any]) -> ssh.SshDriver:
    """A driver that has not asked the agent yet."""
    return ssh.SshDriver(SshOptions.model_validate(options))


@pytest.fixture
def connect(server: SshServer, far: Path) -> Iterator[Connect]:
    """Connects; whatever is left open is closed."""
    made: list[ssh.SshTransport] = []

    def connected(**changes: object) -> ssh.SshTransport:
        made.append(driver_of(server.options(far, **changes)).connect())
        return made[-1]

    yield connected
    for transport in made:
        transport.close()


def test_the_same_answers_as_here(
    connect: Connect, files: dict[str, Path], far: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    with AgentSession(HostTransport(), "litert") as here:
        here.load(files["dense_int8"])
        expected = here.run(ONE)
    (long := tmp_path / ("t" * 100)).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))  # a path too long for a socket in it
    transport = connect()
    with AgentSession(transport, "litert") as there:
        loaded = there.load(files["dense_int8"])
        np.testing.assert_array_equal(there.run(ONE), expected)
    assert loaded.runtime == "litert"
    (copy,) = (far / "files").iterdir()
    assert copy.read_bytes() == files["dense_int8"].read_bytes()
    assert not list((far / "run").iterdir())


def test_a_measurement(server: SshServer, files: dict[str, Path], far: Path) -> None:
    options = server.options(far)
    device = Device(name="loopback", kind=KIND, options=options)
    told = device.fingerprint()
    assert "litert" in device.runtimes()
    measurement, samples = measure(
        device, files["dense"], runtime="litert", threads=1, tier="brief"
    )
    assert (measurement.device, measurement.delegate) == ("loopback", "XNNPACK")
    assert told.startswith(measurement.device_fingerprint)
    assert f"litert {measurement.runtime_version}" in told
    assert measurement.runs == sum(len(s) for s in samples.processes) >= 64
    where = measurement.environment["device"]
    assert where == {"kind": "ssh", "address": f"{options['user']}@127.0.0.1:{server.port}"}
    assert "boot" in measurement.environment["processes"][0]["condition"][0]


@pytest.mark.slow
@pytest.mark.parametrize("check", DEVICE_CHECKS)
def test_the_kit_for_devices(server: SshServer, far: Path, check: str) -> None:
    device = Device(name="loopback", kind=KIND, options=server.options(far))
    verdict = DeviceConformance(load_registry(), device).check(check)
    assert verdict.status == "passed", verdict.measured


def test_files_and_agent_are_copied_once(
    connect: Connect, files: dict[str, Path], far: Path
) -> None:
    transport = connect()
    there = Path(transport.put(files["dense"]))
    before = there.stat().st_ino
    assert Path(transport.put(files["dense"])).stat().st_ino == before
    with AgentSession(transport, "litert") as session:
        session.describe()
    (agent,) = (far / "agent").iterdir()
    assert agent.name == agent_archive().name == f"agent-{sha256_of(agent)}.pyz"
    agent.write_text("print('an old one')")
    there.write_bytes(b"altered")
    transport.close()
    again = connect()
    assert Path(again.put(files["dense"])).read_bytes() == files["dense"].read_bytes()
    with AgentSession(again, "litert") as session:
        assert session.describe()["agent"]["sha256"] in agent.name


@pytest.mark.parametrize(
    "name",
    [
        "$(touch owned).tflite",
        "a b'\";&|.tflite",
        "-oProxyCommand=x.tflite",
        "new\nline.tflite",
        "é.t`id`",
    ],
)
def test_hostile_names_stay_here(
    connect: Connect, files: dict[str, Path], tmp_path: Path, far: Path, name: str
) -> None:
    hostile = tmp_path / name
    shutil.copyfile(files["dense"], hostile)
    transport = connect()
    with AgentSession(transport, "litert") as session:
        session.load(hostile)
        assert session.run(ONE).shape == (1, 3)
    (copy,) = (far / "files").iterdir()
    assert set(copy.name) <= set("0123456789abcdefghijklmnopqrstuvwxyz.")
    assert not list(tmp_path.rglob("owned"))


@pytest.mark.parametrize(
    "words", ["a b", "$(touch owned)", "'", '"', "`id`", "\\", "*", "!x", ";x"]
)
def test_arguments_arrive_as_they_are(words: str, tmp_path: Path) -> None:
    command = shell_command('printf %s "$1"', [words])
    for shell in ("sh", "bash"):
        done = subprocess.run([shell, "-c", command], capture_output=True, text=True, check=True)
        assert done.stdout == words
    with pytest.raises(ValueError, match="one line"):
        shell_command("true\nfalse", [])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host": "-oProxyCommand=touch owned"}, "host: must be a host name"),
        ({"host": "a b"}, "host: must be"),
        ({"host": ""}, "host: must be"),
        ({"user": "-l"}, "user: must be"),
        ({"user": "a;b"}, "user: must be"),
        ({"port": "0"}, "port: input should be greater"),
        ({"python": "python3; id"}, "python: must be a path"),
        ({"python": "-c"}, "python: must be a path"),
        ({"folder": "a/../.."}, "folder: must not contain"),
        ({"folder": "$HOME"}, "folder: must be a path"),
        ({"cpus": "all"}, "cpus: string should match"),
        ({"identity": "a b"}, "identity: must be a path"),
        ({"identity": "%d/key"}, "identity: must be a path"),
        ({"hots": "x"}, "did you mean 'host'"),
    ],
)
def test_options_that_ssh_or_a_shell_would_misread(changes: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        declared_options(lambda: SshOptions, {"host": "pi4.local", **changes}, "pi4")


@pytest.mark.parametrize("host", ["pi4.local", "10.0.0.7", "fe80::1%eth0", "my_alias"])
def test_usual_hosts(host: str) -> None:
    assert declared_options(lambda: SshOptions, {"host": host}, "pi4")["host"] == host


class TestHostKeys:
    """Nobody is connected to whose key is not known."""

    @pytest.fixture(autouse=True)
    def known_again(self, server: SshServer) -> Iterator[None]:
        yield
        server.know(server.host_key)

    def test_unknown(self, server: SshServer, connect: Connect, far: Path) -> None:
        server.known_hosts.write_text("")
        with pytest.raises(DeviceUnreachable, match="is not known here") as refusal:
            connect()
        scan = f"ssh-keyscan -p {server.port} 127.0.0.1 >> {server.known_hosts}"
        assert scan in str(refusal.value)
        assert not far.exists()
        # What the message says to type makes it work.
        subprocess.run(scan, shell=True, check=True, stderr=subprocess.DEVNULL)
        connect()

    def test_changed(self, server: SshServer, connect: Connect, far: Path, tmp_path: Path) -> None:
        server.know(make_key(tmp_path / "other"))
        with pytest.raises(DeviceUnreachable, match="another host key than before") as refusal:
            connect()
        assert "ssh-keygen -f" in str(refusal.value)
        assert not far.exists()


def test_a_refused_login(connect: Connect, tmp_path: Path) -> None:
    with pytest.raises(DeviceUnreachable, match="refuses the login") as refusal:
        connect(identity=str(make_key(tmp_path / "stranger")))
    assert "ssh-copy-id" in str(refusal.value)


def test_no_ssh_here(server: SshServer, far: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ZooError, match="the program ssh is not installed here"):
        driver_of(server.options(far)).connect()


def test_nobody_there(server: SshServer, far: Path) -> None:
    with pytest.raises(DeviceUnreachable, match="cannot be reached") as refusal:
        driver_of(server.options(far, port=1)).connect()
    assert "Connection refused" in str(refusal.value)
    device = Device(name="dead", kind=KIND, options=server.options(far, port=1))
    with pytest.raises(DeviceUnreachable):
        device.fingerprint()


def test_what_a_board_prints_is_read_within_limits(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command without an end, a transfer that nobody takes, chatter."""
    line = connect()._connection
    with pytest.raises(ProcessFailed, match=r"printed more than 16 MiB where a few lines"):
        line.run("exec cat /dev/zero")
    (tmp_path / "a.tflite").write_bytes(b"x" * 1000)
    monkeypatch.setattr("zoo.devices.shared.remote.SHORT", 0.3)
    monkeypatch.setattr("zoo.devices.shared.remote._RECEIVE", "exec sleep 1")
    with pytest.raises(DeviceUnreachable, match=r"no answer within 0\.35 s"):
        line.put(tmp_path / "a.tflite")
    process = SshProcess(line, ["yes", "Welcome!"], "none")
    with pytest.raises(DeviceUnreachable, match=r"printed other lines for 0\.3 s"):
        process.await_start(0.3)
    process.stop()


def test_a_name_that_does_not_resolve(server: SshServer, far: Path) -> None:
    with pytest.raises(DeviceUnreachable, match=r"no host 'nowhere\.invalid'"):
        driver_of(server.options(far, host="nowhere.invalid")).connect()


class TestMissing:
    """What the device lacks is told in its own words."""

    def test_no_python(self, connect: Connect) -> None:
        transport = connect(python="python9")
        with (
            AgentSession(transport, "litert") as session,
            pytest.raises(AgentRefused, match="there is no python9 on the device") as refusal,
        ):
            session.describe()
        assert refusal.value.kind == "MissingRuntime"

    def test_no_numpy(self, connect: Connect, server: SshServer) -> None:
        server.program("bare-python", f'exec "{sys.executable}" -I -S "$@"')
        transport = connect(python="bare-python")
        with (
            AgentSession(transport, "litert") as session,
            pytest.raises(AgentRefused, match="numpy cannot be imported"),
        ):
            session.describe()

    def test_no_such_runtime(self, connect: Connect, files: dict[str, Path]) -> None:
        transport = connect()
        with (
            AgentSession(transport, "tflite-runtime") as session,
            pytest.raises(AgentRefused, match="tflite-runtime cannot be imported") as refusal,
        ):
            session.load(files["dense"])
        assert refusal.value.kind == "MissingRuntime"


def test_uv_gets_the_runtime(server: SshServer, connect: Connect) -> None:
    """A stand-in for uv shows what it is asked; the agent then answers through it."""
    asked = server.folder / "asked"
    script = f"""
        printf '%s\\n' "$@" > {asked}
        while [ "$1" != python ]; do shift; done; shift
        exec {sys.executable} "$@"
    """
    server.program("uv", dedent(script))
    with AgentSession(connect(python="uv"), "onnxruntime") as session:
        assert session.describe()["runtime"] == "onnxruntime"
    words = asked.read_text().splitlines()
    assert words[:9] == [
        *("run", "--quiet", "--no-project", "--python", ">=3.9"),
        *("--with", "numpy", "--with", "onnxruntime"),
    ]


UV_STAND_IN = """
    printf '%%s ' "$@" >> %(asked)s; echo >> %(asked)s
    case "$*" in *"--with zoo-absent "*) echo "error: zoo-absent was not found" >&2; exit 1;; esac
    while [ "$1" != python ]; do shift; done; shift
    exec %(python)s "$@"
"""


def test_uv_gets_the_distribution_of_a_plugins_runtime(
    server: SshServer, far: Path, files: dict[str, Path]
) -> None:
    """Each runtime has an environment of its own; one that uv cannot make is told with its name."""
    asked = server.folder / "asked-of-plugins"
    server.program("uv", dedent(UV_STAND_IN) % {"asked": asked, "python": sys.executable})
    own = {"module": "json", "formats": ("tflite",), "source": Path(__file__)}
    brought = (
        Runtime(name="here", summary="x", distributions=("psutil",), **own),
        Runtime(name="absent", summary="x", distributions=("zoo-absent",), **own),
    )
    options = server.options(far, python="uv")
    device = Device(name="pi", kind=replace(KIND), options=options, plugin_runtimes=brought)
    there = device.runtimes()
    assert "here" in there
    assert "absent" not in there
    starts = asked.read_text().splitlines()
    assert any("--with numpy --with psutil python" in line and "agent" in line for line in starts)
    artifact = open_unaltered(load_registry(), files["dense"])
    wanted = replace(artifact.exporter, runtimes=("absent",))
    with pytest.raises(ZooError, match="a runtime is missing there") as caught:
        runtime_on(wanted, device)
    assert "uv cannot install zoo-absent on the device" in (caught.value.why or "")
    assert "uv run --with zoo-absent python" in (caught.value.why or "")


def test_a_plugins_runtime(connect: Connect, tmp_path: Path) -> None:
    """Its file goes there as model files do, and may be all that the device has of it."""
    source, file = tmp_path / "fixed.py", tmp_path / "net.fixed"
    source.write_text(
        dedent(
            """
            from zoo_agent.runtimes.base import Model

            MODULE = "json"

            class Fixed(Model):
                api, load_ns = "nothing", 1
                inputs = outputs = [{"name": "x", "shape": [1, 4], "dtype": "float32",
                                     "scale": None, "zero_point": None}]

                def delegate(self):
                    return {"name": "none"}

            def open_model(module, request, options):
                return Fixed()
            """
        )
    )
    file.write_bytes(b"")
    transport = connect()
    description = {"name": "fixed", "distributions": [], "source": transport.put(source)}
    with AgentSession(transport, "fixed") as session:
        told = session._ask("load", 60.0, path=transport.put(file), runtime=description)
    assert (told["runtime"], told["api"]) == ("fixed", "nothing")


def test_the_agent_keeps_to_its_processors(connect: Connect) -> None:
    with AgentSession(connect(cpus="1"), "litert") as session:
        assert session.describe()["affinity"] == [0]


class TestSetup:
    """A stand-in for Python shows what would be installed."""

    #: Makes environments of which it is the Python itself; pip knows one of the two runtimes.
    PYTHON = """
        echo "$@" >>%(log)s
        case "$*" in
        *"-m venv"*) mkdir -p "$3/bin"; ln -sf %(bin)s/python3 "$3/bin/python";;
        *%(missing)s) echo "ERROR: No matching distribution found" >&2; exit 1;;
        *"-m pip"*) ;;
        *) exec %(python)s "$@";;
        esac
    """

    @pytest.fixture(autouse=True)
    def no_python_again(self, server: SshServer) -> Iterator[None]:
        yield
        (server.bin / "python3").unlink(missing_ok=True)

    def stand_in(self, server: SshServer, log: Path, missing: str) -> None:
        words = {"log": log, "bin": server.bin, "python": sys.executable, "missing": missing}
        server.program("python3", dedent(self.PYTHON) % words)

    def test_one_runtime_without_a_wheel(
        self, server: SshServer, far: Path, tmp_path: Path
    ) -> None:
        log, told = tmp_path / "log", []
        self.stand_in(server, log, "ai-edge-litert")
        options = server.options(far, python="auto")
        ready = driver_of(options).setup(told.append)
        assert ready.endswith(f"has onnxruntime in {far}/venv")
        assert any("ai-edge-litert could not be installed" in line for line in told)
        asked = log.read_text()
        assert f"-m venv {far}/venv" in asked
        assert "--only-binary :all: onnxruntime" in asked
        log.write_text("")
        with AgentSession(driver_of(options).connect(), "onnxruntime") as session:
            assert session.describe()["runtime"] == "onnxruntime"
        assert ".pyz" in log.read_text(), "the environment's Python ran the agent"

    def test_nothing_can_be_installed(self, server: SshServer, far: Path, tmp_path: Path) -> None:
        self.stand_in(server, tmp_path / "log", '"-m pip"*')
        with pytest.raises(ZooError, match="could not be installed") as error:
            driver_of(server.options(far)).setup([].append)
        assert "No matching distribution" in str(error.value)


def test_a_login_shell_that_greets(server: SshServer, connect: Connect, tmp_path: Path) -> None:
    """Lines before the agent's own are passed over."""
    server.program("sh", 'echo "Welcome to the board"; exec /bin/sh "$@"')
    try:
        with AgentSession(connect(), "litert") as session:
            assert session.describe()["cores"] == os.cpu_count()
    finally:
        (server.bin / "sh").unlink()


class TestFullDisk:
    """A real one, of 1 MB."""

    @pytest.fixture
    def small(self, tmp_path: Path) -> Iterator[Path]:
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
        if os.getuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
            pytest.skip("needs the right to mount a small disk")
        yield disk
        subprocess.run(["umount", "-l", str(disk)], check=True)

    def test_it_is_told_and_nothing_is_left(
        self, small: Path, connect: Connect, tmp_path: Path
    ) -> None:
        big = tmp_path / "big.tflite"
        big.write_bytes(os.urandom(2_000_000))
        transport = connect(folder=str(small / "zoo"))
        with pytest.raises(ZooError, match=r"the disk of .* is full") as error:
            transport.put(big)
        assert "No space left" in str(error.value)
        assert not list((small / "zoo" / "files").iterdir())
        little = tmp_path / "little.tflite"
        little.write_bytes(b"x" * 1000)
        assert Path(transport.put(little)).read_bytes() == b"x" * 1000


def test_a_folder_that_cannot_be_written(connect: Connect) -> None:
    with pytest.raises(ZooError, match="cannot write to /proc/zoo"):
        connect(folder="/proc/zoo")


class TestBrokenConnection:
    """The line breaks while the agent works."""

    @pytest.fixture
    def own_server(self, tmp_path: Path) -> Iterator[SshServer]:
        made = SshServer(tmp_path)
        made.start()
        yield made
        made.stop()

    @pytest.mark.slow
    def test_in_mid_run(
        self,
        own_server: SshServer,
        far: Path,
        files: dict[str, Path],
        fake_runtime: Callable[[str, str], None],
    ) -> None:
        slow = own_server.folder / "slow"
        slow.mkdir()
        fake_runtime("", "Path(__file__).with_name('running').touch(); time.sleep(60)")
        module = own_server.folder / "onnxruntime.py"
        code = module.read_text().replace("import os,", "from pathlib import Path\nimport os,", 1)
        (slow / "onnxruntime.py").write_text(dedent(code))
        module.unlink()
        own_server.program("slow-python", f'PYTHONPATH={slow} exec {sys.executable} "$@"')
        transport = driver_of(own_server.options(far, python="slow-python")).connect()
        with AgentSession(transport, "onnxruntime") as session:
            session.load(files["onnx"])
            process = session._process
            assert process is not None
            process.send(
                json.dumps(
                    {"protocol": 1, "id": 2, "command": "bench", "min_runs": 1, "min_seconds": 0}
                )
            )
            wait_for((slow / "running").exists)
            (pid_file,) = (far / "run").iterdir()
            pid = int(pid_file.read_text())
            own_server.stop()
            assert process.receive(30) is None
            with pytest.raises((AgentDied, DeviceUnreachable), match="line to the device broke"):
                session.describe()
        with pytest.raises(DeviceUnreachable, match=r"connection to .* broke"):
            transport.condition()
        transport.close()
        # The one that was left behind ends when somebody comes back.
        assert psutil.pid_exists(pid)
        own_server.start()
        driver_of(own_server.options(far)).connect().close()
        wait_for(lambda: gone(pid))
        assert not list((far / "run").iterdir())

    @pytest.mark.parametrize(
        ("again", "boot", "words"),
        [
            (False, "one", "cannot be reached: it is off, restarting"),
            (True, "one", "was not restarted: the network failed"),
            (True, "two", "was restarted meanwhile"),
        ],
    )
    def test_what_became_of_the_board(
        self, own_server: SshServer, far: Path, again: bool, boot: str, words: str
    ) -> None:
        id_file = own_server.folder / "boot"
        id_file.write_text("one")
        own_server.program(
            "cat",
            f'case "$1" in */boot_id) exec /bin/cat {id_file};; *) exec /bin/cat "$@";; esac',
        )
        transport = driver_of(own_server.options(far)).connect()
        with AgentSession(transport, "litert") as session:
            session.describe()
            own_server.stop()
            id_file.write_text(boot)
            if again:
                own_server.start()
            with pytest.raises(AgentDied, match="line to the device broke") as error:
                session.describe()
        assert words in str(error.value)
        with pytest.raises(DeviceUnreachable) as later:
            transport.condition()
        assert words in str(later.value)
        transport.close()


def test_a_hung_agent_is_ended_there(connect: Connect, server: SshServer, far: Path) -> None:
    server.program("stuck-python", f'exec {sys.executable} -c "import time; time.sleep(600)" "$@"')
    with AgentSession(connect(python="stuck-python"), "litert", timeout=1.0) as session:
        wait_for(lambda: bool(list((far / "run").iterdir())))
        (pid_file,) = (far / "run").iterdir()
        pid = int(pid_file.read_text())
        with pytest.raises(AgentHung, match="no answer to 'describe'"):
            session.describe()
    wait_for(lambda: gone(pid))


@pytest.mark.parametrize(("number", "name"), [(4, "SIGILL"), (9, "SIGKILL"), (11, "SIGSEGV")])
def test_the_signal_that_ended_the_agent_is_told(
    connect: Connect, server: SshServer, number: int, name: str
) -> None:
    server.program("dying-python", f"kill -{number} $$")
    with (
        AgentSession(connect(python="dying-python"), "litert") as session,
        pytest.raises(AgentDied, match=name),
    ):
        session.describe()


class TestHeld:
    """One measurement at a time, wherever the others come from."""

    def test_the_second_is_told(self, connect: Connect) -> None:
        first = connect()
        with pytest.raises(DeviceBusy, match=f"held by process {os.getpid()} on "):
            connect()
        first.close()
        connect()

    def test_looking_is_free(self, connect: Connect, server: SshServer, far: Path) -> None:
        connect()
        assert "litert" in driver_of(server.options(far)).runtimes()

    def test_who_dies_lets_go(self, server: SshServer, far: Path, connect: Connect) -> None:
        code = (
            "import json, sys; from zoo.devices.ssh import driver as ssh; "
            "from zoo.devices.ssh.options import SshOptions; "
            "driver = ssh.SshDriver(SshOptions(**json.loads(sys.argv[1]))); "
            "held = driver.connect(); print('held', flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", code, json.dumps(server.options(far))]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            with pytest.raises(DeviceBusy, match=f"process {other.pid} on "):
                connect()
            other.kill()

        def free() -> bool:
            try:
                connect()
            except DeviceBusy:
                return False
            return True

        wait_for(free)


class TestThrottling:
    """What a Raspberry Pi tells marks the measurement."""

    @pytest.fixture(autouse=True)
    def no_pi_again(self, server: SshServer) -> Iterator[None]:
        yield
        (server.bin / "vcgencmd").unlink(missing_ok=True)

    def test_bits_are_read_there(self, server: SshServer, connect: Connect) -> None:
        transport = connect()
        assert transport.condition().faults == ()
        server.program("vcgencmd", '[ "$1" = get_throttled ] && echo throttled=0x50005')
        found = transport.condition()
        assert found.readings["throttled"] == "0x50005"
        assert found.faults == ("the board says now: under-voltage, throttled",)

    def test_a_throttled_measurement_is_noisy(
        self, server: SshServer, far: Path, files: dict[str, Path]
    ) -> None:
        server.program("vcgencmd", "echo throttled=0x20000")
        device = Device(name="hot", kind=KIND, options=server.options(far))
        measurement, _ = measure(device, files["dense"], runtime="litert", threads=1, tier="brief")
        assert not measurement.quiet
        assert any("the clock is capped" in reason for reason in measurement.noise)


@pytest.mark.parametrize(
    ("text", "readings", "faults"),
    [
        ("", {}, 0),
        ("millidegrees=45200\nmillidegrees=51000\n", {"temperature_c": 51.0}, 0),
        ("governor=ondemand\ncur_freq=1500000", {"governor": "ondemand", "mhz": 1500.0}, 0),
        ("throttled=0x0", {"throttled": "0x0"}, 0),
        ("throttled=0x1", {"throttled": "0x1"}, 1),
        ("throttled=0x80008", {"throttled": "0x80008"}, 1),
        ("throttled=0xd0005", {"throttled": "0xd0005"}, 2),
        ("throttled=error", {"throttled": None}, 1),
        ("millidegrees=\ncur_freq=fast\ngovernor=\nnoise", {}, 0),
        ("millidegrees=--5\nthrottled=" + "f" * 9999, {"throttled": None}, 1),
        ("cur_freq=" + "9" * 9999 + "\ngovernor=" + "x" * 999, {"governor": "x" * 100}, 0),
    ],
)
def test_readings(text: str, readings: dict[str, object], faults: int) -> None:
    found = linux.condition_of(text)
    assert dict(found.readings) == readings
    assert len(found.faults) == faults


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for(condition: Callable[[], bool]) -> None:
    """Waits as long as it takes on a busy machine, and not for ever."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it never came about")
