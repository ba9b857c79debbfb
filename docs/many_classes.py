"""Renews a table of docs/gate.md: what helps where integers change first choices of many classes.

    python docs/many_classes.py  # minutes

Scanned digits: each of thirty shades (300 classes, of which a network is never sure), and three of
them side by side (1,000 classes), after a little training and after more.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from rounding_networks import target
from tiny_networks import FORMATS, REGISTRY, Deployed, answers_of, deployed, digits, trained, write
from update import replace

from zoo.artifacts import closeness
from zoo.contracts.precision import precision_named
from zoo.tasks.confidence import resolution

PAGE = Path(__file__).parent / "gate.md"
TASK = REGISTRY.tasks.get("image-classification")
#: What is tried, as users ask for it, and what exporters are asked for.
TRIED: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("int8", "int8", {}),
    ("int8, dense weights by channel", "int8", {"target": target(per_channel_dense=True)}),
    ("int8 --keep-float probabilities", "int8", {"keep": ("probabilities",)}),
    ("int8 --keep-float head,probabilities", "int8", {"keep": ("head", "probabilities")}),
    ("int16x8", "int16x8", {}),
    ("dynamic-int8", "dynamic-int8", {}),
    ("float16", "float16", {}),
)


def main() -> None:
    """Measures everything; writes the table into the page."""
    text = replace(PAGE.read_text(encoding="utf-8"), "many-classes", table_of(list(subjects())))
    PAGE.write_text(text, encoding="utf-8")


def subjects() -> Iterator[tuple[str, Deployed]]:
    """The networks, by what stands over their columns."""
    import numpy as np

    images, digit = digits()
    shade = np.argsort(np.argsort(images.reshape(len(images), -1).sum(1))) * 30 // len(images)
    yield "300 shades", _network(images[..., None], shade + 30 * digit, 300, epochs=6)
    random = np.random.default_rng(0)
    places = random.integers(0, len(images), (6000, 3))
    rows = np.concatenate([images[places[:, place]] for place in range(3)], axis=2)[..., None]
    labels = digit[places] @ [100, 10, 1]
    yield "1,000 numbers, 2 epochs", _network(rows, labels, 1000, epochs=2, examples=5400)
    yield "1,000 numbers, 12 epochs", _network(rows, labels, 1000, epochs=12, examples=5400)


def _network(inputs: Any, labels: Any, classes: int, epochs: int, examples: int = 1400) -> Deployed:
    import keras

    keras.utils.set_random_seed(1)
    pixels = keras.Input(inputs.shape[1:])
    x = keras.layers.Conv2D(8, 3, activation="relu", name="conv")(pixels)
    if classes > 300:
        x = keras.layers.Conv2D(16, 3, strides=2, activation="relu", name="conv2")(x)
    x = keras.layers.Dense(classes, name="head")(keras.layers.Flatten()(x))
    network, scaled = keras.Model(pixels, x), keras.layers.Rescaling(1 / 16, name="normalization")
    trained(network, scaled, inputs, labels, epochs, examples)
    last = keras.layers.Softmax(name="probabilities")
    return deployed(network, scaled, inputs[:examples], inputs[examples:][:400], last)


def table_of(networks: list[tuple[str, Deployed]]) -> str:
    """One line for each thing tried; of each network and format the agreement and the verdict."""
    columns = [(label, form) for label, _ in networks for form in FORMATS]
    heads = [f"{label}, {form}" for label, form in columns]
    lines = ["| | " + " | ".join(heads) + " |", "|---|" + "---:|" * len(heads)]
    found = dict(networks)
    for words, precision, asked in TRIED:
        cells = [_cell(found[label], form, precision, asked) for label, form in columns]
        lines.append(f"| `{words}` | " + " | ".join(cells) + " |")
        print(lines[-1], file=sys.stderr, flush=True)
    return "\n".join(lines)


def _cell(subject: Deployed, form: str, precision: str, asked: dict[str, Any]) -> str:
    exporter = FORMATS[form]
    if precision not in exporter.precisions:
        return "–"
    with tempfile.TemporaryDirectory(prefix="zoo-classes-") as folder:
        path, _ = write(exporter, subject, Path(folder), precision, **asked)
        answers = answers_of(path, subject.inputs)
    compared = closeness.compare(TASK, subject.answers, answers)
    parity = closeness.parity(TASK, compared, precision_named(precision))
    checks = (parity, resolution(subject.answers, answers, precision_named(precision)))
    refused = [check.name for check in checks if not check.passed]
    return f"{compared.agreement:.1%}" + (f" ({', '.join(refused)})" if refused else "")


if __name__ == "__main__":
    main()
