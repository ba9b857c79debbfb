"""Which weights a file came from, and which networks several files have in common."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from zoo.artifacts.artifact import Artifact, DatasetReference, Manifest
from zoo.benchmark.keras_baseline import references_of, weights_of
from zoo.common.errors import ZooError
from zoo.common.files import sha256_of
from zoo.common.worker import Children
from zoo.contracts import FileContents, ImagePreprocessing
from zoo.networks.checkpoints import Checkpoint, resolve
from zoo.registry import Registry, load_registry

MODEL = "lenet5.fashion_mnist"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def packaged(registry: Registry) -> Checkpoint:
    _, _, checkpoint = resolve(registry, MODEL)
    assert checkpoint is not None
    return checkpoint


@pytest.fixture
def artifact(registry: Registry, packaged: Checkpoint, tmp_path: Path) -> Artifact:
    contents = FileContents.__new__(FileContents)  # Nothing of it is asked.
    manifest = Manifest(
        model_id=MODEL,
        architecture="lenet5",
        task="image-classification",
        format="tflite",
        precision="int8",
        licence="CC0-1.0",
        classes=packaged.card().classes,
        weights_sha256=sha256_of(packaged.path),
        dataset=DatasetReference(name="fashion_mnist", content_hash="1" * 64),
        calibration=None,
        preprocessing=ImagePreprocessing(height=28, width=28, channels=1),
        inputs=(),
        outputs=(),
        payload_sha256="2" * 64,
    )
    exporter = registry.exporters.get("tflite")
    path = tmp_path / "net.tflite"
    return Artifact(path=path, exporter=exporter, contents=contents, manifest=manifest)


def beside(artifact: Artifact, packaged: Checkpoint, *, altered: bool = False) -> Path:
    weights = artifact.path.with_name(f"{MODEL}.safetensors")
    shutil.copyfile(packaged.path, weights)
    shutil.copyfile(packaged.card_path, weights.with_name(f"{MODEL}.toml"))
    if altered:
        content = bytearray(weights.read_bytes())
        content[-1] ^= 1
        weights.write_bytes(content)
    return weights


def test_those_that_the_zoo_brings(
    registry: Registry, artifact: Artifact, packaged: Checkpoint
) -> None:
    assert weights_of(registry, artifact).path == packaged.path


def test_those_beside_the_file_come_first(
    registry: Registry, artifact: Artifact, packaged: Checkpoint
) -> None:
    weights = beside(artifact, packaged)
    assert weights_of(registry, artifact).path == weights


def test_others_beside_the_file_are_passed_over(
    registry: Registry, artifact: Artifact, packaged: Checkpoint
) -> None:
    beside(artifact, packaged, altered=True)
    assert weights_of(registry, artifact).path == packaged.path


def test_neither(registry: Registry, artifact: Artifact, packaged: Checkpoint) -> None:
    weights = beside(artifact, packaged)
    weights.with_name(f"{MODEL}.toml").unlink()
    assert artifact.manifest is not None
    other = replace(artifact, manifest=replace(artifact.manifest, weights_sha256="3" * 64))
    with pytest.raises(ZooError, match=r"net\.tflite was exported from are not here") as error:
        weights_of(registry, other)
    assert "the weights have no card" in str(error.value.why)
    assert f"{MODEL} is not them" in str(error.value.why)
    assert str(artifact.path.parent) in str(error.value.fix)


def test_a_model_that_nothing_provides(registry: Registry, artifact: Artifact) -> None:
    assert artifact.manifest is not None
    other = replace(artifact, manifest=replace(artifact.manifest, model_id="unheard.of"))
    with pytest.raises(ZooError, match="are not here") as error:
        weights_of(registry, other)
    assert "unknown model 'unheard.of'" in str(error.value.why)


def test_one_for_each_network(registry: Registry, artifact: Artifact) -> None:
    assert artifact.manifest is not None
    twin = replace(artifact, path=artifact.path.with_name("twin.onnx"))
    other = replace(artifact, manifest=replace(artifact.manifest, weights_sha256="3" * 64))
    plain = replace(artifact, manifest=None)
    found = references_of(registry, [artifact, twin, other, plain], Children())
    assert [reference.name for reference in found] == [MODEL, MODEL, "net"]
