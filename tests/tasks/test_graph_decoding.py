"""Decoding in a graph: the same boxes as the decoder's in numpy, and what a file may get wrong."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.artifacts import closeness
from zoo.artifacts.gate import run_checks
from zoo.common.errors import ZooError
from zoo.common.named_arrays import with_names
from zoo.contracts import Check, ImagePreprocessing, Split, Task, Truth
from zoo.contracts.anchors import Anchors
from zoo.contracts.precision import PRECISIONS
from zoo.registry import load_registry
from zoo.tasks.object_detection.decoded import COUNT, rows_of
from zoo.tasks.object_detection.decoding import LEAST_SCORE, MOST

ANCHORS = Anchors.of_sizes([(6, 6), (3, 3), (1, 1)])
SHAPES = {"centres": (8, 6, 7), "anchors": (len(ANCHORS.boxes()), 7)}
FLOAT32 = next(p for p in PRECISIONS if p.name == "float32")


def task_of(head: str) -> Task:
    task = load_registry().tasks.get("object-detection")
    own = ANCHORS.recorded() if head == "anchors" else {}
    return task.with_decoding({**own, "threshold": 0.5, "rule": "test"})


def outputs_of(head: str, count: int, *, steps: int | None = None, power: int = 4) -> np.ndarray:
    """Random outputs; of as many steps as integers have, many of which are equal."""
    values = np.random.default_rng(7).random((count, *SHAPES[head]))
    values[..., :3] **= power
    if steps is not None:
        values = np.rint(values * steps) / steps
    return values.astype(np.float32)


def reader_of(task: Task) -> Task:
    """The task of files that decode boxes themselves."""
    decoder = task.graph_decoder()
    assert decoder is not None
    return decoder.task


def decoded_in_graph(task: Task, outputs: np.ndarray) -> np.ndarray:
    tensorflow = pytest.importorskip("tensorflow")
    decoder = task.graph_decoder()
    assert decoder is not None
    each = [decoder.build(tensorflow.constant(own[None])) for own in outputs]
    arrays = [np.concatenate([one[n].numpy() for one in each]) for n in range(len(decoder.names))]
    return with_names(arrays, decoder.names)


@pytest.mark.parametrize("steps", [None, 64])
@pytest.mark.parametrize("head", SHAPES)
def test_the_same_boxes_in_the_same_order(head: str, steps: int | None) -> None:
    task, outputs = task_of(head), outputs_of(head, 3, steps=steps)
    outputs[2, ..., :3] = 0.01  # a picture without anything
    found = decoded_in_graph(task, outputs)
    rows, own = reader_of(task).condensed(found), task.decode(outputs)
    assert rows.shape == own.shape == (3, MOST, 6)
    assert (rows[..., 0] == own[..., 0]).all()
    assert np.abs(rows - own).max() < 1e-5
    assert (own[:2, 0, 0] >= 0).all()
    assert (own[2, :, 0] < 0).all()
    assert found[COUNT].ravel().tolist() == (own[..., 0] >= 0).sum(axis=1).tolist()


def test_the_least_score_is_a_box_and_less_is_none() -> None:
    task, outputs = task_of("centres"), np.zeros((1, 8, 6, 7), np.float32)
    outputs[0, 1, 1, 0] = LEAST_SCORE
    outputs[0, 5, 4, 1] = np.nextafter(np.float32(LEAST_SCORE), np.float32(0))
    rows = reader_of(task).condensed(decoded_in_graph(task, outputs))
    assert rows[0, :2, 0].tolist() == [0, -1]
    assert (rows == task.decode(outputs)).all()


def test_few_cells_give_few_rows_and_what_is_no_box_is_refused() -> None:
    task = task_of("centres")
    outputs = np.random.default_rng(1).random((2, 2, 2, 7)).astype(np.float32)
    found = decoded_in_graph(task, outputs)
    assert found["edges"].shape == (2, 12, 4)
    assert np.abs(rows_of(found) - task.decode(outputs)).max() < 1e-5
    with pytest.raises(ZooError, match="are no boxes"):
        rows_of(with_names([np.zeros((2, 3)), np.zeros((2, 3))], ["edges", "scores"]))
    found[COUNT] = np.nan
    assert np.isnan(rows_of(found)).any(axis=(1, 2)).all()


def checks_of(rows: np.ndarray) -> dict[str, Check]:
    """The gate's verdicts on a file that answers so to pictures whose boxes are the network's."""
    own = task_of("anchors")
    decoder = own.graph_decoder()
    assert decoder is not None
    expected = own.decode(NETWORK)
    labels = np.full((len(expected), 8, 5), -1, np.float32)
    for boxes, answer in zip(labels, expected, strict=True):
        boxes[:, 0], boxes[:, 1:] = answer[:8, 0], answer[:8, 2:]
    image = ImagePreprocessing(height=96, width=96, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
    pixels = np.zeros((len(labels), 96, 96, 3), np.uint8)
    pictures = Split(labels=labels, read=pixels.__getitem__, content_hash="test")
    truth = Truth(
        labels=labels,
        classes=("cat", "dog", "bird"),
        examples=pictures,
        held_out=pictures,
        preprocessing=image,
    )
    found = run_checks(
        task=decoder.task,
        precision=FLOAT32,
        static=(),
        parity=closeness.compare(decoder.task, expected, rows),
        preprocessing=Check(name="preprocessing", passed=True, value="", limit=""),
        truth=truth,
        reference=expected,
        outputs=rows,
        max_drop=None,
        baseline=None,
    )
    return {check.name: check for check in found}


#: Some twenty boxes in each picture.
NETWORK = outputs_of("anchors", 64, power=64)
#: None of them is outside of the picture.
NETWORK[..., 3:] = 0.4 + 0.2 * NETWORK[..., 3:]


def parity_of(rows: np.ndarray) -> Check:
    decoder = task_of("anchors").graph_decoder()
    assert decoder is not None
    compared = closeness.compare(decoder.task, task_of("anchors").decode(NETWORK), rows)
    return closeness.parity(decoder.task, compared, FLOAT32)


def test_the_gate_takes_the_right_boxes_and_refuses_wrong_ones() -> None:
    pytest.importorskip("faster_coco_eval")
    right = task_of("anchors").decode(NETWORK)
    assert not [check for check in checks_of(right).values() if not check.passed]

    transposed = right[..., [0, 1, 3, 2, 5, 4]]
    told = checks_of(transposed)
    assert not told["parity"].passed
    assert not told["mAP"].passed

    # The last class becomes one that is none.
    others = right.copy()
    others[..., 0] += right[..., 0] >= 0
    told = checks_of(others)
    assert not told["parity"].passed
    assert not told["mAP"].passed

    decoder = task_of("anchors").graph_decoder()
    assert decoder is not None
    names = ("cat", "dog", "bird")
    for row in others[:8]:
        assert decoder.task.describe_answer(row, names)[0]
        assert {box.name for box in decoder.task.decoded(row, names, 3).boxes or ()} <= {*names}

    broken = right.copy()
    broken[0, 0, 1] = np.nan
    told = checks_of(broken)
    assert not told["finite"].passed
    assert not told["parity"].passed


def test_parity_refuses_boxes_too_many_out_of_order_or_elsewhere() -> None:
    task = task_of("anchors")
    right = task.decode(NETWORK)
    assert parity_of(right).passed

    # Nothing is suppressed: all that overlap stay.
    told = parity_of(task.with_decoding({**task.decoding, "overlap": 1.0}).decode(NETWORK))
    assert not told.passed
    assert "are others" in told.reason

    backwards = right.copy()
    for rows in backwards:
        many = int((rows[:, 0] >= 0).sum())
        rows[:many] = rows[:many][::-1].copy()
    assert not parity_of(backwards).passed

    moved = right.copy()
    moved[..., 2:] = np.where(right[..., :1] >= 0, np.clip(right[..., 2:] + 0.01, 0, 1), 0)
    assert "edges or probabilities" in parity_of(moved).reason
