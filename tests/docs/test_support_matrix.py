"""The support matrix: its page is what its records say, and no family is left out."""

from __future__ import annotations

import copy
import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from zoo.common.errors import ZooError
from zoo.networks.checkpoints import packaged
from zoo.registry import PluginSettings, load_registry

DOCS = Path(__file__).parents[2] / "docs"
ROWS = json.loads((DOCS / "support-matrix.json").read_text(encoding="utf-8"))
PEERS = json.loads((DOCS / "published-peers.json").read_text(encoding="utf-8"))
REGISTRY = load_registry(PluginSettings(installed=False))
AGAIN = "run: python docs/support_matrix.py"
CELLS = {(e.name, p) for e in REGISTRY.exporters for p in e.precisions}
#: Measured for some networks first.
NEW = {"int4-blocks", "int4-weights"}


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("support_page")


@pytest.fixture
def matrix(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(DOCS))
    return importlib.import_module("support_matrix")


def test_the_page_is_what_the_generator_makes_of_its_records(page: Any) -> None:
    written = (DOCS / "support-matrix.md").read_text(encoding="utf-8")
    assert page.page(ROWS, PEERS) == written, "run: python docs/support_matrix.py --page"


def test_what_was_not_measured_is_marked_so(page: Any) -> None:
    fewer = copy.deepcopy(ROWS[:2])
    del fewer[0]["cells"][0]
    first, second = page.overview(fewer).splitlines()[2:]
    assert "?" in first
    assert first.count("?") == second.count("?") + 1


def test_another_record_makes_another_page(page: Any) -> None:
    changed = copy.deepcopy(ROWS)
    cell = next(c for c in changed[0]["cells"] if c["verdict"] == "passed")
    cell["bytes"] += 1000
    assert page.page(changed) != page.page(ROWS)


def test_peers_stand_beside_ours(page: Any) -> None:
    told = page.beside_peers(PEERS)
    faster = [{**row, "p50_ms": row["p50_ms"] / 2, "ratio": None} for row in PEERS]
    assert page.beside_peers(faster) != told
    assert all(f"`{row['ours']}`" in told and row["name"] in told for row in PEERS)
    noisy = page.beside_peers([{**PEERS[0], "quiet": False}])
    assert noisy.splitlines()[-1].count("~") == 3


def test_a_peer_that_is_another_file_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    published = importlib.import_module("published_peers")
    peer = next(peer for peer in published.PEERS if peer.brought == "mlperf")
    file = tmp_path / peer.files["int8"]
    file.parent.mkdir(parents=True)
    file.write_bytes(b"another")
    with pytest.raises(ZooError, match="is not the file of"):
        published.brought(peer, "int8", tmp_path, tmp_path)


def test_every_family_has_rows() -> None:
    assert {row["family"] for row in ROWS} == {a.name for a in REGISTRY.architectures}, AGAIN


def test_every_row_has_every_cell_and_each_says_how_it_ended() -> None:
    for row in ROWS:
        own = {(c["format"], c["precision"]) for c in row["cells"]}
        assert own <= CELLS, row["label"]
        # A precision that is new is measured for some networks first; the page says so of others.
        assert {precision for _, precision in CELLS - own} <= NEW, row["label"]
        _, variant = REGISTRY.variant(row["model"].partition(".")[0])
        # Of several files each is timed by itself, and there is no time of all together.
        whole = len(REGISTRY.tasks.get(variant.task).parts) == 1
        for cell in row["cells"]:
            measured = cell["verdict"] in ("passed", "rejected")
            assert (cell["metric"] is not None) == measured
            assert (cell["reason"] != "") == (cell["verdict"] != "passed")
            assert (cell["p50_ms"] is not None) == (cell["verdict"] == "passed" and whole)


def test_the_packaged_weights_and_every_family_are_among_the_rows_asked_for(matrix: Any) -> None:
    subjects = list(matrix.subjects(REGISTRY))
    models = {subject.model for subject in subjects}
    for architecture, variant in REGISTRY.variants():
        for tag in packaged(architecture, variant):
            assert f"{variant.name}.{tag}" in models
    assert {subject.family for subject in subjects} == {a.name for a in REGISTRY.architectures}
    labels = [subject.label for subject in subjects]
    assert len(labels) == len(set(labels))


