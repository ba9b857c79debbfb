"""Every built-in family is put through the conformance kit; the lists come from the registry."""

from __future__ import annotations

import pytest

from zoo.registry import PluginSettings, load_registry
from zoo.testing import Conformance, check_variant, conformance_checks, light_checks

REGISTRY = load_registry(PluginSettings(installed=False))
SMALLEST = {
    architecture.name: min(architecture.variants, key=lambda variant: variant.multiply_adds)
    for architecture in REGISTRY.architectures
}
#: Quick whatever the size; the rest takes longer and is marked slow.
QUICK = ("imports", "info", "record", "head")
#: Multiply-adds up to which a network is trained in a test.
TRAINED = 50_000_000
FULL = [
    (variant.name, check)
    for variant in SMALLEST.values()
    for check in (
        conformance_checks(REGISTRY) if variant.multiply_adds <= TRAINED else light_checks()
    )
    if check not in QUICK
]


@pytest.mark.parametrize("family", sorted(SMALLEST))
@pytest.mark.parametrize("check", QUICK)
def test_smallest_member(family: str, check: str) -> None:
    verdict = Conformance(REGISTRY, SMALLEST[family].name, isolated=False).check(check)
    applies = check != "head" or SMALLEST[family].has_head
    assert verdict.status == ("passed" if applies else "skipped"), verdict


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "check"), FULL)
def test_smallest_member_in_full(variant: str, check: str) -> None:
    check_variant(variant, check)


def test_every_built_in_family_is_covered() -> None:
    families = {
        name
        for plugin in REGISTRY.plugins
        for kind, _, name in (what.partition(" ") for what in plugin.provides)
        if kind == "architecture"
    }
    assert families == set(SMALLEST)
    assert {variant.name for variant in SMALLEST.values()} == {name for name, _ in FULL}
    trained = {name for name, check in FULL if check == "train"}
    assert len(trained) >= 3
