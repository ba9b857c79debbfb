"""Golden inputs: chosen the same way every time, packed without loss, read without harm."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from makers import fuzz, manifest

from zoo.artifacts.artifact import manifest_text, parse_manifest
from zoo.artifacts.golden_choice import (
    CANDIDATES,
    COUNT,
    candidates,
    choose_golden,
    least_tolerance,
    limits_of_boxes,
)
from zoo.artifacts.golden_samples import (
    SUFFIX,
    Golden,
    GoldenArrays,
    PackedArray,
    golden_name,
    make_golden,
    read_golden,
)
from zoo.common.errors import BadFile
from zoo.common.named_arrays import with_names
from zoo.contracts import TensorInfo
from zoo.contracts.precision import precision_named
from zoo.registry import load_registry

REAL = TensorInfo(name="probabilities", shape=(1, 3), dtype="float32")
BYTES = replace(REAL, dtype="uint8", scale=1 / 256, zero_point=0)
MODEL = Path("net.tflite")
BARE = Golden(
    dataset="digits/test",
    examples=(1, 2, 3),
    runtime="litert",
    runtime_version="2",
    processor="0" * 16,
    max_abs=0.01,
    tolerance="because",
)


def golden(inputs: np.ndarray, outputs: np.ndarray) -> tuple[Golden, bytes | None]:
    numbers = tuple(range(len(inputs)))
    arrays = GoldenArrays(inputs=inputs, outputs=outputs)
    return make_golden(replace(BARE, examples=numbers), arrays, golden_name(MODEL.name))


def small() -> Golden:
    made, beside = golden(np.arange(12, dtype=np.uint8).reshape(3, 4), np.zeros((3, 2), np.float32))
    assert beside is None
    return made


@fuzz
@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_candidates_are_real_distinct_and_spread(labels: list[int]) -> None:
    given_labels = np.array(labels, np.int64)
    found = candidates(given_labels)
    assert len(found) == min(COUNT, len(labels))
    flat = [number for offered in found for number in offered]
    assert len(set(flat)) == len(flat)
    assert all(0 <= number < len(labels) for number in flat)
    assert all(1 <= len(offered) <= CANDIDATES for offered in found)
    assert found == candidates(given_labels)


def test_candidates_come_from_the_ends_and_the_middle_of_the_classes() -> None:
    labels = np.arange(100, dtype=np.int64) % 10
    assert [labels[offered[0]] for offered in candidates(labels)] == [0, 4, 9]
    assert all(len(set(labels[offered])) == 1 for offered in candidates(labels))


def test_candidates_of_steps_are_spread_over_the_split() -> None:
    found = candidates(np.zeros((90, 7), np.int64))
    assert [offered[0] for offered in found] == [0, 30, 60]


def test_the_most_telling_of_those_that_kernels_agree_on() -> None:
    outputs = np.array([[1, 0, 0], [0.6, 0.4, 0], [0.4, 0.3, 0.3]], np.float32)
    plain = outputs.copy()
    chosen = choose_golden([[7, 8, 9]], outputs, plain, precision_named("float32"), [REAL])
    assert chosen.examples == (9,)
    assert chosen.max_abs == 1e-4
    plain[2, 0] += 0.01  # the last is telling, but this machine is not sure of it
    assert choose_golden(
        [[7, 8, 9]], outputs, plain, precision_named("float32"), [REAL]
    ).examples == (8,)


def test_a_tolerance_that_kernels_need() -> None:
    outputs = np.array([[0.6, 0.4, 0]], np.float32)
    chosen = choose_golden(
        [[5]], outputs, outputs + np.float32(0.03125), precision_named("int8"), [BYTES]
    )
    assert chosen.max_abs == pytest.approx(0.0625)
    assert chosen.tolerance.startswith("twice")
    assert choose_golden(
        [[5]], outputs, None, precision_named("int8"), [BYTES]
    ).max_abs == pytest.approx(1 / 256, rel=0.01)


@pytest.mark.parametrize("precision", ["float32", "float16", "dynamic-int8", "int8", "int16x8"])
def test_least_tolerances_grow_as_precision_falls(precision: str) -> None:
    limit, why = least_tolerance(precision_named(precision), REAL)
    assert 1e-4 <= limit <= 0.005
    assert why
    assert least_tolerance(precision_named(precision), BYTES)[0] == pytest.approx(1 / 256, rel=0.01)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_answers_with_no_number_has_no_golden_outputs(bad: float) -> None:
    outputs = np.array([[0.5, bad]], np.float32)
    assert choose_golden([[0]], outputs, None, precision_named("float32"), [REAL]) is None


@fuzz
@given(
    arrays_of.arrays(
        st.sampled_from([np.uint8, np.int8, np.int16, np.int32, np.float32, np.float64]),
        arrays_of.array_shapes(min_dims=2, max_dims=4, max_side=5),
    )
)
def test_packed_and_read_again(inputs: np.ndarray) -> None:
    outputs = np.linspace(0, 1, len(inputs), dtype=np.float32)[:, None]
    made, beside = golden(inputs, outputs)
    assert beside is None
    again = parse_manifest(manifest_text(manifest(golden=made)), MODEL).golden
    found = read_golden(again, MODEL)
    assert found.inputs.dtype == inputs.dtype
    np.testing.assert_array_equal(found.inputs, inputs)
    np.testing.assert_array_equal(found.outputs, outputs)


def test_large_ones_lie_beside(tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).integers(0, 256, (3, 200, 200), np.uint8)
    made, beside = golden(inputs, np.zeros((3, 2), np.float32))
    assert (made.inputs, made.outputs) == (None, None)
    assert made.file == MODEL.name + SUFFIX
    assert made.sha256 == hashlib.sha256(beside).hexdigest()
    (tmp_path / made.file).write_bytes(beside)
    np.testing.assert_array_equal(read_golden(made, tmp_path / MODEL.name).inputs, inputs)
    with pytest.raises(BadFile, match="not beside it"):
        read_golden(made, tmp_path / "elsewhere" / MODEL.name)


def test_nothing_beside_is_ever_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    buffer = io.BytesIO()
    np.savez(buffer, inputs=np.array([Trap()], object), outputs=np.zeros(1))
    content = buffer.getvalue()
    (tmp_path / "trap.npz").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    made = replace(BARE, examples=(1,), file="trap.npz", sha256=digest)
    with pytest.raises(BadFile, match="cannot be read"):
        read_golden(made, tmp_path / MODEL.name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"dtype": "object"},
        {"dtype": "U1000000"},
        {"shape": (3, -4)},
        {"shape": (3, 5)},
        {"shape": (1 << 20, 1 << 20)},
        {"data": "no base64!"},
        {"data": base64.b64encode(b"no zlib").decode()},
        {"data": base64.b64encode(zlib.compress(bytes(1 << 20))).decode()},
    ],
    ids=str,
)
def test_packed_arrays_that_lie(changes: dict) -> None:
    made = small()
    with pytest.raises(BadFile, match="cannot be read"):
        read_golden(replace(made, inputs=replace(made.inputs, **changes)), MODEL)


@pytest.mark.parametrize(
    "changes",
    [
        {"examples": (1, 2)},
        {"max_abs": -1.0},
        {"max_abs": float("inf")},
        {"inputs": None},
        {"inputs": None, "file": "../net.npz"},
        {"inputs": None, "file": ".."},
    ],
    ids=str,
)
def test_records_that_lie(changes: dict) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        read_golden(replace(small(), **changes), MODEL)


@fuzz
@given(st.text(max_size=40), st.lists(st.integers(-3, 1 << 40), max_size=4), st.text(max_size=9))
def test_any_packed_text_is_an_array_or_an_error(data: str, shape: list[int], dtype: str) -> None:
    packed = PackedArray(dtype=dtype, shape=tuple(shape), data=data)
    with pytest.raises(BadFile):
        read_golden(replace(small(), inputs=packed), MODEL)


def test_inspection_shows_no_arrays(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    from makers import tflite_file

    from zoo.artifacts.artifact import embed, open_artifact
    from zoo.artifacts.description import describe
    from zoo.registry import PluginSettings, load_registry

    registry = load_registry(PluginSettings(installed=False))
    path = tflite_file(tmp_path / MODEL.name)
    embed(registry.exporters.get("tflite"), path, manifest(golden=small(), format="tflite"))
    shown = json.dumps(describe(open_artifact(registry, path))["manifest"]["golden"])
    assert small().inputs.data not in shown
    assert "digits/test" in shown
    assert "characters" in shown


def test_rows_of_boxes_have_no_limit_of_their_own() -> None:
    """A box more or less moves all behind it: on another processor they are compared as boxes."""
    decoder = load_registry().tasks.get("object-detection").graph_decoder()
    assert decoder is not None
    rows = limits_of_boxes(decoder.outputs, classes=10)
    assert rows == {"edges": 1.0, "classes": 9.0, "scores": 1.0, "count": 100.0}
    described = [replace(REAL, name=own.name) for own in decoder.outputs]
    shapes = ((3, 5, 4), (3, 5), (3, 5), (3, 1))
    found = with_names([np.zeros(shape, np.float32) for shape in shapes], [*rows])
    chosen = choose_golden([[0, 1, 2]], found, None, precision_named("int8"), described, rows=rows)
    assert chosen is not None
    assert chosen.limits == rows
    assert "boxes are compared" in chosen.tolerance
    plain = choose_golden([[0, 1, 2]], found, None, precision_named("int8"), described)
    assert plain is not None
    assert plain.limits["classes"] < 0.01