def test_response_normalization_stays_in_float_and_batch_normalization_does_not() -> None:
    (lrn,) = (row for row in ROWS if row["label"] == "alexnet_small with LRN")
    cell = _cell(lrn, "tflite", "int8")
    assert cell["float_islands"] == {"LOCAL_RESPONSE_NORMALIZATION": 2}
    assert cell["integer_share"] < 1
    batch = next((r for r in ROWS if r["label"].startswith("alexnet_small.")), None)
    if batch is not None:
        assert _cell(batch, "tflite", "int8")["integer_share"] == 1
        assert _cell(batch, "tflite", "int8")["float_islands"] == {}


def test_an_unsupported_cell_names_the_operator_and_the_nearest_that_works(page: Any) -> None:
    (lrn,) = (row for row in ROWS if row["label"] == "alexnet_small with LRN")
    text = page.section(lrn)
    assert "tflite int16x8: unsupported" in text
    assert "LOCAL_RESPONSE_NORMALIZATION" in text
    assert "Nearest that works: tflite int8." in text


def test_the_nearest_is_one_that_passed(page: Any) -> None:
    cells = [
        {"format": "tflite", "precision": "int16x8", "verdict": "unsupported"},
        {"format": "tflite", "precision": "int8", "verdict": "rejected"},
        {"format": "tflite", "precision": "dynamic-int8", "verdict": "passed"},
        {"format": "onnx", "precision": "int8", "verdict": "passed"},
    ]
    assert page.nearest(cells, cells[0]) == "tflite dynamic-int8"
    assert page.nearest(cells, cells[1]) == "tflite dynamic-int8"
    assert page.nearest(cells[:2], cells[0]) == ""
    assert page.nearest([cells[0], cells[3]], cells[0]) == "onnx int8"


def test_only_rows_that_exist_can_be_asked_for(matrix: Any) -> None:
    assert [s.model for s in matrix.chosen(REGISTRY, "lenet")] == ["lenet5.fashion_mnist"]
    with pytest.raises(SystemExit, match="resnet9"):
        matrix.chosen(REGISTRY, "resnet9")


def test_the_page_names_the_machine(page: Any) -> None:
    text = page.machines(ROWS)
    machine = ROWS[0]["machine"]
    for word in (machine["cpu"], machine["python"], *machine["runtimes"].values()):
        assert word in text


def test_cells_that_another_machine_timed_later_name_it(
    page: Any, matrix: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    row = copy.deepcopy(ROWS[0])
    monkeypatch.setattr(matrix, "RECORDS", tmp_path / "records.json")
    (tmp_path / "records.json").write_text(json.dumps([row]))
    here = {**row["machine"], "os": "here"}
    found = [{**c, "precision": "int4-weights"} for c in row["cells"] if c["precision"] == "int8"]
    for machine, other in ((row["machine"], False), (here, True)):
        matrix.keep({**row, "machine": machine, "cells": found}, REGISTRY, ["int4-weights"])
        (kept,) = matrix.read()
        assert kept["machine"] == row["machine"]
        assert [c["machine"] for c in kept["cells"] if "machine" in c] == [here, here] * other
        text = page.page([kept])
        assert ("here, Python" in text) == other
        assert text.count(" (2) | ") == 2 * other


def _cell(row: dict[str, Any], format: str, precision: str) -> dict[str, Any]:
    return next(c for c in row["cells"] if (c["format"], c["precision"]) == (format, precision))


def test_every_network_that_is_trained_here_can_be_built(matrix: Any) -> None:
    pytest.importorskip("keras")
    from zoo.contracts.training import Training
    from zoo.networks.resizing import build_resized, resized_preprocessing
    from zoo.pipeline.job import make_job
    from zoo.pipeline.options import recipe_from

    parts = str(DOCS / "part_dataset.py")
    registry = load_registry(PluginSettings(installed=False, paths=(parts,)))
    for subject in matrix.TRAINED:
        recipe = recipe_from(model=subject.model, data=subject.data, **subject.training)
        job = make_job(recipe, registry)
        training: Training = recipe.training
        preprocessing = resized_preprocessing(job.variant.preprocessing, training)
        built = build_resized(
            job.architecture, job.variant, 10, dict(recipe.hyperparameters), preprocessing
        )
        wanted = job.variant.outputs_for(10, preprocessing)[""]
        assert built.output_shape == (None, *wanted), subject.label
