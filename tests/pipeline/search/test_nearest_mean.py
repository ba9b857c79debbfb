"""The nearest mean of a class, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.contracts import Dataset, ImagePreprocessing, Split
from zoo.pipeline.search import nearest_mean as module
from zoo.pipeline.search.nearest_mean import nearest_mean_of
from zoo.registry import load_registry


def split(images: np.ndarray, labels: np.ndarray) -> Split:
    return Split(labels=labels, read=lambda index: images[index], content_hash=str(len(labels)))


@pytest.mark.parametrize("batch", [1 << 20, 8 * 36 * 5], ids=["one batch", "many"])
def test_it_answers_as_another_implementation(batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    neighbors = pytest.importorskip("sklearn.neighbors")
    monkeypatch.setattr(module, "_BATCH", batch)
    random = np.random.default_rng(0)
    centres = random.integers(60, 190, (3, 6, 6, 1))
    sets = {}
    for name, count in (("train", 60), ("validation", 9), ("test", 43)):
        labels = np.arange(count) % 3
        noise = random.normal(0, 75, (count, 6, 6, 1))
        images = np.clip(centres[labels] + noise, 0, 255).astype(np.uint8)
        sets[name] = (images, labels.astype(np.int64))
    dataset = Dataset(
        name="d",
        classes=("a", "b", "c", "never seen"),
        splits={name: split(*one) for name, one in sets.items()},
        content_hash="0",
    )
    task = load_registry().tasks.get("image-classification")
    seen = ImagePreprocessing(height=6, width=6, channels=1)
    other = neighbors.NearestCentroid()
    (train, labels), (test, truth) = sets["train"], sets["test"]
    other.fit(train.reshape(len(train), -1).astype(float), labels)
    expected = float((other.predict(test.reshape(len(test), -1).astype(float)) == truth).mean())
    found = nearest_mean_of(task, dataset, seen)
    assert 0.5 < expected < 1.0, "neither trivial nor perfect, so that a fault would show"
    assert (found.value, found.count) == (pytest.approx(expected), 43)
