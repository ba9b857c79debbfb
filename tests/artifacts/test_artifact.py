"""Files and their manifests: what goes in comes out, and damage is told, never a traceback."""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
import zipfile
from collections.abc import Callable
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
    no_privileges,
    onnx_file,
    preprocessing,
    tflite_file,
)

from zoo.artifacts.artifact import (
    MOST_TEXT,
    SCHEMA,
    Artifact,
    CalibrationReference,
    DatasetReference,
    GateReference,
    Manifest,
    embed,
    find_exporter,
    manifest_text,
    open_artifact,
    open_unaltered,
    parse_manifest,
    require_manifest,
    with_gate_result,
)
from zoo.artifacts.description import describe
from zoo.artifacts.seal import sealed
from zoo.common.errors import BadFile, UsageError, ZooError
from zoo.contracts import Exporter, Metric, TensorInfo
from zoo.execution.runner import check_classes
from zoo.exporters.tflite import contents as tflite_contents
from zoo.registry import PluginSettings, load_registry

pytest.importorskip("onnx")
pytest.importorskip("ai_edge_litert")

REGISTRY = load_registry(PluginSettings(installed=False))
WRITERS: dict[str, Callable[..., Path]] = {"tflite": tflite_file, "onnx": onnx_file}
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


@pytest.fixture(params=list(WRITERS))
def exporter(request: pytest.FixtureRequest) -> Exporter:
    return REGISTRY.exporters.get(request.param)


@pytest.fixture
def file(exporter: Exporter, tmp_path: Path) -> Path:
    return WRITERS[exporter.name](tmp_path / f"dense{exporter.suffix}")


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


def true_manifest(exporter: Exporter, path: Path, **changes: Any) -> Manifest:
    found = exporter.inspect(path)
    return manifest(
        payload_sha256=found.payload_sha256, inputs=found.inputs, outputs=found.outputs, **changes
    )


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


def plain_manifest(**changes: Any) -> dict[str, Any]:
    plain = json.loads(manifest_text(manifest()))
    del plain["seal"]
    return {**plain, **changes}


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


def test_archive_that_would_unpack_to_gigabytes(tmp_path):
    path = tflite_file(tmp_path / "a.tflite")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zoo_manifest.json", bytes(100 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(BadFile, match=r"the files appended to .* are damaged") as caught:
        open_artifact(REGISTRY, path)
    assert "more than any model" in caught.value.why


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


def test_dataset_with_other_classes():
    check_classes(("a", "b", "c"), dataset(), "file.onnx")
    with pytest.raises(UsageError, match=r"file\.onnx does not know the classes") as caught:
        check_classes(tuple("abdefgh"), dataset(), "file.onnx")
    assert "a, b, d, e, f, … (7)" in caught.value.why
