"""States of foreign networks: what is stated of them, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadData, Unsupported, UsageError, ZooError
from zoo.contracts import ForeignTensor
from zoo.contracts.preprocessing import CarriedState, SteppedPreprocessing
from zoo.data.opening import data_for_task, open_dataset
from zoo.networks.sources.comparing import compared, with_ranges
from zoo.networks.sources.opening import open_and_convert
from zoo.networks.sources.references import NO_DATA, Opening, open_reference
from zoo.networks.sources.states import batch_first, check_built, likely_states, states_of
from zoo.networks.sources.tensors import as_given, preprocessing_of
from zoo.registry import load_registry

REGISTRY = load_registry()
SEQUENCES = np.random.default_rng(0).normal(size=(40, 5, 3)).astype(np.float32)
SHAPES = {"x": (None, 3), "h": (None, 3), "y": (None, 2), "hn": (None, 3), "n": (None, 3)}


def tensor(name: str) -> ForeignTensor:
    dtype = "int64" if name == "n" else "float32"
    return ForeignTensor(name=name, dtype=dtype, shape=SHAPES[name])


@dataclass(frozen=True, kw_only=True)
class Averaging:
    """A network that gives ``hn``, half of ``x`` and half of ``h``, and two numbers of it."""

    inputs: tuple[ForeignTensor, ...] = (tensor("x"), tensor("h"))
    outputs: tuple[ForeignTensor, ...] = (tensor("y"), tensor("hn"), tensor("n"))
    in_half: bool = False
    model: Any = None
    share: float = 0.5

    def with_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> Averaging:
        return self

    def run(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        state = (1 - self.share) * inputs["x"] + self.share * inputs["h"]
        return {"y": state[:, :2], "hn": state, "n": np.rint(state)}

    def in_keras(self, given: Any, training: bool) -> Mapping[str, Any]:
        """The same as a Keras model is called."""
        return self.run({"x": given[0], "h": given[1]})


NET = Averaging()


def sequences(folder: Path, **arrays: Any) -> Any:
    np.savez(folder / "samples.npz", **arrays)
    return open_dataset(
        REGISTRY, data_for_task(REGISTRY, f"npz:{folder / 'samples.npz'}", "tensors")
    )


def record(folder: Path, **arrays: Any) -> SteppedPreprocessing:
    data = sequences(folder, **arrays or {"x": SEQUENCES})
    states = states_of(("h=hn",), NET, ["x"], "net.onnx")
    made = preprocessing_of(NET.inputs, data, "net.onnx", states)
    assert isinstance(made, SteppedPreprocessing)
    return made


def test_pairs_are_an_input_and_an_output() -> None:
    assert states_of((), NET, [], "net.onnx") == {}
    found = states_of((" h = hn ",), NET, ["x"], "net.onnx")
    assert found == {CarriedState(input="h", output="hn"): (3,)}
    # A side that is open on one side alone is that of the other.
    free = replace(NET, inputs=(tensor("x"), replace(tensor("h"), shape=(None, None))))
    assert [*states_of(("h=hn",), free, [], "net.onnx").values()] == [(3,)]


@pytest.mark.parametrize(
    ("texts", "samples", "what", "fix"),
    [
        (["h"], [], "'h' names no state", "h=hn"),
        (["=hn"], [], "'=hn' names no state", "h=hn"),
        (["hh=hn"], [], "has no input 'hh'", "is it 'h'?"),
        (["h=hnn"], [], "has no output 'hnn'", "is it 'hn'?"),
        (["hn=h"], [], "'hn' is an output", "--state h=hn"),
        (["h=y"], [], "gives y as float32 of", "the output that is this input"),
        (["h=n"], [], "gives n as int64 of", "the output that is this input"),
        (["h=hn", "h=hn"], [], "'h' of net.onnx is named twice", "leave one"),
        (["h=hn"], ["x", "h"], "samples have an array for 'h'", "leave the array out"),
        (["h=hn", "x=hn"], [], "all inputs of net.onnx are named", "what samples are given of"),
    ],
)
def test_pairs_that_are_none(texts: Any, samples: Any, what: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        states_of(texts, NET, samples, "net.onnx")
    assert what in caught.value.what
    assert fix in (caught.value.fix or "")


def test_a_state_that_nobody_named_is_offered(tmp_path: Path) -> None:
    assert likely_states(NET, ["x"], []) == ["h=hn"]
    assert likely_states(NET, ["x"], ["h"]) == []
    assert likely_states(NET, ["x", "h"], []) == []


@dataclass(frozen=True, kw_only=True)
class Layered(Averaging):
    """The same, its state of (layers, batch, …) until the batch is asked for first."""

    def batch_first(self, states: Mapping[str, str]) -> Averaging:
        assert states == {"h": "hn"}
        return NET


def test_a_batch_that_is_another_side_is_told() -> None:
    layered = replace(tensor("h"), shape=(3, None, 1)), replace(tensor("hn"), shape=(3, None, 1))
    network = Layered(
        inputs=(tensor("x"), layered[0]), outputs=(tensor("y"), layered[1], tensor("n"))
    )
    found, note = batch_first(network, ["h = hn"])
    assert found is NET
    assert note.startswith("h, hn: the batch")
    assert batch_first(network, []) == (network, "")
    assert batch_first(NET, ["h=hn"]) == (NET, "")
    # Without the words, they are in the error.
    opened: Any = type("Opened", (), {"as_given": network})
    with pytest.raises(Unsupported, match="takes h of 3×\\?×1") as caught:
        as_given(opened, "net.onnx")
    assert "add --state h=hn; else save" in (caught.value.fix or "")


def test_a_state_has_a_size() -> None:
    free = replace(tensor("h"), shape=(None, None)), replace(tensor("hn"), shape=(None, None))
    network = replace(NET, inputs=(tensor("x"), free[0]), outputs=(free[1],))
    with pytest.raises(Unsupported, match="leaves the size of its state h open"):
        states_of(("h=hn",), network, [], "net.onnx")


def test_samples_are_sequences(tmp_path: Path) -> None:
    made = record(tmp_path)
    assert [(one.name, one.shape) for one in made.tensors] == [("x", (3,)), ("h", (3,))]
    assert (made.steps, made.input_shape, made.dtype) == (5, (5, 3), "float32")
    check_built(made, {"hn": np.zeros((1, 3))}, "net.onnx")
    with pytest.raises(UsageError, match="gives hn of 4, and takes h of 3"):
        check_built(made, {"hn": np.zeros((1, 4))}, "net.onnx")
    ranged = with_ranges(made, NET, sequences(tmp_path, x=SEQUENCES))
    assert ranged.tensors[0] == made.tensors[0]
    state = ranged.tensors[1]
    # Half of the last value, a quarter of that before, …, and zeros at first.
    assert made.tensors[0].low < state.low < 0 < state.high < made.tensors[0].high
    with pytest.raises(UsageError, match=r"takes x of 3, and samples of .* have shape 3") as caught:
        record(tmp_path, x=SEQUENCES[:, 0])
    assert "(samples, steps, …)" in (caught.value.fix or "")
    with pytest.raises(BadData, match="no two steps long"):
        record(tmp_path, x=SEQUENCES[:, :1])
    two = replace(NET, inputs=(*NET.inputs, replace(tensor("x"), name="z")))
    states = states_of(("h=hn",), two, [], "net.onnx")
    data = sequences(tmp_path, x=SEQUENCES, z=SEQUENCES[:, 1:])
    with pytest.raises(BadData, match="or not equally long: x: 5, z: 4"):
        preprocessing_of(two.inputs, data, "net.onnx", states)


def test_the_conversion_is_compared_over_all_steps(tmp_path: Path) -> None:
    """At the first step, from a state of zeros, one that forgets a part of it answers the same."""
    made, data = record(tmp_path), sequences(tmp_path, x=SEQUENCES)
    assert "apart at most" in compared(NET, NET.in_keras, data, made, "net.onnx")

    def forgetful(given: Any, training: bool) -> Mapping[str, Any]:
        return NET.in_keras([given[0], 0.99 * given[1]], training)

    with pytest.raises(ZooError, match="outputs differ from the original") as caught:
        compared(NET, forgetful, data, made, "net.onnx")
    assert "y differs" in str(caught.value.why)


def test_states_are_stated_of_networks_without_labels_alone() -> None:
    how = Opening(data=NO_DATA, states=("h=hn",))
    with pytest.raises(UsageError, match="--state is for networks from elsewhere") as caught:
        open_reference(REGISTRY, "lenet5", how, lambda step, event: None)
    assert "leave it out" in (caught.value.fix or "")
    assert not open_reference(REGISTRY, "no_such_model", how, lambda step, event: None)


def test_what_is_labelled_has_no_states(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--state is for samples without labels, and digits has"):
        open_and_convert(
            source="onnx",
            reference="net.onnx",
            sha256="",
            how=Opening(data="digits", states=("h=hn",)),
            folder=tmp_path,
            plugins=REGISTRY.settings,
            emit=lambda event: None,
        )
