"""Narrower networks: what is scaled, and what every declared width does to its network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import zoo
from zoo.common.errors import UsageError, ZooError
from zoo.contracts import Architecture, Variant
from zoo.networks.building import build_network, count_parameters
from zoo.networks.checkpoints import resolve
from zoo.pipeline.search.widths import default_students, narrower, scaled, students_of
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
#: The smallest member of each family that declares a width.
WIDE = [
    (a, min(a.variants, key=lambda v: v.parameters)) for a in REGISTRY.architectures if a.widths
]


@pytest.mark.parametrize(
    ("value", "factor", "expected"),
    [
        (1.0, 0.5, 0.5),
        (64, 0.5, 32),
        (64, 0.4, 24),
        (96, 0.75, 72),
        (6, 0.5, 3),
        (1, 0.1, 1),
        (0, 0.5, 0),
        ((32, 64), 0.5, (16, 32)),
        ([4, 6], 0.5, (2, 3)),
    ],
)
def test_scaled(value: object, factor: float, expected: object) -> None:
    assert scaled(value, factor) == expected


@pytest.mark.parametrize("value", [True, "64", None, {"a": 1}])
def test_what_is_no_width_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="width"):
        scaled(value, 0.5)


@given(st.integers(1, 4096), st.floats(0.01, 0.99))
def test_a_narrower_count_is_whole_positive_and_never_larger(count: int, factor: float) -> None:
    found = scaled(count, factor)
    assert isinstance(found, int)
    assert 1 <= found <= max(count, 16)
    assert found < 16 or found % 8 == 0


def test_a_count_that_is_no_multiple_is_rounded_down() -> None:
    """Of 135, 0.984 is 132.9, whose nearest multiple of 8 would be more than there was."""
    assert scaled(135, 0.984375) == 128


@pytest.mark.parametrize(("architecture", "variant"), WIDE, ids=lambda x: x.name)
def test_half_the_width_is_a_smaller_network(architecture: Architecture, variant: Variant) -> None:
    given = narrower(architecture, variant.hyperparameters, 0.5)
    network = build_network(architecture, variant, variant.classes, given)
    assert count_parameters(network) < 0.8 * variant.parameters


def test_a_family_without_a_width_says_so() -> None:
    with pytest.raises(UsageError, match="declares no hyper-parameter of width"):
        narrower(REGISTRY.variant("lenet5")[0], {}, 0.5)


@pytest.mark.parametrize("model", ["net.onnx", "net.keras", "timm:resnet18", "net.py:build"])
def test_widths_of_networks_from_elsewhere_are_refused_at_once(model: str, tmp_path: Path) -> None:
    """Before the network is opened, which takes half a minute, and before anything is tried."""
    with pytest.raises(UsageError, match=f"{model} comes from elsewhere") as told:
        zoo.optimize(model, "digits", width=[0.5], output=tmp_path, registry=REGISTRY)
    assert "--width" in str(told.value.fix)
    assert list(tmp_path.iterdir()) == []


def test_widths_are_refused_before_the_search_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of weights that came with their network, and of families that declare none."""
    checkpoint = resolve(REGISTRY, "lenet5.fashion_mnist")[2]
    assert checkpoint is not None
    came = replace(checkpoint.card(), network=SimpleNamespace(file="net.onnx"))
    monkeypatch.setattr(type(checkpoint), "card", lambda _: came)
    with pytest.raises(UsageError, match="comes from elsewhere"):
        students_of(checkpoint, [0.5])
    assert students_of(checkpoint, []) == []
    with pytest.raises(UsageError, match="comes from elsewhere"):
        zoo.optimize("lenet5.fashion_mnist", width=[0.5], output=tmp_path, registry=REGISTRY)
    assert list(tmp_path.iterdir()) == []


def test_a_width_that_build_does_not_take_is_refused() -> None:
    family = REGISTRY.variant("lenet5")[0]
    with pytest.raises((ZooError, ValueError), match="wideness"):
        Architecture(
            name="lenet",
            summary="x",
            source="x",
            build=family.build,
            variants=family.variants,
            widths=("wideness",),
        )


def test_smaller_members_are_tried_before_narrower_ones() -> None:
    checkpoint = resolve(REGISTRY, "resnet20.fashion_mnist")[2]
    assert checkpoint is not None
    names = [student.name for student in default_students(REGISTRY, checkpoint)]
    assert names == ["resnet8", "width 0.75", "width 0.5", "width 0.25"]
    (student,) = students_of(checkpoint, [0.5])
    assert student.hyperparameters["width"] == 0.5


def test_a_family_with_neither_has_no_students() -> None:
    checkpoint = resolve(REGISTRY, "lenet5.fashion_mnist")[2]
    assert checkpoint is not None
    assert default_students(REGISTRY, checkpoint) == []
