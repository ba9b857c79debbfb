"""Narrower networks, which `benchmarks/choose.py` compares beside the zoo's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from zoo.contracts import Architecture, Variant
from zoo.hookspecs import hookimpl
from zoo.plugins import alexnet, convnet, resnet, vgg

#: Name → variant of the zoo, hyper-parameters, parameters, multiply-adds.
_NETWORKS: dict[str, tuple[Any, str, dict[str, Any], int, int]] = {
    "convnet28_deep": (convnet, "convnet28", {"filters": (16, 32, 64)}, 98_442, 1_994_240),
    "resnet8_half": (resnet, "resnet8", {"width": 0.5}, 20_122, 2_364_864),
    "alexnet_half": (
        *(alexnet, "alexnet_small"),
        {"filters": (16, 32, 48, 48, 32), "hidden": 128},
        *(96_602, 4_252_672),
    ),
    "alexnet_quarter": (
        *(alexnet, "alexnet_small"),
        {"filters": (8, 16, 24, 24, 16), "hidden": 64},
        *(24_818, 1_141_888),
    ),
    "vgg8_third": (vgg, "vgg8_small", {"filters": (12, 24, 48, 72)}, 160_690, 3_237_264),
    "vgg8_half": (vgg, "vgg8_small", {"filters": (16, 32, 64, 96)}, 284_522, 5_717_184),
    "vgg8_quarter": (vgg, "vgg8_small", {"filters": (8, 16, 32, 48)}, 71_994, 1_457_760),
}


@hookimpl
def zoo_architectures() -> Iterator[Architecture]:
    """Yields a family for each network."""
    for name, (module, own, changed, parameters, multiply_adds) in _NETWORKS.items():
        (family,) = module.zoo_architectures()
        variant: Variant = next(one for one in family.variants if one.name == own)
        narrower = replace(
            variant,
            name=name,
            parameters=parameters,
            multiply_adds=multiply_adds,
            hyperparameters={**variant.hyperparameters, **changed},
        )
        yield replace(family, name=f"{name}_family", weights=None, sources=(), variants=(narrower,))
