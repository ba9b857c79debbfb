"""The program behind docs/interoperability.md, and the page itself."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.devices.local.host import MODULES
from zoo.networks.checkpoints import packaged
from zoo.registry import PluginSettings, load_registry

DOCS = Path(__file__).parents[2] / "docs"
REGISTRY = load_registry(PluginSettings(installed=False))


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("interoperability")


def test_agreement_counts_first_choices(program: Any) -> None:
    compare = importlib.import_module("runtime_answers").compare
    expected = np.eye(4)
    found = expected.copy()
    found[3] = [0.9, 0, 0, 0.1]
    same, decibels = compare(expected, found, True)
    assert same == 0.75
    assert decibels == pytest.approx(10 * math.log10(4 / (0.81 + 0.81)))
    assert compare(expected, expected, True) == (1.0, math.inf)
    assert compare(expected, found, False)[0] is None


def test_a_change_of_pages_costs_the_answers_of_browsers_alone(
    program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = importlib.import_module("runtime_answers")
    own, in_pages = answers._agent.__wrapped__(False), answers._agent.__wrapped__(True)
    monkeypatch.setattr(answers, "sha256_of", lambda path: "changed")
    assert answers._agent.__wrapped__(False) == own
    assert answers._agent.__wrapped__(True) != in_pages


def test_cells(program: Any) -> None:
    notes: dict[str, int] = {}

    def shown(*values: Any, judges: bool = False) -> str:
        cell = program.Cell(*values)
        return str(program.shown_cell(cell, judges, ("UNPACK", "PACK"), notes))

    assert shown(0.9961, 30.0, "", "1") == "99.6%"
    assert shown(None, 31.27, "", "1") == "31.3 dB"
    assert shown(None, math.inf, "", "1") == "equal"
    assert shown(1.0, math.inf, "", "1", judges=True) == "judge"
    refusal = (
        "the agent could not load: it cannot load net.tflite: RuntimeError: no UNPACK (number 3)"
    )
    assert shown(None, None, refusal, "1") == "UNPACK [1]"
    assert shown(None, None, "it is too hot", "1") == "no [2]"
    another = refusal.replace("3", "7")
    assert shown(None, None, another, "1") == "UNPACK [1]", "the same reason, the same note"
    assert shown(None, None, "NaN or infinite answers", "1") == "NaN [3]"
    assert notes == {"`no UNPACK`": 1, "`it is too hot`": 2, "`NaN or infinite answers`": 3}
    assert program.shown_cell(None, False, (), notes) == ""


def test_summary_leaves_out_the_judges_and_what_nobody_ran(program: Any) -> None:
    lines = [
        "| format | precision | litert 2 | tflite-micro 1 |",
        "| tflite | int8 | judge | 93.8% | PACK [1] | 100.0% |  |",
        "| onnx | int8 | not run | not run | equal | 31.2 dB |  |",
    ]
    assert program.summary(lines) == (
        "Of 5 cells beside the judges' 4 run; first choices are the same for 93.8% of inputs at "
        "worst; images made by networks are at 31.2 dB at worst."
    )
    page = (DOCS / "interoperability.md").read_text(encoding="utf-8")
    assert f"\n{program.summary(page.splitlines())}\n" in page


def test_rows_of_some_files_are_renewed_and_all_others_stay(
    program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "operators", lambda file: ("PACK",))
    cells = [program.Cell(1.0, 40.0, "", "1")] * len(program.RUNTIMES)
    refused = [program.Cell(None, None, "no PACK", "1"), *cells[1:]]
    files = [program.File(*f"{name} tflite int8".split(), None) for name in ("one", "two")]
    whole = program.with_tables(
        f"above\n{program.BEGIN}{program.END}\n",
        program.tables([(files[0], refused), (files[1], cells)]),
    )
    assert program.with_rows(whole, [(files[0], refused)]) == whole
    other = [*cells[:-1], program.Cell(None, None, "it is too hot", "1")]
    renewed = program.with_rows(whole, [(files[1], other)])
    same = set(whole.splitlines()) & set(renewed.splitlines())
    assert {"above", "### one", "### two", "1. `no PACK`", whole.splitlines()[8]} <= same
    assert renewed.count("no [2] |") == 1
    assert "\n1. `no PACK`\n2. `it is too hot`\n" in renewed
    # A note that no cell has any more goes, and the others move up.
    mended = program.with_rows(renewed, [(files[0], cells)])
    assert renewed.count("[2]") == mended.count("[1]") == 1
    assert f"\n{program.WHY}\n\n1. `it is too hot`\n\n{program.END}" in mended
    # A row of another model is none of this one.
    later = "| tflite | float32 | ".join(renewed.rsplit("| tflite | int8 | ", 1))
    missing = program.File("one", "tflite", "float32", None)
    with pytest.raises(SystemExit, match="no row of one"):
        program.with_rows(later, [(missing, cells)])


def test_cells_of_some_runtimes_and_of_the_judge_are_renewed(
    program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runtimes that do not know the format have an empty cell, whatever stood there."""
    monkeypatch.setattr(program, "operators", lambda file: ())
    file = program.File("one", "onnx", "int8", None)
    names = [runtime.name for runtime in program.RUNTIMES]
    old = f"| onnx | int8 | {' | '.join(['not run'] * len(names))} |"
    empty = program.tables([(file, [None] * len(names))])
    page = program.with_tables(f"{program.BEGIN}{program.END}", empty).replace(
        f"| onnx | int8 | {' | '.join([''] * len(names))} |", old
    )
    assert old in page
    new = {"onnxruntime": program.Cell(1.0, 40.0, "", "1")}
    new["onnxruntime-web"] = program.Cell(0.5, 20.0, "", "1")
    renewed = program.with_rows(
        page, [(file, [new.get(name) for name in names])], ["litert-js", "onnxruntime-web"]
    )
    (row,) = [line for line in renewed.splitlines() if line.startswith("| onnx | int8")]
    shown = {"onnxruntime": "judge", "onnxruntime-web": "50.0%"}
    knowing = [runtime.name for runtime in program.RUNTIMES if "onnx" in runtime.formats]
    expected = [shown.get(name, "not run") if name in knowing else "" for name in names]
    assert row == f"| onnx | int8 | {' | '.join(expected)} |"


