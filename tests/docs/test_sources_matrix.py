"""The page of networks from elsewhere: what its records say, and no wrong file looks right."""

from __future__ import annotations

import base64
import copy
import hashlib
import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import ZooError
from zoo.registry import PluginSettings, load_registry

DOCS = Path(__file__).parents[2] / "docs"
RECORDS = json.loads((DOCS / "sources-matrix.json").read_text(encoding="utf-8"))
REGISTRY = load_registry(PluginSettings(installed=False))
GOOD = {
    "format": "onnx", "precision": "float32", "verdict": "passed", "reason": "", "apart": 1e-6,
    "agreement": 1.0, "accuracy": 0.98, "change": 0.0, "sqnr_db": None, "bytes": 1000,
    "p50_ms": 0.01, "quiet": True, "threads": 1, "verified": "holds", "bundled": "runs",
}  # fmt: skip


@pytest.fixture(autouse=True)
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))


def module(name: str) -> Any:
    return importlib.import_module(name)


def test_the_page_is_what_the_generator_makes_of_its_records() -> None:
    written = (DOCS / "sources-matrix.md").read_text(encoding="utf-8")
    page = module("sources_page").page
    assert page(RECORDS) == written, "run: python docs/sources_table.py --page"
    changed = copy.deepcopy(RECORDS)
    cell = next(c for row in changed["rows"] for c in row["cells"] if c["verdict"] == "passed")
    cell["bytes"] += 1000
    assert page(changed) != written


def test_every_network_has_a_row_and_every_cell_says_how_it_ended() -> None:
    rows = module("sources_networks").ROWS
    assert [row["label"] for row in RECORDS["rows"]] == [row.label for row in rows]
    assert len({row.label for row in rows}) == len(rows)
    cells = {(e.name, p) for e in REGISTRY.exporters for p in e.precisions}
    assert {tuple(column) for column in RECORDS["columns"]} <= cells
    for cell in (c for row in RECORDS["rows"] for c in row["cells"]):
        assert (cell["reason"] != "") or cell["verdict"] == "passed"
        assert (cell.get("verified") is not None) == (cell["verdict"] == "passed")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, ""),
        ({"apart": 2e-4}, "2.0e-04 of its scale from the network in its own framework"),
        ({"apart": 2e-4, "sqnr_db": 99.0}, "2.0e-04 of its scale from the network"),
        ({"apart": 1.1e-3, "sqnr_db": 120.0}, "1.1e-03 of its scale from the network"),
        ({"apart": float("nan"), "sqnr_db": 120.0}, "nan of its scale"),
        ({"verified": "outputs: another name"}, "zoo verify: outputs: another name"),
        ({"bundled": "no program was run"}, "its bundle's program: no program was run"),
        ({"precision": "int8", "apart": 0.1}, ""),
    ],
)
def test_a_file_that_passed_and_is_wrong_is_no_success(change: dict[str, Any], told: str) -> None:
    made, cell = module("sources_page"), {**GOOD, **change}
    assert made.sign(cell) == ("✗" if told else "✓")
    assert [told] * bool(told) == [text[: len(told)] for text in made.exceptions(cell)]
    row = {"label": "a", "source": "onnx", "note": "N", "trained": False, "cells": [cell]}
    text = made.section(row, [["onnx", cell["precision"]], ["tflite", "int8"]])
    assert (f"* onnx {cell['precision']}: {told}" in text) == bool(told)
    assert text.count("| not measured |") == 1


def test_single_values_at_which_rounding_grows_are_told_and_no_exception() -> None:
    made, cell = module("sources_page"), {**GOOD, "apart": 2e-4, "sqnr_db": 114.6}
    assert made.sign(cell) == "✓"
    row = {"label": "a", "source": "onnx", "note": "N", "trained": False, "cells": [cell]}
    assert "single values are 2.0e-04 of the scale from" in made.section(row, [["onnx", "float32"]])


