"""A stranger's plugin: a task with two outputs (a shape and its radius), its data and a network."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any

import zoo
from zoo.contracts import Check, Comparison, Metric, Output, Truth

CLASSES = ("square", "disc", "cross")
SIDE, LEAST, MOST = 16, 2.0, 7.0
COUNTS = {"train": 240, "validation": 60, "test": 90}
Z = 1.96


class ShapeAndRadius(zoo.Task):
    """Which shape it is, and how large: probabilities, and a radius as a share of the largest.

    Decoded into the index of the shape and a radius in pixels.
    """

    def activation(self, outputs: Any) -> Any:
        from keras import layers

        return {
            "shape": layers.Softmax(name="probabilities")(outputs["shape"]),
            "radius": layers.Activation("sigmoid", name="share")(outputs["radius"]),
        }

    def compile(self, model: Any, optimizer: Any, options: Any) -> str:
        import keras

        def error(radius: Any, share: Any) -> Any:
            share = keras.ops.sigmoid(keras.ops.reshape(share, (-1,)))
            return keras.ops.mean(keras.ops.abs(keras.ops.reshape(radius, (-1,)) / MOST - share))

        model.compile(
            optimizer=optimizer,
            loss={
                "shape": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                "radius": error,
            },
            metrics={"shape": [keras.metrics.SparseCategoricalAccuracy(name="accuracy")]},
            jit_compile=False,
        )
        return "shape_accuracy"

    def compare(self, reference: Any, candidate: Any) -> Comparison:
        import numpy as np

        chosen = reference["shape"].argmax(-1) == candidate["shape"].argmax(-1)
        apart = {n: np.abs(reference[n] - candidate[n]) for n in self.output_names}
        near = apart["radius"].max(-1) <= 0.05
        return Comparison.combined(
            {
                name: Comparison(
                    count=len(reference),
                    max_abs=float(apart[name].max()),
                    mean_abs=float(apart[name].mean()),
                    agreement=float(same.mean()),
                )
                for name, same in (("shape", chosen), ("radius", near))
            }
        )

    def parity(self, comparison: Comparison, precision: zoo.Precision) -> Check:
        return Check.combined(
            {
                name: self._parity(name, found, precision)
                for name, found in comparison.outputs.items()
            }
        )

    def _parity(self, output: str, found: Comparison, precision: zoo.Precision) -> Check:
        least, most = precision.tolerances.agreement, min(precision.tolerances.max_abs, 0.2)
        good = found.agreement >= least and found.max_abs <= most
        return Check(
            name="parity",
            passed=good,
            value=f"{found.agreement:.1%} agree, max |Δ| {found.max_abs:.2g}",
            limit=f"{least:.0%}, max |Δ| <= {most:g}",
            reason="" if good else f"the {output} is another",
        )

    def decode(self, outputs: Any) -> Any:
        import numpy as np

        answers = np.empty(len(outputs), [("shape", np.int64), ("radius", np.float32)])
        answers["shape"] = outputs["shape"].argmax(-1)
        answers["radius"] = outputs["radius"][:, 0] * MOST
        return answers

    def evaluate(self, answers: Any, truth: Truth) -> tuple[Metric, ...]:
        import numpy as np

        right = (answers["shape"] == truth.labels["shape"]).mean()
        wide = Z * math.sqrt(right * (1 - right) / len(answers))
        apart = np.abs(answers["radius"] - truth.labels["radius"])
        mean, spread = float(apart.mean()), Z * float(apart.std()) / math.sqrt(len(apart))
        count = len(answers)
        return (
            Metric(name="accuracy", value=right, low=right - wide, high=right + wide, count=count),
            Metric(
                name="radius error",
                value=mean,
                low=mean - spread,
                high=mean + spread,
                count=count,
                higher_is_better=False,
            ),
        )

    def accuracy(self, truth: Truth, reference: Any, candidate: Any, max_drop: float) -> Check:
        before, after = self.evaluate(reference, truth), self.evaluate(candidate, truth)
        checks = {}
        for one, other in zip(before, after, strict=True):
            lost = one.lost_by(other)
            clear = other.high < one.low if one.higher_is_better else other.low > one.high
            checks[one.name] = Check(
                name="accuracy",
                passed=lost <= max_drop or not clear,
                value=f"{-lost:+.2f}",
                limit=f"no clear loss above {max_drop:g}",
            )
        return Check.combined(checks)

    def wrong(self, answers: Any, labels: Any) -> Any:
        return answers["shape"] != labels["shape"]

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        return f"{classes[answer['shape']]} of radius {answer['radius']:.0f}", None

    def describe_label(self, label: Any, classes: tuple[str, ...]) -> str:
        return f"{classes[label['shape']]} of radius {label['radius']:.0f}"


def drawn(shape: int, radius: float, seed: int) -> Any:
    """A bright shape on a dark noisy ground, uint8 (SIDE, SIDE, 1)."""
    import numpy as np

    random = np.random.default_rng(seed)
    y, x = (np.mgrid[:SIDE, :SIDE] - SIDE / 2 + 0.5).astype(np.float32)
    inside = (
        np.maximum(abs(x), abs(y)) <= radius,
        np.hypot(x, y) <= radius,
        (np.minimum(abs(x), abs(y)) <= 1) & (np.maximum(abs(x), abs(y)) <= radius),
    )[shape]
    pixels = np.where(inside, 200, 40) + random.normal(0, 8, (SIDE, SIDE))
    return np.clip(pixels, 0, 255).astype(np.uint8)[:, :, None]


def open_shapes(argument: str | None) -> zoo.Dataset:
    import numpy as np

    splits = {}
    for number, (name, count) in enumerate(COUNTS.items()):
        random = np.random.default_rng(number)
        labels = np.empty(count, [("shape", np.int64), ("radius", np.float32)])
        labels["shape"] = np.arange(count) % len(CLASSES)
        labels["radius"] = random.uniform(LEAST, MOST, count)
        images = [
            drawn(int(one["shape"]), float(one["radius"]), number * 1000 + index)
            for index, one in enumerate(labels)
        ]
        content = hashlib.sha256(labels.tobytes() + np.stack(images).tobytes()).hexdigest()
        splits[name] = zoo.Split(labels=labels, read=images.__getitem__, content_hash=content)
    whole = hashlib.sha256("".join(s.content_hash for s in splits.values()).encode()).hexdigest()
    return zoo.Dataset(name="shapes", classes=CLASSES, splits=splits, content_hash=whole)


def build(inputs: Any, classes: int, *, filters: int) -> Mapping[str, Any]:
    from keras import layers

    x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(inputs)
    x = layers.Conv2D(2 * filters, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Flatten()(x)
    return {
        "radius": layers.Dense(1, name="radius")(x),
        "shape": layers.Dense(classes, name="head")(x),
    }


@zoo.hookimpl
def zoo_tasks() -> Iterator[zoo.Task]:
    yield ShapeAndRadius(
        name="shape-and-radius",
        summary="Which shape it is, and how large",
        outputs=(
            Output(name="shape", meaning="one probability per shape; the largest is the answer"),
            Output(name="radius", meaning="the radius as a share of 7 pixels"),
        ),
        max_drop={"int8": 5.0},
    )


@zoo.hookimpl
def zoo_datasets() -> Iterator[zoo.DatasetProvider]:
    yield zoo.DatasetProvider(
        name="shapes",
        summary="Squares, discs and crosses of many sizes",
        tasks=("shape-and-radius",),
        open=open_shapes,
        fingerprint=lambda argument: "1",
    )


@zoo.hookimpl
def zoo_architectures() -> Iterator[zoo.Architecture]:
    yield zoo.Architecture(
        name="shapes",
        summary="Two convolutions and two heads",
        source="a test",
        build=build,
        widths=("filters",),
        variants=(
            zoo.Variant(
                name="shapes16",
                task="shape-and-radius",
                output_shape={"shape": (None,), "radius": (1,)},
                preprocessing=zoo.ImagePreprocessing(height=SIDE, width=SIDE, channels=1),
                classes=len(CLASSES),
                parameters=2276,
                multiply_adds=24064,
                hyperparameters={"filters": 8},
            ),
        ),
    )
