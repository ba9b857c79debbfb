"""Golden inputs as pictures: in any layout, as they were, and none of what is no picture."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest

from zoo.registry import load_registry
from zoo.server.golden_pictures import _drawn

Image = pytest.importorskip("PIL.Image")


def test_pictures_look_as_their_inputs() -> None:
    record = load_registry().variant("lenet5")[1].preprocessing
    pixels = np.arange(np.prod(record.input_shape)).reshape(record.input_shape) % 256
    for layout in ("nhwc", "nchw"):
        laid = record.in_layout(layout)
        values = pixels if layout == "nhwc" else np.moveaxis(pixels, -1, 0)
        found = _drawn(laid, values.astype(laid.dtype))
        assert found is not None
        data = base64.b64decode(found["source"].partition(",")[2])
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels[:, :, 0])


def test_large_pictures_are_made_small() -> None:
    record = load_registry().variant("lenet5")[1].preprocessing
    found = _drawn(record, np.zeros((500, 300, 1), np.uint8))
    assert found is not None
    data = base64.b64decode(found["source"].partition(",")[2])
    assert max(Image.open(io.BytesIO(data)).size) == 96
