"""TFLite files that keep state in variables: it becomes inputs and outputs, or is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import Unsupported, UsageError, ZooError
from zoo.data.opening import data_for_task, open_dataset
from zoo.networks.sources.comparing import compared
from zoo.networks.sources.states import states_of, with_kept
from zoo.networks.sources.tensors import named_network, preprocessing_of
from zoo.registry import load_registry

pytest.importorskip("ai_edge_litert")
from keeping_networks import SEQUENCES, Step, by_hand, cell, file_of, zeros
from tflite_makers import rewritten, tf

from zoo.plugins.tflite_files.opening import TfliteNetwork, network_of


@pytest.fixture(scope="module")
def content() -> bytes:
    """Three variables: of zeros, of other numbers, and a single whole number."""
    return file_of(cell, h=zeros(1, 8), level=zeros(1, 8) + 0.5, count=np.int32(3))


def opened(content: bytes) -> TfliteNetwork:
    return network_of(content, "net.tflite", {}).as_given


def test_variables_become_inputs_and_outputs(content: bytes) -> None:
    network = opened(content)
    names = {"count": "count_next", "level": "level_next", "h": "h_next"}
    assert network.states == names
    assert [one.name for one in network.inputs] == ["x", *names]
    shapes = {one.name: (one.dtype, one.shape) for one in network.inputs}
    assert shapes["count"] == ("int32", (None, 1))
    assert shapes["level"] == ("float32", (None, 8))
    states: dict[str, Any] = {
        one.input: np.repeat(np.zeros_like(one.first), 40, 0) for one in network.variables
    }
    by_itself = network.run_sequences({"x": SEQUENCES})
    right = [by_hand(sequence) for sequence in SEQUENCES]
    keras_states = dict(states)
    for step in range(5):
        made = network.run({"x": SEQUENCES[:, step], **states})
        in_keras = network.model([SEQUENCES[:, step], *keras_states.values()])
        for number, name in enumerate(("y", "n")):
            expected = np.stack([one[number][step] for one in right]).reshape(40, -1)
            assert by_itself[name][:, step] == pytest.approx(expected, abs=1e-5)
            assert made[name] == pytest.approx(by_itself[name][:, step], abs=1e-6)
        for one, values in zip(made, in_keras, strict=True):
            assert np.asarray(values) == pytest.approx(made[one], abs=1e-5)
        given = dict(zip(made, map(np.asarray, in_keras), strict=True))
        states = {name: made[out].astype(states[name].dtype) for name, out in names.items()}
        keras_states = {name: given[out] for name, out in names.items()}


def without_first(model: Any, schema: Any) -> None:
    """``CALL_ONCE`` leaves a variable out."""
    model.subgraphs[1].operators.pop()


def other_first(model: Any, schema: Any) -> None:
    """The numbers that real variables begin with are others."""
    for tensor in model.subgraphs[1].tensors:
        data = model.buffers[tensor.buffer].data
        if data is not None and tensor.type == schema.TensorType.FLOAT32:
            model.buffers[tensor.buffer].data = np.frombuffer(
                (np.frombuffer(bytes(bytearray(data)), np.float32) + 0.3).tobytes(), np.uint8
            )


class NeverReset:
    """A network by itself whose sequences go on where the one before ended."""

    def __init__(self, network: TfliteNetwork) -> None:
        self._network = network

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def run_sequences(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        x = inputs["x"]
        found = self._network.run_sequences({"x": x.reshape(1, -1, 4)})
        return {name: one.reshape(len(x), -1, *one.shape[2:]) for name, one in found.items()}


def test_the_file_by_itself_is_what_all_is_compared_with(tmp_path: Path, content: bytes) -> None:
    """A state that is not reset, or begins otherwise, is noticed, and so are data with labels."""
    np.savez(tmp_path / "samples.npz", x=SEQUENCES)
    registry = load_registry()
    data = data_for_task(registry, f"npz:{tmp_path}/samples.npz", "tensors")
    dataset = open_dataset(registry, data)
    network, origin = opened(content), "net.tflite"
    stated, note = with_kept(["h = h_next"], network)
    assert sorted(stated) == ["count=count_next", "h=h_next", "level=level_next"]
    assert "zeros stand for their initial values" in note
    record = preprocessing_of(
        network.inputs, dataset, origin, states_of(stated, network, [], origin)
    )
    model = named_network(network, record, origin)
    assert "answers as the original" in compared(network, model, dataset, record, origin)
    began_otherwise = replace(network, keeping=rewritten(content, other_first))
    for other in (began_otherwise, NeverReset(network)):
        with pytest.raises(ZooError, match="outputs differ from the original") as caught:
            compared(other, model, dataset, record, origin)
        assert "is not reset before each sequence" in str(caught.value.why)
    with pytest.raises(UsageError, match="have an array for 'h'") as said:
        states_of(stated, network, ["h"], origin)
    assert said.value.fix == "leave the array out"


def test_what_is_not_carried_is_no_input() -> None:
    """Variables that are never assigned, always assigned first, or never read."""

    def step(self: Any, x: Any) -> Any:
        fixed, first, unread, twice = self.kept.values()
        first.assign(x * 2.0)
        unread.assign(x)
        before = twice + fixed
        twice.assign(before * x)
        between = twice * 3.0
        twice.assign(between + first)
        return before + between

    start = {"first": zeros(1, 4), "unread": zeros(1, 4), "twice": zeros(1, 4)}
    network = opened(file_of(step, fixed=zeros(1, 4) + 0.25, **start))
    assert network.states == {"twice": "twice_next"}
    state = np.zeros((40, 4))
    for number in range(5):
        x = SEQUENCES[:, number]
        before = state + 0.25
        state = before * x * 3 + x * 2
        found = network.run_sequences({"x": SEQUENCES})["output_0"][:, number]
        assert found == pytest.approx(before + before * x * 3, rel=1e-4, abs=1e-4)


def loop(self: Any, x: Any) -> Any:
    h = self.kept["h"]
    for _ in tf.range(3):
        h.assign(h * 0.5 + x)
    return h + x


def to_a_constant(self: Any, x: Any) -> Any:
    made = self.kept["h"] + x
    self.kept["h"].assign(tf.ones((1, 4)))
    return made


def without_a_batch(self: Any, x: Any) -> Any:
    self.kept["h"].assign(tf.concat([self.kept["h"][1:], x], 0))
    return tf.reshape(self.kept["h"], (1, -1))


def of_truth(self: Any, x: Any) -> Any:
    made = tf.where(self.kept["h"], x, -x)
    self.kept["h"].assign(x > 0)
    return made


@pytest.mark.parametrize(
    ("step", "first", "problem", "fix"),
    [
        (loop, zeros(1, 4), "WHILE .*a variable is read or assigned in its body", "unroll"),
        (to_a_constant, zeros(1, 4), "ASSIGN_VARIABLE .*sets its variable 'h' to a constant", ""),
        (
            without_a_batch,
            zeros(3, 4),
            r"VAR_HANDLE .*without their first side .* h \(3, 4\)",
            "of 1",
        ),
        (
            of_truth,
            zeros(1, 4) == 0,
            "ASSIGN_VARIABLE .*bool has initial values other",
            "zeros",
        ),
    ],
)
def test_variables_that_cannot_be_carried_are_named(
    step: Step, first: Any, problem: str, fix: str
) -> None:
    with pytest.raises(Unsupported, match=f"(?s)its operator {problem}") as caught:
        opened(file_of(step, h=first))
    assert fix in str(caught.value.fix)
    assert "`zoo bench` take the file as it is" in str(caught.value.fix)


def test_a_variable_without_a_first_value_is_named(content: bytes) -> None:
    with pytest.raises(Unsupported, match=r"(?s)READ_VARIABLE .*'level' has no initial value"):
        opened(rewritten(content, without_first))


def at_random(model: Any, schema: Any) -> None:
    """``CALL_ONCE`` draws what a variable begins with."""
    code = schema.OperatorCodeT()
    code.builtinCode, code.deprecatedBuiltinCode = schema.BuiltinOperator.RANDOM_UNIFORM, 127
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = [], [0]
    model.subgraphs[1].operators.insert(0, operator)


def test_first_values_by_chance_are_refused(content: bytes) -> None:
    with pytest.raises(Unsupported, match=r"(?s)CALL_ONCE .*by RANDOM_UNIFORM"):
        opened(rewritten(content, at_random))


def test_a_file_without_a_signature(content: bytes) -> None:
    def change(model: Any, schema: Any) -> None:
        model.signatureDefs = None

    network = opened(rewritten(content, change))
    assert network.states == {"count": "count_next", "level": "level_next", "h": "h_next"}
    assert [one.name for one in network.outputs][2:] == list(network.states.values())
    own = {one.name for one in network.outputs[:2]}
    assert {*network.run_sequences({network.inputs[0].name: SEQUENCES[:1]})} == own
