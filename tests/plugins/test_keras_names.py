"""Networks of keras.applications by name: the table is Keras' own, weights are never random."""

from __future__ import annotations

import inspect
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.downloads import DownloadFailed
from zoo.common.errors import BadFile, UnknownName, UsageError
from zoo.networks.sources import named
from zoo.networks.sources.references import source_of
from zoo.networks.sources.statement import parse_statement, pixel_scale
from zoo.plugins.keras_names.opening import (
    _clear,
    _cleared,
    _is_rescaled,
    _load,
    _rescaled,
    open_network,
)
from zoo.plugins.keras_names.references import fetch_weights, parse, weights_file
from zoo.plugins.keras_names.table import MODES, networks
from zoo.registry import load_registry

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")
applications = keras.applications
NETWORKS = {one.name: one for one in networks()}


def module_of(name: str) -> Any:
    """Where Keras has a network: functions, hashes and parts of addresses are in its text."""
    return inspect.getmodule(getattr(applications, name))


def test_all_networks_of_keras_are_there() -> None:
    functions = {n for n, f in vars(applications).items() if inspect.isfunction(f)}
    assert set(NETWORKS) == functions


@pytest.mark.parametrize("name", NETWORKS)
def test_the_table_is_that_of_keras(name: str) -> None:
    row, text = NETWORKS[name], inspect.getsource(module_of(name))
    digits = row.hash.partition(":")[2]
    if name.endswith("V2") and name.startswith("ResNet"):  # which are built by the first version
        text += inspect.getsource(module_of("ResNet50"))
    assert digits in text if digits else "file_hash" not in text
    numbers = re.findall(r"\d+", inspect.getsource(getattr(applications, name)))
    in_module = re.search(rf"default_size\W+{row.size}\b|for input shape \({row.size}, ", text)
    assert str(row.size) in numbers or in_module
    preprocess = inspect.getattr_static(module_of(name), "preprocess_input")
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 4, 4, 3)).astype(np.float32)
    statement = parse_statement(MODES[row.mode])
    assert statement.normalization is not None
    _, mean, std = statement.normalization
    ours = pixels[..., ::-1] if statement.order == "bgr" else pixels
    ours = (ours * pixel_scale(statement) - np.array(mean)) / np.array(std)
    np.testing.assert_allclose(preprocess(pixels.copy()), ours, atol=1e-4)


def test_what_is_typed() -> None:
    found = parse("keras:MobileNetV2?weights=~/a.h5&size=96")
    assert (found.title, found.size) == ("MobileNetV2-96", 96)
    assert found.weights == Path("~/a.h5").expanduser()
    assert parse("keras:MobileNetV2").title == "MobileNetV2"
    with pytest.raises(UnknownName, match="did you mean 'MobileNetV2'"):
        parse("keras:MobilNetV2")
    with pytest.raises(UnknownName, match="unknown option of keras:VGG16 'sise'"):
        parse("keras:VGG16?sise=96")
    with pytest.raises(UsageError, match="VGG16 takes images of 224×224 alone"):
        parse("keras:VGG16?size=96")
    assert parse("keras:VGG16?weights=a+b%26c.h5").weights == Path("a+b&c.h5")
    for typed in ("weights=", "weights", "size=", "weights=a.h5&weights=b.h5"):
        with pytest.raises(UsageError, match=r"is given twice|has no value"):
            parse(f"keras:MobileNetV2?{typed}")
    for size in ("9" * 5000, "٩٦", "0", "-1", "4096", "1e2"):
        with pytest.raises(UsageError, match="is no size of images"):
            parse(f"keras:MobileNetV2?size={size}")
    registry = load_registry()
    for typed in ("keras:MobileNetV2", "keras:MobileNetV2?weights=a.h5"):  # which is no file
        source = source_of(registry, typed)
        assert source is not None
        assert source.name == "keras-applications"


def test_random_weights_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="keras:MobileNetV2 has no random weights") as caught:
        parse("keras:MobileNetV2?weights=random")
    assert "keras:MobileNetV2?weights=FILE.h5" in (caught.value.fix or "")


