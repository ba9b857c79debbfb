"""What holds for every page: verdict first, self-contained, read in both schemes, on phones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from all_pages import CHANCE, all_pages, compared, explained, predicted, searched
from chromium import browser, find_chromium
from report_pages import page_script
from report_views import Page, row, run

from zoo.report.headline import run_headline
from zoo.report.pages.comparison import comparison_headline
from zoo.report.pages.explanation import explanation_headline
from zoo.report.pages.html import render
from zoo.report.pages.predictions import predictions_headline
from zoo.report.pages.predictions import render as render_predictions
from zoo.report.pages.search import search_headline

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

MEGABYTE = 1_000_000
KINDS = ("run", "choose", "compare", "explain", "optimize", "predict", "predict-series")
#: Text on what lies below it, as the style sheet pairs them.
PAIRS = [
    *((text, ground) for text in ("ink", "muted", "accent") for ground in ("page", "paper")),
    *(("ink", f"{kind}-soft") for kind in ("good", "bad", "warn", "rest")),
    *((kind, f"{kind}-soft") for kind in ("good", "bad", "warn")),
    *((kind, "paper") for kind in ("good", "bad", "warn")),
    *(("muted", "rest-soft"), ("chart-bad", "paper")),
]
#: Lines and marks need less than text.
MARKS = [(f"chart-{name}", "paper") for name in ("blue", "orange", "teal", "purple")]
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
SMALLEST_TEXT = """Math.min(99, ...[...document.querySelectorAll("svg text")]
  .filter((text) => text.getClientRects().length)
  .map((text) => parseFloat(getComputedStyle(text).fontSize) * Math.hypot(
    text.getScreenCTM().a, text.getScreenCTM().b)))"""


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    return all_pages()


def schemes(style: str) -> dict[str, dict[str, str]]:
    """The colours of the light and the dark scheme by variable, references followed."""
    found = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    light = dict(re.findall(r"--([\w-]+): ([^;]+);", found[0]))
    both = {"light": light, "dark": light | dict(re.findall(r"--([\w-]+): ([^;]+);", found[1]))}
    for names in both.values():
        for name, value in names.items():
            if value.startswith("var(--"):
                names[name] = names[value[6:-1]]
    return both


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb``, as WCAG defines it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def faint(style: str) -> list[str]:
    """Pairs of colours with less contrast than level AA asks."""
    found = []
    for scheme, colours in schemes(style).items():
        for asked, pairs in ((4.5, PAIRS), (3.0, MARKS)):
            for above, below in pairs:
                low, high = sorted((luminance(colours[above]), luminance(colours[below])))
                if (high + 0.05) / (low + 0.05) < asked:
                    found.append(f"{scheme}: {above} on {below}")
    return found


def test_colours_reach_level_aa_in_both_schemes(sources: dict[str, str]) -> None:
    style = Page(sources["run"]).style
    assert faint(style) == []
    # A grey that is as light as many pages have it is caught, in the scheme that has it.
    assert faint(style.replace("--muted: #5a636e", "--muted: #8a939e"))
    assert faint(style.replace("--muted: #a1a9b4", "--muted: #5a636e"))


def lacking(source: str) -> list[str]:
    """What a page must not lack, and does."""
    page = Page(source)
    figures = re.findall(r"<figure>\n.*?</figure>", source, re.DOTALL)
    found = [
        "table behind a chart"
        for figure in figures
        if "<svg" in figure
        and not re.search(r"<details class=\"behind\">.*?<td", figure, re.DOTALL)
    ]
    for drawing in re.findall(r"<svg.*?</svg>", source, re.DOTALL):
        found += [] if re.match(r"<svg[^>]* aria-label=\"[^\"]+\"", drawing) else ["label"]
        found += [] if re.match(r"<svg[^>]*><title>[^<]+</title>", drawing) else ["title"]
    linked = {a["href"] for a in page.with_tag("a")}
    ids = re.findall(r'<h2 id="([^"]+)"', source)
    found += [f"{id} in the contents" for id in ids if f"#{id}" not in linked]
    verdict, first = source.find('<p class="verdict '), source.find("<section")
    found += [] if 0 < verdict < first else ["verdict before everything else"]
    found += [] if page.script == page_script() else ["script"]
    found += [] if len(source) <= MEGABYTE else ["brevity"]
    found += (
        ["independence"] if re.search(r"https?://|@import|<link[^>]*href=\"[^d]", source) else []
    )
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_each_page_is_whole(sources: dict[str, str], kind: str) -> None:
    assert lacking(sources[kind]) == []


@pytest.mark.parametrize(
    ("lacks", "was", "now"),
    [
        ("table behind a chart", '<details class="behind">', "<details>"),
        ("title", "<title>Ratios", "<b>Ratios"),
        ("label", ' aria-label="Ratios', ' alt="Ratios'),
        ("pairs in the contents", 'href="#pairs"', 'href="#ratios"'),
        ("verdict before everything else", '<p class="verdict ', '<p class="lead '),
        ("script", '"use strict";', "fetch('x');"),
        ("brevity", "</footer>", "x" * MEGABYTE + "</footer>"),
        ("independence", "</footer>", "<p>https://example.org</p></footer>"),
    ],
)
def test_a_page_that_lacks_something_is_caught(
    sources: dict[str, str], lacks: str, was: str, now: str
) -> None:
    assert was in sources["compare"]
    worse = sources["compare"].replace(was, now)
    worse = worse.replace("</title><", "</b><") if lacks == "title" else worse
    assert lacks in lacking(worse)


@pytest.mark.parametrize("kind", KINDS)
def test_shares_are_in_per_cent_and_tables_hold_no_python(
    sources: dict[str, str], kind: str
) -> None:
    text = Page(sources[kind]).text
    assert "0.3125" not in text
    assert "0.6875" not in text
    assert "{'" not in text
    assert "None" not in text
    assert "edgezoo 0." in text, "the version that made it"


def test_headlines_of_a_run() -> None:
    good, bad = row(), row("int8", verdict="rejected", reason="x")
    assert run_headline([good]).kind == "passed"
    assert run_headline([good, bad]).kind == "weak"
    assert run_headline([bad]).kind == "rejected"
    assert run_headline([]).kind == "open"
    weak = run_headline([good], (CHANCE,))
    assert weak.kind == "rejected"
    assert weak.text == "The file is faithful to a network that is no better than chance."
    mixed = run_headline([good, bad], (CHANCE,))
    assert "What passed is faithful to a network that is no better than chance." in mixed.text
    assert '<p class="verdict rejected">' in render(run(rows=(good,), findings=(CHANCE,)))


def test_headlines_of_the_other_pages() -> None:
    assert comparison_headline(compared(1.06)).kind == "rejected"
    assert comparison_headline(compared(1.0)).kind == "passed"
    both = comparison_headline(compared(1.06, 1.0))
    assert (both.kind, both.text) == ("rejected", "Of 2 files: 1 slower and 1 same.")
    assert comparison_headline(compared()).kind == "open"
    assert explanation_headline(explained()).kind == "weak"
    assert "1.0 points worse than its float twin" in explanation_headline(explained()).text
    assert explanation_headline(explained(advised=False)).kind == "passed"
    assert search_headline(searched()).kind == "passed"
    assert search_headline(searched(chosen=False)).kind == "rejected"
    assert predictions_headline(predicted()).kind == "passed"
    assert "most often “dog”, 100 %" in predictions_headline(predicted()).text
    for told in (
        explanation_headline(explained(CHANCE)),
        search_headline(searched(CHANCE)),
        predictions_headline(predicted(CHANCE)),
    ):
        assert told.kind == "rejected"
        assert "is no better than chance" in told.text


def test_many_photographs_leave_the_page_below_a_megabyte() -> None:
    source = render_predictions(predicted(count=60, side=300))
    assert len(source) <= MEGABYTE
    assert re.search(r"\d+ of 60 examples are shown", Page(source).text)


def test_originals_stand_beside_what_the_network_sees(sources: dict[str, str]) -> None:
    for kind in ("run", "predict"):
        assert re.search(
            r'<div class="both">\s*<figure><img.*?<figcaption>given</figcaption></figure>\s*'
            r"<figure><img.*?<figcaption>what the network sees</figcaption>",
            sources[kind],
        )


@pytest.mark.slow
@pytest.mark.skipif(find_chromium() is None, reason="needs Chromium")
def test_pages_in_a_browser(sources: dict[str, str], tmp_path: Path) -> None:
    """No page is wider than a phone, no text in a chart is tiny, commands are copied."""
    bad = sources["compare"].replace("</main>", '<p style="width: 500px">x</p></main>')
    small = sources["compare"].replace("</main>", f"{TINY}</main>")
    cards = sources["compare"].replace("</main>", f"{LONG_NAMES}</main>")
    with browser(tmp_path / "profile") as shown:
        for name, source in {**sources, "cards": cards, "bad": bad, "small": small}.items():
            path = tmp_path / f"{name}.html"
            path.write_text(source, encoding="utf-8")
            for width in (390, 1280, 2560):
                shown.open(path, width, dark=width == 1280)
                found = shown.evaluate(TOO_WIDE), shown.evaluate(SMALLEST_TEXT)
                if name == "bad":
                    assert (found[0] > 0) == (width == 390)
                elif name == "small":
                    assert found[1] < 5
                else:
                    assert found[0] == 0, (name, width)
                    assert found[1] >= 11, (name, width)
        assert not [e for e in shown.events if e["method"] == "Runtime.exceptionThrown"]
        shown.open(tmp_path / "run.html", 1280)
        buttons = shown.evaluate("document.querySelectorAll('pre > .copy').length")
        assert buttons == shown.evaluate("document.querySelectorAll('pre').length") > 0
        shown.evaluate("document.querySelector('.copy').click()")
        assert shown.evaluate("getComputedStyle(document.querySelector('.contents')).position") == (
            "sticky"
        )


#: Pictures of what files answer, under names of files that have no place to break.
FIGURE = f"<figure><figcaption>{3 * 'long_name.'}float32.tflite</figcaption></figure>"
CARD = f'<li><div class="both">{4 * FIGURE}</div></li>'
LONG_NAMES = f'<ul class="samples">{4 * CARD}</ul>'
TINY = '<svg viewBox="0 0 3000 30"><text y="20" font-size="12">x</text></svg>'
