"""Hyper-parameters are checked by name and by the type that `build` declares."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from makers import architecture, variant

from zoo.common.errors import UsageError
from zoo.networks.hyperparameters import check_hyperparameters


def typed(inputs, classes, *, filters: Sequence[int], kind: str = "max", rate: float = 0.5): ...


def test_unknown_hyperparameter():
    with pytest.raises(UsageError, match="'tiny' has no hyper-parameter 'width'") as caught:
        check_hyperparameters(architecture(build=typed), {"width": 3})
    assert caught.value.fix == "it has: filters, kind, rate"
    with pytest.raises(UsageError) as caught:
        check_hyperparameters(architecture(build=lambda inputs, classes: inputs), {"x": 1})
    assert caught.value.fix == "it has none"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("filters", 8, "Sequence[int], such as [16, 32]"),
        ("filters", ["many"], "Sequence[int], such as [16, 32]"),
        ("kind", 3, 'str, such as "max"'),
        ("rate", "half", "float, such as 0.5"),
        ("rate", "0.5", "float, such as 0.5"),
        ("rate", True, "float, such as 0.5"),
        ("filters", ["8"], "Sequence[int], such as [16, 32]"),
        ("filters", [8.0], "Sequence[int], such as [16, 32]"),
    ],
)
def test_hyperparameter_of_another_type_is_refused_before_building(name, value, expected):
    family = architecture(build=typed, variants=(variant(hyperparameters={"filters": [16, 32]}),))
    check_hyperparameters(family, {"filters": (1, 2), "kind": "stride", "rate": 1})
    with pytest.raises(UsageError, match=f"hyper-parameter '{name}' of 'tiny' cannot be") as caught:
        check_hyperparameters(family, {name: value})
    assert caught.value.fix == f"give a value of type {expected}"


def test_types_that_cannot_be_read_are_left_to_the_plugin():
    def build(inputs, classes, *, plain, later: Missing = None, own: Sequence[Missing] = ()): ...  # noqa: F821

    check_hyperparameters(architecture(build=build), {"plain": 1, "later": 2})


def test_annotations_that_are_no_text_are_shown_as_they_are_written():
    def build(inputs, classes, *, count=None, sides=()): ...

    build.__annotations__ = {"count": int | None, "sides": tuple[int, ...]}
    check_hyperparameters(architecture(build=build), {"count": 3, "sides": [3, 4]})
    with pytest.raises(UsageError, match="'count' of 'tiny' cannot be \"many\"") as caught:
        check_hyperparameters(architecture(build=build), {"count": "many"})
    assert caught.value.fix == "give a value of type int | None, such as null"
