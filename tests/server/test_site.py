"""The pages of a store, served and written: whole, linked, and careful about what is ranked."""

from __future__ import annotations

import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asgi import get
from stored_results import (
    FILE,
    LARGE,
    LATER,
    MODEL,
    REJECTED,
    RUN,
    fill,
    gated,
    keep,
    record,
    sha256,
    timed,
)

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("starlette")

from zoo.common.errors import UsageError
from zoo.pipeline.step_cache import StepCache
from zoo.registry import load_registry
from zoo.results.store import Store
from zoo.server.app import make_app
from zoo.server.catalogue import Catalogue
from zoo.server.page import file_path, slug
from zoo.server.site import Site, asset

BOARD = "leaderboard/image-classification,digits,test,accuracy,host/"
PAGE = file_path(sha256(FILE))
LINK = re.compile(r'(?:href|src)="([^"#]*)')


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    found = f"sqlite:///{tmp_path_factory.mktemp('store') / 'results.db'}"
    fill(found)
    return found


@pytest.fixture(scope="module")
def site(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    store = Store(url, writes=False)
    cache = StepCache(tmp_path_factory.mktemp("cache"))
    yield Site(Catalogue(store), load_registry(), cache, static=False, store=store.name)
    store.close()


@pytest.fixture(scope="module")
def app(site: Site) -> Any:
    return make_app(site, "secret", ["localhost"])


def data(site: Site, path: str, **query: str) -> Any:
    page = site.page(path, query)
    assert page is not None
    return json.loads(site.json(page))


def test_every_page_that_is_served_links_to_pages_only(site: Site, app: Any) -> None:
    paths = list(site.paths())
    for path in paths:
        answer = get(app, f"/secret/{path}")
        assert (answer.status, path) == (200, path)
        for link in LINK.findall(answer.text):
            if not link or link.startswith("data:"):
                continue
            parts = [*path.split("/")[:-1], *link.split("/")]
            while ".." in parts:
                place = parts.index("..")
                del parts[place - 1 : place + 1]
            target = "/".join(part for part in parts if part != ".")
            known = target in paths or get(app, f"/secret/{target}").status == 200
            assert known, f"{path}: {link}"


def test_what_is_disturbed_rejected_or_emulated_is_not_ranked(site: Site) -> None:
    rows = {(row["file"], row["latency"]["threads"]): row for row in data(site, BOARD)["rows"]}
    ranked = {key for key, row in rows.items() if row["ranked"]}
    # The newest latency of a file counts; that with two threads was disturbed.
    assert ranked == {(FILE, 1), (LARGE, 1)}
    assert rows[(LARGE, 2)]["why_not_ranked"] == "noisy"
    assert rows[(REJECTED, 1)]["why_not_ranked"] == "its gate rejected it"
    assert all(row["front"] for row in rows.values() if row["ranked"])
    assert rows[(FILE, 1)]["latency"]["p50_ms"] == 0.2
    pretended = data(site, BOARD.replace(",host/", ",pretended/"))["rows"]
    assert [(row["ranked"], row["why_not_ranked"]) for row in pretended] == [(False, "emulated")]


def test_a_leaderboard_keeps_what_is_asked(site: Site) -> None:
    def files(**query: str) -> list[str]:
        return [row["file"] for row in data(site, BOARD, **query)["rows"] if row["ranked"]]

    assert files() == [LARGE, FILE]
    assert files(sort="size") == [FILE, LARGE]
    assert files(max_size="50kB") == [FILE]
    assert files(max_latency="250us") == [FILE]
    assert files(min_quality="94.5") == [LARGE]
    assert files(precision="int8") == [FILE]
    for wrong in ({"max_size": "5"}, {"sort": "beauty"}):
        with pytest.raises(UsageError):
            files(**wrong)
    for number in ("good", "nan", "inf"):
        with pytest.raises(UsageError, match="is no number"):
            files(min_quality=number)


def test_figures_link_to_their_records(site: Site) -> None:
    told = data(site, PAGE)
    assert told["quality"]["value"] == 0.94
    (latency,) = [one for one in told["latencies"] if one["device"] == "host"]
    record = data(site, latency["record"])["record"]
    assert record["result"]["environment"] == {"python": "3.11.9"}
    assert latency["record"] in site.html(site.page(PAGE, {}))  # type: ignore[arg-type]


def test_each_version_of_a_file_has_its_own_operators(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'results.db'}"
    store = Store(url)
    for run, operators in ((RUN, {"ADD": 1}), (LATER, {"MEAN": 2})):
        content = sha256(run)
        contents = {
            **dict.fromkeys(("inputs", "outputs", "float_islands", "custom_operators"), ()),
            **dict.fromkeys(("integer_operators", "float_operators", "conversions"), 0),
            "weight_bytes": 0,
            "payload_bytes": 1,
            "payload_sha256": content,
            "dynamic_tensors": [],
            "operators": operators,
        }
        told = {"file": FILE, "format": "tflite", "precision": "int8", "bytes": 1}
        result = {**told, "sha256": content, "contents": contents}
        store.append(run, replace(record("export", "export tflite int8", None), result=result))
        gate = replace(gated(FILE, 0.94, 22_000), sha256=content)
        store.append(run, record("gate", "gate tflite int8", gate))
    site = Site(Catalogue(store), load_registry(), StepCache(tmp_path), static=False, store=url)
    for run, operators in ((RUN, {"ADD": 1}), (LATER, {"MEAN": 2})):
        assert data(site, file_path(sha256(run)))["operators"] == operators
    store.close()


def test_models_and_runs_say_what_they_hold(site: Site) -> None:
    (model,) = data(site, "")["models"]
    assert (model["model"], model["task"], model["files"], model["passed"]) == (
        MODEL,
        "image-classification",
        3,
        2,
    )
    runs = {run["run"]: run for run in data(site, "runs/")["runs"]}
    assert runs[RUN]["states"] == {"passed": 9, "rejected": 1, "failed": 1}
    assert runs[LATER]["latencies"] == 1
    assert [device["device"] for device in data(site, "devices/")["devices"]][-1] == "pretended"


def test_new_records_are_seen(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'results.db'}"
    store = Store(url)
    empty = Site(Catalogue(store), load_registry(), StepCache(tmp_path), static=False, store=url)
    page = empty.page("", {})
    assert page is not None
    assert "zoo ship lenet5 --data digits" in empty.html(page)
    fill(url)
    assert len(data(empty, "")["models"]) == 1
    store.close()


def test_a_front_is_drawn_again_only_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'results.db'}"
    fill(url)
    store = Store(url)
    drawn: list[int] = []

    def charts(found: Any, *rest: Any, **more: Any) -> tuple[()]:
        drawn.append(len(found.points))
        return ()

    monkeypatch.setattr("zoo.server.board_pages.front_charts", charts)
    site = Site(Catalogue(store), load_registry(), StepCache(tmp_path), static=False, store=url)
    data(site, BOARD)
    store.append(LATER, record("bench", "bench new", timed("new.a.int8.tflite", 0.2)))
    data(site, BOARD)
    assert len(drawn) == 1
    store.append(LATER, record("bench", "bench faster", timed(FILE, 0.01)))
    data(site, BOARD)
    assert len(drawn) == 2
    store.close()


