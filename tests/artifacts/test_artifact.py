"""Files and their manifests: what goes in comes out, and damage is told, never a traceback."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from makers import (
    check,
    dataset,
    fuzz,
    manifest,
    onnx_file,
    preprocessing,
    tflite_file,
)

from zoo.artifacts.artifact import (
    MOST_TEXT,
    SCHEMA,
    CalibrationReference,
    DatasetReference,
    GateReference,
    Manifest,
    embed,
    manifest_text,
    open_artifact,
    open_unaltered,
    parse_manifest,
    require_manifest,
    with_gate_result,
)
from zoo.artifacts.description import describe
from zoo.artifacts.seal import sealed
from zoo.common.errors import BadFile, UsageError
from zoo.contracts import Metric, TensorInfo
from zoo.data.classes import check_classes

pytest.importorskip("onnx")
pytest.importorskip("ai_edge_litert")
from manifests import REGISTRY, WRITERS, plain_manifest, true_manifest
from manifests import exporter as exporter
from manifests import file as file

INPUT = np.array([[1, 2, 3, 4]], np.float32)


#: x · w + 1 with w = 0, 1, … 11 in shape (3, 4).
OUTPUT = np.array([[0 + 2 + 6 + 12 + 1, 4 + 10 + 18 + 28 + 1, 8 + 18 + 30 + 44 + 1]], np.float32)


TEXT = st.text(max_size=8)


TENSORS = st.lists(
    st.builds(
        TensorInfo,
        name=TEXT,
        shape=st.lists(st.integers(-1, 999), max_size=4).map(tuple),
        dtype=TEXT,
        scale=st.none() | st.floats(0, 1),
        zero_point=st.none() | st.integers(-128, 255),
    ),
    max_size=2,
).map(tuple)


MANIFESTS = st.builds(
    Manifest,
    model_id=TEXT,
    architecture=TEXT,
    task=TEXT,
    format=TEXT,
    precision=TEXT,
    licence=TEXT,
    classes=st.lists(TEXT, max_size=5).map(tuple),
    weights_sha256=TEXT,
    dataset=st.builds(DatasetReference, name=TEXT, content_hash=TEXT, licence=TEXT),
    calibration=st.none()
    | st.builds(CalibrationReference, split=TEXT, count=st.integers(0, 9), content_hash=TEXT),
    preprocessing=st.just(preprocessing(channels=3, mean=(0.1, 0.2, 0.3), std=(1.0, 2.0, 0.5))),
    inputs=TENSORS,
    outputs=TENSORS,
    payload_sha256=TEXT,
    versions=st.dictionaries(TEXT, TEXT, max_size=2),
    created=TEXT,
    gate=st.none()
    | st.builds(
        GateReference,
        passed=st.booleans(),
        runtime=TEXT,
        runtime_version=TEXT,
        checks=st.just((check(), check(name="accuracy", passed=False, reason="it loses"))),
        metrics=st.just((Metric(name="accuracy", value=0.5, low=0.4, high=0.6, count=100),)),
    ),
)


def outputs_of(path: Path) -> Any:
    """What the format's own runtime answers."""
    if path.suffix == ".onnx":
        session = pytest.importorskip("onnxruntime").InferenceSession(str(path))
        return session.run(None, {"x": INPUT})[0]
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], INPUT)
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])


@fuzz
@given(MANIFESTS)
def test_manifest_round_trip(made):
    assert parse_manifest(manifest_text(made), Path("a")) == made


@fuzz
@given(st.lists(st.text(max_size=20), min_size=2, max_size=6).map(tuple))
@example(("Käse", "奶酪", "🧀", "\u202e\x00\n\\"))
def test_class_names_survive_every_format(tmp_path, classes):
    for name, write in WRITERS.items():
        exporter = REGISTRY.exporters.get(name)
        path = write(tmp_path / f"dense.{name}")
        made = true_manifest(exporter, path, classes=classes)
        embed(exporter, path, made)
        assert open_unaltered(REGISTRY, path).manifest == made


def test_contents_of_a_file_without_manifest(exporter, file):
    artifact = open_artifact(REGISTRY, file)
    assert artifact.manifest is None
    assert not artifact.altered
    assert artifact.exporter.name == exporter.name
    assert artifact.contents.inputs == (TensorInfo(name="x", shape=(1, 4), dtype="float32"),)
    assert artifact.contents.outputs == (TensorInfo(name="y", shape=(1, 3), dtype="float32"),)
    assert artifact.contents.weight_bytes == (12 + 3) * 4
    assert artifact.contents.integer_operators == 0
    assert artifact.contents.custom_operators == ()
    with pytest.raises(BadFile, match="has no manifest"):
        require_manifest(artifact)


def test_manifest_leaves_the_model_as_it_was(exporter, file):
    before = exporter.inspect(file)
    np.testing.assert_array_equal(outputs_of(file), OUTPUT)
    embed(exporter, file, true_manifest(exporter, file))
    np.testing.assert_array_equal(outputs_of(file), OUTPUT)
    assert exporter.inspect(file) == before
    assert require_manifest(open_unaltered(REGISTRY, file)).model_id == "tiny8.photos"


def test_writing_a_manifest_again_does_not_grow_the_file(exporter, file):
    made = true_manifest(exporter, file)
    embed(exporter, file, made)
    first = file.read_bytes()
    for _ in range(3):
        embed(exporter, file, made)
    assert file.read_bytes() == first


def test_gate_s_answer_replaces_the_manifest(exporter, file):
    made = true_manifest(exporter, file)
    embed(exporter, file, made)
    answer = GateReference(
        passed=False, runtime="r", runtime_version="1", checks=(check(),), metrics=()
    )
    embed(exporter, file, with_gate_result(made, answer))
    assert open_unaltered(REGISTRY, file).manifest == replace(made, gate=answer)
    assert made.gate is None


