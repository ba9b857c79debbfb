"""Every architecture of the registry goes the whole way: build, a training step, every export."""

from __future__ import annotations

import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_agents import answers

from tests.support.box_labels import boxes_of, network_task
from zoo.common.errors import Unsupported, UsageError, ZooError
from zoo.contracts import (
    Architecture,
    Comparison,
    ExportRequest,
    ImagePreprocessing,
    LatentPreprocessing,
    Preprocessing,
    TokenPreprocessing,
    Variant,
)
from zoo.contracts.precision import PRECISIONS, precision_named
from zoo.contracts.training import Training
from zoo.data.preprocessing.latents import latent
from zoo.networks.building import build_network, count_parameters, deployed_model, raw_model
from zoo.networks.checkpoints import packaged, resolve
from zoo.networks.multiply_adds import count_multiply_adds
from zoo.networks.weights import load_network
from zoo.registry import PluginSettings, load_registry
from zoo.testing.synthetic import synthetic_examples, with_synthetic_statistics

REGISTRY = load_registry(PluginSettings(installed=False))
#: Larger networks take seconds to build: `test_published_sizes.py` tests their sizes.
LARGE = 20_000_000
VARIANTS = [
    pytest.param(a, v, id=v.name, marks=[pytest.mark.slow] if v.parameters > LARGE else [])
    for a, v in REGISTRY.variants()
]
#: Sides of the pictures of such networks here: how layers are connected does not depend on it. No
#: smaller ones fit through all of AlexNet.
SIDE = 96
#: Those that learn labels; how the others learn is tested beside their tasks.
CLASSIFIERS = [param for param in VARIANTS if param.values[1].has_head]
HEADLESS = [param for param in VARIANTS if not param.values[1].has_head]
#: Of each family the smallest member, one with packaged weights if there is any.
SMALLEST = [
    (a, min(a.variants, key=lambda v: (not packaged(a, v), v.multiply_adds)))
    for a in REGISTRY.architectures
]
DETECTORS = ("fomo_small", "centernet_small", "ssd_mobilenet_small")
#: Test examples that the cards of packaged weights speak of, where these are not 10,000.
COUNTS = {
    "autoencoder_small.photographs": 206,
    "espcn_x2.photographs-degrade_bicubic2": 206,
    "dncnn_small.photographs-degrade_noise25": 206,
    "dcgan28.fashion_mnist": 5_000,
    "ds_cnn.words": 528,
    **{f"{name}.fashion_scenes": 1_000 for name in (*DETECTORS, "unet_small")},
}
#: Of larger ones the slow tests convert every precision, by the conformance kit.
TRAINED = [
    pytest.param(a, v, id=a.name)
    for a, v in SMALLEST
    if packaged(a, v) and v.multiply_adds <= 2_000_000
]
UNTRAINED = [(a, v) for a, v in SMALLEST if not packaged(a, v)]
#: The other precisions are tested with every family by the conformance kit, in the slow tests.
DEFAULT = {precision.name for precision in PRECISIONS if precision.default}
CELLS = [
    pytest.param(exporter, precision, id=f"{exporter.name}-{precision}")
    for exporter in REGISTRY.exporters
    for precision in exporter.precisions
    if precision in DEFAULT
]
INT16X8 = [
    pytest.param(exporter, "int16x8", id=f"{exporter.name}-int16x8")
    for exporter in REGISTRY.exporters
    if "int16x8" in exporter.precisions
]
CHECKPOINTS = [
    pytest.param(f"{v.name}.{tag}", id=f"{v.name}.{tag}")
    for a, v in REGISTRY.variants()
    for tag in packaged(a, v)
]
#: Of networks for photographs these are left out: each has every kind of number and either format
#: all the same, and each cell has two networks.
HALF = ("onnx-int8", "tflite-float32", "tflite-int16x8")
LEFT_OUT = {
    *(("efficientnet_lite", cell) for cell in ("onnx-float32", "tflite-int8")),
    *((family, cell) for family in ("lraspp", "resnet_imagenet") for cell in HALF),
}
UNTRAINED_CELLS = [
    pytest.param(
        *(a, v, *cell.values),
        id=f"{cell.id}-{a.name}",
        marks=[pytest.mark.slow] if v.multiply_adds > 50_000_000 else [],
    )
    for a, v in UNTRAINED
    for cell in (*CELLS, *INT16X8)
    if (a.name, cell.id) not in LEFT_OUT
]
#: Cells that TFLite cannot fill: refused by name, with the operator.
WITHOUT_KERNEL = {("mobilenet_v3_small", "int16x8")}
GOLDEN = json.loads(Path(__file__).with_name("golden_outputs.json").read_text(encoding="utf-8"))


