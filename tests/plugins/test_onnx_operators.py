"""Each operator of ONNX computes in Keras what it computes in ONNX Runtime."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
from onnx_cases import ELEMENTWISE
from onnx_layer_cases import LAYERS
from onnx_makers import model_of, node, values
from onnx_shape_cases import SHAPES

from zoo.networks.sources.graph import flattened, rebuilt
from zoo.plugins.onnx_files.opening import OnnxNetwork

CASES = {**ELEMENTWISE, **LAYERS, **SHAPES}


def _renamed(nodes: list[Any], constants: dict[str, Any], place: int) -> dict[str, Any]:
    """The constants of a case whose tensors got names of their own; its nodes are changed."""

    def own(name: str) -> str:
        return name if name in ("x", "") else f"{name}_{place}"

    for one in nodes:
        for names in (one.input, one.output):
            names[:] = [own(name) for name in list(names)]
    return {own(name): values for name, values in constants.items()}


GROUPS = sorted({(shape, opset) for _, shape, _, opset in CASES.values()})


@pytest.mark.parametrize(("shape", "opset"), GROUPS, ids=str)
def test_operators_compute_the_same(shape: tuple[int, ...], opset: int) -> None:
    """Those of one input as one network, for several examples at once."""
    names = [name for name, case in CASES.items() if case[1] == shape and case[3] == opset]
    every, constants, ends = [], {}, []
    for place, name in enumerate(names):
        nodes = copy.deepcopy(CASES[name][0])
        constants |= _renamed(nodes, CASES[name][2], place)
        flat = node("Flatten", nodes[-1].output[0], out=f"flat_{place}")
        every += [*nodes, flat]
        ends.append(flat.output[0])
    every.append(node("Concat", *ends, axis=1, out="every"))
    opened = OnnxNetwork(model_of(every, shape, constants, opset=opset), "net.onnx")
    own = opened.inputs[0].shape[1:]
    network = rebuilt(flattened(opened.model, own, own), "net.onnx")
    last = network.output._keras_history.operation
    parts = last._inbound_nodes[0].input_tensors if len(ends) > 1 else [network.output]
    assert len(parts) == len(names)
    batch = values(3, *own)
    ours, theirs = np.asarray(network(batch, training=False)), opened.answers(batch)
    assert ours.shape == theirs.shape
    assert np.isfinite(theirs).all()
    begin = 0
    for name, part in zip(names, parts, strict=True):
        place = slice(begin, begin := begin + part.shape[-1])
        one, other = ours[:, place], theirs[:, place]
        assert other.std() > 0, name
        np.testing.assert_allclose(one, other, atol=1e-5 * np.abs(other).max(), err_msg=name)