def test_what_is_measured_again_replaces_its_own_cells_alone() -> None:
    table, networks = module("sources_table"), module("sources_networks")
    first, second = networks.ROWS[:2]
    here, there = {"cpu": "here"}, {"cpu": "there"}
    empty = {"columns": [], "machines": [], "rows": []}
    other = {**GOOD, "precision": "int8"}
    records = table.with_cells(empty, first, [other, GOOD], here, REGISTRY)
    records = table.with_cells(records, second, [GOOD], here, REGISTRY)
    records = table.with_cells(records, first, [{**GOOD, "bytes": 7}], there, REGISTRY)
    one, two, *others = records["rows"]
    assert [(c["precision"], c["bytes"], c["machine"]) for c in one["cells"]] == [
        ("float32", 7, 1),
        ("int8", 1000, 0),
    ]
    assert two["cells"] == [{**GOOD, "machine": 0}]
    assert not any(row["cells"] for row in others)
    assert records["machines"] == [here, there]
    # A machine that nothing is left of is not named.
    for row, cells in ((first, [other, GOOD]), (second, [GOOD])):
        records = table.with_cells(records, row, cells, there, REGISTRY)
    assert records["machines"] == [there]
    assert {c["machine"] for one in records["rows"] for c in one["cells"]} == {0}


def test_a_row_is_of_one_training() -> None:
    made, networks = module("sources_records"), module("sources_networks")
    here = next(row for row in networks.ROWS if row.is_made_here)
    fetched = next(row for row in networks.ROWS if not row.is_made_here)
    empty = {"columns": [], "machines": [], "rows": []}
    for row in (here, fetched):
        assert not made.is_of_another(empty, row, "a")
        told = made.with_cells(empty, row, [GOOD], {}, REGISTRY, "a")
        assert not made.is_of_another(told, row, "a")
        assert made.is_of_another(told, row, "b")
        # A cell that could not be made changes nothing of that.
        told = made.with_cells(told, row, [{**GOOD, "precision": "int8"}], {}, REGISTRY)
        assert made.is_of_another(told, row, "b")
        silent = made.with_cells(empty, row, [GOOD], {}, REGISTRY)
        assert made.is_of_another(silent, row, "a") == row.is_made_here
        assert not made.is_of_another(made.without_cells(told, row), row, "b")
    trained = {row.label for row in networks.ROWS if row.is_trained}
    assert trained < {row.label for row in networks.ROWS if row.is_made_here}


def test_a_machine_is_named_once_whatever_the_tiers_it_timed_in() -> None:
    page = module("sources_page")
    here = next(iter(RECORDS["machines"]))
    places = [here, {**here, "tier": "other"}, {**here, "os": "elsewhere"}, {**here, "os": "none"}]
    cells = [{**GOOD, "machine": at} for at in (None, 0, 1, 2)]
    one, two = page.machines([{"cells": cells}], places)
    assert f"tier `{here['tier']}`, where (2) stands `other`. ~ marks" in one
    assert two.startswith("(3) Timed on")
    assert "elsewhere, Python" in two
    assert page.machines([{"cells": cells[:2]}], places) == [
        one.replace(", where (2) stands `other`", "")
    ]


@pytest.mark.parametrize("npm", [True, False])
def test_an_archive_of_another_content_is_refused(tmp_path: Path, npm: bool) -> None:
    packages = module("published_packages")
    archive = tmp_path / "net.tgz"
    archive.write_bytes(b"content")
    digest = hashlib.sha512(b"content").digest()
    integrity = hashlib.sha256(b"content").hexdigest()
    if npm:
        integrity = f"sha512-{base64.b64encode(digest).decode()}"
    package = packages.Package(name="net", version="1", integrity=integrity)
    packages.check_archive(package, archive)
    archive.write_bytes(b"Content")
    with pytest.raises(ZooError, match="is not the archive that is expected"):
        packages.check_archive(package, archive)
    assert package.is_npm == npm == replace(package, version="2").is_npm


def test_answers_are_compared_by_their_scale() -> None:
    table = module("sources_table")
    assert table.share_apart(np.array([[4.0, -8.0]]), np.array([[4.0, -7.0]])) == 1 / 8
    with pytest.raises(ValueError, match="expected"):
        table.share_apart(np.zeros((2, 3)), np.zeros((2, 4)))
    made = table.as_probabilities(np.array([[1.0, 3.0], [-2.0, 0.0]]))
    np.testing.assert_allclose(made[:, 1], 1 / (1 + np.exp(-2.0)))
    np.testing.assert_allclose(table.as_probabilities([[0.25]]), [[0.75, 0.25]])
    with pytest.raises(SystemExit, match=r"nothing\.onnx"):
        module("sources_networks").chosen(REGISTRY, "nothing.onnx")
