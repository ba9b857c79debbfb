"""Weights of keras.applications give its own answers here, preprocessing included."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadFile, UsageError
from zoo.contracts import WeightsSource
from zoo.networks.building import build_network, variable_names
from zoo.networks.published.convert import convert
from zoo.networks.published.file_formats import read_checkpoint_file
from zoo.networks.weights import load_into
from zoo.registry import PluginSettings, load_registry

keras = pytest.importorskip("keras")

REGISTRY = load_registry(PluginSettings(installed=False))
SOURCES = [s for a in REGISTRY.architectures for s in a.sources if s.framework == "keras"]
#: Two of each kind would prove the same again.
SHOWN = ("mobilenet_v2", "mobilenet_v2_035_96", "mobilenet_v3_small", "resnet50", "vgg16")


def shown(source: WeightsSource) -> str:
    """The variant, and what its tag says beside it."""
    return f"{source.variant}{source.tag.removeprefix('keras_in1k')}"


def random_application(source: WeightsSource) -> Any:
    """The published network, whose every tensor decides something."""
    random = np.random.default_rng(0)
    network = getattr(keras.applications, source.application)(
        weights=None,
        classifier_activation=None,
        # Made for one size, which decides nothing of its weights.
        input_shape=getattr(source.preprocessing, "input_shape", None),
        **source.application_options,
    )
    for layer in network.layers:
        if hasattr(layer, "moving_variance"):
            width = layer.gamma.shape
            layer.set_weights(
                [
                    random.uniform(0.5, 1.5, width),
                    random.normal(0, 0.2, width),
                    random.normal(0, 0.2, width),
                    random.uniform(0.5, 1.5, width),
                ]
            )
        elif layer.weights:
            kernel, *bias = layer.get_weights()
            fan = np.prod(kernel.shape[:-1]) if "depthwise" not in layer.name else 9
            kernel = random.normal(0, np.sqrt(2 / fan), kernel.shape).astype(np.float32)
            layer.set_weights([kernel, *(random.normal(0, 0.2, b.shape) for b in bias)])
    return network


def preprocess(source: WeightsSource, pixels: np.ndarray) -> np.ndarray:
    """By the application's own function."""
    module = inspect.getmodule(getattr(keras.applications, source.application))
    return module.preprocess_input(pixels.copy())


@pytest.mark.slow
@pytest.mark.parametrize("variant", SHOWN)
def test_converted_weights_answer_as_the_application_does(variant: str, tmp_path: Path) -> None:
    (source,) = [s for s in SOURCES if shown(s) == variant]
    application = random_application(source)
    assert source.preprocessing is not None
    shape = (2, *source.preprocessing.input_shape)
    pixels = np.random.default_rng(1).integers(0, 256, shape).astype(np.float32)
    expected = application.predict(preprocess(source, pixels), verbose=0)
    # As large as those of a trained network.
    scale = 3.0 / expected.std()
    head = [layer for layer in application.layers if layer.weights][-1]
    head.set_weights([w * scale for w in head.get_weights()])
    expected = expected * scale
    path = tmp_path / "published.h5"
    application.save(path)

    about = (*REGISTRY.variant(source.variant), 1000, source.hyperparameters)
    network = build_network(*about, source.preprocessing)
    shapes = {name: tuple(v.shape) for name, v in variable_names(network).items()}
    tensors = read_checkpoint_file(path, source.application, source.application_options)
    converted = convert(tensors, shapes, source.layers(), "keras", "application")
    load_into(network, converted, "application", skip_head=False)
    answered = logits(network, source, pixels)
    print(f"{variant}: max |Δ| {np.abs(answered - expected).max():.2g}")
    assert np.abs(answered - expected).max() <= 1e-4
    # Red and blue the wrong way round would be noticed.
    assert np.abs(logits(network, source, pixels[..., ::-1]) - expected).max() > 0.1


def logits(network: Any, source: WeightsSource, pixels: np.ndarray) -> np.ndarray:
    """From raw pixels, as deployed, before the softmax."""
    from zoo.data.preprocessing.inputs import normalize

    assert source.preprocessing is not None
    return np.asarray(network(normalize(pixels, source.preprocessing), training=False))


@pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.model_id)
def test_addresses_and_hashes_are_those_that_keras_itself_uses(source: WeightsSource) -> None:
    module = inspect.getmodule(getattr(keras.applications, source.application))
    if "resnet" in source.variant:
        hashes = {name: pair[0] for name, pair in module.WEIGHTS_HASHES.items()}
        assert source.hash == f"md5:{hashes[source.variant]}"
        assert source.url.startswith(module.BASE_WEIGHTS_PATH)
    elif "vgg" in source.variant:
        assert source.hash.removeprefix("md5:") in inspect.getsource(module)
        assert source.url == module.WEIGHTS_PATH
    elif "v3" in source.variant:
        name = source.url.removeprefix(f"{module.BASE_WEIGHT_PATH}weights_mobilenet_v3_")
        assert source.hash == f"md5:{module.WEIGHTS_HASHES[name.removesuffix('.h5')][0]}"
    else:
        assert source.url.startswith(module.BASE_WEIGHT_PATH)
        assert "file_hash" not in inspect.getsource(module), "use the hash that Keras has now"


def test_an_h5_file_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)
    with pytest.raises(BadFile, match=r"not a weights file of keras.applications.MobileNetV2"):
        read_checkpoint_file(path, "MobileNetV2")


@pytest.mark.parametrize("name", ["", "NoSuchNet", "__import__('os')"])
def test_an_h5_file_needs_a_network(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="its network is not known"):
        read_checkpoint_file(tmp_path / "a.h5", name)
