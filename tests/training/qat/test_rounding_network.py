"""The twin that rounds: what it computes, what it leaves alone, and its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rounding_networks import PIXELS, disturb, pictures, tangled, target, task

from zoo.common.errors import Unsupported, ZooError
from zoo.contracts import ExportRequest
from zoo.networks.building import deployed_model
from zoo.registry import load_registry
from zoo.training.qat.layers import quantization_parameters
from zoo.training.qat.network import RoundingNetwork, build_rounding_network

keras = pytest.importorskip("keras")


def twin_of(network: Any, **options: Any) -> RoundingNetwork:
    options = {"target": target(), **options}
    return build_rounding_network(network, PIXELS, task(), **options)


def seen(twin: RoundingNetwork, count: int = 64) -> RoundingNetwork:
    """The twin after some batches, which set its limits."""
    for _ in range(3):
        twin.trained(pictures(count), training=True)
    return twin


@pytest.fixture(scope="module")
def network() -> Any:
    return tangled()


@pytest.fixture(scope="module")
def settled(network: Any) -> tuple[RoundingNetwork, dict[str, tuple[float, float]]]:
    """A twin with a batch of one, ready for export, and its limits."""
    learnt = seen(twin_of(network))
    single = twin_of(network, batch=1)
    single.trained.set_weights(learnt.trained.get_weights())
    limits = {
        layer.name: tuple(float(limit) for limit in layer.limits())
        for layer in single.trained.layers
        if hasattr(layer, "limits")
    }
    single.freeze_quantizers()
    return single, limits


def test_a_twin_answers_nearly_as_its_network(network: Any) -> None:
    before = [np.array(w) for w in network.get_weights()]
    twin = seen(twin_of(network))
    expected = np.asarray(deployed_model(network, PIXELS, task(), batch=None)(pictures(64)))
    found = np.asarray(twin.deployed(pictures(64), training=False))
    assert np.abs(found - expected).max() < 0.05
    assert np.abs(found - expected).max() > 0, "256 levels leave a trace"
    assert all((a == b).all() for a, b in zip(before, network.get_weights(), strict=True))
    assert (twin.rounded, dict(twin.real)) == (8, {})
    assert twin.logits is not None


def test_wrong_limits_are_seen_in_the_answers(network: Any) -> None:
    twin = seen(twin_of(network))
    expected = np.asarray(twin.deployed(pictures(64), training=False))
    layer = next(layer for layer in twin.trained.layers if hasattr(layer, "high"))
    layer.high.assign(layer.high * 0.2)
    assert np.abs(np.asarray(twin.deployed(pictures(64))) - expected).max() > 0.01


def test_a_normalization_is_folded_into_the_weights_before_it(network: Any) -> None:
    twin = twin_of(network)
    stem, norm = network.get_layer("stem"), network.get_layer("stem_bn")
    factor = np.asarray(norm.gamma) / np.sqrt(np.asarray(norm.moving_variance) + norm.epsilon)
    folded = twin.trained.get_layer("stem")
    np.testing.assert_allclose(folded.kernel, np.asarray(stem.kernel) * factor, rtol=1e-5)
    bias = (np.asarray(stem.bias) - np.asarray(norm.moving_mean)) * factor + np.asarray(norm.beta)
    np.testing.assert_allclose(folded.bias, bias, rtol=1e-4, atol=1e-6)


def test_rounded_weights_have_255_levels_in_each_channel(network: Any) -> None:
    layer = twin_of(network).trained.get_layer("stem")
    rounded, kernel = np.asarray(layer.rounded()), np.asarray(layer.kernel)
    scale = np.abs(kernel).max(axis=(0, 1, 2)) / 127
    steps = rounded / scale
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    assert np.abs(rounded - kernel).max() <= scale.max() / 2 + 1e-6
    one = twin_of(network, target=target(per_channel=False)).trained.get_layer("stem")
    steps = np.asarray(one.rounded()) / (np.abs(kernel).max() / 127)
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)


def test_what_is_joined_shares_its_limits(network: Any) -> None:
    twin = seen(twin_of(network))
    sites = [layer.sites for layer in twin.trained.layers if hasattr(layer, "sites")]
    assert sites.count(2) == 1, "both parts of the concatenation, and nothing else"


def test_gradients_reach_every_weight(network: Any) -> None:
    import tensorflow as tf

    twin = seen(twin_of(network))
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(twin.trained(pictures(64), training=True)))
    gradients = tape.gradient(loss, [v.value for v in twin.trained.trainable_variables])
    names = [
        v.path
        for v, g in zip(twin.trained.trainable_variables, gradients, strict=True)
        if g is None or not np.any(g)
    ]
    assert not names, f"nothing teaches {names}"


def _exported(single: RoundingNetwork, format: str, folder: Path) -> tuple[Any, Path]:
    exporter = load_registry().exporters.get(format)
    path = folder / f"tangled{exporter.suffix}"
    request = ExportRequest(
        model=single.deployed,
        path=path,
        precision="int8",
        calibration=pictures(4),
        input_name="pixels",
        output_names=("probabilities",),
        integer_input=True,
        target=target(),
        trained=True,
    )
    exporter.export(request)
    return exporter.inspect(path), path


def _answers_of_tflite(path: Path, images: Any) -> tuple[Any, set[tuple[float, int]]]:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    given, made = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero = made["quantization"]
    answers = []
    for image in images:
        interpreter.set_tensor(given["index"], image[None].astype("uint8"))
        interpreter.invoke()
        answers.append((interpreter.get_tensor(made["index"])[0].astype(float) - zero) * scale)
    pairs = {
        (float(np.float32(s)), int(z) + (128 if t["dtype"] == np.int8 else 0))
        for t in interpreter.get_tensor_details()
        for s, z in [t["quantization"]]
        if s and t["dtype"] in (np.int8, np.uint8)
    }
    return np.array(answers), pairs


def _answers_of_onnx(path: Path, images: Any) -> tuple[Any, set[tuple[float, int]]]:
    import onnx
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path))
    answers = np.array([session.run(None, {"pixels": i[None]})[0][0] for i in images])
    graph = onnx.load(str(path)).graph
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in graph.initializer}
    quantizers = [n for n in graph.node if n.op_type == "QuantizeLinear"]
    pairs = [(stored[n.input[1]], stored[n.input[2]]) for n in quantizers]
    return answers, {(float(s), int(z) + (128 if z.dtype == np.int8 else 0)) for s, z in pairs}


@pytest.mark.parametrize(("format", "real"), [("tflite", ()), ("onnx", ("Mul", "Add"))])
def test_files_compute_in_integers_with_the_trained_limits(
    settled: tuple[RoundingNetwork, dict[str, tuple[float, float]]],
    format: str,
    real: tuple[str, ...],
    tmp_path: Path,
) -> None:
    import tensorflow as tf

    single, limits = settled
    contents, path = _exported(single, format, tmp_path)
    assert contents.float_islands == real  # ONNX files normalize in float: it is quicker there.
    assert contents.integer_operators >= 15
    images = pictures(256)
    answers = {"tflite": _answers_of_tflite, "onnx": _answers_of_onnx}[format]
    found, scales = answers(path, images)
    answer = tf.function(single.deployed)
    expected = np.concatenate([np.asarray(answer(image[None])) for image in images])
    assert (found.argmax(-1) == expected.argmax(-1)).mean() >= 0.99
    assert np.abs(found - expected).max() < 0.06
    # Of the input and its product, which nothing rounds where the normalization is real.
    unrounded = {"range_0", "range_1"} if real else set()
    assert limits["range_0"] == (0, 255)
    for name, (low, high) in limits.items():
        if name in unrounded:
            continue
        scale, zero = quantization_parameters(low, high)
        close = [z for s, z in scales if abs(s / scale - 1) < 1e-5]
        assert zero in close, f"{name}: no tensor has scale {scale:.6g} and zero point {zero}"


def test_real_numbers_come_in_through_a_real_normalization() -> None:
    from zoo.contracts import SeriesPreprocessing

    series = SeriesPreprocessing(steps=12, channels=2, mean=(1.0, 500.0), std=(0.1, 90.0))
    inputs = keras.Input((12, 2))
    x = keras.layers.Conv1D(4, 3, activation="relu", name="conv")(inputs)
    x = keras.layers.GlobalAveragePooling1D(name="pool")(x)
    network = keras.Model(inputs, keras.layers.Dense(3, name="head")(x), name="walks")
    twin = build_rounding_network(network, series, task(), target=target())
    assert set(twin.real) == {"normalization"}


class Doubling(keras.layers.Layer):  # type: ignore[misc,name-defined]
    """A layer of somebody's own."""

    def call(self, x: Any) -> Any:
        return x * 2


