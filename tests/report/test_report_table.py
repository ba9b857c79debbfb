from __future__ import annotations

import io
from dataclasses import replace

import pytest
from report_views import accuracy, failed, rejected, row, run
from rich.console import Console

from zoo.contracts.task import Metric
from zoo.pipeline.rows import ArtifactRow
from zoo.report.columns import file_columns
from zoo.report.pages.html import render
from zoo.report.remarks import remarks
from zoo.report.table import print_files


def terminal(rows: tuple[ArtifactRow, ...], width: int, notes: tuple[str, ...] = ()) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None)
    print_files(rows, notes, console)
    return out.getvalue().splitlines()


def piped(rows: tuple[ArtifactRow, ...], notes: tuple[str, ...] = ()) -> list[str]:
    out = io.StringIO()
    print_files(rows, notes, Console(file=out, width=80))
    return out.getvalue().splitlines()


ROWS = (
    row(),
    row("dynamic-int8", 0.0224),
    row("int8", 0.0291, accuracy=accuracy(350), drop_points=0.2778, agreement=0.9972),
)
HEADINGS = ["file", "precision", "kB", "ratio", "accuracy %", "Δ", "parity %", "p50 / p90 µs"]


def test_all_columns_fit_120_characters() -> None:
    lines = terminal(ROWS, 120)
    assert all(heading in lines[0] for heading in [*HEADINGS, "verdict"])
    assert max(map(len, lines)) <= 120
    assert " ".join(lines[3].split()) == (
        "lenet5.digits.int8.tflite int8 71.2 3.5 × 97.2 (95.0–98.5) −0.28 99.7 29.1 / 34.9 passed"
    )


def test_columns_are_aligned() -> None:
    lines = terminal(ROWS, 120)
    ends = {line.index(" passed") for line in lines[1:4]}
    assert len(ends) == 1
    for heading in ("kB", "Δ", "parity %"):
        end = lines[0].index(heading) + len(heading)
        assert all(line[end - 1] != " " and line[end : end + 2] == "  " for line in lines[1:4])


def test_100_characters_need_two_columns_to_go() -> None:
    lines = terminal(ROWS, 100)
    assert max(map(len, lines)) <= 100
    assert [h for h in HEADINGS if h not in lines[0]] == ["precision", "ratio"]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_file_names_are_never_cut_or_wrapped(width: int) -> None:
    lines = terminal((*ROWS, rejected(), failed()), width)
    for wanted in (*ROWS, rejected(), failed()):
        (place,) = [i for i, line in enumerate(lines) if f"{line} ".startswith(f"{wanted.file} ")]
        # Where nothing else fits beside it, the rest of its row is below.
        assert next(x for x in lines[place:] if wanted.verdict in x).endswith(wanted.verdict)
        assert max(map(len, lines[: place + 4])) <= width


def test_the_least_telling_columns_go_first_and_are_named() -> None:
    gone = []
    for width in range(120, 46, -1):
        named = [line for line in terminal(ROWS, width) if line.startswith("not shown at this")]
        lines = " ".join(terminal(ROWS, width)).partition("not shown at this width: ")[2]
        left_out = lines.partition(";")[0].split(", ") if named else []
        if left_out not in gone:
            gone.append(left_out)
    assert gone == [
        [],
        ["precision"],
        ["precision", "ratio"],
        ["precision", "ratio", "parity %"],
        ["precision", "ratio", "Δ", "parity %"],
    ]


def test_a_pipe_gets_everything_and_nothing_but_text() -> None:
    lines = piped((*ROWS, rejected(), failed()), run().remarks)
    assert all(heading in lines[0] for heading in HEADINGS)
    text = "\n".join(lines)
    assert "\x1b" not in text
    assert not any(line != line.rstrip() for line in lines)
    for remark in run().remarks:
        assert f"- {remark}" in lines, "remarks stay on one line"
    assert (
        "failed    lenet5.digits.int8.onnx: The exporter died of SIGSEGV. fix: try dynamic-int8"
    ) in lines


