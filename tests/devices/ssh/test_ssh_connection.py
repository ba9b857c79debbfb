"""The way to a board by SSH: who may be connected to, and what becomes of a broken line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import psutil
import pytest
from ssh_board import KIND, Connect, driver_of, wait_for
from ssh_board import connect as connect
from ssh_board import far as far
from ssh_board import own_home as own_home
from ssh_board import server as server
from ssh_server import SshServer, make_key, why_not

from zoo.common.errors import ProcessFailed, ZooError
from zoo.devices.shared.remote import DeviceUnreachable
from zoo.devices.ssh.connection import SshProcess
from zoo.execution.device import Device
from zoo.execution.failures import AgentDied, AgentHung
from zoo.execution.session import AgentSession

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "can be tested")


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
    with pytest.raises(DeviceUnreachable, match="rejects the login") as refusal:
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


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
