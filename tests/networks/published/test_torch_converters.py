"""Converted weights give PyTorch's own answers: max |Δ| of logits at most 1e-4 in float32."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadFile
from zoo.contracts import SourceLayer, WeightsSource
from zoo.networks.building import build_network, variable_names
from zoo.networks.published.cache import sources_of
from zoo.networks.published.convert import convert
from zoo.networks.weights import load_into
from zoo.registry import PluginSettings, load_registry

pytestmark = pytest.mark.torch
torch_twins = pytest.importorskip("torch_twins", exc_type=ImportError)

REGISTRY = load_registry(PluginSettings(installed=False))
ALLOWED = 1e-4


def source_of(variant: str) -> WeightsSource:
    """The variant's source with PyTorch's own names."""
    sources = sources_of(*REGISTRY.variant(variant)).values()
    return next(s for s in sources if s.framework == "torch" and s.tag[:2] in ("tv", "py"))


def converted_network(
    variant: str,
    tensors: dict[str, Any],
    layers: Iterable[SourceLayer] | None = None,
    **hyperparameters: Any,
) -> Any:
    """Our network with a twin's tensors."""
    source = source_of(variant)
    architecture, record = REGISTRY.variant(variant)
    network = build_network(
        architecture, record, 1000, {**source.hyperparameters, **hyperparameters}
    )
    shapes = {name: tuple(v.shape) for name, v in variable_names(network).items()}
    table = source.layers() if layers is None else layers
    load_into(network, convert(tensors, shapes, table, "torch", "twin"), "twin", skip_head=False)
    return network


def inputs(count: int = 2) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(count, 224, 224, 3)).astype(np.float32)


def difference(variant: str, twin: Any, **changes: Any) -> float:
    """Largest absolute difference of any logit, after checking that logits are not tiny."""
    x = inputs()
    expected = torch_twins.answers(twin, x)
    assert expected.std() > 1
    network = converted_network(variant, torch_twins.arrays(twin), **changes)
    return float(np.abs(np.asarray(network(x, training=False)) - expected).max())


@pytest.mark.parametrize("variant", list(torch_twins.TWINS))
def test_converted_weights_answer_as_pytorch_does(variant: str) -> None:
    measured = difference(variant, torch_twins.random_twin(variant))
    print(f"{variant}: max |Δ| {measured:.2g}")
    assert measured <= ALLOWED


def test_a_stride_in_another_convolution_is_noticed() -> None:
    """v1 and v1.5 have the same tensors; only their answers tell them apart."""
    twin = torch_twins.random_twin("resnet50")
    assert difference("resnet50", twin, version="v1") > 100 * ALLOWED


def test_another_epsilon_is_noticed() -> None:
    twin = torch_twins.random_twin("vgg11_bn")
    assert difference("vgg11_bn", twin, epsilon=1e-3) > ALLOWED


def test_flattening_in_another_order_is_noticed() -> None:
    twin = torch_twins.random_twin("alexnet")
    wrong = [dataclasses.replace(layer, flattened=None) for layer in source_of("alexnet").layers()]
    assert difference("alexnet", twin, layers=wrong) > 100 * ALLOWED


def test_two_lines_that_changed_places_are_noticed() -> None:
    twin = torch_twins.random_twin("resnet18")
    swap = {"layer1.0.bn1": "layer1.0.bn2", "layer1.0.bn2": "layer1.0.bn1"}
    wrong = [
        dataclasses.replace(layer, theirs=swap.get(layer.theirs, layer.theirs))
        for layer in source_of("resnet18").layers()
    ]
    assert difference("resnet18", twin, layers=wrong) > 100 * ALLOWED


def test_every_tensor_that_does_not_fit_is_listed() -> None:
    tensors = torch_twins.arrays(torch_twins.random_twin("resnet18"))
    del tensors["layer2.0.downsample.0.weight"]
    tensors["layer9.0.conv1.weight"] = tensors["conv1.weight"]
    tensors["fc.weight"] = tensors["fc.weight"].T
    with pytest.raises(BadFile, match="another network") as caught:
        converted_network("resnet18", tensors)
    assert caught.value.why == (
        "missing: layer2.0.downsample.0.weight; "
        "misshaped: fc.weight is (512, 1000), expected (1000, 512); "
        "unexpected: layer9.0.conv1.weight"
    )
