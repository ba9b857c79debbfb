"""Every table in a terminal of 80 and of 60 columns, from records that look like real ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import choices
import pytest
from measured import PLAIN, side
from report_views import evaluation, row

from zoo.analysis.explain import Explanation
from zoo.analysis.file_facts import FileFacts
from zoo.analysis.verify.claims import Claim
from zoo.analysis.verify.verify import Verification
from zoo.benchmark.compare.comparing import Comparisons
from zoo.benchmark.compare.comparison import compare_sides
from zoo.benchmark.timing import Timing
from zoo.cli import bench_table, compare_command, evaluate_command, explain_command, verify_command
from zoo.cli.choice_results import print_choice
from zoo.cli.search_results import print_search
from zoo.cli.tables import print_table
from zoo.cli.tuning_results import print_tuning
from zoo.common import terminal
from zoo.contracts import Choices, Interval, LayerComparison, Metric, OperatorRecord
from zoo.pipeline.search.confirmation import SeedResult, compared
from zoo.pipeline.search.optimize import SearchResult
from zoo.pipeline.search.points import SearchLimits, SearchPoint
from zoo.pipeline.search.space import SearchedParameter
from zoo.pipeline.search.study import StudiedTrial
from zoo.pipeline.search.trade_off import FilePoint
from zoo.pipeline.search.tune import TuneResult
from zoo.report.table import print_files

METRIC = Metric(name="accuracy", value=0.8712, low=0.8644, high=0.8777, count=10_000)
JUDGED = replace(evaluation(), recalls={f"a class with a long name {n}" * 3: METRIC for n in "ab"})
NAMES = [f"mobilenet_v2_small.fashion_mnist.{p}.onnx" for p in ("float32", "dynamic-int8", "int8")]


def _measured(name: str, number: int) -> Any:
    return replace(
        PLAIN,
        file=name,
        runtime="onnxruntime",
        runtime_version="1.32.0",
        p50_ms=1.2345 + number,
        p50_low_ms=1.2 + number,
        p50_high_ms=1.3 + number,
        load_ms=12.5 + number,
        runs=12_345 * (number + 1),
        quiet=number != 1,
        noise=("the load was 3.2",) if number == 1 else (),
    )


def _bench(*numbers: int) -> None:
    bench_table.print_timings(
        [
            Timing(
                file=Path(NAMES[n]), device="host", threads=1, measurement=_measured(NAMES[n], n)
            )
            for n in numbers
        ]
    )


def _compare(pairs: int) -> None:
    found = [
        compare_sides(
            side([1000.0 + n for n in range(12)], file=NAMES[0], device="pi4-in-the-cellar"),
            side([1500.0 + n for n in range(12)], file=NAMES[i + 1], device="pi4-in-the-cellar"),
            together=True,
        )
        for i in range(pairs)
    ]
    compare_command._print(Comparisons(pairs=tuple(found)), None)


def _facts(precision: str) -> FileFacts:
    path = Path(f"net.{precision}.tflite")
    values = {"bytes": 900, "model_bytes": 800, "weight_bytes": 700, "conversions": 0}
    return FileFacts(path=path, precision=precision, metric=METRIC, **values)


def _explain() -> None:
    records = [
        OperatorRecord(
            name=name,
            kind="DEPTHWISE_CONV_2D",
            twin=name,
            layers=(f"{name}_depthwise", f"{name}_relu"),
            arithmetic="integer",
            sqnr_db=40.0,
            own_sqnr_db=12.0 + n,
            low=0.0,
            high=1.0,
            range_low=0.0,
            range_high=1.0,
            clipped=0.0,
            weight_bytes=123_456,
            twin_weight_bytes=493_824,
            microseconds=1234.5,
            twin_microseconds=2345.6,
        )
        for n, name in enumerate(("block_1_expand", "block_1_project"))
    ]
    found = LayerComparison(
        runtime="litert", runtime_version="2.3.0", examples=64, operators=tuple(records),
        overhead={}, twin_overhead={},
    )  # fmt: skip
    explain_command._print(
        Explanation(
            file=_facts("int8"),
            twin=_facts("float32"),
            model_id="net.data",
            data="digits",
            format="tflite",
            split="validation",
            comparison=found,
            findings=(),
            network=(),
            advice=None,
        )
    )


def _search() -> None:
    points = [
        SearchPoint(
            name=f"onnx {precision} at 75 % of the channels",
            stage="widths",
            network="net",
            format="onnx",
            precision=precision,
            verdict="passed",
            bytes=912_345,
            download_bytes=812_345,
            drop=12.5,
            metric=METRIC,
            p50_ms=1.5,
            quiet=False,
        )
        for precision in ("int8", "dynamic-int8")
    ]
    print_search(
        SearchResult(
            model_id="net.data",
            data="data",
            folder=Path(),
            reference=METRIC,
            findings=(),
            limits=SearchLimits(max_bytes=1000, max_drop=10.0),
            points=tuple(points),
            front=(points[0],),
            best=None,
            nearest=points[0],
            files=(),
            notes=(),
            stopped=False,
            seconds=1.0,
            created="",
        )
    )


def _tune() -> None:
    rate = SearchedParameter(
        name="learning_rate", owner="training", range=Interval(1e-4, 0.1, log=True), default=0.001
    )
    stages = SearchedParameter(
        name="filters", owner="network", range=Choices(((16, 32), (32, 64, 128))), default=(16, 32)
    )
    trials = tuple(
        StudiedTrial(
            number=number,
            values={"learning_rate": 0.00123456 * 2**number, "filters": stages.range.ends[-1]},
            state=state,
            value=None if state == "failed" else 0.9 + 0.01 * number,
            epochs={1: 0.5, 12: 0.9},
            loss=0.5,
            seconds=1234.5,
            reason="the loss became infinite in epoch 3 " * 3 if state == "failed" else "",
        )
        for number, state in enumerate(("complete", "pruned", "failed"))
    )
    points = [
        FilePoint(
            trial=number,
            value=0.9123,
            bytes=912_345,
            p50_ms=1.2345,
            verdict="passed",
            reason="",
            on_front=True,
        )
        for number in (0, 1)
    ]
    print_tuning(
        TuneResult(
            model_id="mobilenet_v2_small.fashion_mnist",
            data="fashion_mnist",
            folder=Path("tuned/net-0123abcd"),
            objective="mean average precision of boxes",
            maximize=True,
            epochs=12,
            seed=0,
            space=(rate, stages),
            trials=trials,
            best=0,
            confirmation=compared(
                [SeedResult(seed=n, default=METRIC, tuned=METRIC) for n in (1, 2)], []
            ),
            importances={"learning_rate": 0.75, "filters": 0.25},
            cost="latency@pi4-in-the-cellar",
            files=tuple(points),
            stopped=True,
            notes=("the budget of time ended the search in trial 2",),
            seconds=3703.5,
            created="",
        )
    )


def _verify() -> None:
    claims = [
        Claim(
            name="model bytes",
            status="holds",
            found="SHA-256 as the manifest gives it, of a file of 69 kB",
        ),
        Claim(
            name="golden outputs in litert", status="fails", found="off by 0.5", reason="far " * 30
        ),
    ]
    verify_command._print(
        Verification(
            file="net.tflite", model_id="lenet5.digits", precision="int8", claims=tuple(claims)
        )
    )


RECORDS: dict[str, tuple[Callable[[], None], Sequence[str]]] = {
    "bench": (
        lambda: _bench(0, 1, 2),
        ["p50", "~2.2345", "NOISY", *NAMES, f"there: zoo bench {NAMES[1]} --device host"],
    ),
    "bench of one": (lambda: _bench(0), ["1.2345", "12,345", "load ms 12.5", NAMES[0]]),
    "compare": (lambda: _compare(1), ["1.0055", "first", "second", "pi4-in-the-cellar"]),
    "compare of runs": (lambda: _compare(2), ["slower", NAMES[2], "ratio"]),
    "explain": (_explain, ["block_1_project_depthwise", "12.0", "isolated"]),
    "choose": (
        lambda: print_choice(choices.compared()),
        ["cannot tell at n = 274", "more data would help", "84.0 % in validation", "baseline"],
    ),
    "optimize": (_search, ["at 75 % of the channels", "size"]),
    "tune": (_tune, ["best", "as far as can be told", "filters=32+64+128", "infinite", "front"]),
    "verify": (_verify, ["golden outputs in litert", "far far"]),
    "evaluate": (lambda: evaluate_command._print(JUDGED), ["recall", "95 % interval"]),
    "ship": (
        lambda: print_files([row(precision) for precision in ("float32", "dynamic-int8", "int8")]),
        ["lenet5.digits.dynamic-int8.tflite", "passed", "verdict"],
    ),
}
#: The heading of a column without a cell.
EMPTY = {"parameters"}
COMMANDS = (
    *(["list"], ["list", "keras:*"], ["info", "lenet5"], ["sources", "list"], ["devices", "list"]),
    *(["doctor", "--all"], ["targets"], ["data"], ["plugins", "list"], ["weights", "list"]),
    *(["weights", "verify"], ["data", "digits"], ["inspect", "FILE"]),
)


def _words(text: str) -> set[str]:
    return {word.strip(",;") for word in text.split()}


def _check(shown: str, whole: str, width: int) -> None:
    """No line is wider but for sentences and for single words, and no cell is lost unnamed."""
    lines = re.sub(r"\x1b\[\d*m", "", shown).splitlines()
    tables = [x for x in lines if re.match(r" +\S+ \S+ |.*\S  ", x) and "fix: " not in x]
    assert [x for x in tables if len(x) > width and len(x.split()) > 2] == []
    if "not shown at this width" not in shown:
        assert _words(whole) - _words("\n".join(lines)) <= EMPTY
    assert "not shown at this width" not in whole


@pytest.mark.parametrize("name", RECORDS)
def test_tables_of_records_fit(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    show, wanted = RECORDS[name]
    show()
    whole = capsys.readouterr().out
    monkeypatch.setattr("rich.console.Console.is_terminal", True)
    for width in (80, 60):
        monkeypatch.setattr(terminal, "width", lambda width=width: width)
        monkeypatch.setenv("COLUMNS", str(width))
        show()
        shown = capsys.readouterr().out
        _check(shown, whole, width)
        for text in wanted:
            assert " ".join(text.split()) in " ".join(shown.split()), (width, text)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_tables_of_commands_fit(
    arguments: list[str], judged_file: Path, zoo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = [str(judged_file) if part == "FILE" else part for part in arguments]
    whole = zoo(*typed).out
    for width in (80, 60):
        monkeypatch.setattr(terminal, "width", lambda width=width: width)
        shown = zoo(*typed).out
        _check(shown, whole, width)
        if arguments == ["list"] and width == 80:
            heading = shown.splitlines()[0].split()
            assert (heading[0], heading[-1]) == ("model", "weights"), "still a table, not blocks"


def test_what_is_left_out_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Columns that all rows share are told once, others named; else a row becomes a block."""
    monkeypatch.setattr(terminal, "width", lambda: 30)
    headings = ("file", "long heading", "device", "runs")
    rows = [("a.tflite", "some text in words", "host", "1"), ("b.tflite", "more", "host", "2")]
    print_table(headings, rows, "lllr", spare=("runs", "device"))
    assert capsys.readouterr().out.splitlines() == [
        "file      long heading",
        "a.tflite  some text in words",
        "b.tflite  more",
        "in each row: device host",
        "not shown at this width: runs;",
        "a wider terminal or --json",
        "shows them",
    ]
    monkeypatch.setattr(terminal, "width", lambda: 42)
    print_table(headings, rows, "lllr", prose=("long heading",))
    folded = capsys.readouterr().out.splitlines()
    assert folded[:3] == [
        "file      long heading        device  runs",
        "a.tflite  some text in words  host       1",
        "b.tflite  more                host       2",
    ]
    monkeypatch.setattr(terminal, "width", lambda: 20)
    print_table(headings, rows, "lllr")
    assert capsys.readouterr().out.splitlines()[:7] == [
        "file",
        "a.tflite",
        "  long heading some",
        "  text in words",
        "  device host",
        "  runs 1",
        "b.tflite",
    ]
