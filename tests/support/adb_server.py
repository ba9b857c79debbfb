"""A server that speaks ADB's protocol to its clients and lets their commands run on this machine.

It stands for the ADB server and one phone behind it:
https://android.googlesource.com/platform/packages/modules/adb/+/refs/heads/main/OVERVIEW.TXT
"""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

_HEAD = struct.Struct("<BI")
SERIAL = "emulator-5554"
#: What a phone in good condition says; tests put other programs in their place.
PROGRAMS = {
    "dumpsys": """case "$1" in
thermalservice) cat <<END
IsStatusOverride: false
Thermal Status: ${THERMAL:-0}
Cached temperatures:
	Temperature{mValue=99.0, mType=0, mName=CPU, mStatus=0}
Current temperatures from HAL:
	Temperature{mValue=41.5, mType=0, mName=CPU0, mStatus=0}
	Temperature{mValue=43.2, mType=0, mName=CPU1, mStatus=0}
	Temperature{mValue=33.0, mType=3, mName=SKIN, mStatus=0}
END
;;
battery) printf 'Current Battery Service state:\\n  AC powered: false\\n  USB powered: true\\n'
printf '  level: 87\\n  temperature: 294\\n  voltage: 3901\\n  Charge counter: 2846000\\n' ;;
esac""",
    "settings": """case "$3" in airplane_mode_on) echo 1;; low_power) echo ${SAVER:-0};; esac""",
    "getprop": """case "$1" in
ro.build.version.release) echo 15;; ro.product.model) echo Pixel 9;; *) echo Tensor G4;; esac""",
    "am": """echo "am $*" >>"$LOG"; echo "Starting: Intent { act=VIEW }"; [ -z "$NO_BROWSER" ] ||
echo "Error: Activity not started, unable to resolve Intent" >&2""",
    "cmd": """echo "$@" >>"$LOG"; exit ${CMD:-0}""",
    "run-as": """[ "$1" = com.termux ] || { echo "run-as: unknown package: $1" >&2; exit 1; }
echo "run-as $1" >>"$LOG"; shift; exec "$@" """,
}


class AdbServer:
    """Listens until `close`.

    Attributes:
        bin: Programs that come first on the phone's PATH.
        log: What the phone was asked to change.
        phones: Serial → state.
        environment: Of the commands.
        reversed: Port of a phone's loopback → where it leads, of each phone by its serial.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin, self.log = folder, folder / "bin", folder / "log"
        self.bin.mkdir()
        self.log.touch()
        self.phones = {SERIAL: "device"}
        self.reversed: dict[str, dict[str, str]] = {}
        path = f"{self.bin}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "LOG": str(self.log), "HOME": str(folder)}
        for name, script in PROGRAMS.items():
            self.program(name, script)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def program(self, name: str, script: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def unplug(self) -> None:
        """The cable is pulled: every connection ends, and the phone is no longer listed."""
        self.phones.clear()
        for connection in self._open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it had ended before

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes whoever waits in accept
        self._listener.close()
        self.unplug()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                serial = ""
                while self._answer(connection, request := _text(connection), serial):
                    serial = request.rpartition(":")[2]
            except (OSError, EOFError):
                return

    def _answer(self, connection: socket.socket, request: str, phone: str) -> bool:
        """Answers for the phone that was chosen; whether more may be asked by this connection."""
        if request == "host:version":
            connection.sendall(b"OKAY" + _counted("0029"))
            return False
        if request == "host:devices":
            rows = "".join(f"{serial}\t{state}\n" for serial, state in self.phones.items())
            connection.sendall(b"OKAY" + _counted(rows))
            return False
        kind, _, serial = request.rpartition(":")
        if kind == "host:tport:serial":
            if serial not in self.phones:
                connection.sendall(b"FAIL" + _counted(f"device '{serial}' not found"))
                return False
            connection.sendall(b"OKAY" + bytes(8))
            return True
        if request.startswith("reverse:"):
            self._reverse(connection, request, self.reversed.setdefault(phone, {}))
            return False
        if request.startswith("shell,v2,raw:"):
            connection.sendall(b"OKAY")
            self._run(connection, request.partition(":")[2])
            return False
        connection.sendall(b"FAIL" + _counted(f"unknown request {request}"))
        return False

    def _reverse(self, connection: socket.socket, request: str, led: dict[str, str]) -> None:
        _, command, what = (*request.split(":", 2), "")[:3]
        if command == "list-forward":
            rows = "".join(f"UsbFfs {port} {where}\n" for port, where in led.items())
            connection.sendall(b"OKAY" + _counted(rows))
            return
        with self.log.open("a") as log:
            log.write(f"{request}\n")
        if command == "forward":
            port, _, where = what.partition(";")
            led[port] = where
        elif led.pop(what, None) is None:
            connection.sendall(b"OKAYFAIL" + _counted(f"listener '{what}' not found"))
            return
        connection.sendall(b"OKAYOKAY")

    def _run(self, connection: socket.socket, command: str) -> None:
        pipe = subprocess.PIPE
        with subprocess.Popen(
            ["sh", "-c", command],
            stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, env=self.environment, cwd=self.folder,
        ) as process:  # fmt: skip
            assert process.stdout is not None
            assert process.stderr is not None
            lock = threading.Lock()

            def frame(stream: int, data: bytes) -> None:
                with lock:
                    connection.sendall(_HEAD.pack(stream, len(data)) + data)

            def copy(number: int, read: Callable[[int], bytes]) -> None:
                try:
                    while data := read(4096):
                        frame(number, data)
                except OSError:
                    return

            copies = [
                threading.Thread(target=copy, args=(1, process.stdout.read)),
                threading.Thread(target=copy, args=(2, process.stderr.read)),
            ]
            feeding = threading.Thread(target=_feed, args=(connection, process), daemon=True)
            for thread in (*copies, feeding):
                thread.start()
            for thread in copies:
                thread.join()
            code = process.wait()
            try:
                frame(3, bytes([code % 256]))
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                return


def _feed(connection: socket.socket, process: subprocess.Popen[bytes]) -> None:
    """Standard input, until it is closed or the cable is pulled."""
    assert process.stdin
    try:
        while True:
            stream, size = _HEAD.unpack(_exactly(connection, _HEAD.size))
            data = _exactly(connection, size)
            if stream == 4:
                break
            process.stdin.write(data)
    except (OSError, EOFError, ValueError):
        pass
    try:
        process.stdin.close()
    except OSError:
        return


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = connection.recv(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data


def _text(connection: socket.socket) -> str:
    return _exactly(connection, int(_exactly(connection, 4), 16)).decode()


def _counted(text: str) -> bytes:
    return f"{len(text):04x}{text}".encode()
