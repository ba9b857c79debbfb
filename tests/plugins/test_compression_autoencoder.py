"""The network for compression at sizes of input other than its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from zoo.common.errors import UsageError
from zoo.contracts import ImagePreprocessing
from zoo.networks.building import output_shapes
from zoo.networks.resizing import build_resized
from zoo.registry import PluginSettings, load_registry

pytest.importorskip("keras")

ARCHITECTURE, VARIANT = load_registry(PluginSettings(installed=False)).variant("autoencoder_small")


def built(height: int, width: int) -> Any:
    own = VARIANT.preprocessing
    assert isinstance(own, ImagePreprocessing)
    sized = replace(own, height=height, width=width)
    return build_resized(ARCHITECTURE, VARIANT, 1, {"filters": 12}, sized)


def test_codes_and_pictures_are_as_large_as_the_input_is() -> None:
    assert output_shapes(built(128, 72)) == {"code": (16, 9, 64), "picture": (128, 72, 3)}


def test_sizes_that_are_no_whole_blocks_are_refused() -> None:
    """The picture would be larger than what it is compared with."""
    with pytest.raises(UsageError, match="cannot be built for images of 60×64×3") as caught:
        built(60, 64)
    assert "picture (batch, 60, 64, 3)" in (caught.value.why or "")
