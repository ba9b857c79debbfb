"""Converter tables name each layer of their network once, there and here."""

from __future__ import annotations

from collections import Counter

import pytest

from zoo.contracts import WeightsSource
from zoo.networks.building import build_network, variable_names
from zoo.networks.published.cache import all_sources
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
#: Larger networks take seconds to build alone.
LARGE = 20_000_000
SOURCES = [
    pytest.param(s, id=s.model_id, marks=[pytest.mark.slow] if v.parameters > LARGE else [])
    for _, v, s in all_sources(REGISTRY.variants())
]


def layers_with_weights(source: WeightsSource) -> set[str]:
    pytest.importorskip("keras")
    architecture, variant = REGISTRY.variant(source.variant)
    network = build_network(architecture, variant, 10, source.hyperparameters)
    return {name.rpartition("/")[0] for name in variable_names(network)}


@pytest.mark.parametrize("source", SOURCES)
def test_a_table_names_every_layer_once(source: WeightsSource) -> None:
    layers = list(source.layers())
    for names in ([layer.theirs for layer in layers], [layer.ours for layer in layers]):
        assert [name for name, count in Counter(names).items() if count > 1] == []
    assert {layer.ours for layer in layers} == layers_with_weights(source)


def test_a_layer_that_a_table_forgets_is_noticed() -> None:
    source = next(s for s in REGISTRY.variant("resnet18")[0].sources if s.variant == "resnet18")
    kept = {layer.ours for layer in list(source.layers())[1:]}
    assert layers_with_weights(source) - kept == {"stem_conv"}


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_says_what_its_weights_are(source: WeightsSource) -> None:
    assert source.licence
    assert source.page
    assert len(source.classes()) == len(set(source.classes())) == 1000
    assert source.preprocessing is not None
    assert source.preprocessing.crop_share < 1
