"""Networks from elsewhere become networks of ours, which answer the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from keras_makers import nearest_mean, opened, save

from zoo.common.errors import Unsupported, UsageError, ZooError
from zoo.contracts import ImagePreprocessing
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import normalize, read_inputs
from zoo.networks.card import read_card
from zoo.networks.loading import LoadedModel, Subject, load_model
from zoo.networks.sources.graph import computes_in_half, flattened, range_in_graph
from zoo.networks.sources.heads import with_logits
from zoo.networks.sources.opening import variant_name
from zoo.registry import PluginSettings, load_registry

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")
layers = keras.layers


def loaded(weights: Path) -> LoadedModel:
    return load_model(Subject(model=str(weights), plugins=PluginSettings()))


def probabilities(made: LoadedModel, count: int = 50) -> np.ndarray:
    """The converted network's answers to raw images, as files will give them."""
    split = open_dataset(load_registry(), "digits").splits["test"]
    raw = read_inputs(split, made.preprocessing, range(count))
    logits = made.network(normalize(raw, made.preprocessing), training=False)
    return np.asarray(keras.ops.softmax(logits))


def originals(path: Path, scale: float, count: int = 50) -> np.ndarray:
    """The file's own answers in Keras."""
    split = open_dataset(load_registry(), "digits").splits["test"]
    images = np.stack([split.read(i) for i in range(count)]).astype(np.float32) * scale
    model = keras.models.load_model(path, compile=False)
    return np.asarray(model(images.reshape(-1, *model.inputs[0].shape[1:]), training=False))


def inside(inputs: object) -> object:
    """A model in a model, whose layers are called as outside of training, behind a rescaling."""
    inner_input = keras.Input((8, 8, 1))
    inner = keras.Model(inner_input, layers.BatchNormalization(name="answers")(inner_input))
    normalized = inner(layers.Rescaling(1 / 255)(inputs), training=False)
    return layers.Softmax()(nearest_mean(layers.Dropout(0.5)(normalized), "linear"))


def apart(inputs: object) -> object:
    """The mean of two networks' probabilities: no softmax is last."""
    return layers.Average()(
        [nearest_mean(inputs), layers.Dense(10, "softmax")(layers.Flatten()(inputs))]
    )


NETWORKS = {
    "softmax.keras": (nearest_mean, (8, 8, 1), 1 / 255, "measured: 0..1, grey, 9"),
    "softmax.h5": (nearest_mean, (8, 8, 1), 1 / 255, "measured: 0..1, grey, 9"),
    "inside.keras": (inside, (8, 8, 1), 1.0, "in its graph: (pixel × 1 − 0) / 1, 9"),
    "no_channels.keras": (nearest_mean, (8, 8), 1 / 255, "measured: 0..1, grey, 9"),
    "apart.keras": (apart, (8, 8, 1), 1 / 255, "measured: 0..1, grey, 9"),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_answers_as_it_did(tmp_path: Path, name: str) -> None:
    make, shape, scale, way = NETWORKS[name]
    keras.utils.set_random_seed(0)
    file = save(tmp_path / name, make, shape)
    if file.suffix == ".h5":  # whose variables have other names if a list of layers was saved
        keras.Sequential(keras.models.load_model(file, compile=False).layers).save(file)
    made = loaded(opened(file, tmp_path / "made"))
    np.testing.assert_allclose(probabilities(made), originals(file, scale), atol=1e-5)
    assert made.card.network is not None
    assert made.card.network.input.startswith(way)
    assert isinstance(made.preprocessing, ImagePreprocessing)
    assert made.preprocessing.scale == scale
    assert made.card.classes == tuple("0123456789")
    assert (made.network.layers[-1].name == "head") == (name != "apart.keras")
    # Flat: exporters, quantization and counts see each layer.
    assert not any(isinstance(layer, keras.Model) for layer in made.network.layers)


@pytest.mark.parametrize(
    "end",
    [
        lambda x: layers.Dense(3, activation="softmax")(x),
        lambda x: layers.Activation("softmax")(layers.Dense(3)(x)),
        lambda x: layers.Softmax()(layers.Dense(3)(x)),
        lambda x: keras.ops.softmax(layers.Dense(3)(x)),
        lambda x: layers.Dense(3)(x),
    ],
)
def test_the_last_layer_is_left_with_its_logits(end: Callable[[object], object]) -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, end(inputs))
    given = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    before = np.asarray(model(given))
    made, _, _ = with_logits(model, given, before, "net")
    assert made.output._keras_history.operation.name == made.layers[-1].name == "head"
    after = np.asarray(made(given))
    if not np.allclose(before.sum(-1), 1):
        np.testing.assert_array_equal(after, before)
        return
    assert after.min() < 0
    np.testing.assert_allclose(np.asarray(keras.ops.softmax(after)), before, atol=1e-6)


