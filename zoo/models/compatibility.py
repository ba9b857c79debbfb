"""Whether data fit weights that are used as they are: classes, kind, shape and range of inputs.

Files are calibrated and judged on such data. Training adapts to other data; exporting cannot, and
ranges that were measured on numbers of another kind would spoil a file without a word.
"""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, UsageError
from zoo.contracts import (
    Dataset,
    ImagePreprocessing,
    Preprocessing,
    SeriesPreprocessing,
    TokenPreprocessing,
)
from zoo.contracts.preprocessing import PADDING, UNKNOWN
from zoo.data.preprocessing.inputs import read_inputs
from zoo.models.card import Card

#: Training examples that are looked at.
EXAMPLES = 64
#: By how much a channel's deviation may differ from that of the training, as a factor.
_DEVIATION = 8.0
#: How far a channel's mean may lie from that of the training, in its deviations.
_MEAN = 8.0
#: Share of tokens that the vocabulary must know.
_KNOWN = 0.5


def check_fits(
    card: Card, preprocessing: Preprocessing, dataset: Dataset, data: str, model: str = ""
) -> None:
    """Refuses data of other classes, or inputs of another kind, shape or range.

    Args:
        card: Of the weights.
        preprocessing: What the weights take.
        dataset: The data.
        data: As the user named them.
        model: As the user named it; empty for the model id.

    Raises:
        UsageError: Names both sides.
    """
    # Noise has no data of its own, and what a generator is judged by has no classes to agree on.
    if preprocessing.input_name == "latent" or dataset.content_hash == card.dataset_hash:
        return
    command = f"zoo finetune {shlex.quote(model or card.model_id)} --data {shlex.quote(data)}"
    if card.classes != dataset.classes:
        raise UsageError(
            f"{data} has other classes than {card.model_id}, which was trained on {card.dataset}",
            why=f"the weights know {_listed(card.classes)}; the data have "
            f"{_listed(dataset.classes)}",
            fix=f"fine-tune a new head first: {command}",
        )
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
    problem = _range_problem(inputs, preprocessing)
    if problem:
        raise UsageError(
            f"{data} has another range than {card.model_id}, which was trained on {card.dataset}",
            why=problem,
            fix=f"bring the values to the same unit, or fine-tune: {command}",
        )


def _range_problem(inputs: NDArray[Any], preprocessing: Preprocessing) -> str:
    """Both ranges in words; empty when they go together."""
    if isinstance(preprocessing, ImagePreprocessing):
        most = int(inputs.max(initial=0))
        return "" if most > 1 else f"the weights take pixels from 0 to 255; the data end at {most}"
    if isinstance(preprocessing, TokenPreprocessing):
        real = inputs[inputs != PADDING]
        known = float((real != UNKNOWN).mean()) if len(real) else 0.0
        words = f"the vocabulary of the weights has {len(preprocessing.vocabulary):,} words"
        return "" if known >= _KNOWN else f"{words}; it knows {known:.0%} of the data's"
    if isinstance(preprocessing, SeriesPreprocessing) and preprocessing.mean:
        return _moments_problem(inputs.reshape(-1, inputs.shape[-1]), preprocessing)
    return ""


def _moments_problem(rows: NDArray[Any], preprocessing: SeriesPreprocessing) -> str:
    means, deviations = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    trained = zip(preprocessing.mean, preprocessing.std, strict=True)
    for channel, (mean, std) in enumerate(trained):
        far = abs(means[channel] - mean) > _MEAN * std
        wide = deviations[channel] > _DEVIATION * std
        narrow = 0 < deviations[channel] < std / _DEVIATION
        if far or wide or narrow:
            return (
                f"channel {channel} of the training was {mean:.4g} ± {std:.4g}; of the data it is "
                f"{means[channel]:.4g} ± {deviations[channel]:.4g}"
            )
    return ""


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return f"{len(names)} classes ({shown})"
