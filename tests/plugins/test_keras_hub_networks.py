"""Presets that keras-hub itself saved: opened, answered for, shipped, and refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras_hub

import zoo  # noqa: E402
from zoo.common.errors import ZooError  # noqa: E402
from zoo.plugins.keras_hub_presets.opening import GivenHubNetwork, HubNetwork, open_network  # noqa: E402
from zoo.plugins.keras_hub_presets.table import by_name, presets  # noqa: E402

SIDE = 16


@pytest.fixture(scope="module")
def hub() -> Any:
    """keras-hub, beside the zoo."""
    return pytest.importorskip("keras_hub")


@pytest.fixture(scope="module")
def classifier(hub: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small ResNet that was trained on digits, with its ImageConverter."""
    import keras
    from sklearn.datasets import load_digits

    keras.utils.set_random_seed(0)
    backbone = hub.models.ResNetBackbone(
        stackwise_num_filters=[64],
        stackwise_num_blocks=[1],
        stackwise_num_strides=[1],
        block_type="basic_block",
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        image_shape=(None, None, 3),
    )
    converter = hub.layers.ResNetImageConverter(
        image_size=(SIDE, SIDE), scale=1 / 127.5, offset=-1.0
    )
    model = hub.models.ResNetImageClassifier(
        backbone,
        10,
        preprocessor=hub.models.ResNetImageClassifierPreprocessor(converter),
    )
    pixels, labels = load_digits(return_X_y=True)
    images = np.repeat(pixels.reshape(-1, 8, 8, 1) * (255 / 16), 3, axis=-1)
    model.compile(optimizer=keras.optimizers.Adam(2e-3))
    model.fit(images.astype(np.float32), labels, batch_size=64, epochs=6, verbose=0)
    folder = tmp_path_factory.mktemp("presets") / "digits_net"
    model.save_to_preset(str(folder))
    return folder


def parity(opened: HubNetwork, shape: tuple[int, ...]) -> float:
    """How far the converted network is from keras-hub's answers, in shares of their largest."""
    fixed = opened.with_shape(shape)
    batch = np.random.default_rng(0).normal(size=(3, *shape)).astype(np.float32)
    own = fixed.answers(batch)
    assert np.ptp(own) > 0
    return float(np.abs(own - np.asarray(fixed.model(batch))).max() / np.abs(own).max())


def test_a_preset_answers_as_keras_hub_does(hub: Any, classifier: Path) -> None:
    opened = open_network(f"keras-hub:{classifier}")
    assert opened.stated == f"{SIDE}x{SIDE} crop bilinear rgb -1..1"
    assert opened.classes == ()
    assert hub.__version__ in opened.notes[0]
    assert parity(opened, (SIDE, SIDE, 3)) < 1e-4
    whole = hub.models.ImageClassifier.from_preset(str(classifier), preprocessor=None)
    batch = np.random.default_rng(1).normal(size=(2, SIDE, SIDE, 3)).astype(np.float32)
    np.testing.assert_allclose(opened.answers(batch), np.asarray(whole(batch)), atol=1e-5)
    larger = open_network(f"keras-hub:{classifier}?weights=random&classes=4&size=32")
    assert larger.stated == "32x32 crop bilinear rgb -1..1"
    assert larger.outputs[0].shape == (None, 4)