def test_sigmoid_of_one_unit_becomes_two_classes() -> None:
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(inputs))
    given = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    before = np.asarray(model(given))
    made, _, notes = with_logits(model, given, before, "net")
    after = np.asarray(keras.ops.softmax(made(given)))
    np.testing.assert_allclose(after, np.concatenate([1 - before, before], 1), atol=1e-6)
    assert made.layers[-1].name == "head"
    assert notes[-1] == "its one output became two, for two classes"


def test_an_activation_inside_a_recurrent_layer_stays() -> None:
    inputs = keras.Input((3, 4))
    model = keras.Model(inputs, layers.GRU(1, activation="sigmoid")(inputs))
    given = np.random.default_rng(0).normal(size=(20, 3, 4)).astype(np.float32)
    before = np.asarray(model(given))
    made, _, notes = with_logits(model, given, before, "net")
    after = np.asarray(keras.ops.softmax(made(given)))
    np.testing.assert_allclose(after, np.concatenate([1 - before, before], 1), atol=1e-6)
    assert notes[-1].startswith("the sigmoid at its end could not be taken off")


def test_classes_in_another_order_are_put_right(tmp_path: Path) -> None:
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]

    def permuted(inputs: object) -> object:
        outputs = nearest_mean(inputs)
        dense = outputs._keras_history.operation
        kernel, bias = dense.get_weights()
        dense.set_weights([kernel[:, order], bias[order]])
        return outputs

    file = save(tmp_path / "net.keras", permuted)
    with pytest.raises(UsageError, match="no usual normalization") as caught:
        opened(file, tmp_path / "none")
    assert "0 means class 3" in str(caught.value.why)
    assert not (tmp_path / "none").exists()
    names = tmp_path / "classes.txt"
    names.write_text("\n".join(map(str, order)), encoding="utf-8")
    made = loaded(opened(file, tmp_path / "made", classes=str(names)))
    np.testing.assert_allclose(probabilities(made)[:, order], originals(file, 1 / 255), atol=1e-5)
    assert made.card.classes == tuple("0123456789")
    names.write_text("\n".join("abcdefghij"), encoding="utf-8")
    with pytest.raises(UsageError, match="digits has other classes than"):
        opened(file, tmp_path / "none", classes=str(names))


def test_blue_green_red_is_found_and_turned(tmp_path: Path) -> None:
    """A network of three channels that looks at the first and last one."""
    from zoo.networks.sources.channels import in_rgb

    inputs = keras.Input((8, 8, 3))
    convolution, twice = layers.Conv2D(2, 3), layers.Conv2D(3, 3, padding="same")
    residual = layers.Add()([inputs, layers.Conv2D(3, 3, padding="same")(inputs)])
    for outputs in (convolution(inputs), layers.Flatten()(inputs), residual, twice(twice(inputs))):
        model = keras.Model(inputs, outputs)
        given = np.random.default_rng(0).normal(size=(5, 8, 8, 3)).astype(np.float32)
        before = np.asarray(model(given[..., ::-1]))
        np.testing.assert_allclose(np.asarray(in_rgb(model)(given)), before, atol=1e-5)


def test_what_is_stated_is_held_to_the_data(tmp_path: Path) -> None:
    file = save(tmp_path / "net.keras", nearest_mean)
    made = loaded(opened(file, tmp_path / "made", input="grey 0..1"))
    assert made.card.network is not None
    assert made.card.network.input.startswith("stated: (pixel × 0.00392157 − 0) / 1, 9")
    with pytest.raises(UsageError, match="takes other inputs than stated"):
        opened(file, tmp_path / "none", input="-1..1")
    with pytest.raises(UsageError, match="says 9x9"):
        opened(file, tmp_path / "none", input="9x9")
    with pytest.raises(UsageError, match="takes one channel"):
        opened(file, tmp_path / "none", input="rgb")
    behind = save(tmp_path / "behind.keras", inside)
    with pytest.raises(UsageError, match="normalizes its inputs itself, from 0 to 255"):
        opened(behind, tmp_path / "none", input="0..1")


@pytest.mark.parametrize("turned", [False, True])
def test_the_range_is_read_before_branches(turned: bool) -> None:
    inputs = keras.Input((8, 8, 1))
    first = layers.Conv2D(4, 3)(layers.Rescaling(1 / 255)(layers.Reshape((8, 8, 1))(inputs)))
    both = [first, layers.ReLU()(first)]
    model = keras.Model(inputs, layers.Add()(both[::-1] if turned else both))
    flat = flattened(model, (8, 8, 1), (8, 8, 1))
    assert range_in_graph(flat) == (0.0, 255.0)
    late = layers.Rescaling(1 / 255)(layers.ReLU()(inputs))
    assert range_in_graph(keras.Model(inputs, late)) is None


