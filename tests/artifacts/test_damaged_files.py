"""Files that were cut, changed or made by others: each damage is found, and named."""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import (
    fuzz,
    manifest,
    onnx_file,
    tflite_file,
)

from zoo.artifacts.artifact import (
    Artifact,
    embed,
    manifest_text,
    open_artifact,
    open_unaltered,
    parse_manifest,
)
from zoo.artifacts.description import describe
from zoo.common.errors import BadFile, ZooError
from zoo.exporters.tflite import contents as tflite_contents

pytest.importorskip("onnx")
pytest.importorskip("ai_edge_litert")
from manifests import REGISTRY, WRITERS, plain_manifest, true_manifest
from manifests import exporter as exporter


def test_archive_that_would_unpack_to_gigabytes(tmp_path):
    path = tflite_file(tmp_path / "a.tflite")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zoo_manifest.json", bytes(100 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(BadFile, match=r"the files appended to .* are damaged") as caught:
        open_artifact(REGISTRY, path)
    assert "more than any model" in caught.value.why


def with_manifest(name: str, folder: Path) -> bytes:
    exporter = REGISTRY.exporters.get(name)
    path = WRITERS[name](folder / f"whole{exporter.suffix}")
    embed(exporter, path, true_manifest(exporter, path))
    return path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    return {name: with_manifest(name, folder) for name in WRITERS}


def open_of(folder: Path, name: str, data: bytes) -> Artifact:
    path = folder / f"file.{name}"
    path.write_bytes(data)
    return open_artifact(REGISTRY, path)


def open_or_bad(folder: Path, name: str, data: bytes) -> None:
    """Anything but an answer or a `BadFile` is a failure."""
    path = folder / f"damaged.{name}"
    path.write_bytes(data)
    with contextlib.suppress(BadFile):
        describe(open_artifact(REGISTRY, path))


@fuzz
@given(data=st.data())
def test_truncated_file(whole, tmp_path, data):
    for name, content in whole.items():
        end = data.draw(st.integers(0, len(content) - 1))
        open_or_bad(tmp_path, name, content[:end])


@pytest.mark.parametrize("name", WRITERS)
def test_file_cut_in_the_middle_of_the_model(whole, tmp_path, name):
    path = tmp_path / f"cut.{name}"
    path.write_bytes(whole[name][:100])
    with pytest.raises(BadFile):
        open_artifact(REGISTRY, path)


@fuzz
@given(data=st.data())
def test_flipped_bytes(whole, tmp_path, data):
    for name, content in whole.items():
        damaged = bytearray(content)
        places = st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255))
        for place, value in data.draw(st.lists(places, min_size=1, max_size=8)):
            damaged[place] = value
        open_or_bad(tmp_path, name, bytes(damaged))


@pytest.mark.parametrize("name", WRITERS)
def test_damage_everywhere(whole, tmp_path, name):
    content = whole[name]
    for place in range(0, len(content), 5):
        for value in (0x00, 0xFF):
            damaged = bytearray(content)
            damaged[place] = value
            open_or_bad(tmp_path, name, bytes(damaged))


@pytest.mark.parametrize("name", WRITERS)
def test_every_change_of_the_manifest_s_text_is_found(whole, tmp_path, name):
    """9 of 9 passed in ONNX files, whose manifest nothing covered."""
    content = whole[name]
    text = manifest_text(open_of(tmp_path, name, content).manifest).encode()
    start = content.index(text)
    for place in range(start, start + len(text), 3):
        damaged = bytearray(content)
        damaged[place] ^= 1
        try:
            assert open_of(tmp_path, name, bytes(damaged)).manifest is None
        except BadFile:
            continue


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"classes":["a","b","c"]', '"classes":["b","a","c"]'),
        ('"schema":2', '"schema":3'),
        ('"schema":2', '"schema":1'),
        ('"seal"', '"seel"'),
        ("}", " }"),
        ('{"', '{ "'),
    ],
)
def test_an_edited_manifest_is_refused(before, after):
    text = manifest_text(manifest())
    assert before in text
    edited = after.join(text.rsplit(before, 1))
    with pytest.raises(BadFile, match="is not usable") as caught:
        parse_manifest(edited, Path("a"))
    assert "altered" in str(caught.value.why) or "version 3" in str(caught.value.why)


def test_a_manifest_from_before_hashes_is_read():
    plain = {**plain_manifest(), "schema": 1}
    del plain["attachments"]
    assert parse_manifest(json.dumps(plain), Path("a")) == manifest(schema=1)


def test_changed_attachments_are_found(tmp_path):
    """Permuted labels are what another program shows."""
    exporter = REGISTRY.exporters.get("tflite")
    path = tflite_file(tmp_path / "a.tflite")

    def appended(labels: bytes) -> Artifact:
        payload = tflite_contents.payload_of(path)
        path.write_bytes(tflite_contents.with_appended(payload, {"labels.txt": labels}))
        embed(exporter, path, made)
        return open_artifact(REGISTRY, path)

    made = true_manifest(exporter, path)
    digest = hashlib.sha256(b"a\nb\nc").hexdigest()
    made = replace(made, attachments={"labels.txt": digest})
    assert not appended(b"a\nb\nc").altered
    assert appended(b"b\na\nc").altered_attachments == ("labels.txt",)
    with pytest.raises(BadFile, match="was altered") as caught:
        open_unaltered(REGISTRY, path)
    assert "labels.txt" in str(caught.value.why)
    made = replace(made, attachments={})
    assert appended(b"a\nb\nc").altered
    made = replace(made, schema=1)
    assert not appended(b"a\nb\nc").altered


@pytest.mark.parametrize("name", ["labels.txt", "zoo_manifest.json"])
@pytest.mark.parametrize("first", [True, False])
def test_two_appended_files_of_a_name_are_refused(tmp_path, name, first):
    """One reader takes the first, another the last."""
    path = tflite_file(tmp_path / "a.tflite")
    payload = tflite_contents.payload_of(path)
    path.write_bytes(payload)
    right, wrong = b"a\nb\nc", b"c\nb\na"
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for text in (wrong, right) if first else (right, wrong):
            archive.writestr(name, text)
    with pytest.raises(BadFile, match="damaged") as caught:
        open_artifact(REGISTRY, path)
    assert f"{name}: more than one of the name" in str(caught.value.why)


@pytest.mark.parametrize("key", ["zoo_manifest", "author"])
def test_two_metadata_of_a_name_are_refused(tmp_path, key):
    import onnx

    path = onnx_file(tmp_path / "a.onnx")
    model = onnx.load(path)
    for value in ("one", "two"):
        model.metadata_props.add(key=key, value=value)
    onnx.save(model, path)
    with pytest.raises(BadFile) as caught:
        open_artifact(REGISTRY, path)
    assert f"{key}: more than one of the name" in str(caught.value.why)


@fuzz
@given(st.binary(max_size=200))
def test_bytes_after_the_right_beginning(tmp_path, data):
    open_or_bad(tmp_path, "tflite", b"\x1c\0\0\0TFL3" + data)
    open_or_bad(tmp_path, "onnx", b"\x08\x08" + data)


@pytest.mark.parametrize("name", WRITERS)
def test_manifest_of_a_damaged_file_is_not_written(whole, tmp_path, name):
    path = tmp_path / f"a.{name}"
    path.write_bytes(b"hello")
    with pytest.raises(ZooError):
        REGISTRY.exporters.get(name).write_manifest(path, "{}")
    assert path.read_bytes() == b"hello"
