"""Node data for Model Explorer: ids as its adapters give them, values as in the table."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digit_files import onnx_digits, registry, tflite_digits
from layer_records import comparison, facts, record
from onnx import TensorProto, helper, load, save

from zoo.analysis.explain import Explanation
from zoo.analysis.layer_ranking import HARMLESS_DB
from zoo.common.errors import Unsupported, UsageError
from zoo.contracts import LayerComparison, LayerRequest
from zoo.contracts.layers import EXACT_DB
from zoo.report.graph_overlay import overlays, write_overlays

#: Read from the graphs of ai-edge-model-explorer 0.1.34 (TFLite, flatbuffer adapter) and
#: model-explorer-onnx 0.4.2 for `tflite_digits` and `onnx_digits`: graph, and id → kind.
MODEL_EXPLORER = {
    "tflite": ("main", {"0": "FULLY_CONNECTED", "1": "SOFTMAX"}),
    "onnx": ("digits", {"node_1": "Gemm", "node_2": "Softmax"}),
}
#: The ids that model-explorer-onnx 0.4.2 gives operators with these names, in this order.
NAMES = ("", "a", "", "node", "node_1", "")
IDS = ["node", "a", "node_1", "node_2", "node_1_1", "node_3"]


def explained(found: LayerComparison) -> Explanation:
    file, twin = (facts(precision, 1000, 0.9) for precision in ("int8", "float32"))
    return Explanation(
        model_id="net.digits",
        format="tflite",
        file=file,
        twin=twin,
        data="digits",
        split="validation",
        comparison=found,
        findings=(),
        advice=None,
    )


def compared(format: str, folder: Path) -> LayerComparison:
    pixels = np.arange(4 * 64, dtype=np.float32).reshape(4, 8, 8, 1) % 17
    exporter = registry().exporters.get(format)
    if format == "tflite":
        path = tflite_digits(folder / "net.tflite", integer=False)
    else:
        path = onnx_digits(folder / "net.onnx")
    assert exporter.compare_layers is not None
    return exporter.compare_layers(LayerRequest(path=path, baseline=path, inputs=pixels, runs=3))


@pytest.mark.parametrize("format", MODEL_EXPLORER)
def test_graph_and_operators_are_called_as_model_explorer_calls_them(
    format: str, tmp_path: Path
) -> None:
    found = compared(format, tmp_path)
    graph, nodes = MODEL_EXPLORER[format]
    assert found.graph == graph
    assert {one.node: one.kind for one in found.operators if one.kind in nodes.values()} == nodes
    times = {one.node: one.microseconds for one in found.operators}
    assert format == "onnx" or None not in times.values()  # its profiler needs names
    wanted = {node: pytest.approx(us / 1000, abs=1e-6) for node, us in times.items() if us}
    data = overlays(explained(found)).get(".time-ms.json", {graph: {"results": {}}})
    assert {node: one["value"] for node, one in data[graph]["results"].items()} == wanted


def test_operators_without_a_name_of_their_own_get_model_explorers(tmp_path: Path) -> None:
    """Dynamic quantization leaves some without, and others may have the names made up for them."""
    model = load(str(onnx_digits(tmp_path / "net.onnx")))
    names = [f"t{n}" for n in range(len(NAMES) + 1)]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 64]) for n in names]
    nodes = [
        helper.make_node("Relu", [names[n]], [names[n + 1]], name=name)
        for n, name in enumerate(NAMES)
    ]
    model.graph.CopyFrom(helper.make_graph(nodes, "g", [ends[0]], [ends[-1]]))
    save(model, str(tmp_path / "relus.onnx"))
    path = tmp_path / "relus.onnx"
    compare = registry().exporters.get("onnx").compare_layers
    assert compare is not None
    inputs = np.ones((2, 64), np.float32)
    found = compare(LayerRequest(path=path, baseline=path, inputs=inputs))
    assert found.graph == "g"
    assert [one.node for one in found.operators] == IDS


def results(data: dict[str, Any], measure: str) -> dict[str, float]:
    return {node: each["value"] for node, each in data[measure]["main"]["results"].items()}


def test_each_measure_is_a_file_and_what_is_not_known_is_absent(tmp_path: Path) -> None:
    records = (
        record("a", node="3", microseconds=1500.0, sqnr_db=31.257, own_sqnr_db=44.0),
        record("b", node="7", microseconds=None, sqnr_db=12.0, own_sqnr_db=EXACT_DB),
    )
    found = explained(comparison(*records, graph="main"))
    data = overlays(found)
    assert results(data, ".time-ms.json") == {"3": 1.5}
    assert results(data, ".snr-cumulative-db.json") == {"3": 31.26, "7": 12.0}
    assert results(data, ".snr-isolated-db.json") == {"3": 44.0}
    assert [stop["stop"] for stop in data[".time-ms.json"]["main"]["gradient"]] == [0, 1]
    limits = [one["value"] for one in data[".snr-isolated-db.json"]["main"]["thresholds"]]
    assert limits == sorted(limits)
    assert limits[-1] == HARMLESS_DB
    written = write_overlays(found, tmp_path)
    assert [one.path.name for one in written] == [f"{found.file.path.name}{end}" for end in data]
    assert [json.loads(one.path.read_text()) for one in written] == [*data.values()]
    assert not any(one.replaced for one in written)
    assert all(one.replaced for one in write_overlays(found, tmp_path))
    untimed = comparison(*(replace(each, microseconds=None) for each in records), graph="main")
    assert ".time-ms.json" not in overlays(explained(untimed))


@pytest.mark.parametrize("content", ["", "notes", "[1]", '{"results": 1}', '{"a": ["results"]}'])
def test_what_is_no_node_data_is_not_replaced(content: str, tmp_path: Path) -> None:
    found = explained(comparison(record("a", node="3"), graph="main"))
    mine = tmp_path / f"{found.file.path.name}.snr-isolated-db.json"
    mine.write_text(content)
    with pytest.raises(UsageError, match="is there already, and is no node data"):
        write_overlays(found, tmp_path)
    assert mine.read_text() == content
    assert [*tmp_path.iterdir()] == [mine]


@pytest.mark.parametrize("given", [{"graph": ""}, {"node": ""}])
def test_formats_whose_plugin_names_no_operators_have_no_overlay(given: dict[str, str]) -> None:
    found = comparison(record("a", node=given.get("node", "3")), graph=given.get("graph", "main"))
    with pytest.raises(Unsupported, match=r"no overlay for net\.digits\.int8\.tflite"):
        overlays(explained(found))
