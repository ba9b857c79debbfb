"""The pages of results in a real browser: usable by everyone, on a phone too, and at rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe import axe_source, serious
from chromium import Browser, browser, find_chromium

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("onnxruntime")
pytest.importorskip("uvicorn")

from series_files import SERIES, onnx_file, rows_of_table
from served_pages import keep_judged, runtimes_for, served
from stored_results import FILE, LATER, RUN, fill, sha256

from zoo.common.files import sha256_of
from zoo.server.page import file_path, trend_path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium"),
]

#: Before anything of a page: what moves while it is drawn. Chromium takes a change of the window's
#: width for a reader's doing, so that is not asked.
WATCH = """
window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""
#: Once the page was drawn, and what moved is told, which comes some time behind its frame.
SHIFTED = """
new Promise((done) => {
  const look = () => {
    if (performance.getEntriesByType("paint").length) setTimeout(() => done(window.shifted), 200);
    else requestAnimationFrame(look);
  };
  look();
})
"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: Elements that the keyboard reaches, and the outline that the focused one has.
REACHED = """
(() => {
  const style = getComputedStyle(document.activeElement);
  const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const tag = document.activeElement.outerHTML.slice(0, 100);
  return [tag, seen || style.textDecorationLine.includes("underline")];
})()
"""
PROBLEMS = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    return axe_source(tmp_path_factory.mktemp("axe"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    """Pages of made-up runs, and of a file that the cache still holds: address, and paths."""
    home, work = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("files")
    url = f"sqlite:///{home}/results.db"
    fill(url)
    file = onnx_file(work / "series.made.float32.onnx", SERIES)
    keep_judged(url, home, [file])
    runtimes_for(home)
    with served(url, home) as found:
        yield found, paths(file_path(sha256_of(file)))


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as made:
        made.call("Runtime.enable")
        made.call("Log.enable")
        made.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        yield made


def paths(kept: str) -> list[str]:
    """One page of each kind."""
    return [
        "",
        "models/lenet5.digits/",
        file_path(sha256(FILE)),
        kept,
        trend_path(FILE),
        "leaderboard/",
        "leaderboard/image-classification,digits,test,accuracy,host/",
        "runs/",
        f"runs/{RUN}/",
        f"compare/?first={RUN}&second={LATER}",
        "records/1/",
        "devices/",
    ]


def complaints(shown: Browser) -> list[str]:
    """What the console says."""
    return [
        json.dumps(event["params"])[:300] for event in shown.events if event["method"] in PROBLEMS
    ]


def test_each_page_is_usable_by_everyone_and_at_rest(
    server: tuple[str, list[str]], shown: Browser, source: str
) -> None:
    address, all_paths = server
    found = {}
    for path in all_paths:
        for width, dark in ((1280, False), (360, True)):
            shown.look(width, dark=dark)
            shown.visit(f"{address}{path}")
            shifted, wide = shown.evaluate(SHIFTED), shown.evaluate(TOO_WIDE)
            problems = [
                *complaints(shown),
                *([f"layout shift {shifted}"] if shifted > 0.001 else []),
                *([f"{wide} px too wide"] if wide > 0 else []),
                *serious(shown, source),
            ]
            if problems:
                found[path, width, dark] = problems
    assert found == {}


def test_an_answer_in_the_page_is_usable_by_everyone(
    server: tuple[str, list[str]], shown: Browser, source: str, tmp_path: Path
) -> None:
    table = tmp_path / "moves.csv"
    table.write_text(rows_of_table(SERIES, 9), encoding="utf-8")
    address, all_paths = server
    for dark in (False, True):
        shown.look(360, dark=dark)
        shown.visit(f"{address}{next(p for p in all_paths if p.startswith('files/series'))}")
        shown.choose_file("#try-it input[type=file]", table)
        shown.wait_for("document.getElementById('try-it').dataset.done")
        assert shown.evaluate("document.querySelectorAll('.answer tbody tr').length") > 0
        assert shown.evaluate(TOO_WIDE) == 0
        assert serious(shown, source) == []


def test_what_would_be_found_is_found(
    server: tuple[str, list[str]], shown: Browser, source: str
) -> None:
    """The nets above hold: faint text, a wide box, what moves, an error."""
    shown.look(360)
    shown.visit(server[0])
    # What changes before the first frame is none of it.
    assert shown.evaluate(SHIFTED) == 0
    shown.evaluate(
        "document.body.insertAdjacentHTML('afterbegin', '<p style=\"width: 500px; color: #bbb; "
        "background: #fff\">faint</p><img src=\"nothing.png\">'); console.error('x'); true"
    )
    assert shown.evaluate(SHIFTED) > 0.001
    assert shown.evaluate(TOO_WIDE) > 0
    assert {one.partition(":")[0] for one in serious(shown, source)} >= {
        "color-contrast",
        "image-alt",
    }
    assert complaints(shown)


def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    server: tuple[str, list[str]], shown: Browser
) -> None:
    address, all_paths = server
    shown.look(1280)
    for path in all_paths:
        shown.visit(f"{address}{path}")
        reached, hidden = [], []
        for _ in range(60):
            for kind in ("rawKeyDown", "keyUp"):
                shown.call(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    key="Tab",
                    code="Tab",
                    windowsVirtualKeyCode=9,
                )
            tag, seen = shown.evaluate(REACHED)
            if tag.startswith("<body") or tag in reached[:1]:
                break
            reached.append(tag)
            hidden += [] if seen else [tag]
        assert len(reached) > 3, path
        assert hidden == [], path
