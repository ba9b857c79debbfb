"""A network on the published backbone of another: fetched, trained, exported, on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from backbone_plugin import plugin, published
from publisher import Publisher, publishing

import zoo
from zoo.artifacts.artifact import open_artifact
from zoo.common.errors import UsageError
from zoo.common.progress import quiet
from zoo.networks.checkpoints import resolve
from zoo.networks.weights import read_tensors
from zoo.pipeline.options import recipe_from
from zoo.pipeline.starting_network import with_network_here
from zoo.registry import PluginSettings, Registry, load_registry


@dataclass
class World:
    registry: Registry
    publisher: Publisher
    file: Path


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ZOO_OFFLINE", "0")
    file = published(tmp_path)
    with publishing() as found:
        found.files[f"/{file.name}"] = file.read_bytes()
        path = plugin(tmp_path, f"{found.address}/{file.name}")
        registry = load_registry(PluginSettings(paths=(str(path),), installed=False))
        yield World(registry, found, file)


@pytest.mark.slow
def test_shipped_on_published_weights(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {
        "epochs": 1,
        "freeze": "backbone",
        "format": ["tflite"],
        "precision": ["float32"],
        "allow_weak": True,
        "report": False,
        "registry": world.registry,
    }
    run = zoo.ship("marks8", "digits", output=tmp_path / "runs", **options)
    assert world.publisher.asked == [f"GET /{world.file.name}"]
    assert run.weights is not None
    card = resolve(world.registry, str(run.weights))[2].card()  # type: ignore[union-attr]
    assert card.parent == ""
    origin = card.backbone
    assert origin is not None
    assert (origin.model_id, origin.dataset, origin.licence) == (
        "plain8.published",
        "photos",
        "CC0-1.0",
    )
    assert origin.url.endswith(world.file.name)
    # Frozen, and behind the normalization of the weights.
    made, there = read_tensors(run.weights), read_tensors(world.file)
    assert (made["bn/moving_mean"] == there["norm.running_mean"]).all()
    assert (made["conv/kernel"] == there["conv.weight"].transpose(2, 3, 1, 0)).all()
    assert card.preprocessing is not None
    assert card.preprocessing.mean == (0.4,)
    (file,) = run.folder.glob("*.tflite")
    manifest = open_artifact(world.registry, file).manifest
    assert manifest is not None
    assert manifest.backbone == origin
    training = run.training.result
    assert any("5 of 9 tensors are of plain8.published" in note for note in training.notes)

    # Once it is here, nothing is asked for; what is trained further keeps its origin.
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    again = zoo.finetune(
        str(run.weights), "digits", epochs=1, output=tmp_path / "w", registry=world.registry
    )
    assert again.weights is not None
    further = resolve(world.registry, str(again.weights))[2]
    assert further is not None
    assert further.card().backbone == origin
    assert (read_tensors(again.weights)["conv/kernel"] != made["conv/kernel"]).any()


def begun(world: World, **options: object) -> str | None:
    recipe = recipe_from(model="marks8", data="digits", **options)
    return with_network_here(recipe, world.registry, quiet).training.backbone


def test_weights_that_are_not_here_are_named_with_address_and_hash(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(UsageError, match=r"'marks8' begins with plain8\.published") as caught:
        begun(world)
    assert f"{world.publisher.address}/{world.file.name}" in caught.value.what
    digits = world.file.stem.rpartition("-")[2]
    assert f"its hash is sha256:{digits}" in (caught.value.why or "")
    assert "--from-scratch" in (caught.value.fix or "")
    assert begun(world, from_scratch=True) is None
    assert begun(world, set={"scale": 3.0}) is None, "no weights fit: the job says so"
    assert world.publisher.asked == []


def test_two_kinds_of_weights_are_refused(world: World) -> None:
    recipe = recipe_from(model="resnet8.fashion_mnist", data="digits", backbone="photos")
    with pytest.raises(UsageError, match="weights for the whole network") as caught:
        with_network_here(recipe, world.registry, quiet)
    assert (caught.value.fix or "").endswith("name the network alone: resnet8")
    with pytest.raises(UsageError, match="from_scratch begins with none"):
        recipe_from(model="marks8", data="digits", backbone="photos", from_scratch=True)
