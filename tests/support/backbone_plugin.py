"""A plugin of two networks: one with published weights, and one on the backbone of that."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

PLUGIN = """
import zoo
from zoo.contracts import Backbone

def features(inputs, scale):
    from keras import layers
    x = layers.Conv2D(4, 3, use_bias=False, name="conv")(inputs)
    x = layers.BatchNormalization(name="bn")(x)
    return layers.ReLU()(layers.Rescaling(scale)(x))

def build(inputs, classes, *, scale=1.0):
    from keras import layers
    x = layers.GlobalAveragePooling2D()(features(inputs, scale))
    return layers.Dense(classes, name="head")(x)

def behind(inputs, classes, *, scale=2.0):
    from keras import layers
    x = layers.Conv2D(8, 3, activation="relu", name="further")(features(inputs, scale))
    return layers.Dense(classes, name="head")(layers.Flatten()(x))

def table():
    yield zoo.SourceLayer("conv", "conv")
    yield zoo.SourceLayer("norm", "bn", "normalization")
    yield zoo.SourceLayer("fc", "head", "dense")

@zoo.hookimpl
def zoo_architectures():
    def variant(name, side, mean, parameters, multiply_adds, **more):
        return zoo.Variant(
            name=name, classes=10, parameters=parameters, multiply_adds=multiply_adds, **more,
            preprocessing=zoo.ImagePreprocessing(
                height=side, width=side, channels=1, mean=(mean,), std=(0.5,)))
    yield zoo.Architecture(
        name="plain", summary="one convolution", source="here", build=build,
        variants=(variant("plain8", 8, 0.4, 102, 1_336),),
        sources=(zoo.WeightsSource(
            variant="plain8", tag="published", url="@URL@", layers=table, framework="torch",
            classes=lambda: ("a", "b", "c"), licence="CC0-1.0", dataset="photos",
            hyperparameters={"scale": 2.0}),))
    yield zoo.Architecture(
        name="marks", summary="one more behind it", source="here", build=behind,
        variants=(variant("marks8", 8, 0.5, 1_638, 7_184,
                          backbone=Backbone(variant="plain8", shared=("scale",))),))
"""


def published(folder: Path) -> Path:
    """A safetensors file whose name ends in the first digits of its hash."""
    from safetensors.numpy import save

    random = np.random.default_rng(0)
    shapes = {
        "conv.weight": (4, 1, 3, 3),
        "norm.weight": (4,),
        "norm.bias": (4,),
        "norm.running_mean": (4,),
        "norm.running_var": (4,),
        "fc.weight": (3, 4),
        "fc.bias": (3,),
    }
    content = save({n: random.uniform(0.5, 1.5, s).astype(np.float32) for n, s in shapes.items()})
    path = folder / f"plain-{hashlib.sha256(content).hexdigest()[:8]}.safetensors"
    path.write_bytes(content)
    return path


def plugin(folder: Path, url: str, changed: tuple[str, str] = ("", "")) -> Path:
    """The plugin's file, whose source is at `url`.

    Args:
        folder: Where it is written.
        url: Of the weights.
        changed: What in it is replaced, and by what.
    """
    path = folder / "backbone_plugin.py"
    text = PLUGIN.replace("@URL@", url)
    path.write_text(text.replace(*changed) if changed[0] else text, encoding="utf-8")
    return path