def raw_inputs(preprocessing: Preprocessing, count: int = 64) -> np.ndarray:
    """Real examples are not needed here: smooth waves cover the range of raw values."""
    if isinstance(preprocessing, LatentPreprocessing):
        return np.stack([latent(preprocessing, index) for index in range(count)])
    shape = preprocessing.input_shape
    if isinstance(preprocessing, TokenPreprocessing):
        return synthetic_examples(preprocessing, count, 2, stepwise=False, seed=1)[0]
    if not isinstance(preprocessing, ImagePreprocessing):
        low, high = preprocessing.value_range
        steps, channels = np.mgrid[0 : shape[0], 0 : shape[1]]
        waves = [
            np.sin((steps * (1 + i % 7) + channels * (1 + i % 5)) / 9 + i) for i in range(count)
        ]
        values = (np.stack(waves) / 2 + 0.5) * (high - low) + low
        return values.reshape(count, *shape).astype(np.float32)
    height, width, channels = shape
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin((x * (1 + i % 7) + y * (1 + i % 5)) / 9 + i) for i in range(count)]
    pixels = np.round(np.stack(waves) * 127.5 + 127.5).astype(np.float32)
    return np.repeat(pixels[..., None], channels, axis=-1)


def on_small_pictures(variant: Variant) -> Variant:
    """The same network for pictures of `SIDE`, which take a fifth of the time."""
    smaller = dataclasses.replace(variant.preprocessing, height=SIDE, width=SIDE)
    return dataclasses.replace(variant, preprocessing=smaller)


@pytest.mark.parametrize(("architecture", "variant"), HEADLESS)
def test_the_record_states_the_true_size(architecture: Architecture, variant: Variant) -> None:
    assert_true_size(build_network(architecture, variant, variant.classes), variant)


def assert_true_size(network: Any, variant: Variant) -> None:
    assert count_parameters(network) == variant.parameters
    assert count_multiply_adds(network) == variant.multiply_adds
    assert ([x.name for x in network.layers if x.weights][-1] == "head") == variant.has_head


def test_the_classic_lenet_has_its_published_size() -> None:
    architecture, variant = REGISTRY.variant("lenet5")
    classic = {"activation": "tanh", "subsampling": "average"}
    assert count_parameters(build_network(architecture, variant, 10, classic)) == 61_706


def test_resnet8_on_colour_images_has_the_size_published_by_mlperf_tiny() -> None:
    architecture, variant = REGISTRY.variant("resnet8")
    colour = dataclasses.replace(
        variant.preprocessing, height=32, width=32, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3
    )
    network = build_network(architecture, dataclasses.replace(variant, preprocessing=colour), 10)
    assert count_parameters(network) == 78_666


