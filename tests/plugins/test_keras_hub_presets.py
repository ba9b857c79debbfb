"""Presets of keras-hub without keras-hub: what is typed, listed, and refused as data."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from zoo.common.downloads import HashMismatch
from zoo.common.errors import UsageError, ZooError
from zoo.networks.sources.statement import parse_statement, pixel_scale
from zoo.plugins.imagenet import MEAN, STD
from zoo.plugins.keras_hub_presets import environment, fetch, lacks
from zoo.plugins.keras_hub_presets.image_converter import stated
from zoo.plugins.keras_hub_presets.opening import check_reference
from zoo.plugins.keras_hub_presets.preset_folder import read_preset
from zoo.plugins.keras_hub_presets.process import KerasHubProcess
from zoo.plugins.keras_hub_presets.references import fetch_preset, local, parse
from zoo.plugins.keras_hub_presets.table import by_name, described, presets

RESNET = "keras-hub:resnet_18_imagenet"
HEAD, WHOLE = "task.weights.h5", "model.weights.h5"


def described_class(name: str, **config: Any) -> dict[str, Any]:
    """A class of keras-hub as a description names it."""
    return {
        "module": "keras_hub.src.models.resnet",
        "class_name": name,
        "config": config,
        "registered_name": f"keras_hub>{name}",
    }


@pytest.fixture
def preset(tmp_path: Path) -> Path:
    """A folder as keras-hub saves one; its weights are those of no network."""
    folder = tmp_path / "net"
    folder.mkdir()
    backbone = described_class("ResNetBackbone", dtype="float32")
    converter = described_class("ResNetImageConverter", image_size=[32, 48], scale=1 / 255)
    task = described_class("ResNetImageClassifier", backbone=backbone, num_classes=3)
    task["config"]["preprocessor"] = described_class("P", image_converter=converter)
    (folder / "config.json").write_text(json.dumps(backbone))
    (folder / "task.json").write_text(json.dumps(task))
    for name in (HEAD, WHOLE):
        with h5py.File(folder / name, "w") as file:
            file["a"] = np.zeros(3, np.float32)
    return folder


def refused(folder: Path) -> str:
    with pytest.raises(ZooError) as caught:
        read_preset(folder)
    return str(caught.value)


def test_what_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    found = parse(RESNET)
    assert found.folder == tmp_path / "models/keras/resnetv1/keras/resnet_18_imagenet/3"
    assert (found.title, found.published, found.size) == ("resnet_18_imagenet", True, None)
    own = parse(f"{RESNET}?weights=~/net&size=96")
    assert (own.folder, own.published) == (Path("~/net").expanduser(), False)
    assert own.title == "resnet_18_imagenet-96"
    made = parse(f"{RESNET}?weights=random&classes=7&size=64")
    assert (made.random, made.classes, made.size, made.folder) == (True, 7, 64, None)
    assert parse(f"{RESNET}?weights=random").classes == 1000
    folder = parse("keras-hub:./some/net.v1?size=64")
    assert (folder.folder, folder.title) == (Path("some/net.v1"), "net_v1-64")
    (tmp_path / "plain").mkdir()
    monkeypatch.chdir(tmp_path)
    assert parse("keras-hub:plain").folder == Path("plain")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("keras-hub:resnet18", "did you mean 'resnet_18_imagenet'?"),
        ("keras-hub:", 'zoo list "keras-hub:*" lists all'),
        ("keras-hub:gemma_2b_en", "is no image classifier\n  why: it is a preset of keras-hub's C"),
        ("keras-hub:bert_base_en", "a backbone, which gives features"),
        ("keras-hub:retinanet_resnet50_fpn_coco", "ObjectDetector"),
        (f"{RESNET}?weigths=a", "did you mean 'weights'"),
        (f"{RESNET}?size=9", "'9' is no size of images"),
        (f"{RESNET}?classes=10", "can only be chosen for random weights"),
        (f"{RESNET}?weights=random&classes=1", "'1' is no number of classes"),
        ("keras-hub:./net?weights=other", "the weights of a preset lie in its own folder"),
        ("keras-hub:swin_tiny_patch4_window7_224?weights=random", "cannot be built with random"),
    ],
)
def test_slips_are_told(typed: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(typed)
    assert told in str(caught.value)


def test_the_table() -> None:
    rows = presets()
    assert len(by_name()) == len(rows) > 400
    for row in rows:
        assert row.parameters > 0, row
        assert len(row.handle.split("/")) == 5 or not row.task, row
        assert not row.architecture or row.task, row
    one = described(by_name()["resnet_18_imagenet"])
    assert (one.input, one.parameters, one.licence) == ("224x224 rgb", 11_186_112, "unknown")
    assert one.weights == "kaggle://keras/resnetv1/keras/resnet_18_imagenet/3"
    assert one.page.endswith("/models/keras/resnetv1")
    # An address that keras-hub itself has wrong.
    astray = by_name()["efficientnet_el_ra_imagenet"]
    assert "efficientnet_b1_ft_imagenet" in described(astray).remarks[-1]


def test_a_preset_that_is_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    with pytest.raises(UsageError) as caught:
        fetch_preset(RESNET)
    assert "kagglehub.model_download('keras/resnetv1/keras/resnet_18_imagenet/3')" in str(
        caught.value
    )
    assert f"{RESNET}?weights=FOLDER" in str(caught.value)
    local(RESNET).mkdir(parents=True)
    fetch_preset(RESNET)
    for typed in (f"keras-hub:{tmp_path}/none", f"{RESNET}?weights={tmp_path}/none"):
        with pytest.raises(UsageError, match="there is no folder"):
            fetch_preset(typed)


def test_a_published_preset_stays_as_it_was_seen_first(
    preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    shutil.copytree(preset, local(RESNET))
    for _ in range(2):
        fetch(RESNET, lambda event: None)
    (local(RESNET) / WHOLE).write_bytes(b"other")
    with pytest.raises(HashMismatch, match="keras/resnetv1"):
        fetch(RESNET, lambda event: None)
    fetch(f"{RESNET}?weights={local(RESNET)}", lambda event: None)


def test_random_weights_have_an_identity(
    preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    texts = []
    for reference in (
        f"{RESNET}?weights=random",
        f"{RESNET}?weights=random&classes=7",
        f"keras-hub:{preset}?weights=random",
    ):
        fetch_preset(reference)
        texts.append(local(reference).read_text())
    task = json.loads((preset / "task.json").read_text())
    task["config"]["num_classes"] = 4
    (preset / "task.json").write_text(json.dumps(task))
    fetch_preset(reference)
    texts.append(local(reference).read_text())
    assert len(set(texts)) == 4


@pytest.mark.parametrize(
    ("converter", "words"),
    [
        ({"scale": 1 / 255}, "rgb 0..1"),
        ({"scale": 1 / 127.5, "offset": -1}, "rgb -1..1"),
        ({}, "rgb 0..255"),
        (
            {"image_size": [32, 48], "crop_to_aspect_ratio": False, "interpolation": "bicubic"},
            "32x48 stretch bicubic rgb 0..255",
        ),
        (
            {"height": 8, "width": 8, "pad_to_aspect_ratio": True, "scale": 1 / 255},
            "8x8 pad bilinear rgb 0..1",
        ),
        ({"scale": 1 / 255, "mean": list(MEAN), "variance": [s * s for s in STD]}, None),
        ({"scale": [1 / 255 / s for s in STD], "offset": [-3.0, -2.0, -1.0]}, None),
        ({"scale": 1, "offset": [-123.5, -116.0, -104.0]}, None),
        ({"scale": [0.1, 0.2, 0.3], "offset": 5}, None),
    ],
)
def test_an_image_converter_is_stated(converter: dict[str, Any], words: str | None) -> None:
    said, _ = stated(converter)
    if words is not None:
        assert said == words
    read = parse_statement(said)
    assert read.normalization is not None
    _, mean, std = read.normalization
    pixels = np.linspace(0, 255, 9)[:, None] * np.ones(3)
    made = (pixels * pixel_scale(read) - np.asarray(mean)) / np.asarray(std)
    scale, offset = (np.asarray(converter.get(k, v)) for k, v in (("scale", 1), ("offset", 0)))
    wanted = pixels * scale + offset
    if "mean" in converter:
        wanted = (pixels / 255 - MEAN) / np.sqrt(converter["variance"])
    np.testing.assert_allclose(made, wanted, rtol=1e-6, atol=1e-6)


def test_what_an_image_converter_does_otherwise() -> None:
    assert stated(None) == ("", ())
    odd = {"image_size": [8, 8], "scale": [float("nan")] * 3, "interpolation": "lanczos5"}
    words, told = stated(odd)
    assert words == "8x8 crop"
    assert [
        any(part in one for one in told) for part in ("lanczos5", "normalization of pixels")
    ] == [
        True,
        True,
    ]
    assert len(stated({"image_size": [8, 8], "antialias": True})[1]) == 0
    for scale in ("1", True, -1, [1, 2], 10**400, {}):
        assert "rgb" not in stated({"scale": scale})[0]


def test_a_folder_is_read(preset: Path) -> None:
    found = read_preset(preset)
    assert (found.task, found.backbone) == ("ResNetImageClassifier", "ResNetBackbone")
    assert found.converter is not None
    assert found.converter["image_size"] == [32, 48]
    own = described_class("C", image_size=[9, 9])
    (preset / "image_converter.json").write_text(json.dumps(own))
    assert read_preset(preset).converter == {"image_size": [9, 9]}


def test_links_lead_to_the_store_of_a_hub_alone(preset: Path, tmp_path: Path) -> None:
    kept, snapshot = tmp_path / "models/blobs", tmp_path / "models/snapshots/abc"
    kept.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for file in preset.iterdir():
        file.rename(kept / file.name)
        (snapshot / file.name).symlink_to(f"../../blobs/{file.name}")
    assert read_preset(snapshot).task == "ResNetImageClassifier"
    secret = tmp_path / "secret.json"
    secret.write_bytes((kept / "config.json").read_bytes())
    for name in ("config.json", "task.json", WHOLE):
        there = (snapshot / name).readlink()
        (snapshot / name).unlink()
        (snapshot / name).symlink_to(secret)
        assert f"its {name} lies outside" in refused(snapshot)
        (snapshot / name).unlink()
        (snapshot / name).symlink_to(there)


def _json(name: str, change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        content = json.loads((folder / name).read_text())
        change(content)
        (folder / name).write_text(json.dumps(content))

    return changed


def _sharded(*names: str) -> Callable[[Path], None]:
    def changed(folder: Path) -> None:
        (folder / WHOLE).unlink()
        (folder / "model.weights.json").write_text(json.dumps({"weight_map": {"/a": names}}))

    return changed


def _link(folder: Path) -> None:
    with h5py.File(folder / WHOLE, "a") as file:
        file["b"] = h5py.ExternalLink("/etc/passwd", "/a")


EVIL = {"module": "evil", "class_name": "Net", "config": {}, "registered_name": "mine>Net"}
DAMAGED = [
    (lambda f: (f / "config.json").unlink(), "it has no config.json"),
    (
        lambda f: (f / "config.json").rename(f / "tokenizer.json"),
        "it holds a tokenizer, and no config.json",
    ),
    (lambda f: (f / "config.json").write_text("{"), "is truncated or damaged"),
    (lambda f: (f / "config.json").write_text("[" * 100_000), "is truncated or damaged"),
    (lambda f: (f / "config.json").write_text("[]"), "it is not a JSON object"),
    (lambda f: (f / "config.json").write_text('{"architecture": "resnet18"}'), "is of timm"),
    (lambda f: (f / "config.json").write_text('{"model_type": "vit"}'), "is of Transformers"),
    (lambda f: (f / WHOLE).unlink(), "has no weights"),
    (lambda f: (f / WHOLE).write_bytes(b"PK\x03\x04" * 9), "is not a file of weights"),
    (lambda f: os.truncate(f / WHOLE, 300), "is truncated or damaged"),
    (_link, "/b lies in another file"),
    (_sharded("model_0.weights.h5"), "model_0.weights.h5 cannot be read"),
    (_sharded("../net/task.weights.h5"), "it names '../net/task.weights.h5'"),
    (_sharded(), "does not say where the weights are"),
    (_json("task.json", lambda c: c.update(class_name="GPT2CausalLM")), "holds a GPT2CausalLM"),
    (_json("task.json", lambda c: c["config"].update(backbone=EVIL)), "names 'mine>Net' of 'evil'"),
    (_json("config.json", lambda c: c.update(module="os.path")), "of 'os.path'"),
    (_json("config.json", lambda c: c.update(registered_name="other>ResNet")), "'other>ResNet'"),
    (
        _json("task.json", lambda c: c["config"].update(a=[{"b": {**EVIL, "registered_name": 0}}])),
        "names 'Net' of 'evil'",
    ),
]


@pytest.mark.parametrize(("damage", "told"), DAMAGED)
def test_what_is_no_preset(preset: Path, damage: Callable[[Path], object], told: str) -> None:
    damage(preset)
    assert told in refused(preset)


def test_preprocessors_are_not_made_and_so_may_be_anything(preset: Path) -> None:
    _json("task.json", lambda c: c["config"].update(preprocessor=EVIL))(preset)
    assert read_preset(preset).converter is None


def test_without_the_environment_the_command_is_named(
    preset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(environment, "installed", lambda name: False)
    assert lacks() == ("the environment of keras-hub",)
    with pytest.raises(UsageError) as caught:
        check_reference(f"keras-hub:{preset}")
    assert caught.value.fix == "zoo sources setup keras-hub"
    # What is wrong with the folder is told first.
    with pytest.raises(UsageError, match="there is no"):
        check_reference(f"keras-hub:{preset}/none")
    # One that was made to its end for another Python serves none of this one's.
    own = environment.ENVIRONMENT
    (own.folder / "bin").mkdir(parents=True)
    (own.folder / "bin/python").touch()
    (own.folder / "ready").write_text(own._digest())
    (own.folder / "lib/python3.0/site-packages").mkdir(parents=True)
    with pytest.raises(UsageError, match="another Python"):
        KerasHubProcess("net")
