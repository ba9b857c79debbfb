"""Figures about integers, and names of layers: numbers that can be checked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.contracts.layers import EXACT_DB
from zoo.exporters.quantization.quantization_error import (
    IntegerMapping,
    NoisePower,
    OutputStatistics,
    StoredWeights,
    weight_figures,
)
from zoo.networks.layer_names import LayerNames, with_nameless

RESNET = ("normalization", "stem_conv", "stem_bn", "stem_relu", "head", "probabilities")
FUSED = "functional_1/net_1/stem_relu_1/Relu;functional_1/net_1/stem_bn_1/mul;stem_conv_1/conv1"


def test_noise_of_a_tenth_is_twenty_decibels() -> None:
    noise = NoisePower()
    noise.add(np.array([10.0, -10.0]), np.array([11.0, -9.0]))
    assert noise.decibels == pytest.approx(20.0)


def test_no_noise_no_signal_and_no_number_have_decibels_of_their_own() -> None:
    same, silent, broken = NoisePower(), NoisePower(), NoisePower()
    same.add(np.ones(3), np.ones(3))
    silent.add(np.zeros(3), np.ones(3))
    broken.add(np.ones(3), np.array([1.0, np.nan, 1.0]))
    assert (same.decibels, silent.decibels, broken.decibels) == (EXACT_DB, None, None)


def test_integers_round_to_the_nearest_and_clip_at_their_ends() -> None:
    integers = IntegerMapping(scale=0.5, zero_point=-28, dtype="int8")
    assert integers.range == (-50.0, 77.5)
    values = np.array([0.0, 0.3, -60.0, 99.0], np.float32)
    np.testing.assert_array_equal(integers.rounded(values), [0.0, 0.5, -50.0, 77.5])


def test_values_beyond_the_range_are_counted_and_half_a_step_is_not_beyond() -> None:
    integers = IntegerMapping(scale=1.0, zero_point=0, dtype="int8")
    gathered = OutputStatistics(integers=integers)
    values = np.array([127.4, 127.6, -128.4, -200.0])
    gathered.add(values, integers.rounded(values))
    figures = gathered.figures()
    assert figures["clipped"] == 0.5
    assert (figures["low"], figures["high"]) == (-200.0, 127.6)
    plain = OutputStatistics()
    plain.add(values, values)
    assert plain.figures()["clipped"] is None
    assert plain.figures()["range_low"] is None


def test_one_large_channel_costs_the_others_their_weights_when_they_share_a_scale() -> None:
    real = np.random.default_rng(0).normal(size=(8, 3, 3, 4)).astype(np.float32)
    real[0] *= 1000

    def figures(real: Any, values: Any) -> dict[str, Any]:
        return weight_figures(real, StoredWeights(values=values, axis=0, scales=8, bits=4))

    each = np.abs(real).max(axis=(1, 2, 3), keepdims=True) / 127
    shared = np.abs(real).max() / 127
    by_channel = figures(real, np.rint(real / each) * each)
    together = figures(real, np.rint(real / shared) * shared)
    assert by_channel["weight_spread"] > 500
    # The large channel hides the loss of the small ones in a figure over all of them.
    small = figures(real[1:], (np.rint(real / shared) * shared)[1:])
    assert small["weight_sqnr_db"] < 5 < together["weight_sqnr_db"]
    alone = {"weight_scales": 8, "weight_bits": 4}
    assert figures(real, None) == {**alone, "weight_spread": by_channel["weight_spread"]}
    assert figures(None, None) == alone


def test_fused_names_give_every_layer_in_the_order_of_the_network() -> None:
    names = LayerNames(RESNET, [FUSED])
    assert names.of(FUSED) == ("stem_conv", "stem_bn", "stem_relu")
    assert names.of("const_fold_opt__92") == ()


def test_the_number_that_tracing_added_is_told_from_a_layers_own() -> None:
    layers = ("conv", "conv_1", "conv_2")
    traced = LayerNames(layers, ["net_1/conv_1/x", "net_1/conv_1_1/x", "net_1/conv_2_1/x"])
    assert traced.of("net_1/conv_1/x") == ("conv",)
    assert traced.of("net_1/conv_1_1/x") == ("conv_1",)
    plain = LayerNames(layers, ["net/conv/x", "net/conv_1/x", "net/conv_2/x"])
    assert plain.of("net/conv_1/x") == ("conv_1",)


def test_without_a_list_names_are_read_out_of_the_files_own() -> None:
    names = LayerNames((), [FUSED])
    assert "stem_relu" in names.of(FUSED)
    assert names.of("StatefulPartitionedCall_1:0") == ()


def test_a_nameless_operator_is_the_one_layer_between_its_neighbours() -> None:
    found = [("normalization",), ("stem_conv", "stem_bn", "stem_relu"), ("head",), ()]
    assert with_nameless(found, RESNET)[-1] == ("probabilities",)
    # Where it may be one of several, nobody guesses.
    assert with_nameless([("normalization",), (), ("head",)], RESNET)[1] == ()
    assert with_nameless([()], ()) == ((),)


@given(st.lists(st.text(max_size=8), max_size=5), st.lists(st.text(max_size=20), max_size=5))
def test_any_name_gives_known_layers_alone(layers: list[str], names: list[str]) -> None:
    found = LayerNames(layers, names).of(*names)
    assert not layers or set(found) <= set(layers)
    assert len(set(found)) == len(found)
