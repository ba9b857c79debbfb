"""Arm's compiler for Ethos-U, Vela, run on one file in a process of its own."""

from __future__ import annotations

import csv
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from zoo.common.errors import MissingExtra, UsageError, ZooError
from zoo.common.extras import EXTRA_OF, installed
from zoo.common.files import write_bytes
from zoo.common.paths import expanded
from zoo.common.shown_text import printable
from zoo.common.tools import ProgramExit, run_module

from .vela_options import OWN_CONFIG, EthosUOptions, check_sections, config_file

MODULE = "ethosu"
DISTRIBUTION = "ethos-u-vela"
_SECONDS = 600.0
_KIB = 1024
_LAST_WORDS = 300
#: Bytes of one of its tables: of some thousand layers.
_MOST_TABLE = 1 << 24


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One operation of the compiled network.

    Attributes:
        original: The operator of the file that it comes from, by Vela's name.
        target: ``NPU`` or ``CPU``.
    """

    original: str
    name: str
    target: str
    cycles: float
    macs: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What Vela says of a file.

    Attributes:
        clock_hz: Of the NPU, as the system configuration says.
        sram: Bytes.
        dram: Bytes.
        flash: Bytes, on the chip and off it.
        layers: In the order in which they run.
        kept: The compiled file; None when it was not asked for.
    """

    version: str
    seconds: float
    cycles: float
    clock_hz: float
    sram: float
    dram: float
    flash: float
    layers: tuple[Layer, ...]
    kept: Path | None = None


def vela_version() -> str:
    """The version of Vela.

    Raises:
        MissingExtra: It is not installed.
    """
    if not installed(MODULE):
        raise MissingExtra(MODULE, EXTRA_OF[MODULE])
    return version(DISTRIBUTION)


def estimate(options: EthosUOptions, name: str, payload: bytes) -> Estimate:
    """Compiles a file, and reads what Vela estimates.

    Args:
        options: Accelerator, system and memory.
        name: Of the file, for messages and for the compiled file.
        payload: The file.

    Raises:
        MissingExtra: Vela is not installed.
        UsageError: A configuration that there is not.
        ZooError: Vela cannot compile the file.
    """
    known = vela_version()
    ini = config_file(options)
    check_sections(options, ini)
    with tempfile.TemporaryDirectory(prefix="zoo-vela-") as folder:
        # A name of our own: the file's may be anything.
        source, out = Path(folder) / "model.tflite", Path(folder) / "out"
        source.write_bytes(payload)
        arguments = _arguments(options, ini, source, out)
        done = run_module("ethosu.vela", arguments, seconds=_SECONDS)
        try:
            (summary,) = _rows(next(out.glob("*_summary_*.csv")))
            layers = _rows(next(out.glob("*_per-layer.csv")))
            compiled = next(out.glob("*_vela.tflite"))
            if done.code != 0:
                raise StopIteration
            return Estimate(
                version=known,
                seconds=_positive(summary, "inference_time"),
                cycles=_positive(summary, "cycles_total"),
                clock_hz=_positive(summary, "core_clock"),
                sram=_number(summary["sram_memory_used"]) * _KIB,
                dram=_number(summary["dram_memory_used"]) * _KIB,
                flash=_KIB
                * sum(
                    _number(summary[f"{where}_chip_flash_memory_used"]) for where in ("on", "off")
                ),
                layers=tuple(_layer(row) for row in layers),
                kept=_kept(options, name, compiled),
            )
        except (StopIteration, KeyError, ValueError, TypeError, csv.Error, OSError) as error:
            raise _failed(name, known, done, error) from error


def _arguments(options: EthosUOptions, ini: Path, source: Path, out: Path) -> list[str]:
    cache = [] if options.arena_cache is None else ["--arena-cache-size", str(options.arena_cache)]
    return [
        *("--config", OWN_CONFIG if options.config is None else str(ini)),
        *("--accelerator-config", options.accelerator),
        *("--system-config", options.system),
        *("--memory-mode", options.memory),
        *("--optimise", options.optimise.capitalize()),
        *cache,
        "--verbose-performance",  # writes the table of layers
        *("--output-dir", str(out)),
        str(source),
    ]


def _rows(file: Path) -> list[dict[str, str]]:
    if file.stat().st_size > _MOST_TABLE:
        raise ValueError(f"{file.name} has {file.stat().st_size} bytes")
    with file.open(encoding="utf-8", errors="replace", newline="") as stream:
        return list(csv.DictReader(stream))


def _number(text: str) -> float:
    """Vela writes ``nan`` for shares of nothing."""
    value = float(text)
    if math.isinf(value) or value < 0.0:
        raise ValueError(f"a figure is {text}")
    return 0.0 if math.isnan(value) else value


def _positive(summary: dict[str, str], name: str) -> float:
    """A figure that an estimate without it would be no estimate of."""
    value = _number(summary[name])
    if not value:
        raise ValueError(f"{name} is {summary[name]}")
    return value


def _layer(row: dict[str, str]) -> Layer:
    return Layer(
        original=printable(row["Original Operator"]),
        name=printable(row["Name"]),
        target=printable(row["Target"]),
        cycles=_number(row["Op Cycles"]),
        # Operations on the CPU multiply nothing on the NPU.
        macs=_number(row["MAC Count"]),
    )


def _kept(options: EthosUOptions, name: str, compiled: Path) -> Path | None:
    if options.keep is None:
        return None
    folder = expanded(options.keep)
    target = folder / f"{Path(name).stem}.{options.accelerator}.vela.tflite"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(target, compiled.read_bytes())
    except OSError as error:
        raise UsageError(
            f"the compiled file cannot be kept as {target}", why=str(error), fix="correct `keep`"
        ) from error
    return target


def _failed(name: str, known: str, done: ProgramExit, error: Exception) -> ZooError:
    """Vela's own last words; it prints its errors to either stream, and ends well at times."""
    lines = [
        line.strip() for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()
    ]
    telling = [line for line in lines if "rror" in line and not line.startswith("File")]
    last: Sequence[str] = telling[-1:] or lines[-1:]
    words = " ".join(part for part in (done.failure, *last) if part)[:_LAST_WORDS]
    return ZooError(
        f"Vela {known} cannot compile {name}",
        why=words or f"its tables are not as expected ({error})",
        fix="write the file for the NPU: zoo export MODEL --format tflite --precision int8 "
        "--target ethos-u55",
    )
