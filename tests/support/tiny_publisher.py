"""A plugin with official weights that a publisher on this machine offers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

PLUGIN = """
import zoo

def build(inputs, classes, *, scale=1.0):
    from keras import layers
    x = layers.Conv2D(4, 3, name="conv")(inputs)
    x = layers.Rescaling(scale)(x)
    x = layers.Flatten()(x)
    return layers.Dense(classes, name="head")(x)

def table():
    yield zoo.SourceLayer("features.0", "conv")
    yield zoo.SourceLayer("fc", "head", "dense", flattened=(4, 6, 6))

def names():
    return ("a", "b", "c")

@zoo.hookimpl
def zoo_architectures():
    plain = zoo.ImagePreprocessing(height=8, width=8, channels=1)
    cut = zoo.ImagePreprocessing(height=8, width=8, channels=1, resize="crop", crop_share=0.5)
    def source(tag, url, **more):
        return zoo.WeightsSource(
            variant="tiny8", tag=tag, url=url, layers=table, framework="torch", classes=names,
            licence="CC0-1.0", dataset="photos", page="a page", **more)
    yield zoo.Architecture(
        name="tiny", summary="two layers", source="here", build=build,
        variants=(
            zoo.Variant(name="tiny8", classes=3, parameters=475, multiply_adds=1_728,
                        preprocessing=plain),
            zoo.Variant(name="tiny9", classes=3, parameters=475, multiply_adds=1_728,
                        preprocessing=plain)),
        sources=(
            source("published", "@URL@", preprocessing=cut, hyperparameters={"scale": 2.0}),
            source("unknown", "https://127.0.0.1:1/nobody.safetensors")))
"""


def tensors(seed: int = 0) -> dict[str, np.ndarray]:
    """What another program would save."""
    random = np.random.default_rng(seed)
    shapes = {
        "features.0.weight": (4, 1, 3, 3),
        "features.0.bias": (4,),
        "fc.weight": (3, 144),
        "fc.bias": (3,),
    }
    return {name: random.normal(size=s).astype(np.float32) for name, s in shapes.items()}


def published(folder: Path, **changes: Any) -> Path:
    """A safetensors file whose name ends in the first digits of its hash."""
    from safetensors.numpy import save

    content = save({**tensors(), **changes})
    path = folder / f"tiny-{hashlib.sha256(content).hexdigest()[:8]}.safetensors"
    path.write_bytes(content)
    return path


def plugin(folder: Path, url: str) -> Path:
    """The plugin's file, whose source points at `url`."""
    path = folder / "tiny_plugin.py"
    path.write_text(PLUGIN.replace("@URL@", url))
    return path
