"""Weights of four bits: their numbers, which layers have them, and what runs such files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_networks import (
    FORMATS,
    REGISTRY,
    Deployed,
    agreement,
    answers_of,
    digits,
    trained,
    write,
)

from zoo.analysis.layer_ranking import sensitive_layers
from zoo.artifacts.artifact import Artifact
from zoo.artifacts.gate import placement
from zoo.common.errors import Unsupported
from zoo.contracts import LayerRequest
from zoo.contracts.rounding import RoundingRequest
from zoo.devices.local.host import HostTransport
from zoo.execution.runtimes import refuse_unfit
from zoo.execution.session import AgentSession
from zoo.exporters.onnx.contents import inspect
from zoo.exporters.quantization.four_bits import BLOCK, packed, quantize, unpacked
from zoo.exporters.tflite.schema import kind_of, read_model

#: With how many weights in a row of them: 9, 144, 336, 64, 33, 40.
LAYERS = ("small", "wide", "uneven", "whole", "odd", "head")
CELLS = [
    (format, precision)
    for format, exporter in FORMATS.items()
    for precision in exporter.precisions
    if REGISTRY.precision(precision).weights == "int4"
]


def test_integers_are_packed_in_pairs_and_come_back() -> None:
    numbers = np.arange(-7, 8, dtype=np.int8)  # an odd number of them
    assert packed(numbers).nbytes == 8
    assert packed(np.array([1, -2], np.int8)).tolist() == [0xE1]
    assert (unpacked(packed(numbers), 15) == numbers).all()


@pytest.mark.parametrize("block", [None, BLOCK])
def test_ranges_are_the_best_that_seven_steps_allow(block: int | None) -> None:
    """One far weight must not cost all others their steps; and a row of zeros divides nothing."""
    weights = np.random.default_rng(0).normal(size=(4, 64)).astype(np.float32)
    weights[0, 0], weights[3] = 8.0, 0.0
    small = quantize(weights, block)
    assert small.numbers.shape == (4, 64 // (block or 64), block or 64)
    # LiteRT's own kernels multiply -8 wrongly.
    assert small.numbers.min() >= -7
    assert np.isfinite(small.scales).all()
    real = (small.numbers * small.scales[:, :, None]).reshape(weights.shape)
    widest = np.abs(weights.reshape(4, -1, block or 64)).max(axis=2, keepdims=True) / 7
    widest[widest == 0] = 1
    simple = np.rint(weights.reshape(4, -1, block or 64) / widest) * widest
    plain, error = (
        np.square(values.reshape(weights.shape) - weights).sum(axis=1) for values in (simple, real)
    )
    assert error[0] < 0.95 * plain[0]
    assert (error[:3] <= 1.0001 * plain[:3]).all()
    assert (real[3] == 0).all()
    if block:  # their scales are stored in 16 bits, and must not change there
        assert (small.scales.astype(np.float16) == small.scales).all()


@pytest.fixture(scope="module")
def network() -> Deployed:
    """Convolutions and dense layers, some of them too small, some with whole blocks in rows."""
    import keras

    layers = keras.layers
    images, classes = digits()
    keras.utils.set_random_seed(5)
    pixels = keras.Input((8, 8, 1))
    x = layers.Conv2D(16, 3, activation="relu", name="small")(pixels)
    x = layers.Conv2D(21, 3, activation="relu", name="wide")(x)
    x = layers.Dense(64, activation="relu", name="uneven")(layers.Flatten()(x))
    x = layers.Dense(33, activation="relu", name="whole")(x)
    x = layers.Dense(40, activation="relu", name="odd")(x)
    model = keras.Model(pixels, layers.Dense(10, name="head")(x))
    rescaling = layers.Rescaling(1 / 8, -1.0)
    return trained(model, rescaling, images[..., None], classes, 4)


@pytest.mark.slow
@pytest.mark.parametrize(("format", "precision"), CELLS)
def test_files_hold_four_bits_and_answer_alike_by_every_kernel(
    network: Deployed, tmp_path: Path, format: str, precision: str
) -> None:
    path, contents = write(FORMATS[format], network, tmp_path, precision)
    kind = REGISTRY.precision(precision)
    assert placement(contents, kind).passed
    by_layer = {
        layer: scale.removeprefix("int4, ")
        for name, scale in contents.small_weights.items()
        for layer in LAYERS
        if f"{layer}/" in name or name.endswith(layer) or f"{layer}_1/" in name
    }
    assert not {"small", "head"} & by_layer.keys()
    assert by_layer["wide"] == "a scale for each channel"
    wanted = "blocks of 32" if precision == "int4-blocks" else by_layer["wide"]
    # Of 64 weights in a row, ONNX Runtime's operator takes one block.
    assert by_layer["whole"] == (
        "blocks of 64" if (format, wanted) == ("onnx", by_layer["wide"]) else wanted
    )
    fast = answers_of(path, network.inputs)
    assert agreement(network.answers, fast) >= 0.95
    with AgentSession(HostTransport(), FORMATS[format].runtimes[0]) as session:
        session.load(path, plain_kernels=True)
        plain = session.run(network.inputs[:100])
    # XNNPACK and the plain kernels round activations each in their way.
    assert agreement(fast[:100], plain) >= 0.99
    assert np.abs(plain - fast[:100]).max() < 0.03
    _check_rounded_network(network, path, precision, fast)
    _check_what_sabotages_see(network, path, fast)
    eight, _ = write(FORMATS[format], network, tmp_path, "dynamic-int8")
    assert path.stat().st_size < 0.7 * eight.stat().st_size
    if format == "tflite":
        assert {by_layer[n] for n in ("wide", "uneven", "odd")} == {"a scale for each channel"}
        # TensorFlow Lite 2.14 has 7 and 10, and would take the bytes for weights of 8 bits.
        model = read_model(path.read_bytes())
        codes = {kind_of(model, o): o.opcodeIndex for o in model.subgraphs[0].operators}
        versions = {kind: model.operatorCodes[code].version for kind, code in codes.items()}
        assert versions["CONV_2D"] > 7
        assert versions["FULLY_CONNECTED"] > 10


def _check_rounded_network(
    network: Deployed, path: Path, precision: str, answers: np.ndarray
) -> None:
    """The network with its weights rounded so answers as the file; unrounded, it does not."""
    import keras

    exporter = FORMATS[path.suffix[1:]]
    model = keras.models.clone_model(network.model)
    model.set_weights(network.model.get_weights())
    request = RoundingRequest(
        model=model, precision=precision, kept=(), contents=exporter.inspect(path)
    )
    assert exporter.round_weights is not None
    assert exporter.round_weights(request) == ""
    own = np.asarray(model(network.inputs))
    apart, lost = (np.abs(one - answers).mean() for one in (own, network.answers))
    assert apart < 0.3 * lost


def _check_what_sabotages_see(network: Deployed, path: Path, answers: np.ndarray) -> None:
    """Real numbers of each layer; written anew they are the same file, and changed they are not."""
    from tests.sabotage.network import NotApplicable
    from tests.sabotage.onnx_network import OnnxNetwork
    from tests.sabotage.sabotages import integers
    from tests.sabotage.tflite_network import TfliteNetwork

    opener = OnnxNetwork if path.suffix == ".onnx" else TfliteNetwork
    opened = opener(path, 10)
    assert [layer.channels for layer in opened.layers] == [16, 21, 64, 33, 40, 10]
    inner = next(one for one in network.model.layers if hasattr(one, "layers"))
    for name, layer in zip(LAYERS, opened.layers, strict=True):
        stored = layer.weights.stored()
        layer.weights.write(layer.weights.read())
        assert (layer.weights.stored() == stored).all()
        if layer.kind == "dense":
            rows = inner.get_layer(name).get_weights()[0].T
            assert np.corrcoef(layer.rows().reshape(-1), rows.reshape(-1))[0, 1] > 0.985
    changed = path.with_name(f"changed{path.suffix}")
    opened.save(changed)
    assert (answers_of(changed, network.inputs) == answers).all()
    small = [one for one in opened.layers if np.abs(one.weights.stored()).max() == 7]
    assert len(small) == 4
    for layer in small:
        layer.weights.scale = layer.weights.scale * 2.0
        layer.write_rows(-layer.rows())
        assert np.abs(layer.weights.stored()).max() == 7
    opened.save(changed)
    assert agreement(answers, answers_of(changed, network.inputs)) < 0.7
    blocks = [one for one in small if one.weights.block and one.weights.scale.shape[1] > 1]
    for one in (
        integers.weight_zero_point_1,
        integers.nibbles_exchanged,
        *((integers.block_scales_transposed, integers.block_scale_of_another) if blocks else ()),
    ):
        opened = opener(path, 10)
        one.apply(opened)
        opened.save(changed)
        assert np.abs(answers_of(changed, network.inputs) - answers).max() > 1e-3, one.name
    if not blocks:
        with pytest.raises(NotApplicable):
            integers.block_scales_transposed.apply(opener(path, 10))


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_a_layer_may_be_kept_and_one_at_least_must_not(
    network: Deployed, tmp_path: Path, format: str
) -> None:
    exporter = FORMATS[format]
    kept, contents = write(exporter, network, tmp_path, "int4-weights", keep=("wide", "uneven"))
    assert len(contents.small_weights) == 2
    assert contents.weight_types["int8"] > 336 * 64
    assert agreement(network.answers, answers_of(kept, network.inputs)) >= 0.97
    with pytest.raises(Unsupported, match="no weights of this network can be int4-weights"):
        write(exporter, network, tmp_path, "int4-weights", keep=LAYERS)

    baseline, _ = write(exporter, network, tmp_path, "float32")
    assert exporter.compare_layers is not None
    found = exporter.compare_layers(
        LayerRequest(path=kept, baseline=baseline, inputs=network.inputs[:4], layers=LAYERS)
    )
    told = {r.layers[0]: r for r in found.operators if r.layers and r.weight_bits}
    bits = {name: record.weight_bits for name, record in told.items()}
    assert bits == {"wide": 8, "uneven": 8, "whole": 4, "odd": 4}
    loss = {name: record.weight_sqnr_db for name, record in told.items()}
    assert 15 < loss["whole"] < 30 < loss["wide"]
    # Only what four bits lose can be mended.
    assert {layer.keep[0] for layer in sensitive_layers(found)} == {"whole", "odd"}
    if format == "onnx":
        return

    # Runtimes without kernels for such weights are named before they crash.
    artifact = Artifact(path=kept, exporter=exporter, contents=contents, manifest=None)
    for runtime in ("tflite-runtime", "tflite-micro"):
        with pytest.raises(Unsupported, match=f"{runtime} cannot run int4-weights"):
            refuse_unfit(REGISTRY, runtime, artifact)
        plain = replace(artifact, contents=exporter.inspect(baseline))
        refuse_unfit(REGISTRY, runtime, plain)
    refuse_unfit(REGISTRY, "litert", artifact)


def test_shapes_that_a_constant_makes_stand_beside_four_bits(tmp_path) -> None:
    """Other programs write them as nodes without inputs."""
    onnx = pytest.importorskip("onnx")
    helper, kinds = onnx.helper, onnx.TensorProto
    shape = onnx.numpy_helper.from_array(np.array([1, 4]), "sides")
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], ["sides"], value=shape),
            helper.make_node("Reshape", ["x", "sides"], ["row"]),
            helper.make_node("DequantizeLinear", ["w", "scale"], ["weights"]),
            helper.make_node("MatMul", ["row", "weights"], ["y"]),
        ],
        "small",
        [helper.make_tensor_value_info("x", kinds.FLOAT, [1, 2, 2])],
        [helper.make_tensor_value_info("y", kinds.FLOAT, [1, 2])],
        [
            helper.make_tensor("w", kinds.INT4, [4, 2], [1, -2, 3, -4, 5, -6, 7, -7]),
            helper.make_tensor("scale", kinds.FLOAT, [], [0.5]),
        ],
    )
    path = tmp_path / "small.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), path)
    found = inspect(path)
    assert found.operators["MatMul"] == 1
    assert "a scale for each channel" in str(found)
