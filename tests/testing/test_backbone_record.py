"""The conformance kit looks at what a record says of a backbone."""

from __future__ import annotations

from pathlib import Path

import pytest
from backbone_plugin import plugin

from zoo.registry import PluginSettings, load_registry
from zoo.testing.candidate import CheckedNetwork
from zoo.testing.structure import record

pytest.importorskip("keras")

URL = "https://127.0.0.1:1/nobody-00000000.safetensors"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (("", ""), ""),
        # What marks8 alone computes otherwise.
        (
            ('activation="relu", name="further")(features(inputs, scale))', None),
            "with the same weights, bn gives other features than in plain8",
        ),
        (("def behind(inputs, classes, *, scale=2.0)", None), "no layer is called alike"),
    ],
)
def test_layers_that_are_not_those_of_the_other_variant_are_found(
    changed: tuple[str, str | None], problem: str, tmp_path: Path
) -> None:
    old, new = changed
    if old.startswith("activation"):
        new = old.replace("features(inputs, scale)", "features(2 * inputs, scale)")
    elif old:
        # Its features have other names.
        new = (
            "def behind(inputs, classes, *, scale=2.0):\n"
            "    from keras import layers\n"
            "    def features(inputs, scale):\n"
            '        x = layers.Conv2D(4, 3, use_bias=False, name="c")(inputs)\n'
            '        x = layers.BatchNormalization(name="b")(x)\n'
            "        return layers.ReLU()(layers.Rescaling(scale)(x))\n"
            "    return behind_it(inputs, classes, scale, features)\n\n"
            "def behind_it(inputs, classes, scale, features)"
        )
    path = plugin(tmp_path, URL, (old, new or ""))
    registry = load_registry(PluginSettings(paths=(str(path),), installed=False))
    found = record(CheckedNetwork(registry, "marks8"))
    assert found.passed == (not problem), found.measured
    assert problem in found.measured


@pytest.mark.parametrize("name", ["ssd_mobilenet_small", "lraspp_mobilenet96"])
def test_built_in_records_are_right(name: str) -> None:
    registry = load_registry(PluginSettings(installed=False))
    found = record(CheckedNetwork(registry, name))
    assert found.passed, found.measured
