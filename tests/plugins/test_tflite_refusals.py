"""TFLite files that cannot be brought in, by operator, layout and size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.common.errors import BadFile, Unsupported
from zoo.networks.sources import files

pytest.importorskip("ai_edge_litert")
from tflite_makers import _normal, _renamed, converted, rewritten, tf

from zoo.plugins.tflite_files import recognises
from zoo.plugins.tflite_files.opening import network_of, open_network


@pytest.fixture(scope="module")
def dense() -> bytes:
    """A dense layer of 4 inputs and 4 outputs."""
    kernel = _normal(4, 4)
    return converted(lambda x: tf.matmul(x, kernel), 4)


def _quantized(model: Any, schema: Any) -> None:
    weights = model.subgraphs[0].operators[0].inputs[1]
    tensor = model.subgraphs[0].tensors[weights]
    tensor.type, tensor.quantization.scale = schema.TensorType.INT8, [0.1]
    tensor.quantization.zeroPoint = [0]


def _state(model: Any, schema: Any) -> None:
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].isVariable = True


def _computed(place: int) -> Callable[[Any, Any], None]:
    """The weights or biases of the dense layer become what it takes."""

    def change(model: Any, schema: Any) -> None:
        graph = model.subgraphs[0]
        operator = graph.operators[0]
        operator.inputs = [*operator.inputs[:place], graph.inputs[0], *operator.inputs[place + 1 :]]

    return change


def _two_graphs(model: Any, schema: Any) -> None:
    model.subgraphs = model.subgraphs * 2


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_quantized, "is quantized already: its tensor"),
        (_state, "keeps state from one call to the next.*--state INPUT=OUTPUT"),
        (_two_graphs, "has 2 graphs"),
        (_computed(1), "its weights are computed, and not in the file"),
        (_computed(2), "its biases are computed, and not in the file"),
        (_renamed("CUSTOM", b"Mine"), "has the custom operator Mine"),
        (_renamed("CUSTOM", b"FlexErf"), "it is TensorFlow's own"),
        (_renamed("WHILE"), r"operator WHILE \(number 0, .*which operators run is decided"),
        (_renamed("READ_VARIABLE"), "READ_VARIABLE .*it keeps a state"),
        (_renamed("HASHTABLE_FIND"), "HASHTABLE_FIND .*it looks words up"),
    ],
)
def test_what_cannot_be_brought_in_is_named(
    dense: bytes, change: Callable[[Any, Any], None], problem: str
) -> None:
    with pytest.raises(Unsupported, match="(?s)" + problem):
        _ = network_of(rewritten(dense, change), "net.tflite", {}).model


@pytest.mark.parametrize(
    ("kind", "fix"),
    [
        *((kind, "--state INPUT=OUTPUT") for kind in ("VAR_HANDLE", "READ_VARIABLE")),
        *((kind, "--state INPUT=OUTPUT") for kind in ("ASSIGN_VARIABLE", "CALL_ONCE")),
        ("IF", "choose by tf.where"),
        ("WHILE", "unroll=True of the layer"),
        ("RANDOM_UNIFORM", "leave it out"),
    ],
)
def test_each_refusal_says_what_to_do(dense: bytes, kind: str, fix: str) -> None:
    _refused(rewritten(dense, _renamed(kind)), kind, fix)


@pytest.mark.parametrize(
    ("kind", "function", "fix"),
    [
        ("TOPK_V2", lambda x: tf.math.top_k(x, 2)[0], "in your program"),
        ("ARG_MAX", lambda x: tf.argmax(x, -1), "in your program"),
        ("ARG_MIN", lambda x: tf.argmin(x, -1), "in your program"),
        ("WHERE", lambda x: tf.where(x > 0), "in your program"),
        ("CUMSUM", lambda x: tf.cumsum(x, 1), "leave it out"),
    ],
)
def test_operators_without_layers_are_named(kind: str, function: Any, fix: str) -> None:
    _refused(converted(function, 4), kind, fix)


def _refused(file: bytes, kind: str, fix: str) -> None:
    with pytest.raises(
        Unsupported, match=rf"its operator {kind} \(number \d, .* brought"
    ) as caught:
        _ = network_of(file, "net.tflite", {}).model
    assert caught.value.why
    assert fix in str(caught.value.fix)
    assert "`zoo bench` take the file as it is" in str(caught.value.fix)


def test_a_part_of_rows_is_refused() -> None:
    """Rows of one example lie where the examples of a batch lie."""

    def first_row(x: Any) -> Any:
        return tf.reshape(tf.reshape(x, (5, 6))[0:1] * 2.0, (1, 6))

    with pytest.raises(Unsupported, match=r"(?s)STRIDED_SLICE .*among the examples of a batch"):
        _ = network_of(converted(first_row, 5, 6), "net.tflite", {}).model


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is empty"),
        (b"PK\x03\x04 a zip archive", "is no TFLite file, whatever its name"),
        (b"\x1c\0\0\0TFL3", "is a damaged TFLite file"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    file = tmp_path / "bad.tflite"
    file.write_bytes(content)
    with pytest.raises(BadFile, match=problem):
        open_network(file)


def test_cut_and_large_files_are_refused(
    dense: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "NET.TFLITE"
    assert recognises(str(file))
    file.write_bytes(dense[: len(dense) // 2])
    with pytest.raises(BadFile, match="is a damaged TFLite file"):
        open_network(file)
    monkeypatch.setattr(files, "MOST_BYTES", 100)
    with pytest.raises(BadFile, match="is larger than"):
        open_network(file)
