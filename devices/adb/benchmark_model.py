"""LiteRT's ``benchmark_model`` on a phone: sent there, run in ADB's own shell, and read."""

from __future__ import annotations

import functools
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import UsageError, ZooError
from zoo.common.files import sha256_of
from zoo.common.paths import expanded
from zoo.contracts import ToolOrder, ToolSummary, VendorTool
from zoo.execution.failures import AgentHung

from ..shared.remote import KILL
from .benchmark_model_output import NAME, arguments, failure, figures

if TYPE_CHECKING:
    from .connection import AdbShell
    from .options import AdbOptions

#: Seconds that it may take beyond those that it was told to measure for: loading, above all.
_PATIENCE = 120.0
#: $1 folder, $2 run, $3 CPU mask, then the program and its arguments.
_RUN = (
    'd=$1 r=$2 m=$3; shift 3; chmod 755 "$1" || exit 126; mkdir -p "$d/run"; '
    '[ -n "$m" ] && set -- taskset "$m" "$@"; '
    '"$@" 2>&1 & n=$!; echo "$n" >"$d/run/$r.pid"; '
    'wait "$n"; c=$?; rm -f "$d/run/$r.pid"; exit "$c"'
)


def tool(options: AdbOptions) -> VendorTool | None:
    """The program that ``devices.toml`` names, if it names one.

    Raises:
        UsageError: There is no such file here.
    """
    if options.benchmark_model is None:
        return None
    program = expanded(options.benchmark_model)
    if not program.is_file():
        raise UsageError(
            f"there is no file {program}",
            why=f"devices.toml names it as {NAME}",
            fix="correct the path, or remove that line",
        )
    run = functools.partial(_time, program)
    return VendorTool(name=NAME, sha256=sha256_of(program), run=run)


def _time(program: Path, transport: Any, file: Path, order: ToolOrder) -> ToolSummary:
    """Times a file in a fresh process of the program."""
    line: AdbShell = transport.outside
    words = [line.put(program), *arguments(line.put(file), order)]
    run = secrets.token_hex(8)
    shell = line.shell(_RUN, [line.folder, run, line.options.cpus or "", *words])
    patience = order.warmup_seconds + 2 * order.max_seconds + _PATIENCE
    try:
        ended = shell.finish(patience)
    finally:
        shell.close()
        if shell.code is None:
            _kill(line, f"{line.folder}/run/{run}.pid")
    if not ended:
        raise AgentHung(
            f"{NAME} gave no answer in {patience:g} s and was stopped",
            fix="check that the phone is awake; choose a shorter tier",
        )
    said = shell.out.decode("utf-8", "replace")
    if shell.code != 0:
        raise failure(shell.code, said, file.name)
    return figures(said)


def _kill(line: AdbShell, pid_file: str) -> None:
    try:
        line.run(KILL, pid_file, timeout=10.0)
    except ZooError:
        return  # The phone is gone, and what ran there with it.