def test_a_page_is_made_of_one_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'results.db'}"
    fill(url)
    store = Store(url)
    others: list[threading.Thread] = []

    def task_of(site: Site, model: str) -> str:
        """While files are looked through, one is recorded, and another page is asked for."""
        if not others:
            store.append(LATER, record("bench", "bench new", timed("new.a.int8.tflite", 0.2)))
            others.append(threading.Thread(target=site.page, args=("", {})))
            others[0].start()
            others[0].join(0.3)
        return ""

    monkeypatch.setattr(Site, "_task_of", task_of)
    site = Site(Catalogue(store), load_registry(), StepCache(tmp_path), static=False, store=url)
    assert len(data(site, "leaderboard/")["leaderboards"]) == 2
    others[0].join()
    told = data(site, "")
    assert (len(told["models"]), told["records"]) == (2, 14)
    store.close()


def test_without_the_token_nothing_is_told(app: Any) -> None:
    for path in ("/", "/wrong/", "/secre/", "/index.html"):
        answer = get(app, path)
        assert (answer.status, answer.text) == (404, "Not found\n")
    assert get(app, "/secret/", host="elsewhere.example").status == 400


def test_every_answer_has_a_policy(app: Any) -> None:
    for path in ("/secret/", "/secret/style.css", "/secret/nothing/", "/"):
        answer = get(app, path)
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path",
    [
        *("nothing/", "models/nobody/", "runs/p2/", "files/x/", "records/999/", "records/x/"),
        *("records/٣/", "records/-1/", "leaderboard/x/", "style.css/", "files/../../etc/passwd"),
        *("runs/%2e%2e/", "devices/p2/", "models", "files/x/download/y"),
    ],
)
def test_unknown_pages_say_so(app: Any, path: str) -> None:
    answer = get(app, f"/secret/{path}")
    assert answer.status == 404
    assert "There is no such page" in answer.text
    assert f'href="{"../" * path.count("/")}style.css"' in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "TRACE"])