def test_a_new_model_gets_a_table_of_its_own(program: Any) -> None:
    cells = [program.Cell(1.0, 40.0, "", "1")] * len(program.RUNTIMES)
    cells[0] = program.Cell(None, None, "no PACK", "1")
    rows = [(program.File(name, "tflite", "int8", None), cells) for name in ("one", "two")]
    page = f"above\n{program.BEGIN}{program.END}\nbelow"
    whole = program.with_tables(page, program.tables(rows))
    assert program.with_rows(program.with_tables(page, program.tables(rows[:1])), rows[1:]) == whole


def test_only_the_marked_part_is_renewed(program: Any) -> None:
    page = f"above\n{program.BEGIN}\nold\n{program.END}\nbelow\n"
    renewed = program.with_tables(page, "new")
    assert renewed == f"above\n{program.BEGIN}\n\nnew\n\n{program.END}\nbelow\n"
    assert program.with_tables(renewed, "new") == renewed
    with pytest.raises(SystemExit, match="has no lines"):
        program.with_tables("above\nbelow\n", "new")


def test_every_runtime_of_the_agent_has_a_column(program: Any) -> None:
    columns = {runtime.name for runtime in program.RUNTIMES}
    in_browsers = {runtime.name for runtime in program.RUNTIMES if runtime.browser}
    assert columns - set(MODULES) == in_browsers == {"litert-js", "onnxruntime-web"}
    assert set(MODULES) <= columns
    for runtime in program.RUNTIMES:
        assert all("==" in package for package in runtime.packages), "not pinned"


def test_every_packaged_file_has_a_row() -> None:
    page = (DOCS / "interoperability.md").read_text(encoding="utf-8")
    sections = {part.partition("\n")[0]: part for part in page.split("\n### ")}
    for architecture, variant in REGISTRY.variants():
        for tag in packaged(architecture, variant):
            for exporter in REGISTRY.exporters:
                for precision in exporter.precisions:
                    row = f"\n| {exporter.name} | {precision} | "
                    assert row in sections[f"{variant.name}.{tag}"], f"{variant.name} {row}"


def test_packaged_models_without_a_table_get_one_that_says_so(program: Any) -> None:
    page = "# It\n\n### old.data\n\n| a |\n\n### Why not\n\n1. x\n"
    renewed = program.with_new_models(page, ["old.data", "new.data"], [("onnx", "int8")])
    before, _, after = renewed.partition("### new.data\n")
    assert before == "# It\n\n### old.data\n\n| a |\n\n"
    texts = ["not run" if "onnx" in r.formats else "" for r in program.RUNTIMES]
    row = f"| onnx | int8 | {' | '.join(texts)} |"
    assert f"\n{row}\n\n### Why not\n\n1. x\n" in after
    assert program.with_new_models(renewed, ["new.data"], [("onnx", "int8")]) == renewed
