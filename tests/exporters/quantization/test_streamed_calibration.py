"""Ranges that are measured example by example are those of all activations held at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import FORMATS, Deployed, write

from zoo.exporters.quantization.histograms import Histogram
from zoo.exporters.quantization.ranges import range_of
from zoo.networks.building import deployed_model
from zoo.networks.loading import Subject, load_model
from zoo.registry import PluginSettings

pytestmark = pytest.mark.slow
EXAMPLES = 12


@pytest.fixture(scope="module")
def network() -> Deployed:
    """A packaged one."""
    loaded = load_model(
        Subject(model="resnet8.fashion_mnist", plugins=PluginSettings(installed=False))
    )
    model = deployed_model(loaded.network, loaded.preprocessing, loaded.task, batch=1)
    shape = (EXAMPLES, *model.inputs[0].shape[1:])
    inputs = np.random.default_rng(4).integers(0, 256, shape).astype(np.float32)
    # Brighter ones come late: what was counted before has to make room.
    inputs *= np.linspace(0.1, 1.0, EXAMPLES).reshape(-1, *[1] * (inputs.ndim - 1))
    return Deployed(model=model, training=inputs, inputs=inputs, answers=inputs)


def onnx_values(path: Path, inputs: np.ndarray) -> tuple[Mapping[Any, Histogram], dict[Any, Any]]:
    import onnx

    from zoo.exporters.onnx.calibration import observe_ranges
    from zoo.exporters.onnx.graph import session

    model = onnx.load(path)
    seen = observe_ranges(model, inputs)
    made = [name for node in model.graph.node for name in node.output if name in seen]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in made)
    running = session(model)
    name = running.get_inputs()[0].name
    found = [running.run(made, {name: inputs[i : i + 1]}) for i in range(len(inputs))]
    whole = {key: np.stack(one) for key, one in zip(made, zip(*found, strict=True), strict=True)}
    return seen, {**whole, name: inputs}


def tflite_values(path: Path, inputs: np.ndarray) -> tuple[Mapping[Any, Histogram], dict[Any, Any]]:
    from zoo.exporters.tflite.calibration import observe_ranges
    from zoo.exporters.tflite.runner import Runner

    seen = observe_ranges(path.read_bytes(), inputs)
    runner, found = Runner(path), []
    for example in inputs:
        runner.run(example[None])
        found.append({key: runner.value(key).copy() for key in seen})
    return seen, {key: np.stack([one[key] for one in found]) for key in seen}


@pytest.mark.parametrize(
    ("format", "values"), [("onnx", onnx_values), ("tflite", tflite_values)], ids=["onnx", "tflite"]
)
def test_ranges_of_a_stream(network: Deployed, format: str, values: Any, tmp_path: Path) -> None:
    path, _ = write(FORMATS[format], network, tmp_path, "float32")
    seen, whole = values(path, network.inputs)
    assert len(seen) > 10
    assert {*seen} == {*whole}
    for key, held in whole.items():
        least, most = min(float(held.min()), 0.0), max(float(held.max()), 0.0)
        assert range_of(seen[key], "minmax") == (least, most)
        if held[0].size <= 16_384:  # of larger ones a part is counted
            assert seen[key].counts.sum() == np.count_nonzero(held)
        # One example less is another stream.
        fewer = Histogram()
        for one in held[:-1]:
            fewer.add(one)
        assert fewer.counts.sum() < seen[key].counts.sum()
