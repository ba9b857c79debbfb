"""Compatibility of data with weights used unchanged: classes, kind, shape, range of inputs.

Files are calibrated and judged on such data. Training adapts to other data; exporting cannot, and
ranges that were measured on numbers of another kind would spoil a file without a word.
"""

from __future__ import annotations

import shlex

import numpy as np

from zoo.common.errors import BadData, UsageError
from zoo.contracts import Dataset, Preprocessing
from zoo.data.classes import check_classes
from zoo.data.preprocessing.inputs import kind_of, read_inputs
from zoo.networks.card import Card

#: Training examples that are looked at.
EXAMPLES = 64


def check_fits(
    card: Card,
    preprocessing: Preprocessing,
    dataset: Dataset,
    data: str,
    model: str = "",
    *,
    ranges: bool = True,
) -> None:
    """Refuses data of other classes, or inputs of another kind, shape or range.

    Args:
        card: Of the weights.
        preprocessing: What the weights take.
        dataset: The data.
        data: As the user named them.
        model: As the user named it; empty for the model id.
        ranges: Whether values of another range are refused; what is only measured may have them.

    Raises:
        UsageError: Names both sides.
    """
    # Noise has no data of its own, and what a generator is judged by has no classes to agree on.
    if preprocessing.is_noise or dataset.content_hash == card.dataset_hash:
        return
    command = f"zoo finetune {shlex.quote(model or card.model_id)} --data {shlex.quote(data)}"
    check_classes(
        card.classes,
        dataset,
        card.model_id,
        data=data,
        trained_on=card.dataset,
        fix=f"fine-tune a new head first: {command}",
    )
    kind_of(preprocessing).check_names(dataset, card.model_id)
    split = dataset.splits["train"]
    try:
        # From all over the split, which may be in the order of its classes.
        chosen = np.linspace(0, len(split) - 1, min(EXAMPLES, len(split))).astype(int)
        inputs = read_inputs(split, preprocessing, chosen.tolist())
    except (BadData, UsageError) as error:
        raise UsageError(
            f"{data} does not fit the input of {card.model_id}, which was trained on "
            f"{card.dataset}",
            why=f"the weights take {preprocessing.describe()['input']}; {error.what}",
            fix=f"use data like {card.dataset}, or fine-tune: {command}",
        ) from error
    problem = kind_of(preprocessing).range_problem(inputs) if ranges else ""
    if problem:
        raise UsageError(
            f"{data} has another range than {card.model_id}, which was trained on {card.dataset}",
            why=problem,
            fix=f"bring the values to the same unit, or fine-tune: {command}",
        )
