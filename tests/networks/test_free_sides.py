"""Free sides of inputs: what is typed, what fits, and examples that are larger along one."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.common.errors import Unsupported, UsageError
from zoo.contracts.preprocessing import (
    CarriedState,
    SteppedPreprocessing,
    TensorPreprocessing,
    TensorsPreprocessing,
)
from zoo.networks.free_sides import (
    are_among,
    batch_of,
    enlarged,
    free_sides,
    further_shapes,
    names_of,
    parse_dynamic,
    size_along,
)


def tensor(name: str, *shape: int) -> TensorPreprocessing:
    return TensorPreprocessing(name=name, shape=shape, low=0.0, high=1.0)


X = tensor("x", 3, 16, 24)
BOTH = TensorsPreprocessing(tensors=(tensor("a", 4, 2), tensor("b", 4)))


def test_what_is_typed_is_read() -> None:
    assert parse_dynamic(["x=Nx3x48xW"]) == {"x": ("N", "3", "48", "W")}
    assert parse_dynamic(["BATCH×3×T1"]) == {"": ("BATCH", "3", "T1")}
    assert parse_dynamic([]) == {}


@pytest.mark.parametrize("text", ["x=", "x=Nx3xh", "x=Nx-1", "x=N,3", "x=Nx0", "Nx3x", "NXW"])
def test_what_is_no_shape_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no shape"):
        parse_dynamic([text])


def test_nothing_free_and_one_input_twice_are_refused() -> None:
    with pytest.raises(UsageError, match="keeps no side free"):
        parse_dynamic(["x=1x3x4"])
    with pytest.raises(UsageError, match="twice"):
        parse_dynamic(["x=Nx3", "x=1xW"])


def test_sides_that_are_not_free_are_those_of_the_data() -> None:
    assert free_sides(["Nx3xHx24"], X, "net") == {"x": ("N", "", "H", "")}
    assert free_sides([], X, "net") == {}
    for text, said in (
        ("Nx3xHx25", "which is 1x3x16x24"),
        ("Nx3xH", "which is 1x3x16x24"),
        ("2x3xHx24", "which is 1x3x16x24"),
        ("y=Nx3xHx24", "no input 'y'"),
        ("1x3xHxH", "16 and 24"),
    ):
        with pytest.raises(UsageError, match=said):
            free_sides([text], X, "net")


def test_channels_first_are_told_to_be_last() -> None:
    with pytest.raises(UsageError, match="which is 1x16x24x3") as caught:
        free_sides(["Nx3xHxW"], tensor("pixels", 16, 24, 3), "net")
    assert caught.value.fix == "files take it with channels last: NxHxWx3"


def test_several_inputs_share_sides_and_the_batch() -> None:
    asked = ["a=NxTx2", "b=NxT"]
    assert free_sides(asked, BOTH, "net") == {"a": ("N", "T", ""), "b": ("N", "T")}
    with pytest.raises(UsageError, match="batch is free in some"):
        free_sides(["a=Nx4x2"], BOTH, "net")
    with pytest.raises(UsageError, match="has 2 inputs"):
        free_sides(["Nx4x2"], BOTH, "net")


def test_a_network_with_a_state_keeps_no_side_free() -> None:
    stepped = SteppedPreprocessing(
        tensors=(tensor("x", 4), tensor("h", 8)),
        carried=(CarriedState(input="h", output="hn"),),
        steps=5,
    )
    with pytest.raises(Unsupported, match="carries a state"):
        free_sides(["x=Nx4"], stepped, "net")


def test_larger_examples_are_put_together_of_two() -> None:
    free = free_sides(["Nx3xHx24"], X, "net")
    values = np.random.default_rng(0).random((4, 3, 16, 24), np.float32)
    tall = enlarged(values, free, "H")["x"]
    assert tall.shape == (4, 3, 32, 24)
    assert np.array_equal(tall[1, :, :16], values[1])
    assert np.array_equal(tall[1, :, 16:], values[0])
    assert np.array_equal(enlarged(values, free, "N")["x"], values)
    assert (batch_of(free, "N"), batch_of(free, "H"), names_of(free)) == (2, 1, ["N", "H"])
    assert further_shapes(free, {"x": (1, 3, 16, 24)}, "H") == {"x": (1, 3, 32, 24)}
    assert [size_along({"x": tall}, free, side) for side in ("N", "H")] == [2, 32]


def test_sides_are_among_those_that_were_compared() -> None:
    known = {"x": ("N", "", "H", "W"), "z": ("N", "H")}
    for free, among in (
        ({"x": ("N", "", "A", "B"), "z": ("N", "A")}, True),
        ({"x": ("", "", "", "W")}, True),
        ({"x": ("N", "C", "H", "W")}, False),  # a side that was of one size
        ({"y": ("N",)}, False),
        ({"x": ("N", "", "A", "W"), "z": ("N", "B")}, False),  # two that were of the same size
        ({"x": ("N", "", "", "W"), "z": ("N", "H")}, False),
    ):
        assert are_among(free, known) == among, free


def test_the_layer_that_fixes_a_size_is_named() -> None:
    keras = pytest.importorskip("keras")
    pytest.importorskip("tensorflow")
    from zoo.networks.fixed_sizes import size_fixing_layer

    given = keras.Input((None, None, 1))
    flat = keras.layers.Flatten(name="flat")(keras.layers.Conv2D(2, 3)(given))
    scores = keras.layers.Dense(3, name="scores")
    scores.build((None, 8))
    said = size_fixing_layer(keras.Model(given, scores(flat)))
    assert said.startswith("its layer scores takes 8 numbers, the output of flat (Flatten)")
    to_one = keras.Model(given, keras.layers.Reshape((4, 4), name="to_one")(given))
    assert size_fixing_layer(to_one) == "its layer to_one reshapes every input to (4, 4)"
    pooled = keras.layers.GlobalAveragePooling2D()(given)
    for kept in (keras.layers.Dense(3)(pooled), keras.layers.Reshape((-1, 1))(given)):
        assert not size_fixing_layer(keras.Model(given, kept))
