"""A real OpenSSH server on this machine, for one test module: its own keys, its own port."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
#: OpenSSH's server gives up its rights in this folder, which Debian's service makes at its start.
_RIGHTS = Path("/run/sshd")


def why_not() -> str:
    """Why no server can be started here; empty when one can."""
    if SSHD is None or not all(shutil.which(name) for name in ("ssh", "ssh-keygen")):
        return "needs OpenSSH's client and server: apt install openssh-client openssh-server"
    if os.getuid() == 0 and not _RIGHTS.is_dir():
        try:
            _RIGHTS.mkdir(mode=0o755)
        except OSError as error:
            return f"sshd needs {_RIGHTS}: {error}"
    return ""


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def make_key(path: Path) -> Path:
    """A key without a password."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@dataclass
class SshServer:
    """The server, and all that a client needs to know.

    Attributes:
        folder: For its keys and configuration.
        bin: A folder that comes first on the PATH of whoever logs in.
    """

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        self.host_key = make_key(self.folder / "host_key")
        self.user_key = make_key(self.folder / "user_key")
        self.known_hosts = self.folder / "known_hosts"
        self.know(self.host_key)
        path = f"{self.bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.host_key}",
            f"AuthorizedKeysFile {self.user_key}.pub",
            "PidFile none",
            "UsePAM no",
            "StrictModes no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "MaxSessions 50",
            # Whatever the start-up files of the user's own shell make of the PATH.
            f'ForceCommand PATH={path} exec /bin/sh -c "$SSH_ORIGINAL_COMMAND"',
        ]
        self.config = self.folder / "sshd_config"
        self.config.write_text("\n".join(lines) + "\n")

    def know(self, key: Path) -> None:
        """Makes `key` the only host key that the client knows."""
        kind, words, *_ = key.with_suffix(".pub").read_text().split()
        self.known_hosts.write_text(f"[127.0.0.1]:{self.port} {kind} {words}\n")

    def start(self) -> None:
        """Starts it, and waits until it listens."""
        assert SSHD is not None
        log = (self.folder / "sshd.log").open("ab")
        self.process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(self.config)], stderr=log, stdin=subprocess.DEVNULL
        )
        log.close()
        for _ in range(400):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError((self.folder / "sshd.log").read_text())

    def stop(self) -> None:
        """Ends it, the connections that it has included: the cable is pulled."""
        if self.process is None:
            return
        import psutil

        try:
            children = psutil.Process(self.process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            children = []
        # The connections first, and of them sshd's own processes alone: what they started on the
        # device must notice by itself that the line is gone.
        for child in [p for p in children if "sshd" in p.name()]:
            child.kill()
        self.process.kill()
        self.process.wait()
        self.process = None

    def program(self, name: str, script: str) -> None:
        """A program for whoever logs in."""
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def options(self, far: Path, **changes: Any) -> dict[str, Any]:
        """The options of a device that is this server."""
        from zoo.devices.ssh.options import SshOptions

        given = {
            "host": "127.0.0.1",
            "user": getpass.getuser(),
            "port": self.port,
            "identity": str(self.user_key),
            "known_hosts": str(self.known_hosts),
            "config": "none",
            "python": sys.prefix,
            "folder": str(far),
        }
        return SshOptions.model_validate({**given, **changes}).model_dump(mode="json")