def test_pages_can_only_be_read(app: Any, method: str) -> None:
    answer = get(app, "/secret/runs/", method=method)
    assert answer.status == 405
    assert "Pages here can only be read" in answer.text
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


def test_a_file_is_given_only_as_it_was_judged(site: Site, app: Any) -> None:
    address = f"/secret/{PAGE}download/{FILE}"
    assert get(app, address).status == 404  # the cache holds none
    kept = keep(site.kept._cache.folder, FILE, "gate tflite int8")
    answer = get(app, address)
    assert (answer.status, answer.text) == (200, FILE)
    assert "attachment" in answer.headers["content-disposition"]
    assert get(app, f"/secret/{PAGE}download/other").status == 404
    kept.write_text("altered")
    assert get(app, address).status == 404
    elsewhere = kept.parent.parent / "elsewhere"
    elsewhere.write_text(FILE)
    kept.unlink()
    kept.symlink_to(elsewhere)
    assert get(app, address).status == 404


def test_names_never_become_paths() -> None:
    names = ["..", "../x", "a/b", "", ".", "a b", "<b>", "é", "x" * 300, "a_b", "a%2fb", "p2"]
    slugs = [slug(name) for name in names]
    assert len({*slugs}) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", one) for one in slugs)
    assert all(len(one) < 120 for one in slugs)
    assert "p2" not in slugs  # that is the second page of a list


def test_names_are_as_many_folders_on_every_system() -> None:
    names = ["net.a", "Net.a", "NET.A", "net.a.", "CON", "con", "nul.int8", "com1", "console", "é"]
    slugs = [slug(name) for name in names]
    assert len({one.lower() for one in slugs}) == len(names)
    reserved = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
    assert not any(reserved.fullmatch(one) or one.endswith(".") for one in slugs)
    assert slug("console") == "console"


def test_a_part_of_a_list_has_no_endless_number(app: Any) -> None:
    for number in ("9" * 5000, "٢", "02", "0", "1"):
        assert get(app, f"/secret/runs/p{number}/").status == 404


def test_queries_for_datasette_fit_the_store(url: str) -> None:
    (told,) = json.loads(asset("datasette.json"))["databases"].values()
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        found = {n: database.execute(q["sql"]).fetchall() for n, q in told["queries"].items()}
        tables = {n for (n,) in database.execute("select name from sqlite_master")}
    assert {name: len(rows) for name, rows in found.items()} == {"files": 3, "latencies": 6}
    assert all(value is not None for row in found["files"] for value in row)
    assert set(told["tables"]) <= tables
