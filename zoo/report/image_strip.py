"""What a network made, as pictures inside the page: epoch by epoch, and file by file."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.common.optional_imports import require
from zoo.report.view import Picture
from zoo.results import formatting as fmt

#: A strip longer than this is thinned out evenly; the first and the last stay.
MOST = 24


@dataclass(frozen=True, kw_only=True)
class EmbeddedImage:
    """A picture ready for the page."""

    label: str
    source: str
    width: int
    height: int


def embed_images(pictures: Sequence[Picture]) -> tuple[EmbeddedImage, ...]:
    """Every picture, in order."""
    return tuple(_embed(picture) for picture in pictures)


def epoch_images(pictures: Sequence[Picture]) -> tuple[EmbeddedImage, ...]:
    """At most `MOST` pictures, spread evenly over all."""
    last = len(pictures) - 1
    if last < MOST:
        return embed_images(pictures)
    return embed_images([pictures[round(place * last / (MOST - 1))] for place in range(MOST)])


def _embed(picture: Picture) -> EmbeddedImage:
    pixels = picture.pixels
    image = require("PIL.Image").fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    return EmbeddedImage(
        label=fmt.plain(picture.label),
        source=f"data:image/png;base64,{data}",
        width=image.width,
        height=image.height,
    )
