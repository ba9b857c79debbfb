"""Networks for photographs, on pictures of 64 pixels: a plugin file.

Gradients, seeds and weights do not depend on the size of the pictures; their time does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import zoo
from zoo.contracts import Architecture
from zoo.registry import PluginSettings, load_registry

SIDE = 64


@zoo.hookimpl
def zoo_architectures() -> Iterator[Architecture]:
    """Of each built-in family its variants for larger pictures, under another name."""
    for architecture in load_registry(PluginSettings(installed=False)).architectures:
        variants = tuple(
            replace(
                variant,
                name=f"{variant.name}_{SIDE}",
                preprocessing=replace(variant.preprocessing, height=SIDE, width=SIDE),
            )
            for variant in architecture.variants
            if variant.preprocessing.input_shape[:1] > (SIDE,)
            and variant.preprocessing.input_name == "pixels"
        )
        if variants:
            name = f"{architecture.name}_{SIDE}"
            yield replace(architecture, name=name, variants=variants, sources=())
