"""Every built-in family passes the conformance kit; the lists come from the registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.contracts import Architecture, Variant
from zoo.registry import PluginSettings, load_registry
from zoo.testing import Conformance, check_variant, conformance_checks, light_checks

REGISTRY = load_registry(PluginSettings(installed=False))


def like(architecture: Architecture, variant: Variant) -> tuple[str, str, str]:
    """What members of a family have in common that are checked alike: task and kind of input."""
    return architecture.name, variant.task, variant.preprocessing.input_name


MEMBERS = sorted(REGISTRY.variants(), key=lambda found: -found[1].multiply_adds)
#: Of each family, task and kind of input the smallest member: later ones replace larger ones.
SMALLEST = {like(architecture, variant): variant for architecture, variant in MEMBERS}
#: Texts come with no dataset that is built in: those of this Python's standard library serve.
TEXTS = Path(__file__).parents[1] / "plugins" / "stdlib_sequences.py"
TEXT_DATA = {"sequence-classification": "stdlib_docstrings", "sequence-tagging": "stdlib_tags"}
#: Quick whatever the size; the rest takes longer and is marked slow.
QUICK = ("imports", "info", "record", "head")
#: Multiply-adds up to which a network is trained in a test.
TRAINED = 50_000_000
#: Tasks whose files are tried elsewhere, with the checks that show that the kit serves them.
ELSEWHERE = {"anomaly-detection": {"train", "export-tflite-int8"}}


def full_checks(variant: Variant) -> list[str]:
    """The checks of a variant that take long."""
    every = conformance_checks(REGISTRY)
    if variant.multiply_adds > TRAINED:
        every = light_checks()
    elif variant.task in ELSEWHERE:
        series = variant.preprocessing.input_name == "series"
        more = ELSEWHERE[variant.task] if series else set()
        every = [name for name in every if name in {*light_checks(), *more}]
    return [name for name in every if name not in QUICK]


FULL = [(variant.name, name) for variant in SMALLEST.values() for name in full_checks(variant)]


@pytest.mark.parametrize("member", sorted(SMALLEST), ids=" ".join)
@pytest.mark.parametrize("check", QUICK)
def test_smallest_member(member: tuple[str, str, str], check: str) -> None:
    verdict = Conformance(REGISTRY, SMALLEST[member].name, isolated=False).check(check)
    applies = check != "head" or SMALLEST[member].has_head
    assert verdict.status == ("passed" if applies else "skipped"), verdict


@pytest.mark.slow
@pytest.mark.parametrize(("name", "check"), FULL)
def test_smallest_member_in_full(name: str, check: str) -> None:
    variant = REGISTRY.variant(name)[1]
    if variant.preprocessing.input_name == "tokens":
        # Enough for the checks; training until answers are clear takes three times as long.
        check_variant(name, check, plugins=[TEXTS], data=TEXT_DATA[variant.task], epochs=10)
    elif variant.task in ELSEWHERE:
        check_variant(name, check, epochs=20)
    else:
        check_variant(name, check)


def test_every_built_in_family_is_covered() -> None:
    families = {
        name
        for plugin in REGISTRY.plugins
        for kind, _, name in (what.partition(" ") for what in plugin.provides)
        if kind == "architecture"
    }
    assert families == {family for family, _, _ in SMALLEST}
    assert {like(*found) for found in REGISTRY.variants()} == set(SMALLEST)
    assert {variant.name for variant in SMALLEST.values()} == {name for name, _ in FULL}
    trained = {name for name, check in FULL if check == "train"}
    assert len(trained) >= 3