def test_reasons_and_remarks_are_wrapped_with_an_indent_in_a_terminal() -> None:
    lines = terminal((*ROWS, rejected()), 80, ("word " * 40,))
    assert max(map(len, lines[lines.index("") :])) <= 80
    start = next(i for i, line in enumerate(lines) if line.startswith("- word"))
    assert lines[start + 1].startswith("  word")
    start = next(i for i, line in enumerate(lines) if line.startswith("rejected  "))
    assert "11.4 points" in " ".join(lines[start:])
    assert lines[start + 1].startswith(" " * 10)


def test_a_file_that_passed_with_a_reason_shows_it() -> None:
    lines = piped((row(p50=None, reason="not timed: the host is busy"),))
    assert "passed    lenet5.digits.float32.tflite: not timed: the host is busy" in lines


def test_files_with_the_same_reason_share_a_line() -> None:
    names = ("a.tflite", "b.onnx", "c.onnx")
    rows = [replace(failed(), file=name, reason="no memory") for name in names]
    rows[2] = replace(rows[2], reason="no disk")
    told = [line for line in piped(tuple(rows)) if line.startswith("failed")]
    assert told == ["failed    a.tflite and b.onnx: no memory", "failed    c.onnx: no disk"]


def test_a_missing_reason_is_said() -> None:
    assert any("no reason was recorded" in line for line in piped((replace(failed(), reason=""),)))


def test_units_are_those_of_the_column() -> None:
    slow = (row(p50=127.0, bytes=102_400_000), row("int8", 45.0, bytes=26_300_000))
    lines = piped(slow)
    assert "MB" in lines[0]
    assert "p50 / p90 ms" in lines[0]
    assert "102" in lines[1]
    assert "127 / 152" in lines[1]
    assert "45.0 / 54.0" in lines[2]


def test_noisy_latencies_are_marked() -> None:
    lines = piped((row(quiet=False), row("int8", 0.029)))
    assert "~19.3 / 23.2" in lines[1]
    assert "~" not in lines[2]
    assert "~ measured while the host was not quiet" in lines
    assert not any("~" in line for line in piped(ROWS))


def test_without_any_latency_there_is_no_such_column() -> None:
    assert "p50" not in piped((row(p50=None), rejected()))[0]


def test_other_metrics_than_shares() -> None:
    metric = Metric(name="psnr", value=37.04, low=36.5, high=37.6, count=64)
    lines = piped((row(accuracy=metric, drop_points=0.4),))
    assert "psnr" in lines[0]
    assert "psnr %" not in lines[0]
    assert "37.04 ±0.56" in lines[1]


def test_no_files() -> None:
    assert piped(()) == ["This run exported no file."]


def test_names_are_neither_markup_nor_escape_codes() -> None:
    lines = terminal((row(file="[red]a[/red]\x1b[2J.tflite"),), 200, ("[bold]x[/bold]",))
    assert lines[1].startswith("[red]a[/red] [2J.tflite")
    assert "- [bold]x[/bold]" in lines


def test_a_terminal_without_unicode_gets_ascii() -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii")
    rows = (*ROWS, row("float16", file="größe.tflite"))
    print_files(rows, remarks(rows), Console(file=out))
    out.flush()
    text = raw.getvalue().decode("ascii")
    assert "p50 / p90 us" in text
    assert "97.2 (95.0-98.5)" in text
    assert "gr\\xf6\\xdfe.tflite" in text
    assert "1.5 x slower" in text


def test_wide_letters_do_not_break_the_alignment() -> None:
    from rich.cells import cell_len

    lines = terminal((row(file="模型.tflite"), row("int8", 0.03)), 160)
    assert len({cell_len(line[: line.index("passed")]) for line in lines[1:3]}) == 1


@pytest.mark.parametrize(
    ("higher", "heading", "on_a_page"),
    [(True, "Δ points", "Change, points"), (False, "Δ %", "Change, %")],
)
def test_a_change_is_in_points_of_what_may_only_fall_and_in_per_cent_of_an_error(
    higher: bool, heading: str, on_a_page: str
) -> None:
    name = "mean average precision" if higher else "mean absolute error"
    metric = replace(accuracy(350), name=name, higher_is_better=higher)
    columns = file_columns((row("int8", 0.03, accuracy=metric),))
    assert (columns.change, columns.change_head) == (heading, on_a_page)
    assert on_a_page in render(run(rows=(row("int8", 0.03, accuracy=metric),)))
