"""Networks of timm and torchvision by name, without PyTorch: what is typed, listed and fetched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from publisher import Publisher, publishing

from zoo.common.downloads import DownloadFailed, HashMismatch
from zoo.common.errors import UsageError
from zoo.contracts.weights import hash_in_name
from zoo.networks.sources import named
from zoo.networks.sources.references import source_of
from zoo.networks.sources.statement import parse_statement, pixel_scale
from zoo.plugins.imagenet import imagenet_classes
from zoo.plugins.torch_names import opening
from zoo.plugins.torch_names.references import parse, weights_file
from zoo.plugins.torch_names.table import described, networks
from zoo.plugins.torch_names.weights import fetch_weights, is_published
from zoo.registry import load_registry

SMALL = "timm:mobilenetv4_conv_small"
FULL = f"{SMALL}.e2400_r224_in1k"


def refused(reference: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse(reference)
    return str(caught.value)


def test_what_is_typed() -> None:
    found = parse(f"{SMALL}?weights=~/a.pth&size=96")
    assert found.network is parse(FULL).network
    assert (found.title, found.size) == ("mobilenetv4_conv_small-96", 96)
    assert found.weights == Path("~/a.pth").expanduser()
    assert not found.random
    other = parse(f"{SMALL}.e3600_r256_in1k")
    assert (other.title, other.size) == ("mobilenetv4_conv_small_e3600_r256_in1k", 256)
    assert parse("torchvision:resnet50").network.name == "resnet50.IMAGENET1K_V2"
    made = parse(f"{SMALL}?weights=random&classes=7&size=64")
    assert (made.random, made.classes, made.weights) == (True, 7, None)
    registry = load_registry()
    for typed, name in ((FULL, "timm"), ("torchvision:resnet18?weights=a.onnx", "torchvision")):
        source = source_of(registry, typed)
        assert source is not None
        assert source.name == name


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("timm:mobilnetv4", "did you mean 'mobilenetv4_conv_large' or 'mobilenetv4_conv_small'"),
        ("timm:MobileNetV4-conv-small", "did you mean 'mobilenetv4_conv_small'?"),
        ("timm:mobilenet_v2", "did you mean 'mobilenetv2_035'"),
        ("torchvision:resnet_18", "did you mean 'resnet18'?"),
        (
            f"{SMALL}.in1k",
            f"unknown weights of {SMALL} 'in1k'\n  fix: did you mean 'e1200_r224_in1k'",
        ),
        ("timm:qqqq", 'fix: zoo list "timm:*" lists all'),
        ("timm:", "unknown network of timm ''"),
        (f"{SMALL}?wieghts=a.pth", "did you mean 'weights'"),
        (f"{SMALL}?size=96&size=96", "size is given twice"),
        (f"{SMALL}?weights=", "weights has no value"),
        (f"{SMALL}?weights=a.npz", "they end in .safetensors, .pth"),
        (f"{SMALL}?size=9", "'9' is no size of images"),
        (f"{SMALL}?classes=10", "can only be chosen for random weights"),
        (f"{SMALL}?weights=a.pth&classes=10", "can only be chosen for random weights"),
        (f"{SMALL}?weights=random&classes=1", "'1' is no number of classes"),
        (f"{SMALL}?weights=random&classes=٩٩", "is no number of classes"),
        ("timm:coatnet_0_224", "timm:coatnet_0_224?weights=random"),
        ("timm:vit_small_patch14_dinov2", "is no image classifier"),
        ("torchvision:fasterrcnn_resnet50_fpn?weights=random", "is no image classifier"),
    ],
)
def test_what_is_refused(typed: str, told: str) -> None:
    assert told in refused(typed)


@pytest.mark.parametrize("library", ["timm", "torchvision"])
def test_the_table_can_be_read(library: str) -> None:
    rows = networks(library)
    assert len({row.name for row in rows}) == len(rows)
    for stated in {row.stated for row in rows}:
        found = parse_statement(stated)
        assert found.order == "rgb"
        assert found.normalization is not None
        # Whatever a library calls mean and deviation is of pixels from 0 to 1.
        assert found.span or pixel_scale(found) == 1 / 255
        assert found.resize is not None
    classifiers = [row for row in rows if row.classes]
    assert all(row.size >= 64 and row.licence for row in classifiers)
    assert all(row.url.startswith("https://") for row in rows if row.url)
    assert sum(row.parameters > 0 for row in classifiers) > 0.9 * len(classifiers)
    if library == "torchvision":  # whose files carry their hash
        assert all(hash_in_name(row.url) for row in classifiers)


FILE = "/timm/mobilenetv4_conv_small.e2400_r224_in1k/{}/main/model.safetensors"
CONTENT = b"tensors " * 100
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Publisher]:
    """A hub on this machine with the weights of one network."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    monkeypatch.setenv("ZOO_OFFLINE", "0")
    with publishing() as found:
        monkeypatch.setenv("HF_ENDPOINT", found.address)
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{DIGEST}\nsize 800\n"
        found.files[FILE.format("raw")] = pointer.encode()
        found.files[FILE.format("resolve")] = CONTENT
        yield found


