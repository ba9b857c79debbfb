"""Every built-in family passes the conformance kit; the lists come from the registry."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_pictures import SIDE

from zoo.contracts import Architecture, Variant
from zoo.contracts.precision import PRECISIONS
from zoo.registry import PluginSettings, load_registry
from zoo.testing import Conformance, check_variant, conformance_checks, light_checks
from zoo.testing.checks import EXPORT

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
BOXES = Path(__file__).parents[1] / "support" / "rectangles_plugin.py"
#: Of tasks whose networks tests/end_to_end/ trains and exports: what the other checks learn from.
OF_TASK = {
    "object-detection": "rectangles",
    "semantic-segmentation": "fashion_scenes?count=60",
    "image-enhancement": "photographs?degrade=noise25",
    "image-compression": "photographs",
    "anomaly-detection": "digits_one_class:0",
}
#: Another, where pictures become larger, and for series.
ANOTHER = {
    "espcn_x2": "photographs?degrade=bicubic2",
    "autoencoder_dense": "digits_columns_one_class:0",
}
#: Quick whatever the size; the rest takes longer and is marked slow.
QUICK = ("imports", "info", "record", "head")
#: Multiply-adds up to which a network is trained in a test; of larger ones the quick checks alone
#: see pictures of the published size.
TRAINED = 50_000_000
SMALL_PICTURES = Path(__file__).parents[1] / "support" / "small_pictures.py"
ON_SMALL_PICTURES = {
    variant.name
    for _, variant in load_registry(
        PluginSettings(paths=(str(SMALL_PICTURES),), installed=False)
    ).variants()
}
DEFAULT = {f"-{precision.name}" for precision in PRECISIONS if precision.default}
#: Whose files of the default precisions `tests/plugins/test_architectures.py` compares with Keras.
COMPARED = ("lenet5", "convnet28", "lstm_small")
#: Whose other precisions are those of like networks: `tests/exporters/test_recurrent_files.py` has
#: each precision of a reader of rows and of a tagger, and `convnet28` is one of convolutions.
ALIKE = ("lstm_text", "lstm_tagger", "vgg8_small", "ds_cnn", "ssd_mobilenet_small")

#: Which `tests/end_to_end/test_sounds_end_to_end.py` trains, and whose files it makes.
SHIPPED = ("ds_cnn",)


def needed(variant: Variant, check: str) -> bool:
    """Whether no other test would fail where this check does."""
    if check == "build" or (check == "gradients" and variant.has_head):
        return False  # `output` builds it, and test_architectures.py has all gradients
    if check == "overfit":
        return False  # `train` asks for more
    if variant.name in SHIPPED and (check == "train" or check.startswith(EXPORT)):
        return False
    if check.startswith(EXPORT):
        default = check.endswith(tuple(DEFAULT)) and "dynamic" not in check
        return not default if variant.name in COMPARED else default or variant.name not in ALIKE
    return check not in QUICK


FULL = [
    (variant.name, check)
    for variant in SMALLEST.values()
    for check in (
        conformance_checks(REGISTRY)
        if variant.multiply_adds <= TRAINED and variant.task not in OF_TASK
        else light_checks()
    )
    if needed(variant, check)
]


#: `tests/plugins/test_architectures.py` builds members up to this size and counts what `record`
#: counts; of networks on a backbone that check compares the backbone, too.
COUNTED = 20_000_000
QUICKLY = [
    pytest.param(check, member, id=f"{check}-{' '.join(member)}")
    for check in QUICK
    for member, variant in sorted(SMALLEST.items())
    if check != "record" or variant.backbone is not None or variant.parameters > COUNTED
]


@pytest.mark.parametrize(("check", "member"), QUICKLY)
def test_smallest_member(check: str, member: tuple[str, str, str]) -> None:
    verdict = Conformance(REGISTRY, SMALLEST[member].name, isolated=False).check(check)
    applies = check != "head" or SMALLEST[member].has_head
    assert verdict.status == ("passed" if applies else "skipped"), verdict


@pytest.mark.slow
@pytest.mark.parametrize(("name", "check"), FULL)
def test_smallest_member_in_full(name: str, check: str) -> None:
    variant = REGISTRY.variant(name)[1]
    smaller = f"{name}_{SIDE}"
    if variant.multiply_adds > TRAINED and smaller in ON_SMALL_PICTURES:
        check_variant(smaller, check, plugins=[SMALL_PICTURES])
    elif variant.preprocessing.input_name == "tokens":
        # Enough for the checks; training until answers are clear takes three times as long.
        check_variant(name, check, plugins=[TEXTS], data=TEXT_DATA[variant.task], epochs=10)
    elif variant.task in OF_TASK:
        data = ANOTHER.get(name, OF_TASK[variant.task])
        check_variant(name, check, plugins=[BOXES], data=data)
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
