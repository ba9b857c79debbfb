"""Decoders as the last part of files: the boxes of the decoder, from networks of any precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.artifacts.free_shapes import static_shapes
from zoo.common.errors import Unsupported
from zoo.common.named_arrays import with_names
from zoo.contracts import ExportRequest, FileContents, Task
from zoo.contracts.anchors import Anchors
from zoo.registry import load_registry

for module in ("tensorflow", "tf2onnx", "onnxruntime", "ai_edge_litert"):
    pytest.importorskip(module)

CLASSES = ("cat", "dog", "bird")
AXES = ("height", "width", "channel")
ANCHORS = Anchors.of_sizes([(4, 4), (2, 2)])
INPUTS = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3)).astype(np.float32)
#: Where there are integers, probabilities are steps of 1/256.
TOLERANCES = {"float32": 1e-5, "int8": 0.1, "int4-weights": 0.3}


def network(head: str) -> tuple[Any, Task]:
    import keras

    keras.utils.set_random_seed(1)
    layers, task = keras.layers, load_registry().tasks.get("object-detection")
    given = keras.Input((16, 16, 3), batch_size=1, name="image")
    inner = layers.Rescaling(1 / 255)(given)
    inner = layers.Conv2D(8, 3, strides=4, padding="same", activation="relu", name="first")(inner)
    if head == "centres":
        outputs = layers.Conv2D(7, 3, padding="same", name="head")(inner)
    else:
        task = task.with_decoding(ANCHORS.recorded())
        coarse = layers.Conv2D(8, 3, strides=2, padding="same", name="second")(inner)
        maps = [layers.Conv2D(6 * 7, 3, padding="same")(own) for own in (inner, coarse)]
        outputs = layers.Concatenate(axis=1)([layers.Reshape((-1, 7))(own) for own in maps])
    grid = layers.Activation("sigmoid", name="grid")(outputs * 3 - 1)
    return keras.Model(given, grid), task


def exported(
    path: Path, model: Any, task: Task, format: str, precision: str, axes: Sequence[str] = AXES
) -> FileContents:
    exporter = load_registry().exporters.get(format)
    samples = INPUTS if precision in ("int8", "int16x8") else None
    assert exporter.options is not None
    exporter.export(
        ExportRequest(
            model=model,
            path=path,
            precision=precision,
            calibration=samples,
            held_out=samples,
            input_name="image",
            output_names=("grid",),
            output_contents=("",),
            integer_input=True,
            real_outputs=True,
            axes=tuple(axes),
            options=exporter.options()().model_dump(),
            name="detector.test",
            task=task.name,
            classes=CLASSES,
            decoder=task.graph_decoder(),
        )
    )
    return exporter.inspect(path)


def answers(
    path: Path, format: str, names: Sequence[str], inputs: np.ndarray = INPUTS
) -> np.ndarray:
    found = []
    if format == "onnx":
        from onnxruntime import InferenceSession

        session = InferenceSession(str(path))
        assert [one.name for one in session.get_outputs()] == [*names]
        found = [session.run(None, {"image": given[None]}) for given in inputs]
    else:
        from ai_edge_litert.interpreter import Interpreter

        runner = Interpreter(str(path))
        runner.allocate_tensors()
        (own,), outputs = runner.get_input_details(), runner.get_output_details()
        assert [one["name"] for one in outputs] == [*names]
        for given in inputs:
            runner.set_tensor(own["index"], given[None].astype(own["dtype"]))
            runner.invoke()
            found.append([runner.get_tensor(one["index"]) for one in outputs])
    return with_names([np.concatenate(own) for own in zip(*found, strict=True)], names)


@pytest.mark.parametrize(
    ("format", "head", "precision"),
    [
        ("onnx", "centres", "float32"),
        ("onnx", "anchors", "float32"),
        ("tflite", "centres", "float32"),
        ("tflite", "anchors", "float32"),
        ("tflite", "anchors", "int8"),
        # Convolutions of four bits are in an opset that the converter does not write.
        ("onnx", "anchors", "int4-weights"),
    ],
)
def test_a_file_answers_with_the_boxes_of_the_decoder(
    tmp_path: Path, format: str, head: str, precision: str
) -> None:
    model, task = network(head)
    path = tmp_path / f"detector.{format}"
    contents = exported(path, model, task, format, precision)
    decoder = task.graph_decoder()
    assert decoder is not None
    rows = decoder.task.condensed(answers(path, format, decoder.names))
    raw = np.concatenate([np.asarray(model(given[None])) for given in INPUTS])
    own = task.decode(raw)
    assert (own[..., 0] >= 0).sum(axis=1).min() > 3
    compared = decoder.task.compare(own, rows)
    assert compared.max_abs < TOLERANCES[precision]
    assert compared.agreement > (0.99 if precision == "float32" else 0.9)

    assert [one.name for one in contents.outputs] == [*decoder.names]
    assert [one.dtype for one in contents.outputs] == ["float32"] * 4
    most = 48 if head == "centres" else 100
    assert [one.shape for one in contents.outputs[1:]] == [(1, most), (1, most), (1,)]
    assert not contents.custom_operators
    assert contents.operators.get("NonMaxSuppression", 0) + contents.operators.get(
        "NON_MAX_SUPPRESSION_V4", 0
    ) == (head == "anchors")
    assert static_shapes(contents, decoded=True).passed
    if precision == "float32":
        assert contents.integer_operators == 0
    elif precision == "int8":
        assert contents.multiply_adds["float"] == 0
    if format == "tflite":
        # MediaPipe finds boxes by the metadata, classes by the labels.
        assert contents.class_names == CLASSES
    elif head == "anchors":
        # How many boxes stay follows from the picture, within the decoder alone.
        assert contents.dynamic_tensors
        assert not static_shapes(contents).passed


@pytest.mark.parametrize(
    ("format", "overlap"), [("onnx", 0.5), ("tflite", 0.5), ("tflite", 0.0), ("tflite", 1.0)]
)
def test_runtimes_suppress_the_same_boxes_whatever_the_network_answers(
    tmp_path: Path, format: str, overlap: float
) -> None:
    """Of no area, of equal probability, that overlap by just the limit, and of many classes."""
    import keras

    classes, record = 400, Anchors.of_sizes([(4, 4), (2, 2)])
    task = load_registry().tasks.get("object-detection")
    task = task.with_decoding(replace(record, overlap=overlap).recorded())
    shape = (len(record.boxes()), classes + 4)
    given = keras.Input(shape, batch_size=1, name="image")
    model = keras.Model(given, keras.layers.Rescaling(0.5, name="grid")(given))
    path = tmp_path / f"echo.{format}"
    exported(path, model, task, format, "float32", ("row", "column"))

    answered = np.random.default_rng(3).random((5, *shape)).astype(np.float32)
    answered[0, :, :classes] **= 40
    answered[1:, :, 3:classes] = 0
    answered[1] = np.rint(answered[1] * 16) / 16
    # All lie up and to the left of their anchors, some outside of the picture.
    answered[2, :, classes:] = 0
    answered[3] = 1
    answered[4] = 0
    decoder = task.graph_decoder()
    assert decoder is not None
    found = answers(path, format, decoder.names, 2 * answered)
    rows, own = decoder.task.condensed(found), task.decode(answered)
    sides = own[2, :, 4:] - own[2, :, 2:4]
    assert ((own[2, :, 0] >= 0) & (sides.min(axis=1) == 0)).sum() > 3
    assert (own[:4, 0, 0] >= 0).all()
    assert (rows[..., 0] == own[..., 0]).all()
    assert np.abs(rows - own).max() < 1e-5


def test_mediapipe_opens_the_file_and_gives_its_boxes(tmp_path: Path) -> None:
    mediapipe = pytest.importorskip("mediapipe")
    from mediapipe.tasks.python import BaseOptions, vision

    model, task = network("anchors")
    path, decoder, times = tmp_path / "detector.tflite", task.graph_decoder(), 10
    assert decoder is not None
    exported(path, model, task, "tflite", "int8")
    rows = decoder.task.condensed(answers(path, "tflite", decoder.names))
    options = vision.ObjectDetectorOptions(base_options=BaseOptions(model_asset_path=str(path)))
    compared = 0
    with vision.ObjectDetector.create_from_options(options) as reader:
        for given, own in zip(INPUTS, rows, strict=True):
            # Larger, so that whole pixels say where a box is; it makes the same input of it.
            pixels = given.astype(np.uint8).repeat(times, axis=0).repeat(times, axis=1)
            kind = mediapipe.ImageFormat.SRGB
            picture = mediapipe.Image(image_format=kind, data=np.ascontiguousarray(pixels))
            side = len(pixels)
            told = [
                (CLASSES[int(label)], score, np.array(edges) * side)
                for label, score, *edges in own[own[:, 0] >= 0].tolist()
            ]
            # Those in the same place are one there, with the classes of all.
            theirs = [
                (chosen, found.bounding_box)
                for found in reader.detect(picture).detections
                for chosen in found.categories
            ]
            for chosen, box in theirs:
                top, left = box.origin_y, box.origin_x
                edges = np.array([top, left, top + box.height, left + box.width])
                near = [
                    np.abs(edges - place).max()
                    for name, score, place in told
                    if name == chosen.category_name and abs(score - chosen.score) < 1e-6
                ]
                assert min(near) <= 2
                compared += 1
            # Without a pixel's width there is no box there.
            wide = [place for *_, place in told if (place[2:] - place[:2]).min() >= 2]
            assert len(wide) <= len(theirs) <= len(told)
    assert compared > 100


def test_a_decoder_takes_one_output(tmp_path: Path) -> None:
    import keras

    _, task = network("centres")
    given = keras.Input((4,), batch_size=1, name="image")
    model = keras.Model(given, {"a": keras.layers.Dense(2)(given), "b": keras.layers.ReLU()(given)})
    for format in ("onnx", "tflite"):
        exporter = load_registry().exporters.get(format)
        assert exporter.options is not None
        request = ExportRequest(
            model=model,
            path=tmp_path / f"two.{format}",
            precision="float32",
            calibration=None,
            input_name="image",
            output_names=("a", "b"),
            output_contents=("", ""),
            integer_input=False,
            options=exporter.options()().model_dump(),
            decoder=task.graph_decoder(),
        )
        with pytest.raises(Unsupported, match="a decoder takes one output"):
            exporter.export(request)