def test_rejected_file_is_still_of_its_format(exporter, file):
    embed(exporter, file, true_manifest(exporter, file))
    rejected = file.rename(file.with_name(file.name + ".rejected"))
    assert open_unaltered(REGISTRY, rejected).exporter.name == exporter.name


def test_altered_model_is_noticed(exporter, file):
    made = true_manifest(exporter, file)
    embed(exporter, file, made)
    one, two = np.float32(11.0).tobytes(), np.float32(12.0).tobytes()
    data = file.read_bytes()
    assert data.count(one) == 1  # the last of the weights
    file.write_bytes(data.replace(one, two))
    artifact = open_artifact(REGISTRY, file)
    assert artifact.altered
    assert describe(artifact)["altered"] is True
    with pytest.raises(BadFile, match="was altered after its manifest was written") as caught:
        open_unaltered(REGISTRY, file)
    assert made.payload_sha256 in caught.value.why
    assert artifact.contents.payload_sha256 in caught.value.why


def test_what_inspect_prints_is_json(exporter, file):
    made = true_manifest(exporter, file)
    embed(exporter, file, made)
    shown = json.loads(json.dumps(describe(open_artifact(REGISTRY, file))))
    assert shown["bytes"] == file.stat().st_size
    assert shown["manifest"]["classes"] == ["a", "b", "c"]
    assert shown["contents"]["integer_share"] == 0.0
    assert shown["altered"] is False


def test_tflite_keeps_files_that_others_appended(tmp_path):
    """TFLite metadata appends label files in the same way."""
    exporter = REGISTRY.exporters.get("tflite")
    path = tflite_file(tmp_path / "a.tflite")
    model = path.read_bytes()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "cat\ndog\n")
    assert exporter.read_manifest(path) is None
    embed(exporter, path, true_manifest(exporter, path))
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["labels.txt", "zoo_manifest.json"]
        assert archive.read("labels.txt") == b"cat\ndog\n"
    assert path.read_bytes().startswith(model)
    np.testing.assert_array_equal(outputs_of(path), OUTPUT)


def test_onnx_keeps_metadata_of_others(tmp_path):
    import onnx

    exporter = REGISTRY.exporters.get("onnx")
    path = onnx_file(tmp_path / "a.onnx")
    model = onnx.load(path)
    model.metadata_props.add(key="author", value="somebody")
    onnx.save(model, path)
    embed(exporter, path, true_manifest(exporter, path))
    embed(exporter, path, true_manifest(exporter, path))
    found = {p.key: p.value for p in onnx.load(path).metadata_props}
    assert found["author"] == "somebody"
    assert json.loads(found["zoo_manifest"])["classes"] == ["a", "b", "c"]
    assert len(found) == 2


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", ""),
        ("{", ""),
        ("[]", ""),
        ("null", ""),
        ("{}", "model_id"),
        ('{"classes": ["a"]}', "model_id"),
        ("[" * 100_000, ""),
        (json.dumps(plain_manifest(classes="abc")), "classes"),
        (json.dumps(plain_manifest(classes=[1, 2])), "classes.0"),
        (json.dumps(plain_manifest(inputs=[{"name": "x"}])), "inputs.0"),
        (json.dumps(plain_manifest(dataset=None)), "dataset"),
        (json.dumps(plain_manifest(gate={"passed": "perhaps"})), "gate"),
        (
            json.dumps(
                plain_manifest(
                    preprocessing={"kind": "image", "height": 0, "width": 1, "channels": 1}
                )
            ),
            "height and width must be positive",
        ),
        (json.dumps(plain_manifest(schema=SCHEMA + 1)), f"version {SCHEMA + 1}"),
        (json.dumps(plain_manifest(licence="x" * MOST_TEXT)), "characters long"),
    ],
    ids=lambda value: value[:20] if len(value) < 100 else "",
)
def test_foreign_manifest(exporter, file, text, where):
    exporter.write_manifest(file, text)
    with pytest.raises(BadFile, match=r"the manifest in .* is not usable") as caught:
        open_artifact(REGISTRY, file)
    assert where in caught.value.why


def test_keys_of_later_versions_are_left_out():
    text = sealed(json.dumps(plain_manifest(colour="red", licence="x")))
    assert parse_manifest(text, Path("a")) == manifest(licence="x")


@fuzz
@given(st.text(max_size=60))
def test_any_text_is_no_manifest(text):
    with pytest.raises(BadFile):
        parse_manifest(text, Path("a"))


def test_onnx_whose_weights_lie_beside_it(tmp_path):
    """They are part of the file: inspecting counts and hashes them, and misses them."""
    import onnx

    path = onnx_file(tmp_path / "a.onnx")
    onnx.save(
        onnx.load(path),
        path,
        save_as_external_data=True,
        location="a.bin",
        size_threshold=0,
    )
    contents = open_artifact(REGISTRY, path).contents
    assert contents.weight_bytes == (12 + 3) * 4
    assert contents.side_files == ("a.bin",)
    assert open_artifact(REGISTRY, path).companions == ("a.bin",)
    (tmp_path / "a.bin").unlink()
    with pytest.raises(BadFile, match=r"there is no a\.bin beside it"):
        open_artifact(REGISTRY, path)


def test_dataset_with_other_classes():
    check_classes(("a", "b", "c"), dataset(), "file.onnx")
    with pytest.raises(UsageError, match=r"has other classes than file\.onnx") as caught:
        check_classes(tuple("abdefgh"), dataset(), "file.onnx")
    assert "the network has 7 classes (a, b, d, e, f, …); the data have 3" in caught.value.why
