"""Data too few to judge a file by, or that weights cannot read, are refused before training."""

from __future__ import annotations

import numpy as np
import pytest
from digit_files import registry

from zoo.common.errors import BadData, UsageError
from zoo.common.worker import Children
from zoo.contracts import ImagePreprocessing, SeriesPreprocessing
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.steps.data_check import check_data
from zoo.pipeline.steps.step import StepContext


@pytest.fixture
def series(tmp_path) -> str:
    """A dataset of 40 windows of 10 steps and 2 channels; 34 are for training and test."""
    x = np.random.default_rng(0).normal(size=(40, 10, 2)).astype(np.float32)
    np.savez(tmp_path / "few.npz", x=x, y=np.arange(40) % 2)
    return f"npz:{tmp_path / 'few.npz'}?kind=series"


def test_too_few_examples_and_other_shapes(series: str) -> None:
    task = registry().tasks.get("sequence-classification")

    def check(takes: SeriesPreprocessing | None, least: int) -> None:
        check_data(registry(), series, task, takes, allow_leak=False, least=least)

    check(SeriesPreprocessing(steps=10, channels=2), 34)
    check(None, 0)
    with pytest.raises(BadData, match="too few examples to judge a file: 6 for test, 28 for train"):
        check(None, 35)
    with pytest.raises(UsageError, match="takes 9 steps of 2 channels, the dataset has 10 steps"):
        check(SeriesPreprocessing(steps=9, channels=2), 0)


def test_the_first_step_of_a_plan_asks(series: str, tmp_path) -> None:
    """Only where files are made are so many examples needed; the weights bring what they take."""

    def first(**options):
        job = make_job(recipe_from(data=series, **options), registry())
        return [make_plan(job, tmp_path, PlanScope(export=made))[0] for made in (True, False)]

    ship, train = first(model="lstm_small", from_scratch=True)
    train.check_fit()
    with pytest.raises(BadData, match="too few examples"):
        ship.run(StepContext(folder=tmp_path, before={}, emit=lambda _: None, children=Children()))
    assert (ship.key, ship.takes) == (train.key, None)
    _, train = first(model="lstm_small")
    with pytest.raises(UsageError, match="takes 28 steps of 28 channels"):
        train.check_fit()
    assert isinstance(first_image(tmp_path).takes, ImagePreprocessing)


def first_image(tmp_path):
    job = make_job(recipe_from(model="lenet5", data="digits"), registry())
    step = make_plan(job, tmp_path, PlanScope())[0]
    step.check_fit()
    return step
