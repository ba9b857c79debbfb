"""SavedModels that assign variables: these become inputs and outputs, reset for each sequence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import Unsupported

pytest.importorskip("ai_edge_litert")
from keeping_networks import SEQUENCES, Keeping, by_hand, cell, tf, zeros

from zoo.plugins.tflite_files import open_folder


def saved(folder: Path, module: Keeping) -> str:
    traced = module.__call__.get_concrete_function(tf.TensorSpec((1, 4), tf.float32, name="x"))
    tf.saved_model.save(module, str(folder), signatures={"serving_default": traced})
    return str(folder)


def test_assigned_variables_become_inputs_and_outputs(tmp_path: Path) -> None:
    first = {"h": zeros(1, 8), "level": zeros(1, 8) + 0.5, "count": np.int32(3)}
    opened = open_folder(saved(tmp_path / "net", Keeping(cell, **first)))
    network: Any = opened.as_given
    names = {"count": "count_next", "level": "level_next", "h": "h_next"}
    assert opened.states == network.states == names
    assert [one.name for one in network.inputs] == ["x", *names]
    assert {one.name for one in network.outputs} == {"y", "n", *names.values()}
    # TensorFlow keeps the variables: what was asked before makes no difference.
    for sequences in (SEQUENCES[:2], SEQUENCES[1:3]):
        found = network.run_sequences({"x": sequences})
        states = {one.name: np.zeros((2, *one.shape[1:]), one.dtype) for one in network.inputs[1:]}
        expected = [by_hand(sequence) for sequence in sequences]
        for step in range(5):
            made = network.run({"x": sequences[:, step], **states})
            in_keras = network.model([sequences[:, step], *states.values()])
            for one, values in zip(network.outputs, in_keras, strict=True):
                assert np.asarray(values) == pytest.approx(made[one.name], abs=1e-5)
            for number, name in enumerate(("y", "n")):
                right = np.stack([one[number][step] for one in expected]).reshape(2, -1)
                assert found[name][:, step] == pytest.approx(right, abs=1e-5)
                assert made[name] == pytest.approx(right, abs=1e-5)
            states = {name: made[out].astype(states[name].dtype) for name, out in names.items()}


def test_a_variable_called_as_an_input_gets_a_name_of_its_own(tmp_path: Path) -> None:
    def step(self: Any, x: Any) -> Any:
        made = self.kept["x"] * 0.5 + x
        self.kept["x"].assign(made)
        return {"x_next": made}

    network: Any = open_folder(saved(tmp_path / "net", Keeping(step, x=zeros(1, 4)))).as_given
    assert network.states == {"x_2": "x_2_next"}


def test_an_assignment_in_a_loop_is_named(tmp_path: Path) -> None:
    def step(self: Any, x: Any) -> Any:
        for _ in tf.range(3):
            self.kept["h"].assign(self.kept["h"] * 0.5 + x)
        return {"y": self.kept["h"] + x}

    opened = open_folder(saved(tmp_path / "net", Keeping(step, h=zeros(1, 4))))
    with pytest.raises(Unsupported, match=r"(?s)its operator While .*keeps state") as caught:
        _ = opened.as_given
    assert "unroll=True" in str(caught.value.fix)
