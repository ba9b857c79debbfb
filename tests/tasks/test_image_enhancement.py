"""The task of better pictures: its baselines, its paired test, and what each check refuses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from zoo.artifacts import closeness
from zoo.common.errors import BadData, UsageError
from zoo.contracts import ImagePreprocessing, Split, Task, Truth
from zoo.contracts.precision import PRECISIONS
from zoo.contracts.training import Training
from zoo.data.photographs import open_photographs
from zoo.data.readers.degradations import enlarged
from zoo.data.subset import subset
from zoo.registry import load_registry
from zoo.report.headline import weak_kind, weakness
from zoo.results.records import NO_BETTER_THAN_INPUT
from zoo.tasks.quality import gain_of, loss_between, quality_of

FLOAT32, INT8 = (next(p for p in PRECISIONS if p.name == name) for name in ("float32", "int8"))


@pytest.fixture(scope="module")
def task() -> Task:
    return load_registry().tasks.get("image-enhancement")


@dataclass(frozen=True)
class Case:
    """Real patches, half as large, and a network that halves the error of interpolation."""

    truth: Truth
    bicubic: np.ndarray
    outputs: np.ndarray


@pytest.fixture(scope="module")
def case() -> Case:
    dataset = open_photographs("?degrade=bicubic2")
    test = subset(dataset.splits["test"], 40)
    bicubic = np.stack([enlarged(test.read(i), 2) for i in range(len(test))])
    return Case(
        truth=Truth(
            labels=test.labels,
            classes=dataset.classes,
            examples=test,
            held_out=test,
            preprocessing=ImagePreprocessing(
                height=32, width=32, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3
            ),
        ),
        bicubic=bicubic,
        outputs=((bicubic / 255.0 + test.labels / 255.0) / 2).astype(np.float32),
    )


def test_half_the_error_is_six_decibels_better(task: Task, case: Case) -> None:
    answers = task.answers(case.outputs, case.truth)
    ratio, similar = task.evaluate(answers, case.truth)
    beside = task.baseline(answers, case.truth)
    assert beside is not None
    assert (ratio.name, ratio.unit, similar.name) == ("PSNR", "dB", "SSIM")
    assert ratio.low < ratio.value < ratio.high
    assert beside.gain == pytest.approx(6.02, abs=0.3)
    assert (beside.answer, beside.better, beside.tellable) == ("bicubic interpolation", True, True)
    assert ratio.value - beside.metric.value == pytest.approx(beside.gain)
    assert gain_of(beside, ratio).split()[1] == "dB"


def test_interpolation_itself_is_rejected(task: Task, case: Case) -> None:
    found = quality_of(task, case.bicubic, case.truth)
    assert [one.code for one in found["findings"]] == [NO_BETTER_THAN_INPUT]
    assert "bicubic interpolation" in found["findings"][0].text
    assert weak_kind(found["findings"]) == "rejected"
    assert weakness(found["findings"]) == "is no better than what needs no network"


def test_of_the_same_size_the_input_is_the_baseline(task: Task, case: Case) -> None:
    pictures = case.truth.labels
    noisy = np.clip(pictures + np.random.default_rng(0).normal(0, 25, pictures.shape), 0, 255)
    given = Split(labels=pictures, read=noisy.astype(np.uint8).__getitem__, content_hash="test")
    own = replace(
        case.truth,
        examples=given,
        preprocessing=replace(case.truth.preprocessing, height=64, width=64),
    )
    beside = task.baseline(noisy.astype(np.uint8), own)
    assert beside is not None
    assert (beside.answer, beside.better, beside.gain) == ("the untouched input", False, 0.0)


def test_pictures_of_other_sizes_are_refused(task: Task, case: Case) -> None:
    for side in (24, 64):
        own = replace(case.truth.preprocessing, height=side, width=side)
        with pytest.raises(UsageError, match=f"takes pictures of {side}×{side}, and the bad ones"):
            task.baseline(case.bicubic, replace(case.truth, preprocessing=own))
    larger = np.repeat(case.bicubic, 2, axis=1).repeat(2, axis=2)
    with pytest.raises(BadData, match="pictures of 128×128×3, and the good ones are 64") as told:
        task.evaluate(larger, case.truth)
    assert "enlarges by one factor" in str(told.value.why)


def test_the_loss_refuses_pictures_of_another_size(task: Task, case: Case) -> None:
    pytest.importorskip("keras")
    model = Mock()
    task.compile(model, None, Training())
    loss = model.compile.call_args.kwargs["loss"]
    assert np.asarray(loss(case.truth.labels[:2], case.outputs[:2])).shape == (2,)
    with pytest.raises(BadData, match="pictures of 48×64×3, and the good ones are 64×64×3"):
        loss(case.truth.labels[:2], case.outputs[:2, :48])


def noise_of(case: Case, decibels: float) -> np.ndarray:
    """Outputs that lost about so many decibels to noise."""
    error = float(np.square(case.outputs - case.truth.labels / 255.0).mean())
    spread = np.sqrt(error * (10 ** (decibels / 10) - 1))
    return (case.outputs + np.random.default_rng(1).normal(0, spread, case.outputs.shape)).astype(
        np.float32
    )


@pytest.mark.parametrize(("lost", "passed"), [(0.001, True), (0.5, False)])
def test_a_file_may_lose_a_fifth_of_a_decibel(
    lost: float, passed: bool, task: Task, case: Case
) -> None:
    before, after = (task.answers(one, case.truth) for one in (case.outputs, noise_of(case, lost)))
    allowed = task.allowed_loss(INT8)
    assert allowed == 0.2
    assert task.allowed_loss(FLOAT32) < allowed
    check = task.accuracy(case.truth, before, after, allowed)
    assert check is not None
    assert check.passed == passed
    assert " dB" in check.value
    metrics = [task.evaluate(one, case.truth) for one in (before, after)]
    # In decibels, not in points.
    assert loss_between(*metrics) == metrics[0][0].value - metrics[1][0].value


@pytest.mark.parametrize("precision", [FLOAT32, INT8])
def test_other_pictures_are_refused(precision: Any, task: Task, case: Case) -> None:
    def passes(outputs: np.ndarray) -> bool:
        found = closeness.compare(task, case.outputs, outputs)
        beside = task.probability_checks(case.truth, case.outputs, outputs, precision)
        near = closeness.parity(task, found, precision)
        return near.passed and all(check.passed for check in beside)

    assert passes(case.outputs)
    for spoilt in (
        case.outputs[:, :, ::-1],
        case.outputs[..., ::-1],
        case.outputs * 0.8,
        case.outputs + 0.1,
        np.full_like(case.outputs, np.nan),
    ):
        assert not passes(spoilt)


def test_pictures_of_another_size_are_told(task: Task, case: Case) -> None:
    with pytest.raises(BadData, match="32×32×3, and the good ones are 64×64×3"):
        task.evaluate(case.bicubic[:, ::2, ::2], case.truth)


@pytest.mark.parametrize("options", [{"label_smoothing": 0.1}, {"augment": ("rotate",)}])
def test_training_refuses_what_good_pictures_cannot_follow(
    options: dict[str, Any], task: Task
) -> None:
    with pytest.raises(UsageError, match="good"):
        task.compile(None, None, Training().model_copy(update=options))