def _with(layer: Any, *, dense: bool = True) -> Any:
    inputs = keras.Input((16, 16, 1))
    x = layer(inputs)
    x = keras.layers.Flatten(name="flat")(x)
    x = keras.layers.Dense(3, name="head")(x) if dense else x
    return keras.Model(inputs, x, name="odd")


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (Doubling(name="odd"), "a layer of the plugin's own"),
        (keras.layers.Conv2D(2, 3, activation="gelu", name="odd"), "its activation gelu"),
        (keras.layers.LayerNormalization(name="odd"), "rounding LayerNormalization"),
    ],
)
def test_what_cannot_be_rounded_stays_real_and_is_told(layer: Any, said: str) -> None:
    network = _with(layer)
    twin = seen(twin_of(network))
    assert said in twin.real["odd"]
    expected = np.asarray(deployed_model(network, PIXELS, task(), batch=None)(pictures(16)))
    assert np.abs(np.asarray(twin.deployed(pictures(16))) - expected).max() < 0.1


def test_a_network_with_nothing_to_round_is_refused() -> None:
    with pytest.raises(Unsupported, match="nothing that quantization-aware training") as refused:
        twin_of(_with(Doubling(name="odd"), dense=False))
    assert "odd: Doubling is a layer of the plugin's own" in str(refused.value)


def test_a_target_without_zero_points_is_refused(network: Any) -> None:
    with pytest.raises(Unsupported, match="not possible for the target 'plain'"):
        twin_of(network, target=target(symmetric=True))


def test_a_model_that_cannot_be_looked_into_is_refused() -> None:
    class Closed(keras.Model):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__(name="closed")
            self.dense = keras.layers.Dense(3)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    with pytest.raises(ZooError, match="'closed' inside the network computes in a call"):
        twin_of(_with(Closed(), dense=False))


def test_disturbed_statistics_matter() -> None:
    """The helper itself: without it, folding could be left out and no test would see it."""
    network = tangled()
    disturb(network)
    assert np.abs(np.asarray(network.get_layer("stem_bn").moving_mean)).max() > 0.05
