"""LSTMs: padding means the same in training and in files, and sizes are counted truly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_agents import agent

from zoo.common.errors import UsageError, ZooError
from zoo.contracts import ExportRequest
from zoo.networks.building import build_network, deployed_model
from zoo.networks.multiply_adds import count_multiply_adds
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
LENGTH, WORDS = 64, 4096


def network_of(name: str, **given: Any) -> Any:
    import keras

    keras.utils.set_random_seed(3)
    architecture, variant = REGISTRY.variant(name)
    return build_network(architecture, variant, 5, given)


def texts(count: int = 24, seed: int = 1) -> np.ndarray:
    """Word numbers of texts of every length, from one word to texts without padding."""
    random = np.random.default_rng(seed)
    tokens = random.integers(1, WORDS, (count, LENGTH)).astype(np.int32)
    lengths = np.linspace(1, LENGTH, count).astype(int)
    tokens[np.arange(LENGTH) >= lengths[:, None]] = 0
    return tokens


def masked_twin(network: Any, stepwise: bool) -> Any:
    """The same weights in the network that Keras users would write, with Keras' own masks."""
    import keras

    embedding, lstm, head = (network.get_layer(n) for n in ("embedding", "lstm1", "head"))
    inputs = keras.Input((LENGTH,), dtype="int32")
    x = keras.layers.Embedding(WORDS, embedding.output_dim, mask_zero=True)(inputs)
    x = keras.layers.LSTM(lstm.units, return_sequences=stepwise)(x)
    twin = keras.Model(inputs, keras.layers.Dense(5)(x))
    twin.set_weights([*embedding.get_weights(), *lstm.get_weights(), *head.get_weights()])
    return twin


def test_a_text_is_read_as_a_masked_lstm_reads_it() -> None:
    network, tokens = network_of("lstm_text"), texts()
    expected = np.asarray(masked_twin(network, stepwise=False)(tokens))
    np.testing.assert_allclose(np.asarray(network(tokens)), expected, atol=1e-6)


def test_reading_on_over_the_padding_would_be_noticed() -> None:
    network, tokens = network_of("lstm_text"), texts()
    expected = np.asarray(masked_twin(network, stepwise=False)(tokens))
    unpadded = np.where(tokens == 0, 1, tokens)
    assert np.abs(np.asarray(network(unpadded)) - expected)[:-1].max() > 0.01


def test_tags_before_the_padding_are_those_of_a_masked_lstm() -> None:
    network, tokens = network_of("lstm_tagger"), texts()
    expected = np.asarray(masked_twin(network, stepwise=True)(tokens))
    found = np.asarray(network(tokens))
    np.testing.assert_allclose(found[tokens != 0], expected[tokens != 0], atol=1e-6)


@pytest.mark.parametrize("name", ["lstm_text", "lstm_tagger"])
def test_padding_learns_nothing(name: str) -> None:
    import keras
    import tensorflow as tf

    from zoo.contracts.dataset import IGNORED
    from zoo.contracts.training import Training

    network, tokens = network_of(name), texts()
    task = REGISTRY.tasks.get(REGISTRY.variant(name)[1].task)
    task.compile(network, keras.optimizers.SGD(0.0), Training())
    labels = np.arange(len(tokens)) % 5
    if len(network.output_shape) == 3:
        labels = np.where(tokens == 0, IGNORED, tokens % 5)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(network.loss(tf.constant(labels), network(tokens)))
    table = network.get_layer("embedding").embeddings.value
    gradient = tf.convert_to_tensor(tape.gradient(loss, table)).numpy()
    assert (gradient[0] == 0).all()
    assert np.abs(gradient[np.unique(tokens[tokens > 0])]).sum(axis=1).min() > 0


@pytest.mark.parametrize("exporter", [pytest.param(e, id=e.name) for e in REGISTRY.exporters])
@pytest.mark.parametrize("name", ["lstm_small", "lstm_text", "lstm_tagger"])
def test_a_file_answers_as_the_trained_network_whatever_the_length(
    name: str, exporter: Any, tmp_path: Path
) -> None:
    _, variant = REGISTRY.variant(name)
    task = REGISTRY.tasks.get(variant.task)
    network, path = network_of(name), tmp_path / f"network{exporter.suffix}"
    exporter.export(
        ExportRequest(
            model=deployed_model(network, variant.preprocessing, task),
            path=path,
            precision="float32",
            calibration=None,
            input_name=variant.preprocessing.input_name,
            output_names=task.output_names,
            integer_input=False,
        )
    )
    inputs = texts(9)
    if variant.preprocessing.dtype == "float32":
        shape = (9, *variant.preprocessing.input_shape)
        inputs = np.random.default_rng(2).normal(0, 1, shape).astype(np.float32)
    expected = np.asarray(deployed_model(network, variant.preprocessing, task, batch=None)(inputs))
    session = agent(exporter.runtimes[0])
    session.load(path)
    answered = session.run(inputs)
    # Nothing of one sequence may be left when the next begins.
    again = session.run(inputs[::-1].copy())[::-1]
    np.testing.assert_allclose(answered, expected, atol=1e-5)
    np.testing.assert_allclose(again, expected, atol=1e-5)
    assert np.abs(expected - expected[::-1]).max() > 1e-3, "the inputs must be told apart"


def test_options_that_do_not_fit_the_input_are_refused() -> None:
    for name, embedding in (("lstm_small", 16), ("lstm_text", 0)):
        with pytest.raises(UsageError, match="could not build") as caught:
            network_of(name, embedding=embedding)
        assert "embedding must be" in str(caught.value)
    with pytest.raises(ZooError, match="returns shape"):
        network_of("lstm_text", stepwise=True)


def test_layers_and_dropout() -> None:
    network = network_of("lstm_small", layers=2, units=16, dropout=0.5)
    names = [layer.name for layer in network.layers]
    assert names == ["normalized", "lstm1", "lstm2", "dropout", "head"]
    assert count_multiply_adds(network) == 28 * 4 * 16 * (28 + 16 + 16 + 16) + 16 * 5


def test_every_kind_of_recurrence_is_counted() -> None:
    import keras
    from keras import layers

    def counted(layer: Any) -> int:
        inputs = keras.Input((7, 3))
        return count_multiply_adds(keras.Model(inputs, layer(inputs)))

    assert counted(layers.LSTM(5)) == 7 * 4 * 5 * (3 + 5)
    assert counted(layers.LSTM(5, return_sequences=True)) == 7 * 4 * 5 * (3 + 5)
    assert counted(layers.GRU(5)) == 7 * 3 * 5 * (3 + 5)
    assert counted(layers.SimpleRNN(5)) == 7 * 5 * (3 + 5)
    assert counted(layers.Bidirectional(layers.LSTM(5))) == 2 * 7 * 4 * 5 * (3 + 5)
    stacked = layers.RNN([layers.LSTMCell(5), layers.LSTMCell(2)])
    assert counted(stacked) == 7 * 4 * (5 * (3 + 5) + 2 * (5 + 2))
    assert counted(layers.Dense(4)) == 7 * 3 * 4