def test_published_weights_are_fetched_once_and_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(UsageError, match=r"keras:MobileNetV2\?weights=FILE\.h5"):
        fetch_weights("keras:MobileNetV2", print)
    monkeypatch.delenv("ZOO_OFFLINE")
    asked: list[tuple[str, str]] = []

    def download(url: str, path: Path, expected: str, progress: object) -> Any:
        asked.append((url, expected))
        if "efficientnet" in url:
            raise DownloadFailed(f"{url} could not be downloaded", why="no route")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"weights")
        return named.digests_of(path)

    monkeypatch.setattr(named, "download", download)
    for _ in range(2):
        fetch_weights("keras:MobileNetV2", lambda event: None)
    assert asked == [(NETWORKS["MobileNetV2"].url, "")]
    # Keras has no hash of it: another file than the first is fetched anew, and must be the first.
    weights_file("keras:MobileNetV2").write_bytes(b"others")
    fetch_weights("keras:MobileNetV2", lambda event: None)
    assert asked[1][1].startswith("sha256:")
    with pytest.raises(DownloadFailed) as caught:
        fetch_weights("keras:EfficientNetB0", lambda event: None)
    assert asked[2][1] == NETWORKS["EfficientNetB0"].hash
    assert "weights=FILE.h5" in str(caught.value)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of MobileNetV3Small for 32×32, in both layouts, and outputs for grey images."""
    folder = tmp_path_factory.mktemp("weights")
    keras.utils.set_random_seed(3)
    model = applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3))
    model.save_weights(folder / "net.weights.h5")
    model.save(folder / "whole.h5")
    np.save(folder / "outputs.npy", model(np.full((2, 32, 32, 3), 90.0), training=False))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("file", ["net.weights.h5", "whole.h5"])
def test_weights_of_a_file_are_loaded(saved: Path, file: str) -> None:
    found = open_network(f"keras:MobileNetV3Small?weights={saved / file}&size=32")
    given = np.full((2, 32, 32, 3), 90.0, np.float32)
    np.testing.assert_allclose(found.answers(given), np.load(saved / "outputs.npy"), atol=1e-6)
    assert found.stated == "rgb 0..255"
    # Whose weights they are, nobody says.
    assert found.classes == ()


@pytest.mark.slow
def test_other_weights_are_refused(saved: Path, tmp_path: Path) -> None:
    def refused(name: str, file: Path) -> str:
        with pytest.raises(BadFile) as caught:
            open_network(f"keras:{name}?weights={file}&size=32")
        return str(caught.value)

    for file in ("net.weights.h5", "whole.h5"):
        assert "are not the weights of MobileNet" in refused("MobileNet", saved / file)
    missing = tmp_path / "half.weights.h5"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save_weights(missing)
    assert "it holds 2 tensors, and the network has" in refused("MobileNet", missing)
    text = tmp_path / "a.h5"
    text.write_text("no weights")
    assert "it does not begin as HDF5" in refused("MobileNet", text)
    cut = tmp_path / "cut.weights.h5"
    cut.write_bytes((saved / "net.weights.h5").read_bytes()[:5000])
    assert "damaged" in refused("MobileNet", cut)
    with pytest.raises(UsageError, match="takes no images of 32×32"):
        open_network(f"keras:Xception?weights={saved / 'net.weights.h5'}&size=32")


def test_published_efficientnets_have_the_layer_that_keras_leaves_out(tmp_path: Path) -> None:
    inputs = keras.Input((2, 2, 3))
    layers = keras.layers
    normalized = layers.Normalization(mean=[1.0, 2.0, 3.0], variance=[1.0] * 3)(inputs)
    plain = keras.Model(inputs, layers.Dense(2)(normalized))
    given = np.random.default_rng(0).normal(size=(1, 2, 2, 3)).astype(np.float32)
    made = _rescaled(plain)
    dense = plain.layers[-1]
    expected = dense((given - [1.0, 2.0, 3.0]) / np.sqrt([0.229, 0.224, 0.225]))
    np.testing.assert_allclose(made(given), expected, rtol=1e-4)
    second = layers.Rescaling(2.0)(layers.Rescaling(2.0)(inputs))
    for name, outputs in (("one", layers.Rescaling(2.0)(inputs)), ("two", second)):
        model = keras.Model(inputs, layers.Dense(2)(outputs))
        model.save_weights(tmp_path / f"{name}.weights.h5")
        model.save(tmp_path / f"{name}.h5")
        for suffix in (".weights.h5", ".h5"):
            assert _is_rescaled(tmp_path / f"{name}{suffix}") == (name == "two")


def test_weights_that_keras_leaves_as_they_were_are_found(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="answers")])
    model.save_weights(tmp_path / "net.weights.h5")
    model.save(tmp_path / "net.h5")
    for file, by_order in (("net.weights.h5", False), ("net.h5", True)):
        assert _load(model, tmp_path / file, by_order) == ""
    _clear(model)
    kernel, bias = model.weights
    assert _cleared(model).startswith("it has nothing for ")
    kernel.assign(np.ones((4, 2)))
    assert _cleared(model).endswith("answers/bias")
    bias.assign(np.ones(2))
    assert _cleared(model) == ""


@pytest.mark.slow
def test_a_file_with_a_layer_elsewhere_is_refused(saved: Path, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    file = tmp_path / "net.weights.h5"
    shutil.copy(saved / "net.weights.h5", file)
    with h5py.File(file, "r+") as opened:
        opened.move("layers/conv2d", "layers/elsewhere")
    with pytest.raises(BadFile, match="are not the weights of MobileNetV3Small"):
        open_network(f"keras:MobileNetV3Small?weights={file}&size=32")
