"""Golden inputs of a file as pictures, with the file's own answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.artifacts.golden_samples import GoldenArrays, read_golden
from zoo.common.errors import ZooError
from zoo.common.optional_imports import require
from zoo.contracts import Preprocessing
from zoo.data.preprocessing.inputs import kind_of
from zoo.registry import Registry
from zoo.report.charts.series_chart import MOST_CHANNELS, series_chart
from zoo.report.example_cards import picture_uri
from zoo.server.kept_files import KeptFile

if TYPE_CHECKING:
    from zoo.artifacts.artifact import Manifest
    from zoo.contracts.task import Array

#: Of the golden inputs, and pixels of a side of their pictures.
_SHOWN, _SIDE = 8, 96
#: Pictures of at most so many pixels a side are enlarged.
_COARSE = 64


@dataclass(frozen=True, kw_only=True)
class GoldenPicture:
    """A golden input.

    Attributes:
        source: Data URI of a picture; empty where it is a drawing.
        drawing: ``<svg>`` element of a series; empty where it is a picture.
        answer: What the file said, in words; empty where that is in no words.
        number: Of the example in the split that it was taken from.
    """

    source: str
    drawing: str
    coarse: bool
    answer: str
    number: int


def golden_pictures(registry: Registry, kept: KeptFile | None) -> tuple[GoldenPicture, ...]:
    """The first golden inputs; empty of a file that has none, or whose inputs are no pictures."""
    manifest = None if kept is None else kept.artifact.manifest
    if kept is None or manifest is None or manifest.golden is None:
        return ()
    try:
        arrays = read_golden(manifest.golden, kept.path)
    except ZooError:
        return ()
    found = []
    for place in range(min(_SHOWN, len(arrays.inputs))):
        try:
            drawn = _drawn(manifest.preprocessing, arrays.inputs[place])
        # A plugin's kind of input may expect another array than the one at hand.
        except (ValueError, TypeError, AttributeError, IndexError, KeyError, NotImplementedError):
            return ()
        if drawn is None:
            return ()
        found.append(
            GoldenPicture(
                **drawn,
                answer=_answer(registry, manifest, arrays, place),
                number=int(manifest.golden.examples[place]),
            )
        )
    return tuple(found)


def _drawn(preprocessing: Preprocessing, example: Array) -> dict[str, Any] | None:
    """The picture, or the drawing, of one input."""
    if preprocessing.shown_as == "curves":
        if example.ndim != 2 or example.shape[1] > MOST_CHANNELS:
            return None
        names = getattr(preprocessing, "names", ())
        return {"source": "", "drawing": series_chart(example, names), "coarse": False}
    if preprocessing.shown_as == "spectrogram":
        pixels = kind_of(preprocessing).picture(example)
    elif preprocessing.shown_as == "picture":
        pixels = _pixels(preprocessing, example)
    else:
        return None
    coarse = max(pixels.shape[:2]) <= _COARSE
    source = picture_uri(_small(pixels))
    return {"source": source, "drawing": "", "coarse": coarse} if source else None


def _pixels(preprocessing: Preprocessing, example: Array) -> Array:
    """Raw values as uint8, (height, width, channels)."""
    import numpy as np

    channel = [n for n, axis in enumerate(preprocessing.axes) if axis.startswith("channel")]
    values = np.moveaxis(example, channel[0], -1) if channel else example
    if values.dtype == np.uint8:
        return values
    low, high = preprocessing.value_range
    shares = (values.astype(np.float64) - low) / max(high - low, 1e-12)
    return np.clip(np.rint(255 * shares), 0, 255).astype(np.uint8)


def _small(pixels: Array) -> Array:
    """No larger than the page shows them."""
    import numpy as np

    if max(pixels.shape[:2]) <= _SIDE:
        return pixels
    flat = pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    image = require("PIL.Image").fromarray(flat)
    image.thumbnail((_SIDE, _SIDE))
    return np.asarray(image)


def _answer(registry: Registry, manifest: Manifest, arrays: GoldenArrays, place: int) -> str:
    """What the file's outputs mean; empty where its task does not tell, or is unknown here."""
    try:
        task = registry.tasks.get(manifest.task).with_decoding(manifest.decoding)
        said = task.decoded_beside(
            arrays.outputs[place],
            lambda: arrays.inputs[place],
            manifest.preprocessing,
            manifest.classes,
            len(manifest.classes),
        )
    # A plugin's task may raise anything, and an end-to-end file gives other outputs than its task.
    except Exception:
        return ""
    return said.answer
