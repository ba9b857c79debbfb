"""Anchors: their scheme, the boxes that follow, what they learn, and what the gate refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zoo.artifacts.file_task import same_decoding
from zoo.artifacts.gate import compare_outputs, run_checks
from zoo.common.errors import BadFile, UnknownName, UsageError
from zoo.contracts import Check, ImagePreprocessing, Split, Task, Truth
from zoo.contracts.anchors import ANCHORS, HEAD, OVERLAP, Anchors
from zoo.contracts.precision import PRECISIONS
from zoo.networks.building import build_network
from zoo.registry import load_registry
from zoo.tasks.object_detection.decoding import MOST, objects, overlaps
from zoo.tasks.object_detection.heads import head_of

CLASSES = ("cat", "dog", "bird")
RECORD = Anchors.of_sizes([(6, 6), (3, 3), (1, 1)])
OWN = ImagePreprocessing(height=96, width=96, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
FLOAT32 = next(p for p in PRECISIONS if p.name == "float32")


@pytest.fixture(scope="module")
def task() -> Task:
    found = load_registry().tasks.get("object-detection")
    return found.with_decoding({**RECORD.recorded(), "threshold": 0.5, "rule": "test"})


def outputs_of(labels: np.ndarray) -> np.ndarray:
    """What a network that knows the boxes returns: its nearest anchor has each, and the one that
    is second nearest has it again, less probable."""
    anchors = RECORD.boxes()
    edges = np.concatenate(
        [anchors[:, :2] - anchors[:, 2:] / 2, anchors[:, :2] + anchors[:, 2:] / 2], axis=1
    )
    outputs = np.full((len(labels), len(anchors), len(CLASSES) + 4), 0.02, np.float32)
    outputs[..., len(CLASSES) :] = 0.5
    for picture, boxes in enumerate(labels):
        for label, *box in boxes[boxes[:, 0] >= 0]:
            low, high = np.array(box[:2]), np.array(box[2:])
            nearest = np.argsort(-overlaps(np.array([box]), edges)[0])[:2]
            for score, number in zip((0.9, 0.7), nearest, strict=True):
                own = anchors[number]
                move = ((low + high) / 2 - own[:2]) / own[2:]
                grow = np.log((high - low) / own[2:]) / 2
                outputs[picture, number, int(label)] = score
                outputs[picture, number, len(CLASSES) :] = 0.5 + np.concatenate([move, grow])
    return np.clip(outputs, 0, 1)


@pytest.fixture(scope="module")
def truth() -> Truth:
    random = np.random.default_rng(0)
    labels = np.zeros((96, 3, 5), np.float32)
    labels[..., 0] = -1
    for picture in labels:
        for number, place in enumerate(random.permutation(4)[: random.integers(0, 4)]):
            corner = np.array([place // 2, place % 2]) / 2 + random.uniform(0.01, 0.1, 2)
            picture[number] = (
                random.integers(3),
                *corner,
                *(corner + random.uniform(0.2, 0.38, 2)),
            )
    pixels = np.zeros((96, 96, 96, 3), np.uint8)
    split = Split(labels=labels, read=pixels.__getitem__, content_hash="test")
    return Truth(
        labels=labels,
        classes=CLASSES,
        examples=split,
        held_out=split,
        preprocessing=OWN,
        training=split,
    )


def test_the_scheme_is_that_of_ssd() -> None:
    first, second, third = RECORD.maps
    assert first.shapes[0] == (0.2, 0.2)
    assert second.shapes[0] == (0.575, 0.575)
    assert third.shapes[0] == (0.95, 0.95)
    assert first.shapes[1] == pytest.approx((0.2 / 2**0.5, 0.2 * 2**0.5), abs=1e-4)
    assert first.shapes[5] == pytest.approx([(0.2 * 0.575) ** 0.5] * 2, abs=1e-4)
    boxes = RECORD.boxes()
    assert boxes.shape == ((36 + 9 + 1) * 6, 4)
    # The second cell of the first row, its third shape.
    np.testing.assert_allclose(boxes[6 + 2], (0.5 / 6, 1.5 / 6, *first.shapes[2]))


def test_other_maps_of_features_have_other_anchors() -> None:
    pytest.importorskip("tensorflow")
    architecture, variant = load_registry().variant("ssd_mobilenet_small")
    own = Anchors.read(variant.decoded_with(variant.preprocessing))
    assert [(one.rows, one.columns) for one in own.maps] == [(12, 12), (6, 6), (3, 3), (2, 2)]
    chosen = {"finest": 16, "further": 0}
    record = Anchors.read(variant.decoded_with(variant.preprocessing, chosen))
    assert [(one.rows, one.columns) for one in record.maps] == [(6, 6), (3, 3)]
    given = {**variant.hyperparameters, **chosen}
    # As it is trained, and as it is loaded.
    network = build_network(architecture, variant, 3, given)
    assert network.output_shape == (None, len(record.boxes()), 3 + 4)
    with pytest.raises(UsageError, match="could not build") as caught:
        build_network(architecture, variant, 3, {**given, "further": -1})
    assert "further must be 0 or more" in str(caught.value.why)


def test_a_record_is_read_back_as_it_was_written() -> None:
    assert Anchors.read(RECORD.recorded()) == RECORD
    for wrong in ({}, {**RECORD.recorded(), ANCHORS: "6x6: 0.2"}, {ANCHORS: "a", OVERLAP: 0.5}):
        with pytest.raises(BadFile, match="anchors of a detector cannot be read"):
            Anchors.read(wrong)
    with pytest.raises(UnknownName, match="head of detectors"):
        head_of({HEAD: "anchor"})


@pytest.mark.parametrize(
    ("anchors", "overlap", "why"),
    [
        ("99999999x99999999: 0.2x0.2", 0.5, "more than 1,000,000 anchors"),
        ("6x6", 0.5, "no anchors in '6x6'"),
        ("-6x-6: 0.2x0.2", 0.5, "no anchors"),
        ("6x6: 0.2xnan", 0.5, "without a size"),
        ("6x6: 0.2x0", 0.5, "without a size"),
        ("6x6: 0.2x0.2", float("nan"), "an overlap of nan"),
        ("6x6: 0.2x0.2", 50, "an overlap of 50"),
    ],
)
def test_a_record_of_impossible_anchors_is_refused(anchors: str, overlap: float, why: str) -> None:
    with pytest.raises(BadFile, match=why):
        Anchors.read({ANCHORS: anchors, OVERLAP: overlap})


def test_an_anchor_becomes_a_box_by_the_formula(task: Task) -> None:
    outputs = np.full((1, len(RECORD.boxes()), 7), 0.5, np.float32)
    outputs[..., :3] = 0.01
    number = 36 * 6 + 4 * 6  # the middle of the second map, its first shape
    outputs[0, number] = (0.01, 0.875, 0.01, 0.6, 0.4, 0.7, 0.5)
    found = objects(task.decode(outputs)[0])
    tall = 0.575 * np.exp(0.4)
    y, x = 0.5 + 0.1 * 0.575, 0.5 - 0.1 * 0.575
    expected = [1, 0.875, y - tall / 2, x - 0.575 / 2, y + tall / 2, x + 0.575 / 2]
    np.testing.assert_allclose(found, [expected], atol=1e-6)
    with pytest.raises(BadFile, match="not those of 276 anchors"):
        task.decode(outputs[:, 1:])


def test_of_boxes_that_overlap_the_most_probable_of_each_class_stays(task: Task) -> None:
    outputs = np.full((1, len(RECORD.boxes()), 7), 0.5, np.float32)
    outputs[..., :3] = 0.01
    outputs[0, 0, :2] = 0.6, 0.7
    outputs[0, 1, :2] = 0.8, 0.1  # 0.14 x 0.28 on 0.2 x 0.2: two thirds are shared, cut at the edge
    outputs[0, -6, 0] = 0.9
    found = objects(task.decode(outputs)[0])
    assert [(int(box[0]), round(float(box[1]), 2)) for box in found[:3]] == [
        (0, 0.9),
        (0, 0.8),
        (1, 0.7),
    ]
    same = found[found[:, 0] == 0][:, 2:]
    assert (overlaps(same, same) - np.eye(len(same))).max() <= RECORD.overlap
    kept = replace(RECORD, overlap=1.0)
    assert len(objects(head_of(kept.recorded()).decode(outputs)[0])) == len(found) + 2


def test_no_number_is_no_object_and_no_more_than_a_hundred_are_kept(task: Task) -> None:
    random = np.random.default_rng(0)
    outputs = random.random((2, len(RECORD.boxes()), 7), np.float32)
    outputs[1, :, :3] = np.nan
    found = task.decode(outputs)
    assert found.shape == (2, MOST, 6)
    assert not len(objects(found[1]))
    assert (np.diff(objects(found[0])[:, 1]) <= 0).all()


def test_what_is_right_costs_less_and_each_fault_costs_more(task: Task, truth: Truth) -> None:
    from zoo.common.optional_imports import require

    ops = require("keras").ops

    def loss(outputs: np.ndarray) -> float:
        sure = np.clip(outputs, 1e-3, 1 - 1e-3)
        logits = np.log(sure / (1 - sure)).astype(np.float32)
        return float(ops.mean(task.head.loss(truth.labels, logits)))  # type: ignore[attr-defined]

    right = outputs_of(truth.labels)
    classes, boxes = right.copy(), right.copy()
    classes[..., :3] = np.roll(right[..., :3], 1, axis=-1)
    boxes[..., 3] += 0.2
    nothing = right.copy()
    nothing[..., :3] = 0.02
    for wrong in (classes, boxes, nothing):
        assert loss(wrong) > loss(right) + 0.02


def checks(task: Task, truth: Truth, outputs: np.ndarray) -> dict[str, Check]:
    reference = outputs_of(truth.labels)
    passed = Check(name="preprocessing", passed=True, value="", limit="")
    found = run_checks(
        task=task,
        precision=FLOAT32,
        static=(),
        parity=compare_outputs(task, reference, outputs, truth.labels),
        preprocessing=passed,
        truth=truth,
        reference=reference,
        outputs=outputs,
        max_drop=None,
        baseline=None,
    )
    return {check.name: check for check in found}


def test_the_gate_passes_what_is_right_and_refuses_each_fault(task: Task, truth: Truth) -> None:
    right = outputs_of(truth.labels)
    assert all(check.passed for check in checks(task, truth, right).values())
    exchanged = right.reshape(len(right), -1, 6, 7)[:, :, ::-1].reshape(right.shape)
    first = right[:, :216].reshape(-1, 6, 6, 6, 7)
    shifted = right.copy()
    shifted[:, :216] = np.roll(first, 1, axis=2).reshape(len(right), 216, 7)
    lost = right.copy()
    lost[..., 2] = 0.02
    for wrong in (exchanged, shifted, lost):
        found = checks(task, truth, wrong)
        assert not found["parity"].passed
        assert not found["mAP"].passed


def test_a_manifest_with_other_anchors_or_without_suppression_is_refused() -> None:
    own = {**RECORD.recorded(), "threshold": 0.5}
    assert all(check.passed for check in same_decoding(own, own))
    first, second, third = RECORD.maps
    exchanged = replace(first, shapes=first.shapes[::-1])
    for wrong in (
        replace(RECORD, overlap=1.0),
        replace(RECORD, maps=(exchanged, second, third)),
    ):
        (check,) = same_decoding({**wrong.recorded(), "threshold": 0.5}, own)
        assert not check.passed
        assert "not the one that the network was judged with" in check.reason
