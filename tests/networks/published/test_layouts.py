"""The order of an image's axes belongs to files; networks and datasets have channels last."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from zoo.contracts import (
    ImagePreprocessing,
    LatentPreprocessing,
    SeriesPreprocessing,
    Split,
    TokenPreprocessing,
    Variant,
)
from zoo.contracts.checks import InvalidRecord
from zoo.data.preprocessing.images import to_pixels
from zoo.data.preprocessing.inputs import read_inputs

LAST = ImagePreprocessing(height=6, width=5, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)
FIRST = LAST.in_layout("nchw")
IMAGES = np.random.default_rng(0).integers(0, 256, (9, 12, 10, 3)).astype(np.uint8)
SPLIT = Split(labels=np.zeros(9, np.int64), read=lambda i: IMAGES[i], content_hash="0" * 64)


def test_shapes_and_axes():
    assert (LAST.input_shape, LAST.axes) == ((6, 5, 3), ("height", "width", "channel"))
    assert (FIRST.input_shape, FIRST.axes) == ((3, 6, 5), ("channel", "height", "width"))
    assert FIRST.image_shape == LAST.image_shape == (6, 5, 3)
    assert "channels first" in FIRST.describe()["input"]
    assert "channels" not in LAST.describe()["input"]


def test_the_same_pixels_in_another_order():
    expected = read_inputs(SPLIT, LAST)
    found = read_inputs(SPLIT, FIRST)
    assert found.shape == (9, 3, 6, 5)
    np.testing.assert_array_equal(found.transpose(0, 2, 3, 1), expected)
    assert to_pixels(IMAGES[0], FIRST).shape == (6, 5, 3)


def test_only_images_have_a_choice():
    series = SeriesPreprocessing(steps=4, channels=2)
    tokens = TokenPreprocessing(length=4, size=9)
    latent = LatentPreprocessing(size=8, examples=LAST, judge="lenet5.fashion_mnist")
    for other, axes in ((series, ("time", "channel")), (tokens, ("time",)), (latent, ("feature",))):
        assert other.in_layout("nchw") is other
        assert other.axes == axes
        assert len(axes) == len(other.input_shape)
    assert LAST.in_layout("") is LAST
    assert FIRST.in_layout("nhwc") == LAST


def test_wrong_layouts_are_refused():
    with pytest.raises(InvalidRecord, match="unknown layout 'hwc'"):
        replace(LAST, layout="hwc")
    with pytest.raises(ValidationError):
        TypeAdapter(ImagePreprocessing).validate_python(
            {"height": 6, "width": 5, "channels": 1, "layout": "chw"}
        )
    with pytest.raises(InvalidRecord, match="networks take channels last"):
        Variant(name="v", preprocessing=FIRST, classes=2, parameters=1, multiply_adds=1)
