"""Boxes in pictures that are shown together: each class has one colour in all of them."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.contracts import ImagePreprocessing
from zoo.contracts.prediction import DecodedBox, DecodedOutput
from zoo.contracts.preprocessing import Sample
from zoo.report.drawn_answers import classes_of_boxes, drawn_answer
from zoo.results.predictions import PredictedExample, Predictions

pytest.importorskip("PIL")

PICTURE = np.full((192, 192, 3), 255, np.uint8)


def answered(*names: str) -> PredictedExample:
    """One box of each class, below each other."""
    boxes = tuple(
        DecodedBox(name=name, score=0.9, edges=(0.1 + 0.3 * row, 0.1, 0.3 + 0.3 * row, 0.9))
        for row, name in enumerate(names)
    )
    output = DecodedOutput(answer=", ".join(names), scores=(), probabilities=True, boxes=boxes)
    return PredictedExample(sample=Sample(name="a.png", read=lambda: PICTURE), output=output)


def colours(one: PredictedExample, classes: tuple[str, ...]) -> dict[str, tuple[int, ...]]:
    """Of each box, at the middle of its lower edge."""
    drawn = drawn_answer(PICTURE, one.output, classes)
    assert drawn is not None
    return {
        box.name: tuple(drawn[round(box.edges[2] * 191), 96].tolist())
        for box in one.output.boxes or ()
    }


def test_a_class_has_one_colour_on_the_whole_page() -> None:
    examples = (answered("cat"), answered("dog", "cat"), answered("bird", "dog"))
    found = Predictions(
        subject="net.onnx",
        task="object-detection",
        classes=("none of these", "bird", "dog", "cat"),
        runtime="keras",
        preprocessing=ImagePreprocessing(height=8, width=8, channels=1),
        examples=examples,
    )
    classes = classes_of_boxes(found)
    assert classes == ("bird", "dog", "cat")
    each = [colours(one, classes) for one in examples]
    assert each[0]["cat"] == each[1]["cat"]
    assert each[1]["dog"] == each[2]["dog"]
    assert len({each[0]["cat"], each[1]["dog"], each[2]["bird"]}) == 3
    # By itself, each picture begins anew: that is what a page must not do.
    alone = [colours(one, ()) for one in examples]
    assert alone[0]["cat"] != alone[1]["cat"]
