"""Official weights of a small plugin, from a publisher on this machine to a loaded network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from publisher import Publisher, publishing
from tiny_publisher import plugin, published, tensors

import zoo
from zoo.common.errors import BadFile, UnknownName, UsageError
from zoo.contracts import SourceLayer, WeightsSource
from zoo.contracts.checks import InvalidRecord
from zoo.networks.checkpoints import model_ids, resolve
from zoo.registry import PluginSettings, Registry, load_registry

pytest.importorskip("keras")


@dataclass
class World:
    registry: Registry
    publisher: Publisher
    file: Path


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("ZOO_OFFLINE", "0")
    file = published(tmp_path)
    with publishing() as found:
        found.files[f"/{file.name}"] = file.read_bytes()
        path = plugin(tmp_path, f"{found.address}/{file.name}")
        registry = load_registry(PluginSettings(paths=(str(path),), installed=False))
        yield World(registry, found, file)


def by_hand(pixels: np.ndarray, scale: float) -> np.ndarray:
    """Probabilities of the published network, computed as its author would."""
    values = tensors()
    x = pixels[..., 0] / 255
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (1, 2))
    maps = np.einsum("bijkl,okl->boij", windows, values["features.0.weight"][:, 0])
    maps = (maps + values["features.0.bias"][:, None, None]) * scale
    logits = maps.reshape(len(x), -1) @ values["fc.weight"].T + values["fc.bias"]
    exponents = np.exp(logits - logits.max(-1, keepdims=True))
    return exponents / exponents.sum(-1, keepdims=True)


def test_they_are_fetched_on_first_use_and_only_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 1)).astype(np.float32)
    answered = np.asarray(zoo.load("tiny8.published", registry=world.registry)(pixels))
    np.testing.assert_allclose(answered, by_hand(pixels, scale=2.0), atol=1e-5)
    assert world.publisher.asked == [f"GET /{world.file.name}"]

    monkeypatch.setenv("ZOO_OFFLINE", "1")
    again = np.asarray(zoo.load("tiny8.published", registry=world.registry)(pixels))
    assert (again == answered).all()
    _, _, checkpoint = resolve(world.registry, "tiny8.published")
    assert checkpoint is not None
    card = checkpoint.card()
    assert checkpoint.preprocessing.crop_share == 0.5
    assert card.classes == ("a", "b", "c")
    assert card.licence == "CC0-1.0"
    assert card.recipe["published"]["url"].endswith(world.file.name)
    # By its path it is the same model, with the same preprocessing.
    by_path = resolve(world.registry, str(checkpoint.path))[2]
    assert by_path is not None
    assert by_path.preprocessing == checkpoint.preprocessing


def test_an_address_stands_for_its_weights(world: World) -> None:
    url = f"{world.publisher.address}/{world.file.name}"
    assert zoo.load(url, registry=world.registry).output_shape == (None, 3)


def test_damaged_in_the_cache_they_are_fetched_again(world: World) -> None:
    checkpoint = zoo.fetch_weights("tiny8.published", registry=world.registry)
    intact = checkpoint.path.read_bytes()
    assert [row.ok for row in zoo.verify_weights("tiny8", registry=world.registry)] == [True]
    checkpoint.path.write_bytes(intact[:-1] + bytes([intact[-1] ^ 1]))
    (row,) = zoo.verify_weights("tiny8.published", registry=world.registry)
    assert not row.ok
    assert row.fix == "zoo weights fetch tiny8.published"
    assert row.sha256 in row.problem
    zoo.fetch_weights("tiny8.published", registry=world.registry)
    assert checkpoint.path.read_bytes() == intact


def test_a_variant_alone_never_fetches(world: World) -> None:
    """A long download is asked for by its full name."""
    with pytest.raises(UsageError, match="'tiny8' has no packaged weights") as caught:
        zoo.load("tiny8", registry=world.registry)
    assert "tiny8.published" in (caught.value.fix or "")
    assert world.publisher.asked == []


def test_nothing_is_fetched_for_lists(world: World) -> None:
    rows = zoo.official_weights("tiny8", registry=world.registry)
    assert [(row.model_id, row.fetched) for row in rows] == [
        ("tiny8.published", False),
        ("tiny8.unknown", False),
    ]
    (model,) = zoo.models("tiny8", registry=world.registry)
    assert model.not_fetched == ("published", "unknown")
    assert model.weights == ()
    found = zoo.info("tiny8.published", registry=world.registry)
    assert [o["fetched"] for o in found["official"]] == [False, False]
    assert "tiny8.published" in model_ids(world.registry)
    assert world.publisher.asked == []
    zoo.fetch_weights("tiny8.published", registry=world.registry)
    (model,) = zoo.models("tiny8", registry=world.registry)
    assert (model.weights, model.not_fetched) == (("published",), ("unknown",))
    cards = zoo.info("tiny8", registry=world.registry)["cards"]
    assert cards["tiny8.published"]["preprocessing"]["crop_share"] == 0.5


def test_weights_from_elsewhere(world: World, tmp_path: Path) -> None:
    checkpoint = zoo.fetch_weights("tiny8", origin=world.file, tag="mine", registry=world.registry)
    assert checkpoint.model_id == "tiny8.mine"
    card = checkpoint.card()
    assert (card.dataset, card.licence) == ("unknown", "unknown")
    assert zoo.load("tiny8.mine", registry=world.registry) is not None
    assert "tiny8.mine" in [r.model_id for r in zoo.official_weights(registry=world.registry)]


def test_weights_from_elsewhere_bring_their_own_classes(world: World, tmp_path: Path) -> None:
    changed = tensors()
    other = published(
        tmp_path,
        **{"fc.weight": np.repeat(changed["fc.weight"], 2, 0), "fc.bias": np.zeros(6, np.float32)},
    )

    def fetched(classes: list[str] | None, again: bool = False) -> Any:
        return zoo.fetch_weights(
            "tiny8", origin=other, tag="six", classes=classes, again=again, registry=world.registry
        ).card()

    assert fetched(None).classes == tuple(f"class {i}" for i in range(6))
    with pytest.raises(UsageError, match=r"tiny8\.six is here already, with the classes class 0"):
        fetched(list("uvwxyz"))
    assert fetched(None).classes[0] == "class 0"
    assert fetched(list("uvwxyz"), again=True).classes == tuple("uvwxyz")
    with pytest.raises(UsageError, match=r"2 class names were given, but .* knows 6 classes"):
        fetched(["u", "v"])


def test_weights_under_a_taken_tag_are_replaced_on_request_alone(
    world: World, tmp_path: Path
) -> None:
    def fetched(origin: Path, **options: Any) -> str:
        return (
            zoo.fetch_weights(
                "tiny8", origin=origin, tag="mine", registry=world.registry, **options
            )
            .card()
            .sha256
        )

    first = fetched(world.file)
    assert fetched(world.file) == first
    other = published(tmp_path, **{"fc.bias": np.ones(3, np.float32)})
    with pytest.raises(UsageError, match=r"tiny8.mine is here already, from .*") as caught:
        fetched(other)
    assert "--again" in caught.value.fix
    assert fetched(world.file) == first
    assert fetched(other, again=True) != first


def test_a_checkpoint_of_another_architecture(world: World, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "other.safetensors"
    save_file({"conv1.weight": np.ones((4, 1, 3, 3), np.float32)}, path)
    with pytest.raises(BadFile, match="holds another network") as caught:
        zoo.fetch_weights("tiny8", origin=path, tag="mine", registry=world.registry)
    assert "missing: features.0.weight" in (caught.value.why or "")
    assert "unexpected: conv1.weight" in (caught.value.why or "")


def test_whose_weights_they_are_is_told(world: World) -> None:
    architecture = world.registry.variant("resnet18")[0]
    names = next(s for s in architecture.sources if s.variant == "resnet34").layers()
    from zoo.networks.published.convert_file import _owner_of

    stored = {f"{layer.theirs}.weight": None for layer in names}
    assert _owner_of(world.registry, stored, "torch") == "its layers are those of resnet34"


@pytest.mark.parametrize(
    ("model", "options", "problem"),
    [
        ("tiny8.nothing", {}, "unknown weights of tiny8 'nothing'"),
        ("tiny9.published", {}, "no published official weights of 'tiny9'"),
        ("tiny8", {}, "'tiny8' has several official weights"),
        ("nothing8", {}, "unknown model 'nothing8'"),
        ("hf://somebody/something", {}, "does not name its network"),
        ("tiny8", {"origin": "a.safetensors"}, "belong together"),
        ("tiny8", {"origin": "a.safetensors", "tag": "published"}, "is taken by weights"),
        ("tiny8", {"origin": "a.safetensors", "tag": "../up"}, "cannot name weights"),
        ("tiny8", {"origin": "gone.safetensors", "tag": "mine"}, "there is no file"),
        ("tiny9", {"origin": __file__, "tag": "mine"}, "no layer names of other programs are"),
    ],
)
def test_wrong_requests(world: World, model: str, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        zoo.fetch_weights(model, registry=world.registry, **options)
    assert world.publisher.asked == []


def test_verifying_what_is_not_here(world: World) -> None:
    with pytest.raises(UnknownName) as caught:
        zoo.verify_weights("tiny8.published", registry=world.registry)
    assert caught.value.fix == "fetch them: zoo weights fetch tiny8.published"


def source(**changes: Any) -> WeightsSource:
    values = {
        "variant": "tiny8",
        "tag": "published",
        "url": "https://example.org/a.pth",
        "classes": tuple,
        "dataset": "photos",
    }
    return WeightsSource(
        **{**values, "layers": list, "framework": "torch", "licence": "MIT", **changes}
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"url": "ftp://example.org/a.pth"}, "url must begin with"),
        ({"url": "http://example.org/a.pth"}, "plain http needs a hash"),
        ({"tag": "A.1"}, "not usable"),
        ({"hash": "sha256:12"}, "hash must be"),
        ({"hash": "crc:12345678"}, "hash must be"),
        ({"framework": "jax"}, "unknown framework"),
        ({"layers": ()}, "layers must be callable"),
        ({"classes": ("a",)}, "classes must be callable"),
    ],
)
def test_wrong_sources(changes: dict[str, Any], problem: str) -> None:
    source()
    with pytest.raises(InvalidRecord, match=problem):
        source(**changes)


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        ({"layout": "lstm"}, "unknown layout"),
        ({"flattened": (1, 2, 3)}, "only a dense layer"),
        ({"layout": "dense", "bgr": True}, "bgr needs a convolution"),
    ],
)
def test_wrong_lines_of_a_table(layer: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRecord, match=problem):
        SourceLayer("theirs", "ours", **layer)