def test_weights_of_the_hub_are_fetched_once_and_verified(hub: Publisher) -> None:
    for _ in range(2):
        fetch_weights(SMALL, lambda event: None)
    assert weights_file(SMALL).read_bytes() == CONTENT
    assert hub.asked == [f"GET {FILE.format(kind)}" for kind in ("raw", "resolve")]
    # The hash that was seen first stays, whatever the hub says later.
    weights_file(SMALL).write_bytes(b"other")
    hub.files[FILE.format("resolve")] = b"altered " * 100
    with pytest.raises(HashMismatch, match=DIGEST):
        fetch_weights(SMALL, lambda event: None)
    assert is_published(parse(SMALL))


def test_weights_that_differ_from_their_pointer_are_refused(hub: Publisher) -> None:
    hub.files[FILE.format("resolve")] = b"altered " * 100
    with pytest.raises(HashMismatch, match=DIGEST):
        fetch_weights(SMALL, lambda event: None)
    assert not weights_file(SMALL).exists()
    hub.files[FILE.format("raw")] = b"<html>please sign in</html>"
    with pytest.raises(DownloadFailed) as caught:
        fetch_weights(SMALL, lambda event: None)
    assert "does not tell the SHA-256" in str(caught.value)


def test_without_a_network_the_way_out_is_named(
    hub: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    way_out = f"name it: {FULL}?weights=FILE"
    hub.files.clear()
    with pytest.raises(DownloadFailed) as caught:
        fetch_weights(SMALL, lambda event: None)
    assert way_out in str(caught.value)
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    hub.asked.clear()
    with pytest.raises(UsageError) as offline:
        fetch_weights(SMALL, lambda event: None)
    assert way_out in str(offline.value)
    assert hub.asked == []
    fetch_weights(f"{SMALL}?weights=mine.pth", lambda event: None)  # which is a file's own matter


def test_the_hash_in_a_name_is_that_of_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    asked: list[tuple[str, str]] = []

    def download(url: str, path: Path, expected: str, progress: object) -> Any:
        asked.append((url, expected))
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT)
        return named.digests_of(path)

    monkeypatch.setattr(named, "download", download)
    fetch_weights("torchvision:resnet18", lambda event: None)
    url = "https://download.pytorch.org/models/resnet18-f37072fd.pth"
    assert asked == [(url, "sha256:f37072fd")]
    # A file of the user's is the published one only by its hash.
    mine = tmp_path / "mine.pth"
    mine.write_bytes(CONTENT)
    assert not is_published(parse(f"torchvision:resnet18?weights={mine}"))
    found = parse(f"torchvision:resnet18?weights={mine}")
    theirs = replace(found.network, url=f"https://a/resnet18-{DIGEST[:8]}.pth")
    assert is_published(replace(found, network=theirs))


