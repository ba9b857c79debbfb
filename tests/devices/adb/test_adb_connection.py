"""The line to a phone: full disks, broken cables, and whatever a server says."""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from pathlib import Path

import pytest
from adb_phone import ONE, Connect, gone, wait_for
from adb_phone import connect as connect
from adb_phone import own_home as own_home
from adb_server import SERIAL, AdbServer
from hypothesis import given
from hypothesis import strategies as st

from zoo.common.errors import ProcessFailed, ZooError
from zoo.devices.adb import android_state as android
from zoo.devices.adb import driver as adb
from zoo.devices.adb.options import AdbOptions
from zoo.devices.adb.shell_protocol import Shell
from zoo.devices.shared.remote import DeviceUnreachable
from zoo.execution.failures import AgentDied, AgentGarbled, AgentHung
from zoo.execution.session import AgentSession


class TestWhatBecameOfIt:
    """Once the line is lost, the error says what the phone is doing now."""

    @pytest.mark.parametrize(
        ("again", "boot", "words"),
        [
            (False, "one", "cannot be reached: it is off, restarting"),
            (True, "one", "was not restarted: the network failed"),
            (True, "two", "was restarted meanwhile"),
        ],
    )
    def test_it_is_told(
        self,
        server: AdbServer,
        connect: Connect,
        files: dict[str, Path],
        again: bool,
        boot: str,
        words: str,
    ) -> None:
        id_file = server.folder / "boot"
        id_file.write_text("one")
        server.program(
            "cat",
            f'case "$1" in */boot_id) exec /bin/cat {id_file};; *) exec /bin/cat "$@";; esac',
        )
        with AgentSession(connect(performance=False), "litert") as session:
            session.load(files["dense"])
            phones = dict(server.phones)
            server.unplug()
            id_file.write_text(boot)
            if again:
                server.phones.update(phones)
            with pytest.raises(AgentDied, match="line to the device broke") as error:
                session.run(ONE)
        assert words in str(error.value)


def test_a_disk_that_takes_nothing(connect: Connect, files: dict[str, Path]) -> None:
    with pytest.raises(ZooError, match="cannot write to /proc/zoo"):
        connect(folder="/proc/zoo").put(files["dense"])


def test_a_full_disk(server: AdbServer, connect: Connect, tmp_path: Path) -> None:
    """`cat` writes to a device that is always full, as a full disk makes it."""
    big = tmp_path / "big.tflite"
    big.write_bytes(os.urandom(3_000_000))
    server.program(
        "cat", 'case "$*" in "") exec /bin/cat >/dev/full;; *) exec /bin/cat "$@";; esac'
    )
    with pytest.raises(ZooError, match=r"the disk of .* is full"):
        connect().put(big)


def test_unplugged_in_mid_run(server: AdbServer, connect: Connect, files: dict[str, Path]) -> None:
    with AgentSession(connect(), "litert") as session:
        session.load(files["dense"])
        server.unplug()
        with pytest.raises(AgentDied, match="line to the device broke"):
            session.run(ONE)
    with pytest.raises(DeviceUnreachable):
        connect()


@pytest.mark.parametrize(("number", "name"), [(4, "SIGILL"), (9, "SIGKILL")])
def test_the_signal_that_ended_the_agent_is_told(
    server: AdbServer, connect: Connect, number: int, name: str
) -> None:
    server.program("dying-python", f"kill -{number} $$")
    with (
        AgentSession(connect(python="dying-python"), "litert") as session,
        pytest.raises(AgentDied, match=name),
    ):
        session.describe()


def test_a_hung_agent_is_ended_there(server: AdbServer, connect: Connect) -> None:
    code = "import time; time.sleep(600)"
    server.program("stuck-python", f'exec {sys.executable} -c "{code}" "$@"')
    with AgentSession(connect(python="stuck-python"), "litert", timeout=1.0) as session:
        (pid_file,) = wait_for(
            lambda: list((server.folder / ".cache/edgezoo-agent/run").glob("*.pid"))
        )
        pid = int(wait_for(pid_file.read_text))
        with pytest.raises(AgentHung):
            session.describe()
    wait_for(lambda: gone(pid))


