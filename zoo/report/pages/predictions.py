"""The page of ``zoo predict``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.common.errors import ZooError
from zoo.contracts import Preprocessing
from zoo.data.preprocessing.inputs import kind_of
from zoo.data.samples.reading import read_samples
from zoo.report.charts.series_chart import MOST_CHANNELS, series_chart
from zoo.report.charts.series_pictures import series_picture
from zoo.report.drawn_answers import classes_of_boxes, drawn_answer, legend
from zoo.report.environment import versions_here
from zoo.report.example_cards import picture_uri
from zoo.report.headline import Headline, weak_kind, weakness
from zoo.report.pages.rendering import render_page
from zoo.report.prediction_text import count_rows, score_rows
from zoo.report.view import Rows
from zoo.results import formatting as fmt
from zoo.results.predictions import PredictedExample, Predictions

#: More examples than these would make the page larger than a megabyte.
MOST = 60
#: Bytes of pictures that a page holds, which leaves it below a megabyte.
_ROOM = 850_000
#: Letters of a text that are shown.
_LONGEST = 400


@dataclass(frozen=True, kw_only=True)
class PredictionCard:
    """One example with its answer.

    Attributes:
        name: Of the example.
        given: Data URI of the picture as it was given, upright; empty of other inputs.
        seen: Of what the network takes, where that is another one; or of what it makes.
        caption: What `seen` is.
        drawing: Of a series its lines as an ``<svg>`` element; empty of other inputs.
        text: Of a text its words.
        answer: In words.
        confidence: In per cent; empty where there is none.
        table: Its scores or steps.
        legend: Of a mask the colour, ``#rrggbb`` or empty, and the name of each class in it.
    """

    name: str
    given: str
    seen: str
    caption: str
    drawing: str
    text: str
    answer: str
    confidence: str
    table: Rows
    legend: tuple[tuple[str, str], ...] = ()


def render(found: Predictions) -> str:
    """The whole page; every name in it is escaped."""
    return render_page(
        "predictions.html",
        found=found,
        headline=predictions_headline(found),
        cards=_cards(found),
        counts=count_rows(found) if found.counts else None,
        environment={"runtime": found.runtime, **versions_here()},
    )


def predictions_headline(found: Predictions) -> Headline:
    """How much was answered, and what most; a weak network is named first."""
    many = fmt.count(len(found.examples), "example")
    text = f"{many} answered by {fmt.plain(found.runtime)}"
    if found.failed:
        text += f", {len(found.failed)} not read"
    counts = found.counts
    if counts and found.counted > 1:
        name, count = next(iter(counts.items()))
        text += f"; most often “{fmt.plain(name, 40)}”, {fmt.share(count / found.counted)} %"
    text += "."
    if weak := weakness(found.findings):
        told = f"These are the answers of a network that {weak}."
        return Headline(weak_kind(found.findings), f"{told} {text}")
    return Headline("weak" if found.failed else "passed", text)


def _cards(found: Predictions) -> list[PredictionCard]:
    """Of the first examples, as many as the page may hold."""
    cards: list[PredictionCard] = []
    room = _ROOM
    classes = classes_of_boxes(found)
    for one in found.examples[:MOST]:
        card = _card(one, found.preprocessing, classes)
        room -= len(card.given) + len(card.seen) + len(card.drawing)
        if room < 0:
            break
        cards.append(card)
    return cards


def _card(
    one: PredictedExample, preprocessing: Preprocessing, classes: Sequence[str]
) -> PredictionCard:
    given, seen, text, drawing = _shown(one, preprocessing, classes)
    sure, numbers = one.output.confidence, one.output.numbers
    # The table has the numbers already.
    answer = fmt.count(len(numbers), "output") if numbers else one.output.answer
    return PredictionCard(
        name=fmt.plain(one.input, 120),
        given=given,
        seen=seen if seen != given else "",
        caption="what the network sees" if one.output.picture is None else "what it makes of it",
        drawing=drawing,
        text=fmt.plain(text, _LONGEST),
        answer=fmt.plain(answer, 200),
        confidence="" if sure is None else f"{fmt.share(sure)}\N{NO-BREAK SPACE}%",
        table=score_rows(one),
        legend=legend(one.output.mask) if one.output.mask is not None else (),
    )


def _shown(
    one: PredictedExample, preprocessing: Preprocessing, classes: Sequence[str]
) -> tuple[str, str, str, str]:
    """Data URIs as it was given and as the network takes it, its text, and its drawing."""
    if not preprocessing.shown_as:
        return "", "", "", ""
    try:
        raw = one.sample.read()
    except (ZooError, OSError):  # gone since it was answered
        return "", "", "", ""
    if preprocessing.shown_as == "text":
        return "", "", str(raw) if raw.ndim == 0 else " ".join(raw.tolist()), ""
    if preprocessing.shown_as == "curves":
        names = getattr(preprocessing, "names", ())
        if len(raw) == 1 and names:  # the row of a table, which is no line over time
            row = zip(names, raw[0].tolist(), strict=True)
            return "", "", ", ".join(f"{name} {fmt.number(value, 4)}" for name, value in row), ""
        if raw.shape[1] <= MOST_CHANNELS:
            return "", "", "", series_chart(raw, names)
        return picture_uri(series_picture(raw)), "", "", ""
    if preprocessing.shown_as == "spectrogram":
        return picture_uri(kind_of(preprocessing).picture(raw)), "", "", ""
    if one.output.picture is not None:
        return picture_uri(raw), picture_uri(one.output.picture), "", ""
    drawn = drawn_answer(raw, one.output, classes)
    if drawn is not None:
        # What the network takes shows no more than this.
        return picture_uri(drawn), "", "", ""
    taken, _, _ = read_samples([one.sample], preprocessing.in_layout("nhwc"), [0])
    return picture_uri(raw), picture_uri(taken[0]) if len(taken) else "", "", ""
