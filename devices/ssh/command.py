"""OpenSSH's client as argument vectors, and its refusals as errors with a cure."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import ZooError
from zoo.common.paths import expanded

from ..shared.remote import DeviceUnreachable

if TYPE_CHECKING:
    from .options import SshOptions

#: Seconds of silence after which a connection counts as broken.
_ALIVE_INTERVAL, _ALIVE_COUNT = 5, 3
#: ssh's own exit code for every failure of its own.
SSH_FAILED = 255


def address(options: SshOptions) -> str:
    """``pi@pi4.local:22022``."""
    user = f"{options.user}@" if options.user else ""
    return f"{user}{options.host}" + (f":{options.port}" if options.port else "")


def ssh_arguments(options: SshOptions, control: Path) -> list[str]:
    """Program and options for every connection to a device, up to and without the host.

    Host keys are always verified, nothing is ever asked for, and nothing of this machine is lent
    to the other one.

    Args:
        options: Of the device.
        control: Socket of the one connection that all commands share.
    """
    given = {
        "BatchMode": "yes",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "ConnectTimeout": str(options.connect_seconds),
        "ServerAliveInterval": str(_ALIVE_INTERVAL),
        "ServerAliveCountMax": str(_ALIVE_COUNT),
        "ControlPath": str(control),
        "ControlPersist": "no",
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "ClearAllForwardings": "yes",
        "PermitLocalCommand": "no",
        "RequestTTY": "no",
        "RemoteCommand": "none",
        "EscapeChar": "none",
        "LogLevel": "ERROR",
    }
    if options.known_hosts:
        given["UserKnownHostsFile"] = _here(options.known_hosts)
    if options.identity:
        given["IdentityFile"] = _here(options.identity)
        given["IdentitiesOnly"] = "yes"
    command = ["ssh", "-T"]
    if options.config:
        command += ["-F", "none" if options.config == "none" else _here(options.config)]
    for name, value in given.items():
        command += ["-o", f"{name}={value}"]
    if options.port:
        command += ["-p", str(options.port)]
    if options.user:
        command += ["-l", options.user]
    return command


def _here(path: str) -> str:
    return str(expanded(path))


def connection_error(options: SshOptions, words: str) -> ZooError:
    """What ssh said when it could not connect, as an error with what to do about it."""
    where = address(options)
    host, port = options.host, options.port
    last = _last_line(words)
    key = f"[{host}]:{port}" if port not in (None, 22) else str(host)
    known = options.known_hosts
    if "HAS CHANGED" in words or "has changed and you have requested" in words:
        file = f" -f {shlex.quote(_here(known))}" if known else ""
        return DeviceUnreachable(
            f"{where} shows another host key than before: it was not connected to",
            why="another machine may be answering, or the board was installed anew",
            fix=f"if you know why it changed: ssh-keygen{file} -R {shlex.quote(key)}, then add the "
            f"new key as for a new device: {_scan(host, port, known)}",
        )
    if "Host key verification failed" in words:
        return DeviceUnreachable(
            f"the host key of {where} is not known here: it was not connected to",
            why="without it the identity of the device cannot be checked",
            fix=f"compare it with the one on the device, then: {_scan(host, port, known)}",
        )
    if "Permission denied" in words:
        return DeviceUnreachable(
            f"{where} rejects the login",
            why=last,
            fix="passwords are never asked for: copy your public key there with ssh-copy-id, or "
            'name its file: identity = "…"',
        )
    if "Could not resolve" in words:
        return DeviceUnreachable(f"there is no host {host!r}", why=last, fix="check the name")
    return DeviceUnreachable(
        f"{where} cannot be reached",
        why=last or "ssh gave no reason",
        fix="check that the device is on, on this network, and runs an SSH server",
    )


def _scan(host: str, port: int | None, known: str | None) -> str:
    at = f"-p {port} " if port else ""
    file = shlex.quote(_here(known)) if known else "~/.ssh/known_hosts"
    return f"ssh-keyscan {at}{shlex.quote(host)} >> {file}"


def _last_line(words: str) -> str:
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    return lines[-1] if lines else ""
