"""Networks for pictures carry the standard metadata, which other tools read."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from picture_networks import CLASSES, asked, detection_request, pictures, written
from tiny_networks import TFLITE, Deployed, answers_of

from zoo.contracts.outputs import BOX_SCORES
from zoo.exporters.tflite.contents import with_appended
from zoo.exporters.tflite.metadata import BUFFER, LABELS, has_words, metadata, with_metadata

for module in ("tensorflow", "ai_edge_litert", "sklearn"):
    pytest.importorskip(module)


@pytest.fixture(scope="module")
def coloured() -> Deployed:
    return pictures(3)


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

    def numbers(self, field: int) -> list[int]:
        start, count = self._raw.Vector(self._at(field)), self._raw.VectorLen(self._at(field))
        return np.frombuffer(self._data, "<u4", count, start).tolist()

    def _places(self, field: int) -> list[int]:
        start, count = self._raw.Vector(self._at(field)), self._raw.VectorLen(self._at(field))
        return [start + 4 * number for number in range(count)]

    def each(self, field: int) -> list[Table]:
        return [Table(self._data, self._raw.Indirect(at)) for at in self._places(field)]

    def texts(self, field: int) -> list[str]:
        return [str(self._raw.String(at).decode()) for at in self._places(field)]

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
    "change",
    [
        {"output_contents": ("",)},
        {"output_contents": (BOX_SCORES,)},
        {"classes": ()},
        {"integer_input": False},
        {"axes": ("time", "channel")},
    ],
    ids=str,
)
def test_what_the_standard_has_no_words_for_has_none(
    coloured: Deployed, tmp_path: Path, change: dict[str, Any]
) -> None:
    request = asked(coloured, tmp_path / "net.tflite", "float32")
    assert has_words(request)
    assert with_metadata(b"model", replace(request, **change)) == (b"model", {})


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


def test_boxes_by_the_published_schema(tmp_path: Path) -> None:
    graph = Table.root(metadata(detection_request(tmp_path / "net.tflite"))).only(3)
    given = [graph.each(3)[place] for place in range(4)]
    names = ["location", "category", "score", "number of detections"]
    assert [one.text(0) for one in given] == names
    box = given[0].one(3)
    assert box.number(0, "Uint8") == 3, "not marked as a bounding box"
    assert box.one(1).numbers(0) == [1, 0, 3, 2], "left, top, right, bottom"
    assert (box.one(1).number(1, "Int8"), box.one(1).number(2, "Int8")) == (1, 0)
    labels = given[1].only(6)
    assert (labels.text(0), labels.number(2, "Int8")) == (LABELS, 3), "labels of values"
    group = graph.only(7)
    assert (group.text(0), group.texts(1)) == ("detection_result", names[:3])


def test_nothing_is_appended_to_a_bare_file() -> None:
    assert with_appended(b"model", {}) == b"model"
