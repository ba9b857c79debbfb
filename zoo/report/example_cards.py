"""Sample examples as cards: the picture as a data URI, or the text, and who took it for what."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.common.optional_imports import require
from zoo.report.charts.series_chart import series_chart
from zoo.report.view import SampleImage
from zoo.results import formatting as fmt

#: More cards than this are not shown.
MOST = 24

#: Longer texts are cut after so many characters.
_LONGEST = 240

#: Larger pictures are scaled down to this many pixels, so that the page stays small.
_LARGEST = 192
#: Pictures of at most so many pixels a side are enlarged.
_COARSE = 64
#: Of a drawing.
_FEW_COLOURS = 64


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One answer and everybody who gave it.

    Attributes:
        who: ``before export``, ``all 6 files``, or file names.
        confidence: ``97 to 99 %``; empty where nothing is said of it.
    """

    who: str
    said: str
    confidence: str
    right: bool


@dataclass(frozen=True, kw_only=True)
class SampleCard:
    """One example.

    Attributes:
        source: Data URI of a PNG; empty when the pixels are not a picture.
        given: The same before it was made ready for the network; empty where that is no other.
        made: What the network makes of it, as a picture or a drawing; empty where it makes none.
        figures: Pictures side by side in place of these: caption, data URI and whether coarse.
        drawing: Of a series its lines as an ``<svg>`` element; empty of other examples.
        coarse: Whether it has so few pixels that they should stay square when enlarged.
        opinions: The reference's first.
    """

    source: str
    given: str
    made: str
    figures: tuple[tuple[str, str, bool], ...]
    drawing: str
    text: str
    coarse: bool
    true_class: str
    opinions: tuple[Prediction, ...]
    wrong: bool


def sample_cards(samples: Sequence[SampleImage]) -> tuple[SampleCard, ...]:
    """Cards for the first `MOST` samples."""
    return tuple(_card(sample) for sample in samples[:MOST])


def _card(sample: SampleImage) -> SampleCard:
    said, confidence = sample.reference
    opinions = [_prediction("before export", said, [confidence], _is_right(sample, "", said))]
    groups: dict[str, dict[str, float | None]] = {}
    for file, (answer, sure) in sample.predictions.items():
        groups.setdefault(answer, {})[file] = sure
    for answer, files in groups.items():
        who = ", ".join(fmt.plain(file) for file in files)
        if len(groups) == 1 and len(files) > 1:
            who = f"all {len(files)} files"
        elif len(files) > 1 and answer == said:
            who = fmt.count(len(files), "other file")
        right = all(_is_right(sample, file, answer) for file in files)
        opinions.append(_prediction(who, answer, files.values(), right))
    return SampleCard(
        source="" if sample.pixels is None else picture_uri(sample.pixels),
        given="" if sample.given is None else picture_uri(sample.given),
        made=_made(sample),
        figures=tuple(
            (fmt.plain(caption), picture_uri(pixels), _is_coarse(pixels))
            for caption, pixels in sample.beside.items()
        ),
        drawing="" if sample.series is None else series_chart(sample.series, sample.channels),
        text=fmt.plain(sample.text, _LONGEST),
        coarse=sample.pixels is not None and _is_coarse(sample.pixels),
        true_class=fmt.plain(sample.true_class, 40),
        opinions=tuple(opinions),
        wrong=not all(opinion.right for opinion in opinions),
    )


def _is_coarse(pixels: np.ndarray) -> bool:
    return max(np.shape(pixels)[:2], default=0) <= _COARSE


def _made(sample: SampleImage) -> str:
    """An ``<img>``'s source of what a network made of a picture; of a series an ``<svg>``."""
    if sample.made is None:
        return ""
    if sample.series is not None:
        return series_chart(sample.made, sample.channels)
    return picture_uri(sample.made)


def _is_right(sample: SampleImage, file: str, said: str) -> bool:
    if sample.mistaken is None:
        return said == sample.true_class
    return file not in sample.mistaken


def _prediction(
    who: str, said: str, confidences: Iterable[float | None], right: bool
) -> Prediction:
    texts = [fmt.share(value, 0) for value in sorted(c for c in confidences if c is not None)]
    span = " to ".join(dict.fromkeys((texts[0], texts[-1]))) if texts else ""
    return Prediction(
        who=who,
        said=fmt.plain(said, 40),
        confidence=f"{span}\N{NO-BREAK SPACE}%" if span else "",
        right=right,
    )


def picture_uri(pixels: np.ndarray) -> str:
    """A picture as a data URI, scaled down to what a page needs; empty of what is no picture."""
    array = np.asarray(pixels)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    is_picture = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or array.size == 0 or not is_picture:
        return ""
    picture = require("PIL.Image").fromarray(array)
    picture.thumbnail((_LARGEST, _LARGEST))
    # What has few pixels is shown enlarged, where the noise of JPEG would be seen; so it is in
    # drawings, which have few colours.
    drawn = picture.mode == "RGBA" or picture.getcolors(_FEW_COLOURS) is not None
    small = drawn or max(picture.size) <= _COARSE
    kind, options = ("png", {"optimize": True}) if small else ("jpeg", {"quality": 85})
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
