"""Whole commands under strace: which addresses outside this machine they reach for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

#: Calls by which a process names an address; a look-up of a host's name is one to its resolver.
_CALLS = "trace=connect,sendto,sendmsg,sendmmsg"
_ADDRESS = re.compile(r'sa_family=AF_INET6?, .*?(?:inet_addr\("|inet_pton\(AF_INET6, ")([^"]+)"')
#: What would switch reports off before the zoo does; tests must not rely on the caller's.
SWITCHES = (
    "ORT_DISABLE_TELEMETRY",
    "HF_HUB_DISABLE_TELEMETRY",
    "MLFLOW_DISABLE_TELEMETRY",
    "DO_NOT_TRACK",
    "CI",
    "TF_BUILD",
)


@dataclass(frozen=True, kw_only=True)
class Traced:
    """A command that ended: its code, what it printed, addresses outside, files in its home."""

    code: int
    output: str
    addresses: list[str]
    left: list[str]


def traced(command: Sequence[str], folder: Path, **variables: str) -> Traced:
    """Runs a command in `folder`, with a home of its own there, and all its children."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    home, log = folder / "user", folder / "calls"
    home.mkdir(exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if k not in SWITCHES}
    environment |= {"HOME": str(home), "ZOO_HOME": str(folder / "kept"), **variables}
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        environment.pop(name, None)
    done = subprocess.run(
        ["strace", "-f", "-qq", "-e", _CALLS, "-e", "signal=none", "-o", str(log), *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    found = set(_ADDRESS.findall(log.read_text(encoding="utf-8", errors="replace")))
    return Traced(
        code=done.returncode,
        output=done.stdout + done.stderr,
        addresses=sorted(a for a in found if not a.startswith("127.") and a != "::1"),
        left=sorted(
            p.relative_to(home).as_posix()
            for p in home.rglob("*")
            if p.is_file() and not p.relative_to(home).as_posix().startswith(OUR_OWN)
        ),
    )


#: What TensorFlow and matplotlib keep in a home, and report to nobody.
OUR_OWN = (".keras/", ".cache/matplotlib/", ".config/matplotlib/")
