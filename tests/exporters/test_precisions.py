"""Half-precision, 8-bit weights and 16-bit activations; what goes in and out; impossible input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_networks import (
    FORMATS,
    ONNX,
    TFLITE,
    Deployed,
    agreement,
    answers_of,
    decibels,
    deployed,
    digits,
    row_reader,
    write,
)

from zoo.common.errors import BadData, Unsupported
from zoo.contracts import ExportRequest

CELLS = [(f, p) for f, exporter in FORMATS.items() for p in exporter.precisions]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_calibration_data_without_a_range_is_refused(tmp_path: Path, value: float) -> None:
    samples = np.zeros((10, 8, 8), np.float32)
    samples[3, 1, 1] = samples[7, 0, 0] = value
    with pytest.raises(BadData, match="2 of 10 calibration inputs") as refusal:
        ExportRequest(
            model=None,
            path=tmp_path / "never.tflite",
            precision="int8",
            calibration=samples,
            input_name="raw",
            output_names=("answers",),
            integer_input=False,
        )
    assert "number 3" in str(refusal.value.why)


@pytest.fixture(scope="module")
def generator() -> Deployed:
    """Noise to digits of 24 by 24, by transposed convolutions; learnt by heart from real ones."""
    import keras

    layers = keras.layers
    images, _ = digits()
    real = np.kron(images, np.ones((1, 3, 3)))[..., None] / 8 - 1
    flat = real.reshape(len(real), -1)
    # Principal components of the digits serve as their noise: a tenth of a GAN's time, and
    # weights and moments like those of one.
    axes, _, _ = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
    noise = (axes[:, :32] * np.sqrt(len(real))).astype(np.float32)
    keras.utils.set_random_seed(3)
    latent = keras.Input((32,))
    x = layers.Reshape((6, 6, 32))(layers.Dense(6 * 6 * 32, use_bias=False)(latent))
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(16, 4, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh")(x)
    network = keras.Model(latent, x)
    network.compile(keras.optimizers.Adam(3e-3), "mse")
    network.fit(noise, real, epochs=3, verbose=0)
    drawn = np.random.default_rng(0).normal(size=(300, 32)).astype(np.float32)
    linear = layers.Activation("linear")
    return deployed(network, lambda raw: raw, drawn[:200], drawn[200:], linear)


@pytest.mark.slow
@pytest.mark.parametrize(("format", "precision"), CELLS)
def test_generators(generator: Deployed, tmp_path: Path, format: str, precision: str) -> None:
    least = {"float32": 100, "float16": 60, "dynamic-int8": 36, "int8": 22, "int16x8": 36}
    path, contents = write(FORMATS[format], generator, tmp_path, precision)
    assert contents.outputs[0].shape == (1, 24, 24, 1)
    assert not contents.dynamic_tensors
    assert decibels(generator.answers, answers_of(path, generator.inputs)) > least[precision]
    if precision == "int8" and format == "onnx":
        # ONNX Runtime computes them in float between integers: nobody may count them as integer.
        assert contents.float_islands.count("ConvTranspose") == 2
    if precision == "dynamic-int8":
        assert contents.weight_types["int8"] > 0.9 * contents.weight_bytes
        assert contents.hybrid_operators > 0


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_channels_of_other_scales_survive_int8(format: str, tmp_path: Path) -> None:
    """A pressure of 100,000 must not cost an acceleration of 0.01 its digits."""
    import keras

    subject = row_reader(lambda rows: keras.layers.LSTM(32)(rows))
    network = next(x for x in subject.model.layers if isinstance(x, keras.Model))
    scale = np.array([1, 1000, 0.01, 1, 10, 100, 1, 1], np.float32)
    shift = np.array([0, 5000, 0, 25, 0, 0, 3, 0], np.float32)
    normalize = keras.layers.Rescaling((1 / scale).tolist(), (-shift / scale).tolist())

    def raw(values: np.ndarray) -> np.ndarray:
        return ((values / 4 - 2) * scale + shift).astype(np.float32)

    far = deployed(network, normalize, raw(subject.training), raw(subject.inputs))
    path, contents = write(FORMATS[format], far, tmp_path, "int8")
    assert agreement(subject.answers, answers_of(path, far.inputs)) >= 0.98
    arithmetic = sorted(name.upper() for name in contents.float_islands)
    assert arithmetic == ["ADD", "MUL"]
    assert contents.integer_operators > 0


@pytest.mark.slow
def test_convolutions_with_dynamic_ranges_are_slow_in_onnx_and_the_file_says_so(
    tmp_path: Path,
) -> None:
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(4)
    pixels = keras.Input((8, 8, 1))
    x = layers.Flatten()(layers.Conv2D(16, 3, activation="relu")(pixels))
    images, _ = digits()
    examples = images[..., None]
    network = keras.Model(pixels, layers.Dense(10)(x))
    subject = deployed(network, lambda raw: raw, examples, examples[:200])
    path, contents = write(ONNX, subject, tmp_path, "dynamic-int8")
    assert contents.operators["ConvInteger"] == 1
    assert any("slower than float32" in remark for remark in contents.remarks)
    assert agreement(subject.answers, answers_of(path, subject.inputs)) >= 0.98
    path, contents = write(TFLITE, subject, tmp_path, "int16x8")
    # No int16 for applications to make: the file takes pixels as real numbers.
    assert {t.dtype for t in (*contents.inputs, *contents.outputs)} == {"float32"}
    assert contents.integer_share == 1.0
    assert decibels(subject.answers, answers_of(path, subject.inputs)) > 40
    apart = [layers.Conv2D(2, 3)(pixels) for _ in range(2)]
    other = keras.Model(pixels, layers.Flatten()(keras.ops.square(apart[0] - apart[1])))
    subject = deployed(other, lambda raw: raw, examples, examples[:20])
    with pytest.raises(Unsupported, match="no 16-bit kernel for SQUARED_DIFFERENCE"):
        write(TFLITE, subject, tmp_path, "int16x8")
