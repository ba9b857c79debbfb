"""``zoo compare``: finds both sides, times what is to be timed now, and holds them together."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.benchmark.cells import CellResult, cells_of, check_compared, time_cells
from zoo.benchmark.compare.beforehand import check_record, check_settings
from zoo.benchmark.compare.comparison import ComparedPair, Side, compare_sides, refuse_unreal
from zoo.benchmark.compare.operands import (
    LAST,
    Operand,
    Recorded,
    cell_identity,
    last_record,
    operand_named,
    run_operand,
)
from zoo.benchmark.compare.ratio import MARGIN, TURNS
from zoo.benchmark.compare.turns import check_turns
from zoo.benchmark.measure import NotTimed
from zoo.benchmark.tiers import tier_named
from zoo.benchmark.timed_inputs import parse_shapes
from zoo.benchmark.timing import record_result
from zoo.common.brief import Brief
from zoo.common.errors import UsageError, ZooError
from zoo.common.progress import OnStep, quiet
from zoo.common.worker import Children
from zoo.execution.device import Device
from zoo.execution.devices import device_named
from zoo.execution.runtimes import runtimes_of
from zoo.registry import Registry, load_registry
from zoo.results.measurements import Measurement
from zoo.results.store import Store

_STEP = "compare"


@dataclass(frozen=True, kw_only=True, repr=False)
class Comparisons(Brief):
    """All pairs that two sides have in common.

    Attributes:
        pairs: In the order of the first side.
        only_first: Files, with where they ran, that the second side lacks.
        only_second: Those that the first lacks.
    """

    pairs: tuple[ComparedPair, ...]
    only_first: tuple[str, ...] = ()
    only_second: tuple[str, ...] = ()

    @property
    def slower(self) -> bool:
        """Whether any file became slower."""
        return any(pair.verdict == "slower" for pair in self.pairs)

    @property
    def settled(self) -> bool:
        """Whether of every pair something could be told."""
        return all(pair.verdict != "can't tell" for pair in self.pairs)


@dataclass(frozen=True, kw_only=True)
class _TimingSettings:
    """How files are timed now."""

    registry: Registry
    store: Store
    device: str | None
    threads: int | None
    runtime: str | None
    tier: str
    turns: int
    shapes: Mapping[str, Sequence[tuple[int, ...]]]
    on_step: OnStep


def compare(
    first: str | Path,
    second: str | Path | None = None,
    *,
    device: str | None = None,
    threads: int | None = None,
    tier: str = "quick",
    runtime: str | None = None,
    turns: int = TURNS,
    shape: Sequence[str] = (),
    margin: float = MARGIN,
    store: str | None = None,
    on_step: OnStep = quiet,
    progress: bool | None = None,
    registry: Registry | None = None,
) -> Comparisons:
    """Says whether the second is faster or slower than the first, or the same.

    Two files are timed now, in fresh processes that take turns. What is recorded is compared from
    the samples that were kept. A file and a record: the file is timed now, where the record was.

    Args:
        first: The baseline: a file, a run's folder or name, a tag, a model id, or ``last``, the
            newest record of the other's file on the device.
        second: What is judged, named likewise; None compares the file `first` with ``last``.
        device: Where files are timed; None for the record's device, else this machine.
        threads: For one inference; None for the record's, else 1.
        tier: How long; its floors are shared by all turns.
        runtime: None for the record's, else the preferred one of the format.
        turns: Fresh processes of each file.
        shape: Shapes of inputs, ``NAME=1x3x48x320``, where files leave sizes open; empty for the
            record's.
        margin: Greatest difference that counts as none: 0.03 for 3 per cent.
        store: URL of the results store; None for the user's own.
        on_step: Receives progress.
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.

    Raises:
        UsageError: A name that means nothing; no file in common; times of two sorts.
        ZooError: A file could not be timed.
    """
    if second is None:
        first, second = LAST, first
    if not 0.0 < margin < 1.0:
        raise UsageError(
            f"a margin of {margin:g} makes no sense",
            why="it is the greatest difference that counts as none, as a share",
            fix="for example 0.03, which is 3 %",
        )
    registry = registry or load_registry()
    check_settings(registry, device, tier, turns)
    kept = Store(store, writes=False)
    settings = _TimingSettings(
        registry=registry,
        store=kept,
        device=device,
        threads=threads,
        runtime=runtime,
        tier=tier,
        turns=turns,
        shapes=_single(parse_shapes(shape)),
        on_step=on_step,
    )
    try:
        return _compare(settings, str(first), str(second), margin)
    finally:
        kept.close(on_step)


def compare_runs(store: Store, first: str, second: str, margin: float = MARGIN) -> Comparisons:
    """Compares what two runs have recorded; nothing is timed.

    Args:
        store: Where they are recorded.
        first: Name of the baseline.
        second: Name of the run that is judged.
        margin: Greatest difference that counts as none.

    Raises:
        UsageError: A run timed nothing; no file in common; times of two sorts.
    """
    return _recorded(run_operand(store, first), run_operand(store, second), margin)


def _single(
    shapes: Mapping[str, Sequence[tuple[int, ...]]],
) -> Mapping[str, Sequence[tuple[int, ...]]]:
    """The shapes, of each input one."""
    for name, several in shapes.items():
        if len(several) > 1:
            raise UsageError(
                f"--shape gives {len(several)} shapes for {name or 'the input'}",
                why="files are compared at one shape",
                fix="give one: --shape NAME=1x3x48x320",
            )
    return shapes


def _compare(settings: _TimingSettings, first: str, second: str, margin: float) -> Comparisons:
    suffixes = [exporter.suffix for exporter in settings.registry.exporters]
    names = (first, second)
    found = [None if n == LAST else operand_named(settings.store, n, suffixes) for n in names]
    left, right = found
    if left is None or right is None:
        named = left or right
        if named is None or named.file is None:
            raise UsageError(
                f"{LAST!r} stands for the newest record of a file, so the other must be a file",
                fix="for example: zoo compare last net.tflite",
            )
        where = device_named(settings.registry, settings.device).name
        record = last_record(
            settings.store, where, named.file.name, settings.threads or 1, settings.shapes
        )
        recent = Operand(text=LAST, recorded=(record,))
        left, right = left or recent, right or recent
    if left.file is not None and right.file is not None:
        check_turns(settings.turns)
        sides = _timed(settings, [left.file, right.file], None)
        return Comparisons(pairs=(compare_sides(*sides, together=True, margin=margin),))
    if left.file is None and right.file is None:
        return _recorded(left, right, margin)
    file, other = (left.file, right) if left.file is not None else (right.file, left)
    assert file is not None
    record = _counterpart(other, file)
    recorded = record.side()
    check_record(recorded, settings.turns)
    (timed,) = _timed(settings, [file], record.measurement)
    sides = (recorded, timed) if other is left else (timed, recorded)
    return Comparisons(pairs=(compare_sides(*sides, together=False, margin=margin),))


def _counterpart(operand: Operand, file: Path) -> Recorded:
    """The record that a file is compared with."""
    # A network as it was before its export is the counterpart of no file.
    files = [r for r in operand.recorded if not r.measurement.reference] or list(operand.recorded)
    same = [r for r in files if r.measurement.file == file.name]
    alike = same or [r for r in files if _cell(r) == _cell_of(file.name)]
    found = alike or files
    if len(found) != 1 and len({r.measurement.file for r in found}) != 1:
        raise UsageError(
            f"{operand.text} has no record of {file.name}",
            why=f"it has {', '.join(sorted({r.measurement.file for r in found}))}",
            fix="compare a file of one of these names",
        )
    return found[-1]


def _timed(
    settings: _TimingSettings, files: Sequence[Path], like: Measurement | None
) -> tuple[Side, ...]:
    """Times files in turns: as `like` was, unless the user says otherwise."""
    wanted = settings.device or (like.device if like is not None else None)
    where = device_named(settings.registry, wanted)
    refuse_unreal(where.name, where.clock)  # not after the work
    threads = settings.threads or (like.threads if like is not None else 1)
    shapes = settings.shapes
    if like is not None and not shapes:
        shapes = {name: (shape,) for name, shape in like.shapes.items()}
    children = Children()
    cells = [
        cell
        for file in files
        for cell in cells_of(
            settings.registry,
            [file],
            _runtime(settings, where, file, like),
            [threads],
            children,
            shapes=shapes,
        )
    ]
    check_compared(settings.registry, cells)
    tier = replace(tier_named(settings.tier), processes=settings.turns)
    started = time.perf_counter()
    settings.on_step(_STEP, {"event": "start", "kind": "bench"})
    try:
        found = time_cells(
            settings.registry,
            where,
            cells,
            tier,
            progress=lambda done, total: settings.on_step(
                _STEP, {"event": "progress", "done": done, "total": total}
            ),
            children=children,
            all_or_none=True,
        )
    finally:
        children.stop_all()
    seconds = time.perf_counter() - started
    failed = any(isinstance(timed.result, ZooError) for timed in found)
    status = "failed" if failed else "passed"
    settings.on_step(_STEP, {"event": "end", "status": status, "seconds": seconds, "cached": False})
    # Where one cannot be timed the others were not, which is no failure of theirs to record.
    tried = [timed for timed in found if not isinstance(timed.result, NotTimed)]
    return tuple(_side(settings, where, timed) for timed in tried)


def _side(settings: _TimingSettings, where: Device, timed: CellResult) -> Side:
    record_result(settings.store, where, timed)
    if isinstance(timed.result, ZooError):
        raise timed.result
    measurement, samples = timed.result
    return Side(measurement=measurement, samples=samples)


def _runtime(
    settings: _TimingSettings, where: Device, file: Path, like: Measurement | None
) -> list[str]:
    """The record's runtime where the file has it and the device too; empty: the preferred one."""
    if settings.runtime is not None:
        return [settings.runtime]
    if like is None:
        return []
    exporter = settings.registry.exporter_for(file)
    usable = exporter is not None and like.runtime in runtimes_of(settings.registry, exporter)
    return [like.runtime] if usable and like.runtime in where.runtimes() else []


