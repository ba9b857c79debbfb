"""ONNX files by option: their set of operators, the order of an image's axes, named axes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from tiny_networks import (
    CELLS,
    ONNX,
    Deployed,
    agreement,
    answers_of,
    deployed,
    digits,
    row_reader,
    write,
)

from zoo.common.errors import UsageError
from zoo.contracts import ExportRequest, Target
from zoo.contracts.options import declared_options

IMAGE = ("height", "width", "channel")


@pytest.fixture(scope="module")
def coloured() -> Deployed:
    """Digits in three channels of their own: a channel or an axis out of place would show."""
    import keras

    images, classes = digits()
    pixels = np.stack([images, images.transpose(0, 2, 1), 16 - images], axis=-1)[:, :6]
    keras.utils.set_random_seed(2)
    layers = keras.layers
    raw = keras.Input((6, 8, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(raw)
    network = keras.Model(raw, layers.Dense(10)(layers.Flatten()(x)))
    normalize = layers.Rescaling([1 / 4, 1 / 5, 1 / 6], [-2.0, -1.0, -1.5])
    trained = keras.Model(raw, network(normalize(raw)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trained.compile(keras.optimizers.Adam(1e-2), loss)
    trained.fit(pixels, classes, epochs=2, verbose=0)
    return deployed(network, normalize, pixels[:200], pixels[1400:])


def first(images: np.ndarray) -> np.ndarray:
    """Channels first."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


#: Weights of 4 bits take a newer opset.
PRECISIONS = [precision for format, precision in CELLS if format == "onnx"]


def denotations(path: Path) -> list[str]:
    shape = onnx.load(path).graph.input[0].type.tensor_type.shape
    return [dimension.denotation for dimension in shape.dim]


@pytest.mark.parametrize("opset", [17, 18])
@pytest.mark.parametrize("precision", PRECISIONS)
def test_each_opset_at_each_precision(
    coloured: Deployed, tmp_path: Path, precision: str, opset: int
) -> None:
    options = {"opset": opset, "layout": "auto"}
    path, contents = write(ONNX, coloured, tmp_path, precision, axes=IMAGE, options=options)
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    domains = {entry.domain: entry.version for entry in model.opset_import}
    assert domains.pop("") == opset
    # Sets that nothing uses make other runtimes stumble.
    assert set(domains) == {node.domain for node in model.graph.node} - {""}
    assert contents.inputs[0].layout == "nhwc"
    assert denotations(path) == ["DATA_BATCH", "DATA_FEATURE", "DATA_FEATURE", "DATA_CHANNEL"]
    assert model.graph.input[0].doc_string == "batch × height × width × channel"
    assert model.graph.output[0].type.tensor_type.shape.dim[0].denotation == "DATA_BATCH"
    assert agreement(coloured.answers, answers_of(path, coloured.inputs)) >= 0.97


@pytest.mark.parametrize("precision", PRECISIONS)
def test_channels_first(coloured: Deployed, tmp_path: Path, precision: str) -> None:
    options = {"opset": 17, "layout": "nchw"}
    path, contents = write(ONNX, coloured, tmp_path, precision, axes=IMAGE, options=options)
    assert contents.inputs[0].shape == (1, 3, 6, 8)
    assert contents.inputs[0].layout == "nchw"
    assert denotations(path) == ["DATA_BATCH", "DATA_CHANNEL", "DATA_FEATURE", "DATA_FEATURE"]
    assert agreement(coloured.answers, answers_of(path, first(coloured.inputs))) >= 0.97
    # The wrong order would be told apart: the same numbers read as if they lay otherwise.
    wrong = coloured.inputs.reshape(-1, 3, 6, 8)
    assert agreement(coloured.answers, answers_of(path, wrong)) < 0.5
    if precision == "float32":
        transposes = [n for n in onnx.load(path).graph.node if n.op_type == "Transpose"]
        assert len(transposes) <= 1, "the one before Flatten; none for the input"


def test_a_target_chooses_the_layout(coloured: Deployed, tmp_path: Path) -> None:
    npu = Target(name="npu", summary="s", source="s", precisions=("float32",), layout="nchw")
    for asked, found in (("auto", "nchw"), ("nhwc", "nhwc")):
        options = {"opset": 17, "layout": asked}
        _, contents = write(
            ONNX, coloured, tmp_path, "float32", axes=IMAGE, options=options, target=npu
        )
        assert contents.inputs[0].layout == found


def test_layout_of_what_is_no_image_is_refused(tmp_path: Path) -> None:
    import keras

    subject = row_reader(lambda rows: keras.layers.Flatten()(rows), epochs=1)
    axes = ("time", "channel")
    with pytest.raises(UsageError, match="for images") as caught:
        write(ONNX, subject, tmp_path, "float32", axes=axes, options={"layout": "nchw"})
    assert "time × channel" in caught.value.what
    path, contents = write(ONNX, subject, tmp_path, "float32", axes=axes, options={"opset": 18})
    assert contents.inputs[0].layout == ""
    assert denotations(path) == ["DATA_BATCH", "DATA_TIME", "DATA_CHANNEL"]


def test_a_later_part_keeps_the_axes_that_the_part_before_gave(tmp_path: Path) -> None:
    import keras

    codes = np.random.default_rng(0).normal(size=(8, 4, 4, 3)).astype(np.float32)
    inputs = keras.Input((4, 4, 3), batch_size=1, name="code")
    model = keras.Model(inputs, keras.layers.Conv2D(2, 3, name="head")(inputs))
    npu = Target(name="npu", summary="s", source="s", precisions=("float32",), layout="nchw")
    path = tmp_path / "decoder.onnx"
    request = ExportRequest(
        model=model,
        path=path,
        precision="float32",
        calibration=None,
        input_name="code",
        output_names=("picture",),
        integer_input=False,
        axes=IMAGE,
        target=npu,
        options={"opset": 17, "layout": "nchw"},
        examples=False,
    )
    ONNX.export(request)
    assert ONNX.inspect(path).inputs[0].shape == (1, 4, 4, 3)
    session = onnxruntime.InferenceSession(path)
    for code in codes:
        (found,) = session.run(None, {"code": code[None]})
        np.testing.assert_allclose(found, model(code[None]), atol=1e-5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"opset": 16}, "opset: must be 17 or 18"),
        ({"opset": "new"}, "opset"),
        ({"layout": "hwc"}, "layout"),
        ({"opsett": 17}, "did you mean 'opset'"),
    ],
)
def test_wrong_options_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        declared_options(ONNX.options, given, "the format onnx")


def test_options_without_any_are_complete() -> None:
    assert declared_options(ONNX.options, {}, "the format onnx") == {"opset": 17, "layout": "auto"}


def test_foreign_files_say_no_layout(coloured: Deployed, tmp_path: Path) -> None:
    path, _ = write(ONNX, coloured, tmp_path, "float32", axes=IMAGE)
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[3].denotation = "DATA_FEATURE"
    onnx.save(model, path)
    assert ONNX.inspect(path).inputs[0].layout == ""


def test_channels_first_where_the_method_is_chosen_on_other_inputs(
    coloured: Deployed, tmp_path: Path
) -> None:
    more = {"method": "auto", "held_out": coloured.inputs[:64], "options": {"layout": "nchw"}}
    path, _ = write(ONNX, coloured, tmp_path, "int8", axes=IMAGE, **more)
    assert agreement(coloured.answers, answers_of(path, first(coloured.inputs))) >= 0.97
