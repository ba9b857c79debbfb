"""Networks as plugin files, good ones and such as are broken in one way."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.registry import PluginSettings, Registry, load_registry

GOOD = """
    x = layers.Conv2D(4, 3, activation="relu")(inputs)
    x = layers.Flatten()(x)
    return layers.Dense(classes, name="head")(x)
"""
#: Of `GOOD` on 8x8 images with 3 classes.
PARAMETERS, MULTIPLY_ADDS = 475, 1728

PLUGIN = """
import zoo
{top}

def build(inputs, classes, **kwargs):
    import keras
    from keras import layers
{body}

@zoo.hookimpl
def zoo_architectures():
    yield zoo.Architecture(
        name="small", summary="A test", source="here", build=build,
        variants=(zoo.Variant(
            name="small8", classes=3, parameters={parameters}, multiply_adds={multiply_adds},
            preprocessing=zoo.ImagePreprocessing(height=8, width=8, channels=1){more}),))
"""

MakePlugin = Callable[..., Path]
MakeRegistry = Callable[..., Registry]


def write(
    folder: Path,
    body: str = GOOD,
    *,
    top: str = "",
    more: str = "",
    parameters: int = PARAMETERS,
    multiply_adds: int = MULTIPLY_ADDS,
) -> Path:
    """A plugin file."""
    path = folder / "small.py"
    text = PLUGIN.format(
        top=top, body=body, more=more, parameters=parameters, multiply_adds=multiply_adds
    )
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def plugin(tmp_path: Path) -> MakePlugin:
    """Writes a plugin file."""
    return functools.partial(write, tmp_path)


@pytest.fixture
def registry(plugin: MakePlugin) -> MakeRegistry:
    """Finds a plugin beside the built-in ones; takes what `plugin` takes."""

    def make(*args: str, **kwargs: object) -> Registry:
        path = plugin(*args, **kwargs)
        return load_registry(PluginSettings(paths=(str(path),), installed=False))

    return make