@given(
    text=st.text(max_size=300)
    | st.sampled_from(
        [
            "[thermal]\nThermal Status: 99",
            "[battery]\n level: \n temperature: --5",
            "[build]\n\n\n",
            "[thermal]\nTemperature{mValue=1.2.3, mType=0, mName=a}" * 9,
            "[thermal]\n" + "mValue=1 mType=0 " * 100_000,
            "[battery]\n" + " " * 1_000_000,
            "[battery]\nlevel: " + "9" * 5000,
        ]
    )
)
def test_whatever_a_phone_says(text: str) -> None:
    found = android.condition_of(text)
    assert set(found.readings) <= {
        *("thermal", "temperature_c", "battery_percent", "battery_c", "charged_by"),
        *("battery_uah", "battery_mv", "airplane_mode", "android", "model", "soc"),
    }


FRAMES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=8)


@given(frames=FRAMES, cuts=st.integers(1, 17), code=st.integers(0, 255) | st.none())
def test_frames_however_they_are_cut(
    frames: list[tuple[int, bytes]], cuts: int, code: int | None
) -> None:
    here, there = socket.socketpair()
    shell = Shell(here, here.close)
    raw = b"".join(struct.pack("<BI", n, len(data)) + data for n, data in frames)
    if code is not None:
        raw += struct.pack("<BIB", 3, 1, code)
    for start in range(0, len(raw), cuts):
        there.sendall(raw[start : start + cuts])
        shell.wait(0)
    there.close()
    assert shell.finish(10)
    assert shell.out == b"".join(data for n, data in frames if n == 1)
    assert shell.err == b"".join(data for n, data in frames if n == 2)
    assert shell.code == code
    with pytest.raises(BrokenPipeError):
        shell.write(b"more", 1)
    shell.close()


def test_a_phone_that_takes_no_input() -> None:
    here, there = socket.socketpair()
    shell = Shell(here, here.close)
    with pytest.raises(TimeoutError, match="no input taken"):
        shell.write(bytes(50_000_000), 0.1)
    shell.close()
    there.close()


def test_what_a_phone_prints_is_read_within_limits(
    server: AdbServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command without an end, one that never ends, and an agent's line without an end."""
    server.program("dumpsys", "exec cat /dev/zero")
    server.program("endless-python", "exec cat /dev/zero")
    transport = connect(python="endless-python")
    with pytest.raises(ProcessFailed, match=f"{SERIAL} printed more than 16 MiB"):
        transport.condition()
    monkeypatch.setattr("zoo.devices.adb.connection.LINE_BYTES", 1 << 20)
    with AgentSession(transport, "litert") as session, pytest.raises(AgentGarbled, match="not end"):
        session.describe()
    with pytest.raises(DeviceUnreachable, match=r"no answer within 0\.3 s"):
        transport._line.run("exec sleep 600", timeout=0.3)


def test_a_frame_that_lies_about_its_length() -> None:
    here, there = socket.socketpair()
    shell = Shell(here, here.close, most=100_000)
    there.sendall(struct.pack("<BI", 1, 0xFFFFFFFF) + b"a" * 90_000)
    while len(shell.out) < 90_000:
        assert not shell.finish(0.2)
    assert (len(shell.out), shell.flooded) == (90_000, False)
    there.sendall(b"a" * 50_000)
    assert shell.finish(10)
    assert shell.flooded
    there.close()
    shell.close()


@pytest.mark.parametrize("said", [b"", b"OKAYzzzz", b"FAILffff", b"OKAY0003a\n"])
def test_an_adb_server_that_says_nothing_sensible(
    monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr("zoo.devices.adb.phones.SHORT", 0.3)
    refused = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            held, _ = listener.accept()
            held.sendall(said)
            refused.wait(60)
            held.close()

        serving = threading.Thread(target=serve)
        serving.start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(DeviceUnreachable):
            adb.AdbTransport(AdbOptions(server=address))
        refused.set()
        serving.join()