def _recorded(first: Operand, second: Operand, margin: float) -> Comparisons:
    """Every file that two records have in common, each where it ran."""
    by_name = {r.measurement.file for r in first.recorded} & {
        r.measurement.file for r in second.recorded
    }
    cell = (lambda r: r.measurement.file) if by_name else _cell
    left, right = list(first.recorded), list(second.recorded)
    pairs: list[tuple[Recorded, Recorded]] = []
    for alike in (cell_identity, lambda m: ()):
        for one in list(left):
            there = [r for r in right if cell(r) == cell(one)]
            same = [r for r in there if alike(r.measurement) == alike(one.measurement)]
            mine = [r for r in left if cell(r) == cell(one)]
            # Of several places each, nothing tells which belongs to which.
            if same and (alike is cell_identity or (len(same), len(mine)) == (1, 1)):
                pairs.append((one, same[0]))
                left.remove(one)
                right.remove(same[0])
    alone = [one.measurement.reference for one in (*left, *right)]
    if not pairs and len(left) == len(right) == 1 and alone[0] == alone[1]:
        pairs, left, right = [(left[0], right[0])], [], []
    if not pairs:
        raise UsageError(
            f"{first.text} and {second.text} have no file in common",
            why=f"{_files(first)} against {_files(second)}",
            fix="compare two of these files: zoo compare A B",
        )
    return Comparisons(
        pairs=tuple(
            compare_sides(a.side(), b.side(), together=False, margin=margin) for a, b in pairs
        ),
        only_first=tuple(map(_measured_where, left)),
        only_second=tuple(map(_measured_where, right)),
    )


def _cell(one: Recorded) -> str:
    return _cell_of(one.measurement.file)


def _cell_of(file: str) -> str:
    """Precision and format: what is left of a name without variant and tag."""
    return ".".join(file.split(".")[2:]) or file


def _files(operand: Operand) -> str:
    return ", ".join(dict.fromkeys(r.measurement.file for r in operand.recorded))


def _measured_where(one: Recorded) -> str:
    m = one.measurement
    shape = f", {m.shape}" if m.shape else ""
    return f"{m.file} ({m.device}, {m.runtime}, {m.threads} threads{shape})"
