"""Image classifiers carry the standard metadata, which other tools read."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import TFLITE, Deployed, answers_of, digits, trained

from zoo.contracts import ExportRequest
from zoo.exporters.tflite.contents import with_appended
from zoo.exporters.tflite.metadata import BUFFER, LABELS, metadata

for module in ("tensorflow", "ai_edge_litert", "sklearn"):
    pytest.importorskip(module)

CLASSES = ("zero", "one", "two", "three", "four", "five", "six\nor 6", "seven", "eight", "nine")


def pictures(channels: int) -> Deployed:
    """Reads digits of 16×16 pixels from 0 to 255."""
    import keras

    images, classes = digits()
    images = np.rint(images.repeat(2, 1).repeat(2, 2) * (255 / 16))[..., None]
    images = np.repeat(images, channels, -1).astype(np.float32)
    keras.utils.set_random_seed(2)
    pixels = keras.Input((16, 16, channels))
    found = keras.layers.Conv2D(8, 5, strides=2, activation="relu")(pixels)
    outputs = keras.layers.Dense(10)(keras.layers.Flatten()(found))
    network = keras.Model(pixels, outputs)
    return trained(network, keras.layers.Rescaling(1 / 128, -1.0), images, classes, 5)


@pytest.fixture(scope="module")
def coloured() -> Deployed:
    return pictures(3)


def asked(subject: Deployed, path: Path, precision: str) -> ExportRequest:
    return ExportRequest(
        model=subject.model,
        path=path,
        precision=precision,
        calibration=subject.training[:100] if precision == "int8" else None,
        input_name="pixels",
        output_names=("probabilities",),
        integer_input=True,
        name="pictures.digits",
        task="image-classification",
        classes=CLASSES,
        licence="CC-BY-4.0",
    )


def written(request: ExportRequest, manifest: str = '{"any": "text"}') -> Path:
    TFLITE.export(request)
    TFLITE.write_manifest(request.path, manifest)
    return request.path


class Table:
    """Reads any flatbuffer by the numbers of fields, independently of what wrote it."""

    def __init__(self, data: bytes, place: int) -> None:
        from flatbuffers.table import Table as Raw

        self._data, self._raw = data, Raw(bytearray(data), place)

    @classmethod
    def root(cls, data: bytes) -> Table:
        return cls(data, int.from_bytes(data[:4], "little"))

    def _at(self, field: int) -> int:
        return int(self._raw.Offset(4 + 2 * field))

    def text(self, field: int) -> str:
        return str(self._raw.String(self._at(field) + self._raw.Pos).decode())

    def number(self, field: int, kind: str) -> int:
        from flatbuffers import number_types

        at = self._at(field)
        flags = getattr(number_types, f"{kind}Flags")
        return int(self._raw.Get(flags, at + self._raw.Pos)) if at else 0

    def floats(self, field: int) -> list[float]:
        start, count = self._raw.Vector(self._at(field)), self._raw.VectorLen(self._at(field))
        return np.frombuffer(self._data, "<f4", count, start).tolist()

    def one(self, field: int) -> Table:
        return Table(self._data, self._raw.Indirect(self._at(field) + self._raw.Pos))

    def only(self, field: int) -> Table:
        assert self._raw.VectorLen(self._at(field)) == 1
        return Table(self._data, self._raw.Indirect(self._raw.Vector(self._at(field))))


def stored_metadata(path: Path) -> bytes:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    (entry,) = [entry for entry in model.metadata if entry.name == BUFFER.encode()]
    return bytes(model.buffers[entry.buffer].data)


def test_metadata_is_not_counted_as_weights(coloured: Deployed, tmp_path: Path) -> None:
    contents = TFLITE.inspect(written(asked(coloured, tmp_path / "net.tflite", "float32")))
    weights = sum(np.prod(w.shape) for w in coloured.model.weights if w.path.count("kernel"))
    assert contents.weight_bytes == sum(contents.weight_types.values())
    assert 4 * weights <= contents.weight_bytes < 4 * weights + 400


def test_metadata_by_the_published_schema(coloured: Deployed, tmp_path: Path) -> None:
    path = written(asked(coloured, tmp_path / "net.tflite", "float32"))
    data = stored_metadata(path)
    assert data[4:8] == b"M001"
    model = Table.root(data)
    assert (model.text(0), model.text(5), model.text(7)) == (
        "pictures.digits",
        "CC-BY-4.0",
        "1.0.0",
    )
    graph = model.only(3)
    takes, gives = graph.only(2), graph.only(3)
    assert (takes.text(0), gives.text(0)) == ("pixels", "probabilities")
    content = takes.one(3)
    assert content.number(0, "Uint8") == 2, "not marked as an image"
    image = content.one(1)
    assert image.number(0, "Uint8") == 1, "not marked as RGB"
    assert [image.one(1).number(side, "Uint32") for side in (0, 1)] == [16, 16]
    unit = takes.only(4)
    assert unit.number(0, "Uint8") == 1, "not marked as a normalization"
    assert (unit.one(1).floats(0), unit.one(1).floats(1)) == ([0.0], [1.0])
    assert (takes.one(5).floats(0), takes.one(5).floats(1)) == ([255.0], [0.0])
    labels = gives.only(6)
    assert (labels.text(0), labels.number(2, "Int8")) == (LABELS, 2)


def test_labels_and_manifest_stand_beside_each_other(coloured: Deployed, tmp_path: Path) -> None:
    path = written(asked(coloured, tmp_path / "net.tflite", "float32"))
    before = TFLITE.inspect(path)
    TFLITE.write_manifest(path, '{"another": "text"}')
    with zipfile.ZipFile(path) as archive:
        assert [entry.filename for entry in archive.infolist()] == [LABELS, "zoo_manifest.json"]
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        lines = archive.read(LABELS).decode().split("\n")
    assert lines == [*CLASSES[:6], "six or 6", *CLASSES[7:]], "a class per line"
    assert json.loads(TFLITE.read_manifest(path) or "") == {"another": "text"}
    after = TFLITE.inspect(path)
    assert after == before
    altered = stored_metadata(path)
    assert altered in path.read_bytes()[: before.payload_bytes], "it is not part of the model"


@pytest.mark.parametrize(
    "change", [{"task": "image-generation"}, {"classes": ()}, {"integer_input": False}], ids=str
)
def test_what_is_no_image_classifier_has_none(
    coloured: Deployed, tmp_path: Path, change: dict[str, Any]
) -> None:
    path = tmp_path / "net.tflite"
    TFLITE.export(replace(asked(coloured, path, "float32"), **change))
    assert BUFFER.encode() not in path.read_bytes()
    assert not zipfile.is_zipfile(path)


def test_answers_stay_what_they_were(coloured: Deployed, tmp_path: Path) -> None:
    bare = replace(asked(coloured, tmp_path / "bare.tflite", "float32"), classes=())
    TFLITE.export(bare)
    path = written(asked(coloured, tmp_path / "net.tflite", "float32"))
    some = coloured.inputs[:64]
    np.testing.assert_array_equal(answers_of(path, some), answers_of(bare.path, some))


def test_grey_images_are_marked_as_such(tmp_path: Path) -> None:
    import keras

    pixels = keras.Input((16, 12, 1), batch_size=1)
    model = keras.Model(pixels, keras.layers.Softmax()(keras.layers.Flatten()(pixels)))
    subject = Deployed(model=model, training=np.zeros(0), inputs=np.zeros(0), answers=np.zeros(0))
    found = Table.root(metadata(asked(subject, tmp_path / "net.tflite", "float32")))
    image = found.only(3).only(2).one(3).one(1)
    assert image.number(0, "Uint8") == 2
    assert [image.one(1).number(side, "Uint32") for side in (0, 1)] == [12, 16], "width, height"


class TestMediaPipe:
    """MediaPipe Tasks' own classifier."""

    @pytest.mark.parametrize("precision", ["float32", "float16", "dynamic-int8", "int8"])
    def test_it_opens_the_file_and_gives_our_first_choice(
        self, coloured: Deployed, tmp_path: Path, precision: str
    ) -> None:
        pytest.importorskip("mediapipe", reason="mediapipe is not installed")
        path = written(asked(coloured, tmp_path / "net.tflite", precision))
        some = coloured.inputs[:64]
        ours = answers_of(path, some).argmax(-1)
        theirs = classified(path, some)
        assert [index for index, _ in theirs] == ours.tolist()
        assert {name for _, name in theirs} <= {" ".join(name.split()) for name in CLASSES}
        assert len({name for _, name in theirs}) > 5

    def test_it_opens_no_compressed_files(self, coloured: Deployed, tmp_path: Path) -> None:
        pytest.importorskip("mediapipe", reason="mediapipe is not installed")
        request = asked(coloured, tmp_path / "net.tflite", "float32")
        TFLITE.export(request)
        with zipfile.ZipFile(request.path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("zoo_manifest.json", "text " * 100)
        with pytest.raises(RuntimeError, match="uncompressed"):
            classified(request.path, coloured.inputs[:1])


def classified(path: Path, images: np.ndarray) -> list[tuple[int, str]]:
    """First choices of MediaPipe: number and name."""
    import mediapipe
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ImageClassifierOptions(
        base_options=BaseOptions(model_asset_path=str(path)), max_results=1
    )
    found = []
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for pixels in np.ascontiguousarray(images.astype(np.uint8)):
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
            first = classifier.classify(image).classifications[0].categories[0]
            found.append((int(first.index), str(first.category_name)))
    return found


def test_nothing_is_appended_to_a_bare_file() -> None:
    assert with_appended(b"model", {}) == b"model"
