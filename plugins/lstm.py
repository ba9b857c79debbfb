"""LSTM: Hochreiter & Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997.

In the form in use today, with the forget gate of Gers, Schmidhuber & Cummins (Neural Computation
12(10), 2000). The networks read forwards in time, so nothing that follows a step changes it:
padding at the end of a short text needs no masked recurrence. Its outputs are left out where they
are read instead, by plain operators that every format has (`last_real`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.contracts import (
    Architecture,
    Choices,
    Interval,
    SeriesPreprocessing,
    TokenPreprocessing,
    Variant,
)
from zoo.contracts.preprocessing import PADDING
from zoo.hookspecs import hookimpl

#: Rows of the embedding: every word number that the preprocessing can make has one.
_VOCABULARY = 4096
_TEXT = TokenPreprocessing(length=64, size=_VOCABULARY)
_TAGGED = TokenPreprocessing(length=64, size=_VOCABULARY, lowercase=False)


def build(
    inputs: Any,
    classes: int,
    *,
    units: int,
    layers: int = 1,
    embedding: int = 0,
    stepwise: bool = False,
    dropout: float = 0.0,
) -> Any:
    """Builds the logits.

    Args:
        inputs: Series, float32, (batch, steps, channels), normalized; or word numbers, int32,
            (batch, steps), padded at the end.
        classes: Number of classes.
        units: Of each layer.
        layers: LSTMs, one upon the other.
        embedding: Values that stand for a word; 0 for series.
        stepwise: A class for each step in place of one for the whole sequence.
        dropout: Share of the features before the head that is dropped while training.
    """
    import keras

    words = keras.backend.is_int_dtype(inputs.dtype)
    if words != (embedding > 0):
        raise ValueError(f"embedding must be {'positive for words' if words else '0 for series'}")
    x = inputs
    if words:
        x = keras.layers.Embedding(_VOCABULARY, embedding, name="embedding")(x)
    for number in range(1, layers + 1):
        every_step = stepwise or words or number < layers
        x = keras.layers.LSTM(units, return_sequences=every_step, name=f"lstm{number}")(x)
    if words and not stepwise:
        x = last_real(inputs, x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    return keras.layers.Dense(classes, name="head")(x)


def last_real(tokens: Any, features: Any) -> Any:
    """The features at the last token before the padding.

    What Keras' masked LSTM returns, in comparisons and a sum: the fused kernels of edge runtimes
    know no mask.

    Args:
        tokens: int32, (batch, steps); padding at the end alone.
        features: float32, (batch, steps, units).

    Returns:
        float32, (batch, units).
    """
    from keras import ops

    following = ops.pad(tokens[:, 1:], ((0, 0), (0, 1)), constant_values=PADDING)
    last = ops.logical_and(ops.not_equal(tokens, PADDING), ops.equal(following, PADDING))
    return ops.sum(ops.where(last[:, :, None], features, 0.0), axis=1)


@hookimpl
def zoo_architectures() -> Any:
    """Yields the family."""
    yield Architecture(
        name="lstm",
        summary="The recurrent network with a memory cell; for series, texts and tags",
        source="Hochreiter & Schmidhuber 1997, Neural Computation 9(8)",
        build=build,
        weights=Path(__file__).with_name("weights"),
        widths=("units",),
        searched={"layers": Interval(1, 2), "embedding": Choices((16, 32, 64))},
        variants=(
            Variant(
                name="lstm_small",
                task="sequence-classification",
                preprocessing=SeriesPreprocessing(steps=28, channels=28),
                classes=10,
                parameters=48_970,
                multiply_adds=1_334_208,
                hyperparameters={"units": 96},
            ),
            Variant(
                name="lstm_text",
                task="sequence-classification",
                preprocessing=_TEXT,
                classes=2,
                parameters=146_722,
                multiply_adds=983_136,
                hyperparameters={"units": 48, "embedding": 32},
            ),
            Variant(
                name="lstm_tagger",
                task="sequence-tagging",
                preprocessing=_TAGGED,
                output_shape=(_TAGGED.length, None),
                classes=8,
                parameters=156_424,
                multiply_adds=1_605_632,
                hyperparameters={"units": 64, "embedding": 32, "stepwise": True},
            ),
        ),
    )
