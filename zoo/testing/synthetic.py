"""Synthetic examples of every kind: patterns that a network which can learn anything can learn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from zoo.contracts import AnyPreprocessing, SeriesPreprocessing, TokenPreprocessing
from zoo.contracts.dataset import IGNORED
from zoo.contracts.preprocessing import FIRST_WORD, PADDING, UNKNOWN

#: Of the channels of a series: far from what networks like, so that normalization has work to do.
_MEAN, _STD = 20.0, 5.0
#: Share of a text's words that tell its class.
_TELLING = 0.5
#: So many that each comes often enough to be learnt.
_WORDS_PER_CLASS = 16


def made_up(preprocessing: AnyPreprocessing) -> AnyPreprocessing:
    """The preprocessing as if a training split had been measured."""
    if isinstance(preprocessing, SeriesPreprocessing) and not preprocessing.mean:
        channels = preprocessing.channels
        return replace(preprocessing, mean=(_MEAN,) * channels, std=(_STD,) * channels)
    if isinstance(preprocessing, TokenPreprocessing) and not preprocessing.vocabulary:
        words = tuple(f"word{number}" for number in range(FIRST_WORD, preprocessing.size))
        return replace(preprocessing, vocabulary=words)
    return preprocessing


def synthetic_examples(
    preprocessing: AnyPreprocessing, count: int, classes: int, *, stepwise: bool, seed: int
) -> Any:
    """Raw inputs and labels, the same for the same seed.

    Args:
        preprocessing: What the network wants, measured or made up.
        count: How many.
        classes: Labels run over so many.
        stepwise: A label for each step.
        seed: Of patterns and noise.

    Returns:
        Raw inputs as the graph takes them, shape (count, *input_shape), and labels, int64: shape
        (count,), or (count, steps) with `IGNORED` where there is padding.
    """
    import numpy as np

    if stepwise:
        steps = preprocessing.input_shape[0]
        # Every class comes, also in few examples, and no two examples are alike.
        labels = (np.arange(steps) + np.arange(count)[:, None] * 7) // 2 % classes
    else:
        labels = np.arange(count) % classes
    labels = labels.astype(np.int64)
    random = np.random.default_rng(seed)
    if isinstance(preprocessing, TokenPreprocessing):
        return _tokens(preprocessing, labels, random, classes)
    if isinstance(preprocessing, SeriesPreprocessing):
        return _series(preprocessing, labels, random, seed), labels
    return _waves(preprocessing.input_shape, labels, random, seed), labels


def _waves(shape: tuple[int, ...], labels: Any, random: Any, seed: int) -> Any:
    """Of each class a pattern of its own, of each example its own noise.

    Returns:
        float32, shape (count, *shape), whole numbers from 0 to 255.
    """
    import numpy as np

    axes = np.stack(np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij"), -1)
    values = np.empty((len(labels), *shape), np.float32)
    for index, label in enumerate(labels.tolist()):
        pattern = np.random.default_rng((seed, label))
        waves = np.sin(axes @ pattern.uniform(4, 40, len(shape)) + pattern.uniform(0, 6))
        # Multiples of irrational numbers keep any number of classes apart.
        bright, contrast = 50 + 155 * (label * 0.618034 % 1), 15 + 45 * (label * 0.414214 % 1)
        noise = random.normal(0, 8, shape)
        values[index] = np.clip(np.round(bright + contrast * waves + noise), 0, 255)
    return values


def _series(preprocessing: SeriesPreprocessing, labels: Any, random: Any, seed: int) -> Any:
    """Of each class a level of its own in every channel; of steps too, where they have labels."""
    import numpy as np

    levels = {
        label: np.random.default_rng((seed, label)).normal(0, 1, preprocessing.channels)
        for label in np.unique(labels).tolist()
    }
    shape = (len(labels), *preprocessing.input_shape)
    steps = np.broadcast_to(labels.reshape(len(labels), -1), shape[:2])
    unit = np.array([levels[label] for label in steps.ravel().tolist()]).reshape(shape)
    unit = unit + random.normal(0, 0.3, shape)
    mean, std = np.array(preprocessing.mean), np.array(preprocessing.std)
    return (unit * std + mean).astype(np.float32)


def _tokens(preprocessing: TokenPreprocessing, labels: Any, random: Any, classes: int) -> Any:
    """Texts of different lengths in which every other word belongs to the class.

    Of labels for each step every word tells its own. Word numbers that belong to a class are those
    that leave its index when they are divided by the number of classes.
    """
    import numpy as np

    count, length = len(labels), preprocessing.length
    rows = min(_WORDS_PER_CLASS, (preprocessing.size - UNKNOWN) // classes)
    own = UNKNOWN + random.integers(0, rows, (count, length)) * classes
    wanted = own + labels.reshape(count, -1)
    if labels.ndim == 1:
        other = random.integers(UNKNOWN, preprocessing.size, (count, length))
        wanted = np.where(random.random((count, length)) < _TELLING, wanted, other)
    lengths = random.integers(max(1, length // 2), length + 1, count)
    padding = np.arange(length) >= lengths[:, None]
    tokens = np.where(padding, PADDING, wanted).astype(np.int32)
    return tokens, labels if labels.ndim == 1 else np.where(padding, IGNORED, labels)
