"""Weights that have no room in an ONNX file: beside it, and part of it in everything we do."""

from __future__ import annotations

import importlib
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from tiny_networks import ONNX, Deployed, agreement, answers_of, deployed, write

from zoo.common.errors import BadFile, Unsupported
from zoo.common.files import copy_with_side_files, size_with_side_files

storage = importlib.import_module("zoo.exporters.onnx.external_data")


@pytest.fixture(scope="module")
def subject() -> Deployed:
    import keras

    raw = keras.Input((16,))
    keras.utils.set_random_seed(0)
    inputs = np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32)
    # Biases of zeros would be folded away, where the network has room in one file.
    x = keras.layers.Dense(64, activation="relu", bias_initializer="normal")(raw)
    network = keras.Model(raw, keras.layers.Dense(32, bias_initializer="normal")(x))
    return deployed(network, lambda raw: raw, inputs[:200], inputs[200:])


@pytest.fixture(scope="module")
def written(subject: Deployed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with its weights beside it, in a folder of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "MOST_BYTES", 4096)
        return write(ONNX, subject, tmp_path_factory.mktemp("large"), "float32")[0]


@pytest.fixture
def large(written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to change."""
    monkeypatch.setattr(storage, "MOST_BYTES", 4096)
    shutil.copytree(written.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / written.name


def test_the_same_network_in_one_file_and_in_two(
    subject: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, plain = write(ONNX, subject, tmp_path, "float32")
    assert plain.side_files == ()
    before = answers_of(whole, subject.inputs)
    monkeypatch.setattr(storage, "MOST_BYTES", 4096)
    path, contents = write(ONNX, subject, tmp_path, "float32")
    assert contents.side_files == (f"{path.name}.data",)
    assert contents.weight_bytes == plain.weight_bytes
    assert contents.weight_types == plain.weight_types
    assert contents.operators == plain.operators
    np.testing.assert_array_equal(answers_of(path, subject.inputs), before)
    assert path.stat().st_size < 4096 < size_with_side_files(path, contents.side_files)
    onnx.checker.check_model(str(path), full_check=True)


@pytest.mark.parametrize("precision", [p for p in ONNX.precisions if p != "float32"])
def test_other_precisions_of_what_is_too_large_are_unsupported(
    subject: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    monkeypatch.setattr(storage, "MOST_BYTES", 4096)
    with pytest.raises(Unsupported, match=precision) as caught:
        write(ONNX, subject, tmp_path, precision)
    assert "choose float32" in caught.value.fix


def test_written_twice_it_does_not_grow(
    subject: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "MOST_BYTES", 4096)
    first, second = (write(ONNX, subject, tmp_path, "float32")[1] for _ in range(2))
    assert first.side_files == second.side_files
    # Names of operators count up within a process; a side file twice as long would be 8 kB more.
    assert abs(first.payload_bytes - second.payload_bytes) < 1000


def test_a_manifest_leaves_the_weights_alone(large: Path, subject: Deployed) -> None:
    before = ONNX.inspect(large)
    ONNX.write_manifest(large, '{"a": 1}')
    assert ONNX.read_manifest(large) == '{"a": 1}'
    assert ONNX.inspect(large) == before
    assert agreement(subject.answers, answers_of(large, subject.inputs)) == 1.0


def test_an_altered_weight_alters_the_hash(large: Path) -> None:
    before = ONNX.inspect(large)
    side = large.with_name(before.side_files[0])
    data = bytearray(side.read_bytes())
    data[100] ^= 1
    side.write_bytes(data)
    after = ONNX.inspect(large)
    assert after.payload_sha256 != before.payload_sha256
    assert after.payload_bytes == before.payload_bytes


def test_a_copy_takes_its_weights_along(large: Path, subject: Deployed, tmp_path: Path) -> None:
    sides = ONNX.inspect(large).side_files
    target = tmp_path / "elsewhere" / f"{large.name}.rejected"
    copy_with_side_files(large, target, sides)
    copied = shutil.copyfile(target, target.with_suffix(""))
    assert agreement(subject.answers, answers_of(copied, subject.inputs)) == 1.0
    target.with_name(sides[0]).unlink()
    with pytest.raises(BadFile, match="has lost its weights") as caught:
        ONNX.inspect(target)
    assert sides[0] in caught.value.what


@pytest.mark.parametrize("name", ["../other.data", "/etc/passwd", "sub/../../x.data", "..", "a\\b"])
def test_weights_from_elsewhere_are_refused(large: Path, name: str) -> None:
    model = onnx.load(large, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = name
    large.write_bytes(model.SerializeToString())
    with pytest.raises(BadFile, match="refers to"):
        ONNX.inspect(large)


def _in_a_subfolder(model: Path) -> Path:
    """Moves the weights to a folder below the model's."""
    side = model.with_name(ONNX.inspect(model).side_files[0])
    inner = model.parent / "weights" / side.name
    inner.parent.mkdir()
    side.rename(inner)
    proto = onnx.load(model, load_external_data=False)
    for tensor in proto.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = f"weights/{side.name}"
    model.write_bytes(proto.SerializeToString())
    return inner


def test_weights_may_lie_in_a_folder_below(large: Path, subject: Deployed, tmp_path: Path) -> None:
    before = ONNX.inspect(large)
    inner = _in_a_subfolder(large)
    contents = ONNX.inspect(large)
    assert contents.side_files == (f"weights/{inner.name}",)
    assert contents.weight_bytes == before.weight_bytes
    assert size_with_side_files(large, contents.side_files) > inner.stat().st_size
    target = tmp_path / "elsewhere" / large.name
    copy_with_side_files(large, target, contents.side_files)
    assert agreement(subject.answers, answers_of(target, subject.inputs)) == 1.0


def test_a_folder_below_may_be_no_link(large: Path, tmp_path: Path) -> None:
    inner = _in_a_subfolder(large)
    inner.parent.rename(tmp_path / "moved")
    inner.parent.symlink_to(tmp_path / "moved")
    with pytest.raises(BadFile, match="refers to"):
        ONNX.inspect(large)


def test_a_link_to_elsewhere_is_refused(large: Path, tmp_path: Path) -> None:
    side = large.with_name(ONNX.inspect(large).side_files[0])
    side.rename(tmp_path / "moved")
    side.symlink_to(tmp_path / "moved")
    with pytest.raises(BadFile, match="refers to"):
        ONNX.inspect(large)
