"""Files of others, and wrong names of files: told as what they are."""

from __future__ import annotations

from pathlib import Path

import pytest
from makers import (
    no_privileges,
    onnx_file,
    tflite_file,
)

from zoo.artifacts.artifact import (
    open_artifact,
)
from zoo.artifacts.format_of_file import find_exporter
from zoo.common.errors import BadFile

pytest.importorskip("onnx")
pytest.importorskip("ai_edge_litert")
from manifests import REGISTRY, WRITERS
from manifests import exporter as exporter
from manifests import file as file


@pytest.mark.parametrize(
    ("write", "arguments", "custom"),
    [
        (tflite_file, {"operator": "CUSTOM"}, ("TeaLeaves",)),
        (onnx_file, {"domain": "com.example"}, ("com.example:Add",)),
    ],
)
def test_custom_operators_are_found(tmp_path, write, arguments, custom):
    suffix = ".onnx" if write is onnx_file else ".tflite"
    path = write(tmp_path / f"a{suffix}", **arguments)
    assert open_artifact(REGISTRY, path).contents.custom_operators == custom


def test_operator_without_an_input_is_no_damage(tmp_path):
    path = tflite_file(tmp_path / "a.tflite", operator="VAR_HANDLE", inputs=())
    assert open_artifact(REGISTRY, path).contents.operators == {"VAR_HANDLE": 1}


@pytest.mark.parametrize(("name", "batch"), [("tflite", -1), ("onnx", "batch")])
def test_dynamic_shapes_are_found(tmp_path, name, batch):
    found = open_artifact(REGISTRY, WRITERS[name](tmp_path / f"a.{name}", batch=batch)).contents
    assert found.inputs[0].shape == (-1, 4)
    assert {"x", "y"} <= set(found.dynamic_tensors)


def test_wrong_suffix(exporter, file):
    other = next(e for e in REGISTRY.exporters if e.name != exporter.name)
    renamed = file.rename(file.with_suffix(other.suffix))
    with pytest.raises(BadFile, match="is not what its suffix says") as caught:
        open_artifact(REGISTRY, renamed)
    assert f"they look like {exporter.name}" in caught.value.why


def test_unknown_suffix(file):
    renamed = file.rename(file.with_suffix(".xyz"))
    with pytest.raises(BadFile, match="has no suffix of a known format") as caught:
        open_artifact(REGISTRY, renamed)
    assert set(caught.value.fix.removeprefix("known: ").split(", ")) >= {".onnx", ".tflite"}


@pytest.mark.parametrize("data", [b"", b"\0", b"TFL3", b"hello, I am a text file\n" * 9])
def test_file_without_the_right_first_bytes(exporter, tmp_path, data):
    path = tmp_path / f"a{exporter.suffix}"
    path.write_bytes(data)
    with pytest.raises(BadFile, match="is not what its suffix says") as caught:
        open_artifact(REGISTRY, path)
    assert ("it is empty" in caught.value.why) == (data == b"")


def test_folder_and_missing_file(exporter, tmp_path):
    folder = tmp_path / f"a{exporter.suffix}"
    folder.mkdir()
    with pytest.raises(BadFile, match="is a folder"):
        open_artifact(REGISTRY, folder)
    with pytest.raises(BadFile, match="there is no file"):
        open_artifact(REGISTRY, tmp_path / f"b{exporter.suffix}")


def test_file_that_cannot_be_reached(exporter, tmp_path):
    with pytest.raises(BadFile, match="cannot be read"):
        find_exporter(REGISTRY, tmp_path / f"{'long' * 100}{exporter.suffix}")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    with no_privileges(), pytest.raises(BadFile, match="cannot be read"):
        find_exporter(REGISTRY, closed / f"a{exporter.suffix}")


def test_path_with_a_zero_byte(exporter):
    with pytest.raises(BadFile):
        find_exporter(REGISTRY, Path(f"a\0b{exporter.suffix}"))
