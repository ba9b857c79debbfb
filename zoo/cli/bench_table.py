"""The results of ``zoo bench``, for people and as JSON."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from zoo.cli.bench_columns import (
    figure_text,
    further_columns,
    interval_of,
    print_profiles,
    print_tools,
)
from zoo.cli.tables import print_table
from zoo.common import terminal
from zoo.common.shown_text import printable, without_passwords
from zoo.report.offline_analysis import TextTable, analysed_kinds, basis, detail_tables
from zoo.results.disturbances import worst_of_each
from zoo.results.formatting import format_metric

if TYPE_CHECKING:
    from zoo.benchmark.timing import Timing
    from zoo.execution.offline_analysis import OfflineAnalysis
    from zoo.results.measurements import Measurement

_HEADINGS = (
    *("file", "device", "runtime", "threads", "p50 ms", "interval", "p90 ms", "p99 ms"),
    *("first ms", "load ms", "memory MB", "runs", "ran on", "answers", "host"),
)
_RIGHT = "lllrrrrrrrrrlll"
#: What a narrow terminal does without, the least telling first.
_SPARE = (
    *("ran on", "runs", "load ms", "first ms", "p99 ms", "memory MB", "mean ms", "p95 ms"),
    *("runtime", "threads", "device", "answers", "shape", "p90 ms", "interval"),
)


def print_timings(timings: Sequence[Timing], executor: str | None = None) -> None:
    """The table, then what people must know of single rows; what was not timed stands apart.

    Args:
        timings: Results of one command.
        executor: What it was told to run on.
    """
    measured = [timing for timing in timings if timing.measurement is not None]
    if measured:
        found = [timing.measurement for timing in measured if timing.measurement is not None]
        more = further_columns(found)
        print_table(
            (*_HEADINGS, *(heading for heading, _ in more)),
            [(*_row(m), *(cell(m) for _, cell in more)) for m in found],
            _RIGHT + "r" * len(more),
            spare=_SPARE,
            prose=("ran on",),
        )
        print_profiles(found)
    for timing in timings:
        if timing.error is not None:
            terminal.echo_lines(f"\n{printable(_name(timing))}: {timing.error}", err=True)
    for timing in measured:
        for remark in _remarks(timing):
            terminal.echo(f"\n{_name(timing)}: {remark}")
    noisy = [t for t in measured if t.measurement and not t.measurement.quiet]
    if again := [t for t in noisy if t.measurement and t.measurement.clock == "real"]:
        terminal.echo(f"\n{_noise(again)}")
        terminal.echo(
            "\nmeasure what is noisy (~) again when nothing else runs there: "
            f"{_again(again, timings, executor)}"
        )
    unreal = {t.device: t.measurement.clock for t in measured if t.measurement}
    for device, clock in unreal.items():
        if clock != "real":
            terminal.echo(
                f"\n{device}: times are {clock}, they tell nothing of the real one's and are never "
                "ranked or compared; answers are those of its own kernels"
            )
    print_tools([timing.measurement for timing in measured if timing.measurement is not None])
    print_analyses([t.examination for t in timings if t.examination is not None])
    kept = sum(timing.kept for timing in timings)
    if kept:
        terminal.echo(
            f"\n{kept} of {len(timings)} were kept from a bench that was not finished; "
            "--fresh measures them anew"
        )


def _noise(noisy: Sequence[Timing]) -> str:
    """What disturbed the measurements that are marked in the table; each kind once."""
    found = [timing.measurement for timing in noisy if timing.measurement is not None]
    why = "; ".join(worst_of_each(reason for m in found for reason in m.noise))
    if len(noisy) == 1:
        return f"{_name(noisy[0])}: noisy, do not rely on it: {why}"
    return f"{len(noisy)} measurements are noisy (~), do not rely on them: {why}"


def _again(noisy: Sequence[Timing], all_timings: Sequence[Timing], executor: str | None) -> str:
    """The command that times noisy files anew; networks are timed beside the files they became."""
    reference = any(timing.reference for timing in noisy)
    of = [t for t in (all_timings if reference else noisy) if not t.reference]
    files = " ".join(dict.fromkeys(shlex.quote(str(timing.file)) for timing in of))
    devices = ",".join(dict.fromkeys(timing.device for timing in noisy))
    words = ["zoo bench", files, "--device", shlex.quote(devices)]
    words += ["--reference"] if reference else []
    words += ["--executor", shlex.quote(without_passwords(executor))] if executor else []
    return " ".join(words)


def plain_timing(timing: Timing) -> dict[str, Any]:
    """One result for JSON; its verdict says whether its figures may be published."""
    from zoo.results.records import as_plain

    measurement, analysis = timing.measurement, timing.examination
    return {
        "file": str(timing.file),
        "device": timing.device,
        "runtime": timing.runtime,
        "threads": timing.threads,
        "batch": timing.batch,
        "shape": timing.shape,
        "reference": timing.reference,
        "verdict": next((f.verdict for f in (analysis, measurement) if f is not None), "failed"),
        **({} if analysis is None else {"examination": as_plain(analysis)}),
        "kept": timing.kept,
        "measurement": None if measurement is None else as_plain(measurement),
        "error": None if timing.error is None else timing.error.as_dict(),
    }


def print_analyses(records: Sequence[OfflineAnalysis], *, details: bool = True) -> None:
    """Offline analyses: a line per file, then faults and remarks, and a single file's tables."""
    for number, kind in enumerate(analysed_kinds(records)):
        if number:
            terminal.echo()
        _print_text_table(kind.table)
        for record in kind.records:
            for fault in record.faults:
                terminal.echo(f"\n{record.file}: {fault}")
        for remark in dict.fromkeys(remark for r in kind.records for remark in r.remarks):
            of = [r.file for r in kind.records if remark in r.remarks]
            subject = "" if len(of) == len(kind.records) else f"{', '.join(of)}: "
            terminal.echo(f"\n{subject}{remark}")
        for line in dict.fromkeys(map(basis, kind.records)):
            terminal.echo(f"\n{line}")
    for table in detail_tables(records[0]) if len(records) == 1 and details else ():
        terminal.echo(f"\n{table.name}")
        _print_text_table(table)
    for record in records:
        for kept in record.files:
            terminal.echo(f"\nkept {kept}")