def test_transformers_and_texts(hub: Any, tmp_path: Path) -> None:
    models = hub.models
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16}
    vit = models.ViTBackbone(image_shape=(32, 32, 3), patch_size=8, mlp_dim=32, **sizes)
    models.ViTImageClassifier(vit, 5).save_to_preset(str(tmp_path / "vit"))
    assert parity(open_network(f"keras-hub:{tmp_path}/vit"), (32, 32, 3)) < 1e-4
    bert = models.BertBackbone(
        vocabulary_size=50, intermediate_dim=32, max_sequence_length=12, **sizes
    )
    models.BertTextClassifier(bert, 2).save_to_preset(str(tmp_path / "bert"))
    given = open_network(f"keras-hub:{tmp_path}/bert").as_given
    assert isinstance(given, GivenHubNetwork)
    names = [one.name for one in given.inputs]
    assert names == ["padding_mask", "segment_ids", "token_ids"]
    fixed = given.with_shapes(dict.fromkeys(names, (8,)))
    tokens = np.random.default_rng(0).integers(1, 50, (2, 8)).astype(np.int32)
    batch = {
        "padding_mask": np.ones_like(tokens),
        "segment_ids": np.zeros_like(tokens),
        "token_ids": tokens,
    }
    (own,) = fixed.run(batch).values()
    assert np.ptp(own) > 0
    made = np.asarray(fixed.model([batch[name] for name in names]))
    assert np.abs(own - made).max() < 1e-4 * np.abs(own).max()


def test_an_architecture_is_built_without_its_preset(hub: Any) -> None:
    name = "mobilenet_v3_small_050_imagenet"
    opened = open_network(f"keras-hub:{name}?weights=random&classes=7&size=64")
    assert opened.outputs[0].shape == (None, 7)
    assert "random" in opened.notes[1]
    assert parity(opened, (64, 64, 3)) < 1e-4


LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"name": "l", "function": {"class_name": "__lambda__", "config": {}}},
    "registered_name": None,
}


def test_what_keras_hub_s_process_refuses(hub: Any, classifier: Path, tmp_path: Path) -> None:
    def refused(folder: Path, prefix: str = "keras-hub:") -> str:
        with pytest.raises(ZooError) as caught:
            open_network(f"{prefix}{folder}")
        return str(caught.value)

    def changed(name: str, file: str, content: dict[str, Any] | None) -> Path:
        folder = tmp_path / name
        shutil.copytree(classifier, folder)
        (folder / file).unlink()
        if content is not None:
            (folder / file).write_text(json.dumps(content))
        return folder

    task = json.loads((classifier / "task.json").read_text())
    config = {**task["config"], "backbone": LAMBDA}
    code = changed("code", "task.json", {**task, "config": config})
    assert "Lambda, which is refused" in refused(code)
    unknown = {**task, "class_name": "No", "registered_name": "keras_hub>No"}
    assert "a layer that Keras does not have" in refused(changed("no", "task.json", unknown))
    layer = {**task, "class_name": "Dense", "module": "keras.layers", "registered_name": None}
    assert "it is a Dense" in refused(changed("layer", "task.json", layer))
    other = {**task, "config": {**task["config"], "num_classes": "ten"}}
    assert "cannot be built by keras-hub" in refused(changed("other", "task.json", other))
    wider = {**task, "config": {**task["config"], "num_classes": 11}}
    assert "are not those of wider" in refused(changed("wider", "task.json", wider))
    headless = changed("headless", "task.weights.h5", None)
    assert "predictions/kernel is missing" in refused(headless)
    named = refused(classifier, "keras-hub:resnet_18_imagenet?weights=")
    assert "keras-hub states 11,186,112" in named


def test_the_table_is_the_library_s(hub: Any) -> None:
    from zoo.plugins.keras_hub_presets import make_table

    stated = [row[:5] for row in make_table.rows()]
    assert stated == [
        (one.name, one.kind, str(one.size), str(one.parameters), f"kaggle://{one.handle}")
        for one in presets()
    ]
    one = by_name()["mobilenet_v3_small_050_imagenet"]
    assert make_table.count_backbone(one.architecture) == one.parameters


@pytest.mark.slow
def test_it_is_exported_in_every_way(classifier: Path, tmp_path: Path) -> None:
    run = zoo.export(
        f"keras-hub:{classifier}", "digits", output=tmp_path, precision=["float32", "int8"]
    )
    assert run.passed, [(step.name, step.status) for step in run.steps]
    assert len(run.files) == 4