@pytest.mark.parametrize(("architecture", "variant"), CLASSIFIERS)
def test_the_size_is_true_and_every_parameter_gets_a_gradient(
    architecture: Architecture, variant: Variant
) -> None:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(1)
    large = variant.parameters > LARGE
    variant = on_small_pictures(variant) if large else variant
    network = build_network(architecture, variant, variant.classes)
    if not large:
        assert_true_size(network, variant)
    preprocessing = with_synthetic_statistics(variant.preprocessing)
    model = raw_model(network, preprocessing)
    task = network_task(REGISTRY, variant)
    task.compile(model, keras.optimizers.SGD(0.0), Training(from_scratch=True))
    # A batch of large images takes gigabytes, and each is many examples to a convolution.
    inputs = raw_inputs(preprocessing, 4 if variant.multiply_adds >= 50_000_000 else 64)
    positions = np.arange(np.prod([len(inputs), *network.output_shape[1:-1]]))
    labels = tf.constant(
        (positions % variant.classes).reshape(len(inputs), *network.output_shape[1:-1])
    )
    if variant.task == "object-detection":
        labels = boxes_of(len(inputs), variant.classes)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(model.loss(labels, model(tf.constant(inputs), training=True)))
    gradients = tape.gradient(loss, model.trainable_variables)
    # Exactly zero means not connected: even a bias in front of a batch normalization, which
    # cancels out, gets the noise of rounding.
    dead = [
        variable.path
        for variable, gradient in zip(model.trainable_variables, gradients, strict=True)
        if gradient is None or not np.any(np.abs(tf.convert_to_tensor(gradient).numpy()) > 0)
    ]
    assert dead == []


@pytest.mark.parametrize(("architecture", "variant"), TRAINED)
@pytest.mark.parametrize(("exporter", "precision"), CELLS)
def test_every_export_runs_and_answers_like_keras(
    architecture: Architecture, variant: Variant, exporter, precision: str, tmp_path: Path
) -> None:
    _, _, checkpoint = resolve(REGISTRY, variant.name)
    assert checkpoint is not None
    network, card, _ = load_network(checkpoint)
    preprocessing = card.preprocessing or variant.preprocessing
    comparison, wrong = exported(
        network,
        variant,
        preprocessing,
        exporter,
        precision,
        64,
        tmp_path,
        margin=_margin(variant),
    )
    if precision == "float32":
        assert comparison.max_abs <= 1e-4
    assert comparison.count >= 16, "too few waves were decided to say anything"
    task = network_task(REGISTRY, variant)
    assert task.parity(comparison, precision_named(precision)).passed
    assert not task.parity(wrong, precision_named(precision)).passed
    assert wrong.agreement < 0.5, "the comparison must notice outputs in another order"


@pytest.mark.parametrize(("architecture", "variant", "exporter", "precision"), UNTRAINED_CELLS)
def test_networks_without_weights_can_be_exported_too(
    architecture: Architecture, variant: Variant, exporter, precision: str, tmp_path: Path
) -> None:
    """Random weights decide no class, so what is compared are the probabilities themselves."""
    network = random_network(variant.name)
    preprocessing = with_synthetic_statistics(variant.preprocessing)
    given = (network, variant, preprocessing, exporter, precision, 4, tmp_path)
    if (variant.name, precision) in WITHOUT_KERNEL:
        with pytest.raises(Unsupported, match="kernel"):
            exported(*given)
        return
    comparison, wrong = exported(*given)
    assert comparison.max_abs <= (1e-4 if precision == "float32" else 0.1)
    assert wrong.mean_abs > 2 * comparison.mean_abs, "outputs in another order must be noticed"


def _margin(variant: Variant) -> float:
    """How decided the network must be for a comparison on waves, which it never saw."""
    return 0.1 if variant.has_head else 0.0


@functools.cache
def random_network(name: str) -> Any:
    """A network with random weights, and the statistics that its normalizations would learn."""
    import keras

    architecture, variant = REGISTRY.variant(name)
    keras.utils.set_random_seed(1)
    network = build_network(architecture, variant, 10)
    for layer in network.layers:
        if hasattr(layer, "moving_variance"):
            layer.momentum = 0.0
    preprocessing = with_synthetic_statistics(variant.preprocessing)
    raw_model(network, preprocessing)(raw_inputs(preprocessing, 4), training=True)
    return network