def _print_text_table(table: TextTable) -> None:
    right = "".join("lr"[each] for each in table.numeric)
    text = [
        heading
        for heading, number in zip(table.headings, table.numeric, strict=True)
        if not number and heading != "file"
    ]
    print_table(table.headings, table.rows, right, prose=text)


def _name(timing: Timing) -> str:
    if timing.threads == 0:  # Nothing was to be timed.
        return f"{timing.file.name} on {timing.device}" if timing.device else timing.file.name
    count = "1 thread" if timing.threads == 1 else f"{timing.threads} threads"
    runtime = f", {timing.runtime}" if timing.runtime else ""
    batch = f", batches of {timing.batch}" if timing.batch is not None else ""
    shape = f", {timing.shape}" if timing.shape else ""
    return f"{timing.file.name}, {count}{batch}{shape}{runtime} on {timing.device}"


def _row(m: Measurement) -> tuple[str, ...]:
    # A figure that may not be published says so beside itself, wherever it is copied to.
    sign = "" if m.verdict == "good" else "~"
    return (
        m.file,
        m.device,
        f"{m.runtime} {m.runtime_version}",
        str(m.threads),
        figure_text(m.p50_ms, 4, sign),
        interval_of(m),
        "" if m.p90_ms is None else f"{sign}{m.p90_ms:.4f}",
        "" if m.p99_ms is None else f"{sign}{m.p99_ms:.4f}",
        figure_text(m.first_ms, 3, sign),
        figure_text(m.load_ms, 1, sign),
        figure_text(m.peak_memory_mb, 0),
        f"{m.runs:,}",
        m.ran_on,
        _answers(m),
        "quiet" if m.verdict == "good" else m.verdict.upper(),
    )


def _answers(m: Measurement) -> str:
    """How the answers on the device compare with those expected."""
    answers = m.answers
    if answers is None or answers.max_abs is None:
        return "unchecked"
    return "same bits" if answers.exact else f"±{answers.max_abs:.1g}"


def _remarks(timing: Timing) -> Iterator[str]:
    m = timing.measurement
    assert m is not None
    if m.clock != "real":
        pass  # It is told once per device.
    elif m.quiet and not m.floors_met:
        yield "fewer runs or seconds than its tier asks for, before its limit"
    if m.answers is not None and m.answers.why_not:
        yield f"its answers there were not compared: {m.answers.why_not}"
    if m.mostly_dispatch and m.dispatch_ms is not None:
        yield (
            f"a call costs {m.dispatch_ms:.4f} ms there without any work (that of a file of one "
            "layer), over a third of its time: the time says little of the network"
        )
    if m.inferences_per_sample > 1:
        yield (
            f"each sample is the mean of {m.inferences_per_sample} inferences in a row, since the "
            "clock there is too coarse for one: p90 and p99 are those of such means"
        )
    if m.sustained is not None:
        first, steady = m.sustained.first, m.sustained.steady
        yield (
            f"first {first.seconds:.0f} s {first.p50_ms:.4f} ms, last {steady.seconds:.0f} s "
            f"{steady.p50_ms:.4f} ms ({m.sustained.slowdown:.2f} times as long), "
            + ("steady" if m.sustained.flat else "still changing")
        )
    for metric in () if m.accuracy is None else m.accuracy.metrics[:1]:
        assert m.accuracy is not None
        yield (
            f"{metric.name} {format_metric(metric)} on "
            f"{metric.count:,} {metric.counted}s of {m.accuracy.dataset} ({m.accuracy.split}), "
            "computed there"
        )
