"""Verdicts as JUnit XML, which every continuous integration reads."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree

from zoo.common.clock import utc_now
from zoo.common.files import OTHER_FILE, write_text

if TYPE_CHECKING:
    from zoo.benchmark.compare.comparing import Comparisons
    from zoo.benchmark.compare.judgement import Judgement
    from zoo.benchmark.timing import Timing
    from zoo.execution.offline_analysis import OfflineAnalysis

Outcome = Literal["passed", "failure", "error", "skipped"]
#: What XML 1.0 cannot hold, even escaped.
_UNPRINTABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One test.

    Attributes:
        group: What it is about: a file and where it ran.
        name: What was asked: ``p90<=20ms``.
        kind: Short name of the failure; empty when it passed.
        message: One line; empty when it passed.
        details: What a person wants to read beside.
    """

    group: str
    name: str
    outcome: Outcome
    seconds: float = 0.0
    kind: str = ""
    message: str = ""
    details: str = ""


def cases_of_bench(timings: Sequence[Timing], judged: Sequence[Sequence[Judgement]]) -> list[Case]:
    """One case per file for the timing itself, and one for each of its budgets.

    A budget that is exceeded is a failure, a file that could not be timed an error, and a budget
    of which nothing can be told is skipped with the reason.
    """
    cases = []
    for timing, judgements in zip(timings, judged, strict=True):
        m = timing.measurement
        batch = "" if m is None or m.batch == 1 else f"batch-{m.batch}"
        place = (
            timing.device,
            timing.runtime or "",
            f"threads-{timing.threads}",
            batch,
            timing.shape,
        )
        group = ".".join((timing.file.name, *filter(None, place)))
        if timing.examination is not None:
            cases.append(_examined_case(timing.examination))
            continue
        if m is None:
            error = timing.error
            cases.append(
                Case(
                    group=group,
                    name="timed",
                    outcome="error",
                    kind=type(error).__name__,
                    message=str(error).splitlines()[0],
                    details=str(error),
                )
            )
            continue
        where = f"{m.device}, {m.runtime} {m.runtime_version}, {m.threads} threads"
        figures = [("p50", m.p50_ms), ("p90", m.p90_ms)]
        known = [f"{name} {value:.6g} ms" for name, value in figures if value is not None]
        told = ", ".join([*known, f"{m.runs} runs on {where}"])
        cases.append(
            Case(group=group, name="timed", outcome="passed", seconds=m.seconds, details=told)
        )
        cases += [_budget_case(group, judgement, told) for judgement in judgements]
    return cases


def _examined_case(record: OfflineAnalysis) -> Case:
    """A file that cannot be used on a device that nothing is timed on is a failure."""
    return Case(
        group=f"{record.file}.{record.device}",
        name="examined",
        outcome="passed" if record.passed else "failure",
        seconds=record.seconds,
        kind="" if record.passed else record.verdict,
        message="" if record.passed else record.faults[0],
        details="\n".join((record.verdict, *record.faults)),
    )


def _budget_case(group: str, judgement: Judgement, told: str) -> Case:
    outcomes: dict[str, Outcome] = {"within": "passed", "over": "failure"}
    outcome = outcomes.get(judgement.verdict, "skipped")
    return Case(
        group=group,
        name=judgement.budget,
        outcome=outcome,
        kind="" if outcome == "passed" else judgement.verdict,
        message="" if outcome == "passed" else f"{judgement.verdict}: {judgement.reason}",
        details=f"{judgement.reason}\n{told}",
    )


def cases_of_comparisons(found: Comparisons) -> list[Case]:
    """One case per pair: slower is a failure, what cannot be told is skipped with the reason."""
    from zoo.benchmark.compare.wording import basis, first_line, sentence

    outcomes: dict[str, Outcome] = {"slower": "failure", "can't tell": "skipped"}
    cases = []
    for pair in found.pairs:
        m = pair.second.measurement
        outcome = outcomes.get(pair.verdict, "passed")
        cases.append(
            Case(
                group=f"{m.file}.{m.device}.{m.runtime}.threads-{m.threads}",
                name=f"not slower than {pair.first.measurement.file}",
                outcome=outcome,
                seconds=m.seconds,
                kind="" if outcome == "passed" else pair.verdict,
                message="" if outcome == "passed" else sentence(pair),
                details="\n".join(
                    line for line in (first_line(found), sentence(pair), basis(pair)) if line
                ),
            )
        )
    return cases


def write_junit(path: Path, suite: str, cases: Sequence[Case]) -> None:
    """Writes the file; whoever opens it meanwhile sees the old one or the new one."""
    write_text(path, junit_xml(suite, cases), fix=OTHER_FILE)


def junit_xml(suite: str, cases: Sequence[Case]) -> str:
    """The document, in the form that Ant's JUnit task gave it and all others read."""
    root = ElementTree.Element("testsuites")
    tests = ElementTree.SubElement(
        root,
        "testsuite",
        {
            "package": "edgezoo",
            "id": "0",
            "name": suite,
            "timestamp": utc_now()[:19],  # the schema wants no zone
            "hostname": _token(platform.node()) or "localhost",
            "tests": str(len(cases)),
            "failures": _count(cases, "failure"),
            "errors": _count(cases, "error"),
            "skipped": _count(cases, "skipped"),
            "time": _seconds(case.seconds for case in cases),
        },
    )
    ElementTree.SubElement(tests, "properties")
    for case in cases:
        _add(tests, case)
    details = "\n".join(f"{c.group} {c.name}\n{c.details}\n" for c in cases if c.details)
    ElementTree.SubElement(tests, "system-out").text = _clean(details)
    ElementTree.SubElement(tests, "system-err")
    ElementTree.indent(root, " ")
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        + ElementTree.tostring(root, encoding="unicode")
        + "\n"
    )


def _add(tests: ElementTree.Element, case: Case) -> None:
    element = ElementTree.SubElement(
        tests,
        "testcase",
        {
            "classname": _token(case.group),
            "name": _token(case.name),
            "time": _seconds([case.seconds]),
        },
    )
    if case.outcome == "passed":
        return
    attributes = {"message": _token(case.message)}
    if case.outcome != "skipped":
        attributes["type"] = _token(case.kind)
    told = ElementTree.SubElement(element, case.outcome, attributes)
    if case.outcome != "skipped":
        told.text = _clean(case.details)


def _count(cases: Sequence[Case], outcome: Outcome) -> str:
    return str(sum(case.outcome == outcome for case in cases))


def _seconds(values: Iterable[float]) -> str:
    return f"{sum(values):.3f}"


def _token(text: str) -> str:
    """On one line, with single spaces, as the schema's tokens are."""
    return " ".join(_clean(text).split())


def _clean(text: str) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
