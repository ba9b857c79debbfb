"""The page of ``zoo predict``: one file that needs no network, no script and no other file."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.common.errors import ZooError
from zoo.contracts import Preprocessing
from zoo.data.samples.reading import read_samples
from zoo.report.charts.series_pictures import series_picture
from zoo.report.example_cards import picture_uri
from zoo.report.pages.html import environment
from zoo.report.prediction_text import Rows, count_rows, score_rows
from zoo.results import formatting as fmt
from zoo.results.predictions import PredictedExample, Predictions

#: More examples than these would make the page larger than a megabyte.
MOST = 60
#: Letters of a text that are shown.
_LONGEST = 400


@dataclass(frozen=True, kw_only=True)
class PredictionCard:
    """One example with its answer.

    Attributes:
        name: Of the example.
        given: Data URI of the picture as it was given, upright; empty of other inputs.
        seen: Of what the network takes, where that is another one.
        text: Of a text its words.
        answer: In words.
        confidence: In per cent; empty where there is none.
        table: Its scores or steps.
    """

    name: str
    given: str
    seen: str
    text: str
    answer: str
    confidence: str
    table: Rows


def render(found: Predictions) -> str:
    """The whole page; every name in it is escaped."""
    page = environment().get_template("predictions.html")
    return page.render(
        found=found,
        cards=[_card(one, found.preprocessing) for one in found.examples[:MOST]],
        most=MOST,
        counts=count_rows(found) if found.counts else None,
    )


def _card(one: PredictedExample, preprocessing: Preprocessing) -> PredictionCard:
    given, seen, text = _shown(one, preprocessing)
    sure = one.output.confidence
    return PredictionCard(
        name=fmt.plain(one.input, 120),
        given=given,
        seen=seen if seen != given else "",
        text=fmt.plain(text, _LONGEST),
        answer=fmt.plain(one.output.answer, 200),
        confidence="" if sure is None else f"{fmt.share(sure)}\N{NO-BREAK SPACE}%",
        table=score_rows(one),
    )


def _shown(one: PredictedExample, preprocessing: Preprocessing) -> tuple[str, str, str]:
    """Data URIs of an example as it was given and as the network takes it, and its text."""
    if not preprocessing.shown_as:
        return "", "", ""
    try:
        raw = one.sample.read()
    except (ZooError, OSError):  # gone since it was answered
        return "", "", ""
    if preprocessing.shown_as == "text":
        return "", "", str(raw) if raw.ndim == 0 else " ".join(raw.tolist())
    if preprocessing.shown_as == "curves":
        return picture_uri(series_picture(raw)), "", ""
    taken, _, _ = read_samples([one.sample], preprocessing.in_layout("nhwc"), [0])
    return picture_uri(raw), picture_uri(taken[0]) if len(taken) else "", ""
