"""Half precision in ONNX files: what it would round is divided by, where that is exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from zoo.exporters.onnx.half_precision import _divide_where_exact, to_float16

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
INPUTS = np.random.default_rng(0).normal(0, 2, (64, 8)).astype(np.float32)


def swishes(factor: Any, *, count: int = 8) -> Any:
    """Hard swishes one after the other, each a product with 1/6 as converters write it."""
    helper, array = onnx.helper, onnx.numpy_helper
    constants = {"three": 3.0, "zero": 0.0, "six": 6.0, "factor": factor, "rows": np.eye(8) * 2}
    nodes = [helper.make_node("MatMul", ["raw", "rows"], ["0"], name="first")]
    for n in range(count):
        made = [f"{n}{kind}" for kind in ("sum", "clip", "gate")]
        ends = [made[1], "factor"] if n % 2 else ["factor", made[1]]
        nodes += [
            helper.make_node("Add", [str(n), "three"], [made[0]], name=f"a{n}"),
            helper.make_node("Clip", [made[0], "zero", "six"], [made[1]], name=f"b{n}"),
            helper.make_node("Mul", ends, [made[2]], name=f"c{n}"),
            helper.make_node("Mul", [str(n), made[2]], [str(n + 1)], name=f"d{n}"),
        ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("raw", 1, (1, 8))],
        [helper.make_tensor_value_info(str(count), 1, (1, 8))],
        [array.from_array(np.float32(values), name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def answers(model: Any) -> Any:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return np.concatenate([session.run(None, {"raw": one[None]})[0] for one in INPUTS])


def decibels(expected: Any, found: Any) -> float:
    return float(10 * np.log10(np.square(expected).mean() / np.square(found - expected).mean()))


def test_hard_swishes_keep_their_scale() -> None:
    model = swishes(1 / 6)
    wanted = answers(model)
    halved = to_float16(model)
    onnx.checker.check_model(halved, full_check=True)
    kinds = [node.op_type for node in halved.graph.node]
    assert (kinds.count("Div"), kinds.count("Mul")) == (8, 8)
    found = answers(halved)
    # A share of 1/4,096 in each of eight products would be 54 dB.
    assert decibels(wanted, found) > 60
    assert abs(np.sum(found * wanted) / np.sum(wanted * wanted) - 1) < 3e-4
    constants = {
        onnx.numpy_helper.to_array(t).item() for t in halved.graph.initializer if not t.dims
    }
    assert constants == {0, 3, 6}


@pytest.mark.parametrize("factor", [0.25, 0.7071067, 0.0, 1e-7, 3e5, [0.3] * 8])
def test_other_constants_stay_products(factor: Any) -> None:
    """Those that half precision holds, those without an exact inverse."""
    halved = to_float16(swishes(factor, count=1))
    assert "Div" not in {node.op_type for node in halved.graph.node}


def test_a_constant_that_a_branch_reads_as_well_stays_for_it() -> None:
    helper = onnx.helper
    model = swishes(1 / 6, count=1)
    shape = helper.make_tensor_value_info("branched", 1, None)
    branches = [
        helper.make_graph(
            [helper.make_node(kind, ["1", "factor"], ["branched"])], kind, [], [shape]
        )
        for kind in ("Add", "Sub")
    ]
    (end,) = model.graph.output
    made = helper.make_node(
        "If", ["chosen"], ["end"], then_branch=branches[0], else_branch=branches[1]
    )
    model.graph.node.append(made)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(True), "chosen"))
    _divide_where_exact(model.graph)
    assert "Div" in {node.op_type for node in model.graph.node}
    assert {"factor", "factor_inverse"} <= {tensor.name for tensor in model.graph.initializer}
    end.name = "end"
    assert answers(model).shape == INPUTS.shape
