"""Sabotages change real files, and what is beyond tolerance is told apart from what is not."""

from __future__ import annotations

import shutil
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from digit_files import registry

from tests.sabotage.__main__ import report
from tests.sabotage.answer_kinds import KINDS
from tests.sabotage.families import Family, cells_of, honest_files, registry_of_families
from tests.sabotage.judge import claim_anew
from tests.sabotage.network import Network, NotApplicable
from tests.sabotage.page import page, survivors, within_tolerance
from tests.sabotage.record import (
    BROKEN,
    NO_ANSWERS,
    Outcome,
    honest_distances,
    read_records,
    with_distances,
    write_records,
)
from tests.sabotage.sabotages import SABOTAGES, Sabotage
from tests.sabotage.suite import descriptions, everything, run_suite
from tests.sabotage.tolerance import effect_of, too_far
from zoo.analysis.verify.verify import verify
from zoo.artifacts.artifact import open_artifact, require_manifest
from zoo.artifacts.golden_samples import read_golden

APPLY: dict[str, Callable[[Network], None]] = {one.name: one.apply for one in SABOTAGES}


def opened(path: Path) -> Network:
    from tests.sabotage.onnx_network import OnnxNetwork
    from tests.sabotage.tflite_network import TfliteNetwork

    return (OnnxNetwork if path.suffix == ".onnx" else TfliteNetwork)(path, 10)


def test_verify_meets_right_hashes_and_finds_the_answers(file: Path) -> None:
    """The hard form is hard: nothing but the answers tells that the file is another."""
    network = opened(file)
    network.save(file)
    claim_anew(registry(), file)
    assert verify(file, registry=registry()).passed
    network = opened(file)
    APPLY["two-outputs-exchanged"](network)
    network.save(file)
    claim_anew(registry(), file)
    found = verify(file, registry=registry())
    failed = {claim.name.partition(" in ")[0] for claim in found.claims if claim.status == "fails"}
    assert "golden outputs" in failed
    assert failed <= {"golden outputs", "golden decisions"}


def test_what_is_wrong_for_some_inputs_alone_shows_on_the_test_split(
    originals: dict[str, Path], tmp_path: Path
) -> None:
    (source,) = (path for name, path in originals.items() if name.endswith(".onnx"))
    file = Path(shutil.copy(source, tmp_path))
    manifest = require_manifest(open_artifact(registry(), file))
    assert manifest.golden is not None
    surest = float(read_golden(manifest.golden, file).outputs.max())
    network = opened(file)
    network.fail_above((1.0 + surest) / 2.0)
    network.save(file)
    claim_anew(registry(), file)
    assert verify(file, registry=registry()).passed
    found = verify(file, registry=registry(), data="digits")
    failed = {claim.name for claim in found.claims if claim.status == "fails"}
    assert failed >= {"finite", "answers"}


def test_what_cannot_be_applied_is_told(file: Path) -> None:
    for name in ("pooling-exchanged", "addition-dropped", "vocabulary-shifted", "gates-exchanged"):
        with pytest.raises(NotApplicable):
            APPLY[name](opened(file))