def exported(
    network: Any,
    variant: Variant,
    preprocessing: Preprocessing,
    exporter,
    precision: str,
    count: int,
    folder: Path,
    margin: float = 0.0,
) -> tuple[Comparison, Comparison]:
    """How a file's answers compare to the network's: as they are, and moved by one class.

    Waves are no photographs, and leave some networks torn between two classes: compared are those
    that the network decides by at least `margin`.
    """
    task = network_task(REGISTRY, variant)
    inputs = raw_inputs(preprocessing, count)
    path = folder / f"network{exporter.suffix}"
    exporter.export(
        ExportRequest(
            model=deployed_model(network, preprocessing, task),
            path=path,
            precision=precision,
            calibration=inputs if precision_named(precision).calibrated else None,
            input_name=preprocessing.input_name,
            output_names=task.output_names,
            integer_input=preprocessing.whole_bytes,
        )
    )
    contents = exporter.inspect(path)
    assert [t.name for t in contents.inputs] == [preprocessing.input_name]
    assert [t.name for t in contents.outputs] == [*task.output_names]
    assert contents.custom_operators == ()
    assert contents.dynamic_tensors == ()
    if precision_named(precision).calibrated:
        assert contents.integer_operators > 0
    elif preprocessing.whole_bytes:
        # Sequences count steps and compare word numbers, in integers, whatever the precision.
        assert contents.integer_operators == 0
    expected = np.asarray(deployed_model(network, preprocessing, task, batch=None)(inputs))
    answered = answers(exporter.runtimes[0], path, inputs.astype(preprocessing.dtype))
    if margin:
        second, first = np.sort(expected, axis=-1)[:, -2:].T
        decided = first - second >= margin
        expected, answered = expected[decided], answered[decided]
    moved = np.roll(answered, 1, axis=-1 if variant.has_head else 0)
    return task.compare(expected, answered), task.compare(expected, moved)


@pytest.mark.parametrize("model_id", CHECKPOINTS)
def test_packaged_weights_give_their_golden_outputs(model_id: str) -> None:
    _, variant, checkpoint = resolve(REGISTRY, model_id)
    network, card, new_head = load_network(checkpoint)
    assert not new_head
    preprocessing = card.preprocessing or variant.preprocessing
    model = deployed_model(network, preprocessing, REGISTRY.tasks.get(variant.task), batch=None)
    made = model(raw_inputs(preprocessing, 4))
    # Of two files the code: where a number is rounded the other way, the picture is another.
    outputs = np.asarray(made["code"] if isinstance(made, dict) else made)
    if outputs[0].size > 100:  # of images, some pixels
        outputs = outputs.reshape(len(outputs), -1)[:, ::97]
    np.testing.assert_allclose(outputs, GOLDEN[model_id], rtol=1e-6, atol=2e-5)
    assert card.accuracy is not None
    assert card.accuracy.low < card.accuracy.value < card.accuracy.high
    assert card.accuracy.count == COUNTS.get(model_id, 10_000)


def test_a_plugin_that_builds_the_wrong_shape_is_named() -> None:
    architecture, variant = REGISTRY.variant("lenet5")
    headless = dataclasses.replace(architecture, build=lambda inputs, classes: inputs, searched={})
    with pytest.raises(ZooError, match="returns shape") as caught:
        build_network(headless, dataclasses.replace(variant, hyperparameters={}), 10)
    assert "'lenet'" in str(caught.value)


def test_a_build_that_raises_names_plugin_and_cause() -> None:
    architecture, variant = REGISTRY.variant("lenet5")
    with pytest.raises(ZooError, match="could not build 'lenet5'") as caught:
        build_network(architecture, variant, 10, {"subsampling": "median"})
    assert "'average' or 'max'" in str(caught.value)


def test_an_unknown_hyperparameter_is_refused_with_the_known_ones() -> None:
    architecture, variant = REGISTRY.variant("lenet5")
    with pytest.raises(UsageError, match="no hyper-parameter 'subsample'") as caught:
        build_network(architecture, variant, 10, {"subsample": "max"})
    assert "subsampling" in str(caught.value)
