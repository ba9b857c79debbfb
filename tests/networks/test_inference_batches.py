"""Examples at a time for networks that run in Python: by the size of their activations."""

from __future__ import annotations

import tracemalloc
from typing import Any

import keras
import numpy as np
import pytest

from zoo.contracts.training import Training
from zoo.data.opening import open_dataset
from zoo.networks import inference_batches
from zoo.networks.building import deployed_model
from zoo.networks.inference_batches import MOST, activation_bytes, inference_batch
from zoo.networks.loading import LoadedModel, Subject, load_model
from zoo.pipeline.steps.evaluate import compare_preprocessing, keras_outputs
from zoo.registry import PluginSettings, load_registry
from zoo.training.batches import TrainingBatches


@pytest.fixture(scope="module")
def loaded() -> LoadedModel:
    return load_model(Subject(model="lenet5.fashion_mnist", plugins=PluginSettings()))


def picture_network(side: int) -> Any:
    """A network with a model inside: 24 values for each of side × side pixels, and 6 behind."""
    inner_input = keras.Input((side, side, 8))
    inner = keras.Model(inner_input, keras.layers.ReLU()(inner_input))
    given = keras.Input((side, side, 3))
    wide = keras.layers.Conv2D(8, 1)(given)
    pooled = keras.layers.GlobalAveragePooling2D()(inner(wide))
    return keras.Model(given, keras.layers.Dense(2, dtype="float64")(pooled))


def test_results_of_all_layers_count_those_inside_models_too() -> None:
    # Input, convolution, the inner input, its activation, and the inner model's own result.
    pixels = 3 + 8 + 8 + 8 + 8
    assert activation_bytes(picture_network(16)) == 4 * 16 * 16 * pixels + 4 * 8 + 8 * 2


def test_large_networks_get_few_examples_at_a_time_and_small_ones_as_many_as_ever() -> None:
    network = picture_network(512)
    each = activation_bytes(network)
    assert inference_batch(network) == (1 << 29) // each < 16
    assert inference_batch(network, compiled=True) == (1 << 31) // each
    assert inference_batch(picture_network(8)) == MOST == 256


def test_networks_run_on_no_more_examples_than_that(
    loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = open_dataset(load_registry(PluginSettings()), "fashion_mnist")
    split = dataset.splits["test"]
    few = type(split)(labels=split.labels[:20], read=split.read, content_hash=split.content_hash)
    model = deployed_model(loaded.network, loaded.preprocessing, loaded.task, batch=None)
    whole = keras_outputs(loaded, few, lambda done: None, model=model)
    monkeypatch.setattr(inference_batches, "_BYTES", 8 * activation_bytes(model))
    seen, told = [], []

    def counted(raw: Any, training: bool) -> Any:
        seen.append(len(raw))
        return model(raw, training=training)

    counted._flatten_layers = model._flatten_layers  # type: ignore[attr-defined]
    parts = keras_outputs(loaded, few, told.append, model=counted)
    assert seen == [8, 8, 4]
    assert told == [8, 16, 20]
    np.testing.assert_allclose(parts, whole, atol=1e-6)
    options = (loaded.preprocessing, Training(batch_size=32), loaded.task, 0)
    batches = TrainingBatches(dataset, *options, model=model)
    assert len(next(iter(batches.validation()))[0]) == 4 * 8


def test_normalizations_of_large_inputs_are_compared_in_parts(loaded: LoadedModel) -> None:
    random = np.random.default_rng(0)
    raw = random.integers(0, 256, (4096, *loaded.preprocessing.input_shape), np.uint8)
    tracemalloc.start()
    found = compare_preprocessing(loaded.preprocessing, raw)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.count == 4096
    assert most < 3 * 8 * raw.size
    first = compare_preprocessing(loaded.preprocessing, raw[:100])
    assert first.max_abs <= found.max_abs < 1e-4