def answers() -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of four classes, 0.7 for the right one, and labels."""
    labels = np.arange(400) % 4
    return np.where(labels[:, None] == np.arange(4), 0.7, 0.1).astype(np.float32), labels


def wrong_on(which: np.ndarray) -> np.ndarray:
    values = answers()[0].copy()
    values[which] = np.roll(values[which], 1, axis=1)
    return values


@pytest.mark.parametrize(
    ("sabotaged", "beyond"),
    [
        (answers()[0], ""),
        (wrong_on(np.arange(5)), ""),
        (wrong_on(np.arange(9)), "first choices"),
        (wrong_on(np.arange(3, 400, 8)), "class 3 is lost"),
        (wrong_on(np.arange(20)), "points of accuracy lost"),
        (0.25 + 0.7 * (answers()[0] - 0.25), "from the network"),
        (np.where(answers()[0] > 0.5, np.nan, answers()[0]), "no numbers"),
        (answers()[0][:, :3], "another shape"),
    ],
    ids=["same", "5 of 400", "9 of 400", "half a class", "20 of 400", "squeezed", "NaN", "shape"],
)
def test_beyond_tolerance(sabotaged: np.ndarray, beyond: str) -> None:
    honest, labels = answers()
    found = effect_of(honest, honest, sabotaged, labels, KINDS["classes"])
    reason = found.beyond or too_far(found.distance, 0.02)
    assert (beyond in reason) if beyond else reason == ""
    assert found.changed == (sabotaged is not honest and not np.array_equal(sabotaged, honest))


def test_padded_steps_and_images() -> None:
    honest, labels = answers()
    padded = np.where(np.arange(400) % 4 == 3, -1, labels).reshape(20, 20)
    other = wrong_on(np.arange(3, 400, 4)).reshape(20, 20, 4)
    steps = honest.reshape(20, 20, 4)
    assert effect_of(steps, steps, other, padded, KINDS["classes"]).beyond == ""
    images = np.linspace(0, 1, 400, dtype=np.float32).reshape(4, 10, 10)
    for moved, beyond in ((0.02, False), (0.04, True)):
        found = effect_of(images, images, images + np.float32(moved), labels[:4], KINDS["pictures"])
        assert bool(too_far(found.distance, 0.01)) == beyond


def test_a_survivor_is_named_and_records_are_kept(tmp_path: Path) -> None:
    about = {"family": "cnn", "format": "onnx", "precision": "int8", "status": "applied"}
    both = {"gate": ("parity",), "verify": ("golden outputs in onnxruntime",)}
    outcomes = [
        Outcome(**about, **both, sabotage="squeezed", beyond="moved", agreement=0.9, most=0.5),
        Outcome(**about, sabotage="too-sure", beyond="moved", verify=both["verify"]),
        Outcome(**about, sabotage="labels-txt-permuted", beyond="said", asked=("verify",)),
        Outcome(**about, sabotage="one-weight-of-last"),
        Outcome(**{**about, "status": "not applicable"}, sabotage="stale-state", beyond=""),
    ]
    assert [one.survives for one in outcomes] == [(), ("gate",), ("verify",), (), ()]
    assert len(survivors(outcomes)) == 2
    write_records(tmp_path / "records.json", outcomes)
    assert read_records(tmp_path / "records.json") == outcomes
    about = {**about, "beyond": "", "answers": "pictures"}
    near, far = (
        Outcome(**about, sabotage="squeezed", honest=honest, distance=0.05)
        for honest in (0.02, 0.01)
    )
    # The worst honest file of the precision counts, wherever it is.
    assert [one.far for one in with_distances([near, far], {})] == ["", ""]
    assert with_distances([far], {})[0].far == "0.05 from the network, honest files at most 0.01"
    assert 0.0 < honest_distances()["int8", "classes"] < 0.05
    text = page(outcomes, descriptions(), ["cnn onnx int8", "cnn tflite int8"])
    assert "refuses 1 of 2" in text
    assert "too-sure" in text
    assert "1 of the suite's 2 honest files are in the record; not judged: cnn tflite int8" in text
    # What the gate passes is told with what is tolerated; what survives is no part of it.
    about = {**about, "answers": "classes", "honest": 0.02, "agreement": 0.995, "changed": True}
    passed, survives = with_distances(
        [
            Outcome(**about, sabotage="squeezed", distance=0.05),
            Outcome(**about, sabotage="too-sure", distance=0.07),
        ],
        {},
    )
    rows = within_tolerance([passed, survives], descriptions())[2:]
    assert rows == [f"| {descriptions()['squeezed']} | 1 | 1 | 99.5% | 0.05 | 0.06 |"]


def test_the_committed_page_is_what_the_records_give(tmp_path: Path) -> None:
    docs = Path(__file__).parents[2] / "docs"
    outcomes = read_records(docs / "sabotage.json")
    text = page(outcomes, descriptions(), cells_of(registry_of_families()))
    assert (docs / "sabotage.md").read_text(encoding="utf-8") == text
    assert not [one for one in outcomes if one.status == BROKEN]
    assert survivors(outcomes) == []
    # Records of two runs are put together; what was found last counts, and a survivor is an error.
    one, *others = (o for o in outcomes if o.beyond and o.caught == {"gate": True, "verify": True})
    write_records(tmp_path / "first.json", [one, *others])
    write_records(tmp_path / "second.json", [replace(one, gate=())])
    added = [tmp_path / "first.json", tmp_path / "second.json"]
    given = Namespace(add=added, records=tmp_path / "all.json", page=tmp_path / "p.md", keep=False)
    assert report(given) == 1
    assert [o.survives for o in read_records(given.records)] == [("gate",), *(() for _ in others)]
    assert f"**{one.sabotage}** in {one.cell} passes gate" in given.page.read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_gate_and_verify_judge_sabotaged_files_of_a_trained_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorflow")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    family = Family(
        name="cnn", model="lenet5", data="digits", options={"from_scratch": True, "epochs": 2}
    )
    found = registry_of_families()
    honest = list(honest_files(found, family, ["tflite"], ["float32"], tmp_path, lambda *_: None))
    nothing = Sabotage(name="nothing", does="nothing", apply=lambda network: None)
    named = {one.name: one for one in everything()}
    wanted = [nothing, named["squeezed"], named["channel-zeroed"], named["labels-txt-permuted"]]
    same, *others = run_suite(found, honest, wanted, 2)
    assert (same.gate, same.verify, same.changed, same.reason) == ((), (), False, "")
    assert all(one.must_be_caught and not one.survives for one in others), others
    assert not [one for one in others if one.beyond == NO_ANSWERS]
