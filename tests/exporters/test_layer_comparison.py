"""Files beside their float twins, operator by operator, in the real runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import CELLS, FORMATS, Deployed, answers_of, decibels, deployed, digits, write

from zoo.analysis.layer_ranking import sensitive_layers
from zoo.contracts import LayerComparison, LayerRequest, OperatorRecord
from zoo.networks.building import layer_names

pytestmark = pytest.mark.slow
#: The first channel is so much larger than the others between the two layers that undo each other.
FACTOR = 3000.0


def uneven(factor: float) -> Deployed:
    """Convolutions that learnt digits; one channel dwarfs the others between two of them."""
    import keras

    layers = keras.layers
    images, classes = digits()
    keras.utils.set_random_seed(4)
    factors = [factor] + [1.0] * 15
    pixels = keras.Input((8, 8, 1))
    x = layers.Conv2D(16, 3, padding="same", activation="relu", name="first")(pixels)
    x = layers.ReLU(name="rectified")(layers.Rescaling(factors, name="uneven")(x))
    x = layers.Rescaling([1 / each for each in factors], name="even")(x)
    x = layers.Conv2D(32, 3, strides=2, name="second")(x)
    x = layers.ReLU(name="second_relu")(layers.BatchNormalization(name="second_bn")(x))
    network = keras.Model(pixels, layers.Dense(10, name="head")(layers.Flatten(name="flat")(x)))
    raw = keras.Input((8, 8, 1))
    scaled = layers.Rescaling(1 / 16, name="normalization")
    model = keras.Model(raw, layers.Softmax()(network(scaled(raw))))
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy")
    model.fit(images[:1400, ..., None], classes[:1400], epochs=4, verbose=0)
    last = layers.Softmax(name="probabilities")
    inputs = images[..., None]
    return deployed(network, scaled, inputs[:1400], inputs[1400:1464], last)


@pytest.fixture(scope="module")
def networks() -> dict[str, Deployed]:
    return {"even": uneven(1.0), "uneven": uneven(FACTOR)}


def compare(
    subject: Deployed, format: str, folder: Path, precision: str = "int8", runs: int = 0
) -> tuple[LayerComparison, Path]:
    exporter = FORMATS[format]
    path, _ = write(exporter, subject, folder, precision)
    twin, _ = write(exporter, subject, folder, "float32")
    assert exporter.compare_layers is not None
    found = exporter.compare_layers(
        LayerRequest(
            path=path,
            baseline=twin,
            inputs=subject.inputs,
            layers=layer_names(subject.model),
            runs=runs,
        )
    )
    return found, path


def of_layer(found: LayerComparison, name: str) -> OperatorRecord:
    return next(r for r in found.operators if name in r.layers)


@pytest.mark.parametrize("format", FORMATS)
def test_every_operator_has_its_layers_and_the_output_has_the_files_error(
    networks: dict[str, Deployed], format: str, tmp_path: Path
) -> None:
    subject = networks["even"]
    found, path = compare(subject, format, tmp_path, runs=5)
    named = {name for record in found.operators for name in record.layers}
    assert {"first", "second", "head", "probabilities"} <= named
    assert found.examples == 64
    measured = decibels(subject.answers, answers_of(path, subject.inputs))
    last = found.operators[-1]
    assert last.sqnr_db is not None
    # The agent lets a delegate compute the TFLite file: values differ by a step here and there.
    assert last.sqnr_db == pytest.approx(measured, abs=1.5)
    second = of_layer(found, "second")
    assert second.arithmetic == "integer"
    assert second.weight_scales == 32
    assert second.weight_sqnr_db is not None
    assert second.weight_sqnr_db > 35
    assert second.own_sqnr_db is not None
    assert second.own_sqnr_db > 25
    assert second.twin_weight_bytes > 3 * second.weight_bytes - 2000
    assert found.operators[second.sources[0]].layers != second.layers
    assert all(record.microseconds is not None for record in found.operators)
    assert all(record.executor for record in found.operators)


@pytest.mark.parametrize("format", FORMATS)
def test_an_outlier_channel_is_found_and_named(
    networks: dict[str, Deployed], format: str, tmp_path: Path
) -> None:
    subject = networks["uneven"]
    found, path = compare(subject, format, tmp_path)
    assert decibels(subject.answers, answers_of(path, subject.inputs)) < 10
    worst = sensitive_layers(found)[0]
    assert worst.decibels < 10
    assert {"first", "uneven", "even"} & set(worst.keep)
    # What comes behind is blameless by itself, though its output is as bad.
    head = of_layer(found, "head")
    assert head.own_sqnr_db is not None
    assert head.sqnr_db is not None
    assert head.own_sqnr_db > 30 > 15 > head.sqnr_db
    fair = sensitive_layers(compare(networks["even"], format, tmp_path)[0])[0]
    assert fair.decibels > worst.decibels + 15


@pytest.mark.parametrize("format", FORMATS)
def test_ranges_from_other_inputs_clip(
    networks: dict[str, Deployed], format: str, tmp_path: Path
) -> None:
    """Calibrated on images a fifth as bright, integers cannot hold what real ones make."""
    subject = networks["even"]
    dim = Deployed(
        model=subject.model,
        training=subject.training / 5,
        inputs=subject.inputs,
        answers=subject.answers,
    )
    found, _ = compare(dim, format, tmp_path)
    clipped = of_layer(found, "second")
    assert clipped.clipped is not None
    assert clipped.clipped > 0.02
    assert clipped.high is not None
    assert clipped.range_high is not None
    assert clipped.high > 1.5 * clipped.range_high
    fair = of_layer(compare(subject, format, tmp_path)[0], "second")
    assert fair.clipped is not None
    assert fair.clipped < 0.005


OTHERS = [(f, p) for f, p in CELLS if p not in ("float32", "int8")]


@pytest.mark.parametrize(("format", "precision"), OTHERS)
def test_other_precisions_are_compared_too(
    networks: dict[str, Deployed], format: str, precision: str, tmp_path: Path
) -> None:
    found, _ = compare(networks["even"], format, tmp_path, precision, runs=2)
    last = found.operators[-1].sqnr_db or 0.0
    assert last > {"float16": 50, "dynamic-int8": 25, "int16x8": 35}[precision]
    kinds = {record.arithmetic for record in found.operators}
    expected = {"float16": "float", "dynamic-int8": "hybrid", "int16x8": "integer"}
    assert expected[precision] in kinds


@pytest.mark.parametrize("format", FORMATS)
def test_a_twin_of_another_network_has_nothing_to_compare(
    networks: dict[str, Deployed], format: str, tmp_path: Path
) -> None:
    import keras

    exporter = FORMATS[format]
    path, _ = write(exporter, networks["even"], tmp_path, "int8")
    other = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(7)])
    inputs: Any = np.zeros((2, 8, 8, 1), np.float32)
    stranger = deployed(other, lambda raw: raw, inputs, inputs)
    (tmp_path / "other").mkdir()
    twin, _ = write(exporter, stranger, tmp_path / "other", "float32")
    assert exporter.compare_layers is not None
    found = exporter.compare_layers(LayerRequest(path=path, baseline=twin, inputs=inputs))
    assert all(r.own_sqnr_db is None for r in found.operators if r.twin is None)
    assert of_layer(found, "second").twin is None
