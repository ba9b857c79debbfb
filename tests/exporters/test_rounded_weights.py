"""The network with the weights of a file of four bits, which the file must answer as."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import contents

from zoo.artifacts import gate
from zoo.contracts.precision import PRECISIONS, precision_named
from zoo.contracts.rounding import RoundingRequest
from zoo.exporters.onnx.four_bits import round_weights as as_in_onnx
from zoo.exporters.quantization.four_bits import quantize
from zoo.exporters.tflite.four_bits import round_weights as as_in_tflite
from zoo.pipeline.steps.rounded_network import ROUNDED, check_rounding, unrounded
from zoo.tasks.classification import zoo_tasks
from zoo.tasks.tensors import zoo_tasks as without_labels

TASK = next(iter(zoo_tasks()))
TENSORS = next(iter(without_labels()))
KIND = precision_named("int4-blocks")
#: Weights of four bits: "wide" has 18 · 60, "dense" 50 · 48; blocks of 32 fill the last one up.
WIDE, DENSE, PADDED = 18 * 60 // 2, 50 * 48 // 2, 64 * 48 // 2


@pytest.fixture
def network() -> Any:
    import keras

    keras.utils.set_random_seed(3)
    layers = keras.layers
    pixels = keras.Input((4, 4, 2))
    x = layers.Conv2D(60, 3, name="wide")(pixels)
    x = layers.Conv2D(50, 2, name="kept")(x)
    x = layers.Dense(48, name="dense")(layers.Flatten()(x))
    return keras.Model(pixels, layers.Dense(2, name="head")(x))


def weights(network: Any) -> dict[str, np.ndarray]:
    return {one.name: one.kernel.numpy().copy() for one in network.layers if hasattr(one, "kernel")}


@pytest.mark.parametrize(
    ("round_weights", "held", "block"),
    [(as_in_tflite, WIDE + DENSE, None), (as_in_onnx, WIDE + PADDED, 32)],
)
def test_weights_become_those_of_the_file(
    network: Any, round_weights: Any, held: int, block: int | None
) -> None:
    """Small and kept ones stay."""
    before = weights(network)
    request = RoundingRequest(
        model=network,
        precision="int4-blocks",
        kept=("kept",),
        contents=contents(weight_types={"int4": held}),
    )
    assert round_weights(request) == ""
    after = weights(network)
    assert (after["kept"] == before["kept"]).all()
    assert (after["head"] == before["head"]).all()
    rows = after["wide"].reshape(-1, 60).T
    assert max(len(np.unique(np.abs(row))) for row in rows) <= 8  # 0 to 7 times a row's scale
    assert 0 < np.abs(after["wide"] - before["wide"]).max() < 0.1
    padded = np.zeros((48, 64 if block else 50), np.float32)
    padded[:, :50] = before["dense"].T
    small = quantize(padded, block)
    expected = (small.numbers * small.scales[:, :, None]).reshape(48, -1)[:, :50]
    # In TFLite's files they have been rounded to 8 bits before: some are then another integer.
    apart = np.abs(after["dense"].T - expected) > 1e-6
    assert apart.mean() < (0.2 if block is None else 1e-9)


@pytest.mark.parametrize("einsum", [False, True])
def test_another_number_of_weights_excuses_a_file_where_layers_are_unknown_alone(
    network: Any, einsum: bool
) -> None:
    import keras

    if einsum:
        more = keras.layers.EinsumDense("ab,bc->ac", output_shape=1024, name="einsum")
        network = keras.Model(network.input, more(network.output))
    before = weights(network)
    why = as_in_tflite(
        RoundingRequest(
            model=network,
            precision="int4-blocks",
            kept=("kept",),
            contents=contents(weight_types={"int4": WIDE + DENSE + 1}),
        )
    )
    assert ("cannot be told" in why) == einsum
    assert (weights(network)["dense"] == before["dense"]).all() == einsum


def outputs(shift: float = 0.0, others: int = 0) -> np.ndarray:
    logits = np.random.default_rng(0).normal(size=(400, 3)) * 3
    logits[:, 0] += shift
    raised = np.exp(logits)
    found = (raised / raised.sum(1, keepdims=True)).astype(np.float32)
    found[:others] = np.roll(found[:others], 1, axis=1)
    return found


@pytest.mark.parametrize(
    ("found", "refused"),
    [
        (outputs(), ""),
        (outputs(shift=0.1), ""),
        (outputs(shift=0.4), "log-odds of class 0 are shifted"),
        (outputs(others=9), "chooses another class on 9 of 400"),
        (outputs()[:, ::-1], "chooses another class on 264 of 400"),
    ],
    ids=["same", "honest", "a bias", "9 of 400", "permuted"],
)
def test_a_file_is_judged_beside_the_rounded_network(
    tmp_path: Path, found: np.ndarray, refused: str
) -> None:
    np.savez(tmp_path / ROUNDED, outputs=outputs())
    labels = np.zeros(400, np.int64)
    check = check_rounding(tmp_path, TASK, KIND, found, labels)
    assert (check.name, check.passed) == ("rounding", not refused)
    assert refused in check.reason
    told = unrounded("no such layers", TASK, KIND, gate.compare_outputs(TASK, found, found, labels))
    assert told.passed
    assert told.value == "not compared: no such layers"


def test_limits_beside_the_rounded_network_are_narrower() -> None:
    for precision in PRECISIONS:
        if precision.rounded is not None:
            judged = ("moved", "far", "noise", "aligned", "scaled", "shifted", "confidence")
            for name in judged if precision.arithmetic != "float" else ("noise",):
                assert getattr(precision.rounded, name) < getattr(precision.tolerances, name), name
    rounded = ["float16", "int4-blocks", "int4-weights"]
    assert [p.name for p in PRECISIONS if p.rounded] == rounded
    # Labels tell what half precision costs: without them the rounded network must.
    assert [p.name for p in PRECISIONS if TASK.beside_rounded(p)] == rounded[1:]
    assert [p.name for p in PRECISIONS if TENSORS.beside_rounded(p)] == rounded


@pytest.mark.parametrize("kept", [(), ("normal",)])
def test_a_kept_convolution_may_be_called_as_its_normalization(kept: tuple[str, ...]) -> None:
    import keras

    layers = keras.layers
    pixels = keras.Input((4, 4, 60))
    x = layers.DepthwiseConv2D(3, 2, padding="same", depth_multiplier=2, name="apart")(pixels)
    x = layers.BatchNormalization(name="normal")(x)
    network = keras.Model(pixels, layers.Conv2D(30, 1, name="wide")(x))
    first, second = (network.get_layer(name) for name in ("apart", "wide"))
    before = [layer.get_weights()[0] for layer in (first, second)]
    held = (0 if kept else 9 * 120 // 2) + 120 * 30 // 2
    request = RoundingRequest(
        model=network,
        precision="int4-weights",
        kept=kept,
        contents=contents(weight_types={"int4": held}),
    )
    assert as_in_onnx(request) == ""
    alike = [
        bool((layer.get_weights()[0] == was).all())
        for layer, was in zip((first, second), before, strict=True)
    ]
    assert alike == [bool(kept), False]
