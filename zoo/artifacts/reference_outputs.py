"""Reference outputs: those of the Keras network, for comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.contracts import Dataset, Split
from zoo.data.preprocessing.series import stepwise_labels

REFERENCE = "reference.npz"
#: What the Keras network's first layers made of some inputs (see `LeadingResults`).
LEADING = "leading.npz"
#: The Keras model's outputs on some of the validation split, beside an exported file.
EXPECTED = "expected.npz"


def comparison_split(dataset: Dataset, least: int) -> Split:
    """What files are compared on: the whole test split, first.

    A test split with fewer than `least` examples is followed by training examples: a comparison
    with the network needs real inputs, not unseen ones. Quality is measured on the test part alone.
    """
    test, train = dataset.splits["test"], dataset.splits["train"]
    count = len(test)
    if count >= least:
        return test
    extra = min(least - count, len(train))

    def read(index: int) -> Any:
        return test.read(index) if index < count else train.read(index - count)

    both = [test.labels, train.labels[:extra]]
    if test.labels.ndim == 2 and test.labels.dtype == np.int64:
        # The longest sequence of each split decides how wide its labels are.
        widest = max(labels.shape[1] for labels in both)
        both = [stepwise_labels(labels, widest) for labels in both]
    return Split(
        labels=np.concatenate(both),
        read=read,
        content_hash=f"{test.content_hash}+{extra}:{train.content_hash}",
    )