def test_half_precision_is_told_from_the_layers(tmp_path: Path) -> None:
    """A loaded model has the policy of this process, its layers that of their training."""
    file = save(tmp_path / "single.keras", seven)
    assert not computes_in_half(keras.models.load_model(file, compile=False))
    with_policy = keras.dtype_policies.DTypePolicy("mixed_float16")
    file = save(
        tmp_path / "half.keras", lambda x: layers.Dense(7, dtype=with_policy)(layers.Flatten()(x))
    )
    assert computes_in_half(keras.models.load_model(file, compile=False))


def two(inputs: object) -> object:
    return [layers.Dense(2)(layers.Flatten()(inputs)), layers.Flatten()(inputs)]


def not_finite(inputs: object) -> object:
    return keras.ops.log(nearest_mean(inputs) - 2.0)


def diverged(inputs: object) -> object:
    made = nearest_mean(inputs)
    layer = made._keras_history.operation
    layer.set_weights([np.nan * values for values in layer.get_weights()])
    return made


def many(inputs: object) -> object:
    return nearest_mean(inputs, "sigmoid")


def seven(inputs: object) -> object:
    return layers.Dense(7)(layers.Flatten()(inputs))


def pixels(inputs: object) -> object:
    return layers.Conv2D(10, 3)(inputs)


@pytest.mark.parametrize(
    ("make", "shape", "kind", "problem"),
    [
        (two, (8, 8, 1), Unsupported, "has 2 outputs"),
        (not_finite, (8, 8, 1), ZooError, "itself answers with NaN"),
        (diverged, (8, 8, 1), ZooError, "2 of its tensors of weights hold them"),
        (many, (8, 8, 1), Unsupported, "do not add up to one"),
        (seven, (8, 8, 1), UsageError, "has 7 outputs, and digits has 10 classes"),
        (pixels, (8, 8, 1), Unsupported, "one figure for each class is needed"),
        (seven, (8, 8, 4), Unsupported, "which are no images"),
        (seven, (64,), UsageError, "the size of its images is not in it"),
    ],
)
def test_what_does_not_fit_is_refused(
    tmp_path: Path, make: object, shape: tuple[int, ...], kind: type[ZooError], problem: str
) -> None:
    file = save(tmp_path / "net.keras", make, shape)
    with pytest.raises(kind) as caught:
        opened(file, tmp_path / "made")
    assert problem in caught.value.what
    assert caught.value.fix
    assert not (tmp_path / "made").exists()


def test_weights_tell_their_input_apart(tmp_path: Path) -> None:
    """Networks of the same tensors and other inputs are different networks."""
    file = save(tmp_path / "net.keras", nearest_mean)
    one = opened(file, tmp_path / "one", input="0..1")
    other = opened(file, tmp_path / "other", input="0..1 crop")
    hashes = [read_card(path.with_suffix(".toml")).sha256 for path in (one, other)]
    assert hashes[0] != hashes[1]


def test_a_reference_is_described_and_no_file_for_devices(tmp_path: Path) -> None:
    from zoo.artifacts.format_of_file import find_exporter
    from zoo.common.errors import BadFile
    from zoo.networks.checkpoints import resolve
    from zoo.networks.sources.describing import describe
    from zoo.networks.sources.references import NO_DATA, Opening, open_reference

    file = save(tmp_path / "net.keras", nearest_mean)
    registry = load_registry()
    told = describe(
        source="keras", reference=str(file), plugins=PluginSettings(), emit=lambda event: None
    )
    assert told["inputs"][0].endswith("float32 ?×8×8×1")
    assert told["parameters"] == 650
    with pytest.raises(BadFile, match="is a network from elsewhere, not an exported file"):
        find_exporter(registry, file)
    with pytest.raises(UsageError, match="is opened with data"):
        resolve(registry, str(file))
    for stated, why in (("", "nor what the outputs mean"), ("8x8 grey 0..1", "--input states how")):
        how = Opening(data=NO_DATA, input=stated)
        with pytest.raises(UsageError, match="no dataset is named that it fits") as caught:
            open_reference(registry, str(file), how, lambda step, event: None)
        assert why in (caught.value.why or "")
        assert ("--input" in (caught.value.fix or "")) is not bool(stated)
    assert not open_reference(registry, "lenet5", Opening(data="digits"), lambda step, event: None)


def test_a_name_that_is_taken_gets_digits_of_the_file() -> None:
    """By a network of the zoo, or in the graph around it: its input, its output, a layer."""
    registry, digest = load_registry(), "0a1b2c3d"
    for stem in ("lenet5", "lenet", "pixels", "series", "probabilities", "normalization"):
        assert variant_name(registry, stem, digest) == f"{stem}-0a1b2c"
    for stem, name in {"My Net (2)": "my_net_2", "7": "net_7", "ÄÖ": "network"}.items():
        assert variant_name(registry, stem, digest) == name