def test_random_weights_are_a_file_that_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    typed = [f"{SMALL}?weights=random{more}" for more in ("", "&classes=10", "&size=96")]
    for one in typed:
        fetch_weights(one, lambda event: None)
    texts = [weights_file(one).read_text() for one in typed]
    assert len(set(texts)) == 3
    assert texts[0] == f"{FULL} size=224 classes=1000 random seed=0\n"


class Process:
    """In the place of PyTorch's: what it was asked, and answers of a few numbers."""

    asked: dict[str, Any]
    outputs = 1000

    def __init__(self, origin: str) -> None:
        self.origin = origin

    def ask(self, command: str, doing: str, **fields: Any) -> dict[str, Any]:
        type(self).asked = {"command": command, **fields}
        return {"outputs": self.outputs, "torch": "2.13.0+cpu"}

    def answers(self, batch: Any) -> list[Any]:
        return [batch[:, :, 0, 1]]


def test_what_is_opened_has_its_preprocessing_and_classes(
    hub: Publisher, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(opening, "TorchProcess", Process)
    fetch_weights(SMALL, lambda event: None)
    found = opening.open_network(SMALL)
    assert found.classes == imagenet_classes()
    assert found.inputs[0].shape == (None, 224, 224, 3)
    assert found.stated.endswith("crop=0.875 bicubic")
    opened, tested = found.notes
    assert opened == "opened by PyTorch 2.13.0+cpu, whose answers are the reference"
    assert tested.startswith("its library measures it on images of 256x256 with crop=0.95")
    asked = Process.asked
    assert (asked["kind"], asked["name"]) == ("timm", FULL.removeprefix("timm:"))
    assert asked["published"]
    batch = np.random.default_rng(0).normal(size=(2, 4, 5, 3)).astype(np.float32)
    np.testing.assert_array_equal(found.answers(batch), batch[:, 0, 1, :])
    mine = tmp_path / "mine.safetensors"
    with pytest.raises(UsageError, match="check the path behind weights="):
        opening.open_network(f"{SMALL}?weights={mine}")
    mine.write_bytes(CONTENT)
    # Whose classes those of a user's file are, nobody says.
    assert opening.open_network(f"{SMALL}?weights={mine}").classes == ()
    assert not Process.asked["published"]
    typed = f"{SMALL}?weights=random&classes=7&size=96"
    fetch_weights(typed, lambda event: None)
    made = opening.open_network(typed)
    assert "no better than chance" in made.notes[1]
    assert (made.classes, Process.asked["weights"], Process.asked["classes"]) == ((), None, 7)
    assert Process.asked["resized"]


def test_what_the_library_does_otherwise_with_pictures_is_told() -> None:
    """Its tables say more of pictures than is done here; nothing of it is left out silently."""
    rows = {row.name: row for row in networks("timm")}
    stretched = rows["dm_nfnet_f0.dm_in1k"]
    assert "stretch" in stretched.stated.split()
    assert "cuts out the middle, 0.9 of each side" in stretched.otherwise[0]
    assert "measures it on images of 256x256" in stretched.otherwise[1]
    smaller = rows["volo_d4_448.sail_in1k"]
    assert parse_statement(smaller.stated).crop_share == 1
    assert "by 1.15, with a black border" in smaller.otherwise[0]
    (tested,) = described(rows["convnext_atto.d2_in1k"]).remarks
    assert tested.endswith("that is ?size=288 and --input crop=0.95")
    assert rows["mobilenetv4_conv_small.e2400_r224_in1k"].otherwise
    assert rows["resnet18.a1_in1k"].stated.endswith("crop=0.95 bicubic")
    # Whole pictures that are stretched, as here, need no word.
    assert rows["coat_lite_medium_384.in1k"].otherwise == ()
    assert all(not row.otherwise for row in networks("torchvision"))
