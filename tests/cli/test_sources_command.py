"""What networks from elsewhere can be opened, and those that are known by name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from zoo.common.environments import PythonEnvironment
from zoo.contracts import NamedNetwork, Source
from zoo.networks.sources import available
from zoo.networks.sources.available import named_networks, source_states
from zoo.registry import load_registry

SHORT = "timm:mobilenetv4_conv_small"
MOBILENET = f"{SHORT}.e2400_r224_in1k"


def test_sources_are_listed_with_what_they_lack(zoo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {row["name"]: row for row in zoo("sources", "list", "--json").json}
    assert rows["keras"]["typed"] == "FILE.keras, FILE.h5"
    assert rows["keras-applications"]["networks"] == 40
    assert all(row["typed"] for row in rows.values())
    lacking = {"train": ["keras"]}
    monkeypatch.setattr(available, "missing_of", lambda extra: lacking.get(extra, []))
    state = next(one for one in source_states(load_registry()) if one.name == "keras")
    assert (state.missing, state.fix) == (("keras",), 'pip install "edgezoo[train]"')
    typed = zoo("sources", "list")
    assert 'keras needs keras: pip install "edgezoo[train]"' in typed.out


def test_networks_are_listed_by_name_and_told_of(zoo: Any) -> None:
    before = set(sys.modules)
    typed = zoo("list", "KERAS:mobile*")
    assert [line.split()[0] for line in typed.out.splitlines()[1:]] == [
        "keras:MobileNet", "keras:MobileNetV2", "keras:MobileNetV3Large", "keras:MobileNetV3Small",
    ]  # fmt: skip
    (row,) = zoo("list", "keras:VGG16", "--json").json
    assert row["input"].startswith("224x224 bgr mean=103.939")
    # They are too many for the list of all.
    assert "keras:MobileNet" not in zoo("list").out
    found = zoo("info", "keras:VGG16")
    assert "licence     CC-BY-4.0" in found.out
    assert "(not fetched)" in found.out
    assert not {"tensorflow", "keras"} & (set(sys.modules) - before)
    for command in (["list", "keras:MobilNetV2"], ["info", "keras:MobilNetV2"]):
        typed = zoo(*command)
        assert typed.code == 2
        assert "did you mean" in typed.err
    typed = zoo("verify", "keras:VGG16")
    assert "zoo export keras:VGG16 --data DATASET" in typed.err


def test_they_are_listed_and_told_of_without_pytorch(zoo: Any) -> None:
    before = set(sys.modules)
    rows = zoo("list", "timm:mobilenet*", "--json").json
    assert len(rows) > 50
    row = next(row for row in rows if row["name"] == MOBILENET)
    assert (row["licence"], row["also"], row["parameters"]) == ("Apache-2.0", [SHORT], 3_774_024)
    assert row["input"] == (
        "224x224 rgb mean=0.485,0.456,0.406 std=0.229,0.224,0.225 crop=0.875 bicubic"
    )
    assert [one["name"] for one in zoo("list", SHORT.upper(), "--json").json] == [MOBILENET]
    listed = zoo("list", "torchvision:resnet18*").out.splitlines()
    assert listed[1].split()[1:4] == ["11.7", "M", "BSD-3-Clause"]
    # They are too many for the list of all, which says how to see them.
    everything = zoo("list").out
    counts = {row["name"]: row["networks"] for row in zoo("sources", "list", "--json").json}
    assert "timm:mobilenet" not in everything
    assert f'{counts["timm"]:,} by zoo list "timm:*"' in everything
    told = zoo("info", SHORT).out
    assert f"zoo ship {MOBILENET} --data DATASET --epochs 3" in told
    assert "model.safetensors (not fetched)" in told
    assert "parameters  3.77 M" in told
    told = zoo("info", "timm:coatnet_0_224").out
    assert "none are published" in told
    assert "zoo ship 'timm:coatnet_0_224?weights=FILE' --data DATASET" in told
    for command in (["list", "timm:mobilnetv4"], ["info", "timm:mobilnetv4"]):
        typed = zoo(*command)
        assert typed.code == 2
        assert "mobilenetv4_conv_small" in typed.err
    for pattern, told in (
        ("timm:nothing-like-it*", 'fix: zoo list "timm:*" lists all'),
        ("timm:", 'fix: zoo list "timm:*" lists all'),
        ("keras-hub:zzz*", 'zoo list "keras-hub:*"'),
    ):
        assert told in zoo("list", pattern).err
    assert not {"torch", "timm", "numpy"} & (set(sys.modules) - before)


def test_presets_of_keras_hub_are_listed_and_described(zoo: Any) -> None:
    before = set(sys.modules)
    assert "keras-hub:resnet_18_imagenet" in zoo("list", "keras-hub:resnet_18*").out
    assert "keras/resnetv1" in zoo("info", "keras-hub:resnet_18_imagenet").out
    typed = zoo("ship", "keras-hub:resnet_18_imagenet", "--data", "digits")
    assert typed.code == 2
    assert "?weights=FOLDER" in typed.err
    assert not {"keras", "keras_hub", "numpy"} & (set(sys.modules) - before)


def test_names_of_other_sources_are_found() -> None:
    registry = load_registry()
    one = NamedNetwork(
        name="hub:Tiny.a1", task="a", input="", licence="", weights="", also=("hub:Tiny",)
    )
    source = Source(
        name="hub",
        summary="",
        recognises=bool,
        local=print,
        open=print,
        named=lambda: [one],  # type: ignore[arg-type, return-value]
    )
    registry.sources.add("hub", source, registry.plugins[0])
    assert named_networks(registry, "hub:tiny") == [one]
    assert available.named_network(source, "hub:Tiny") is one
    assert available.named_network(source, "hub:Tiny.a1") is one
    assert available.named_network(source, "hub:Tiny?weights=a") is None


def test_sources_share_an_environment(zoo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(
        PythonEnvironment, "python", property(lambda one: Path("p") if made else None)
    )
    monkeypatch.setattr(PythonEnvironment, "make", lambda one, tell: made.append(one.name))
    # Where PyTorch is installed beside the zoo, nothing is made.
    monkeypatch.setattr("zoo.plugins.torch_files.environment.installed", lambda name: False)
    for name, count in (("torch", 1), ("timm", 1), ("torchvision", 1)):
        typed = zoo("sources", "setup", name)
        assert (typed.code, len(made)) == (0, count)
        assert ("nothing is missing" in typed.out) == (name != "torch")
    assert zoo("sources", "setup", "timm", "--again").code == 0
    assert made == ["torch", "torch"]
