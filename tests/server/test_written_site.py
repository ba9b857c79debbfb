"""A site as files: whole, linked, small, and careful with files of others."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from stored_results import FILE, LARGE, fill, record, sha256

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("starlette")

from zoo.common.errors import UsageError, ZooError
from zoo.registry import load_registry
from zoo.results.queries import later_than
from zoo.results.store import Store
from zoo.server.board_files import write_site
from zoo.server.json_tables import from_tables
from zoo.server.page import file_path

BOARD = "leaderboard/image-classification,digits,test,accuracy,host/"
PAGE = file_path(sha256(FILE))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    found = f"sqlite:///{tmp_path_factory.mktemp('store') / 'results.db'}"
    fill(found)
    return found


class Links(HTMLParser):
    """Where a page leads, and the rows in it that others lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.targets += [told[name] or "" for name in ("href", "src") if name in told]
        self.ids.add(told.get("id") or "")


@pytest.fixture(scope="module")
def written(url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written") / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))
        write_site(load_registry(), folder, store=url)
    return folder


def dead(folder: Path) -> list[str]:
    """Links of written pages that lead nowhere, or out of the site."""
    pages = {page: Links(page.read_text()) for page in folder.rglob("*.html")}
    found = []
    for page, links in pages.items():
        for link in links.targets:
            path, _, row = link.partition("#")
            target = (page.parent / path).resolve() if path else page
            inside = target.is_file() and target.is_relative_to(folder)
            there = not row or (target in pages and row in pages[target].ids)
            if not link.startswith("data:") and not (inside and there):
                found.append(f"{page.relative_to(folder)}: {link}")
    return found


def test_no_link_of_a_written_site_is_dead(written: Path) -> None:
    assert dead(written) == []
    assert {page.relative_to(written).parts[0] for page in written.rglob("*.html")} >= {
        *("files", "models", "leaderboard", "runs", "environments", "trends", "devices")
    }
    page = written / BOARD / "index.html"
    text = page.read_text()
    for there, gone in (("runs/index", "runs/gone"), ("#r3", "#r0"), (PAGE, "files/gone/")):
        assert there in text
        page.write_text(text.replace(there, gone))
        assert dead(written)
    page.write_text(text)


def test_figures_of_a_written_site_lead_to_rows_of_their_records(written: Path) -> None:
    links = Links((written / BOARD / "index.html").read_text()).targets
    (gate,) = (link for link in links if link.endswith(f"{PAGE}index.html#r3"))
    assert gate.startswith("../../files/")
    told = from_tables(json.loads((written / PAGE / "index.json").read_text()))
    assert 3 in told["records"]
    assert {one["record"] for one in told["latencies"]} < set(told["records"])
    judged = records(written)[3]
    assert judged["result"]["drop"] == 0.4
    assert judged["result"]["evaluation"]["details"]["classes"] == ["0", "1"]


def records(written: Path) -> dict[int, dict[str, Any]]:
    lines = gzip.decompress((written / "records.jsonl.gz").read_bytes()).decode().splitlines()
    return {told["number"]: told for told in map(json.loads, lines)}


def test_each_record_is_in_the_file_of_a_written_site(written: Path, url: str) -> None:
    store = Store(url, writes=False)
    stored = dict(later_than(store, 0, 1000))
    store.close()
    found = records(written)
    assert list(found) == list(stored)
    for number, told in found.items():
        assert (told["run"], told["step"]) == (stored[number].run, stored[number].record.step)
        assert "key" not in told
    timed = [told["result"] for told in found.values() if told["kind"] == "bench"]
    assert all("environment" in result for result in timed)
    assert not any("processes" in result["environment"] for result in timed)


def test_where_a_step_failed_is_told_to_nobody_else(tmp_path: Path) -> None:
    """A traceback names folders of the machine, and of whoever owns it."""
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    store = Store(url)
    result = {"what": "it broke", "fix": "mend it", "details": 'File "/home/ana/net.py"'}
    failed = replace(record("gate", "gate", None, status="failed"), result=result)
    store.append("a-run", failed)
    store.close()
    write_site(load_registry(), tmp_path / "site", store=url)
    (told,) = records(tmp_path / "site").values()
    assert told["result"] == {"what": "it broke", "fix": "mend it"}
    pages = [p for p in (tmp_path / "site").rglob("*") if p.suffix in (".html", ".json")]
    assert not any("/home/ana" in page.read_text() for page in pages)


def test_a_site_of_the_same_results_is_left_as_it_is(written: Path, url: str) -> None:
    before = {p: p.stat().st_ino for p in written.rglob("*") if p.is_file()}
    write_site(load_registry(), written, store=url)
    assert {p: p.stat().st_ino for p in written.rglob("*") if p.is_file()} == before


def test_written_lists_are_whole_without_their_script(written: Path) -> None:
    text = (written / BOARD / "index.html").read_text()
    assert all(name in text for name in (sha256(FILE)[:12], sha256(LARGE)[:12]))
    assert re.search(r"<form[^>]*data-filters=files[^>]* hidden", text.replace('"', ""))
    assert "filter.js" in text


def test_beside_each_written_page_lies_its_data(written: Path) -> None:
    pages = [*written.rglob("index.html")]
    assert len(pages) > 8
    for page in pages:
        told = json.loads((page.parent / "index.json").read_text())
        path = page.parent.relative_to(written).as_posix()
        assert told["page"] == ("" if path == "." else f"{path}/")


def test_a_site_replaces_an_older_one(tmp_path: Path, url: str) -> None:
    folder, empty = tmp_path / "site", f"sqlite:///{tmp_path / 'empty.db'}"
    Store(empty).close()
    write_site(load_registry(), folder, store=empty)
    before = set(folder.rglob("*"))
    write_site(load_registry(), folder, store=url)
    mine = [folder / "CNAME", folder / "models" / "notes.txt"]
    for path in mine:
        path.write_text("mine")
    write_site(load_registry(), folder, store=empty)
    assert set(folder.rglob("*")) == before | {*mine, folder / "models"}


def test_other_files_are_not_written_over(tmp_path: Path, url: str) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="other files"):
        write_site(load_registry(), tmp_path, store=url)


@pytest.fixture
def empty(tmp_path: Path) -> str:
    """A store without records."""
    found = f"sqlite:///{tmp_path / 'empty.db'}"
    Store(found).close()
    return found


def test_what_is_behind_a_link_is_no_part_of_a_site(tmp_path: Path, empty: str) -> None:
    site, mine = tmp_path / "site", tmp_path / "mine" / "net" / "index.html"
    write_site(load_registry(), site, store=empty)
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    (site / "trends").symlink_to(tmp_path / "mine")
    write_site(load_registry(), site, store=empty)
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("name", ["n" * 300, "a\0b"], ids=["long", "zero"])
def test_a_folder_that_cannot_be_is_refused_in_words(tmp_path: Path, empty: str, name: str) -> None:
    with pytest.raises(ZooError, match="cannot be written"):
        write_site(load_registry(), tmp_path / name, store=empty)
