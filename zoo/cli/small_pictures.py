"""Small pictures in a terminal that shows colours: two pixels above each other in a character."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from zoo.common import terminal
from zoo.common.errors import ZooError

if TYPE_CHECKING:
    from zoo.contracts import Preprocessing
    from zoo.results.predictions import PredictedExample

#: Columns that a picture takes at most.
_WIDTH = 32
_UPPER_HALF = "▀"


def print_picture(
    example: PredictedExample, preprocessing: Preprocessing, classes: Sequence[str] = ()
) -> None:
    """Draws a picture as it was given; nothing of other inputs, and where colours are not shown.

    Args:
        example: With its answer.
        preprocessing: Of the network.
        classes: Of all boxes that are shown beside it.
    """
    console = terminal.console()
    if preprocessing.shown_as != "picture" or not console.is_terminal or console.no_color:
        return
    if console.color_system not in ("256", "truecolor") or not console.encoding.startswith("utf"):
        return
    import numpy as np
    from PIL import Image
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    try:
        pixels = example.sample.read()
    except (ZooError, OSError):  # gone since it was answered
        return
    if example.output.has_places:
        from zoo.report.drawn_answers import drawn_answer

        drawn = drawn_answer(pixels, example.output, classes)
        pixels = pixels if drawn is None else drawn
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    image.thumbnail((_WIDTH, _WIDTH))
    rows = np.asarray(image).tolist()
    for upper, lower in zip_longest(rows[::2], rows[1::2], fillvalue=rows[-1]):
        line = Text()
        for above, below in zip(upper, lower, strict=True):
            style = Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below))
            line.append(_UPPER_HALF, style)
        console.print(line)
