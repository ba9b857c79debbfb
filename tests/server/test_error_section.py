"""Error by layer on the page of a file: the worst layers, or the command that finds them out."""

from __future__ import annotations

import gzip
import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from stored_results import (
    FILE,
    LARGE,
    MODEL,
    REJECTED,
    RUN,
    explained,
    gated,
    keep_explained,
    record,
    sha256,
)

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("starlette")

from zoo.pipeline.step_cache import StepCache
from zoo.registry import load_registry
from zoo.results.layer_errors import LayerError
from zoo.results.records import GatedFile
from zoo.results.store import Store
from zoo.server import error_section
from zoo.server.catalogue import Catalogue
from zoo.server.json_tables import from_tables
from zoo.server.page import Page, file_path
from zoo.server.records_file import records_file
from zoo.server.site import Site

REGISTRY = load_registry()
EVIL = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of words waits for a drawing."""
    monkeypatch.setattr(error_section, "error_chart", lambda layers, most: None)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    found = Store(f"sqlite:///{tmp_path / 'results.db'}")
    found.append(RUN, record("gate", "gate tflite int8", gated(FILE, 0.94, 22_000)))
    yield found
    found.close()


@pytest.fixture
def site_of(store: Store, tmp_path: Path) -> Callable[..., Site]:
    def made(*, static: bool = False) -> Site:
        cache = StepCache(tmp_path)
        return Site(Catalogue(store), REGISTRY, cache, static=static, store=store.name)

    return made


def page_of(site: Site, file: str) -> Page:
    page = site.page(file_path(sha256(file)), {})
    assert page is not None
    return page


def section(site: Site, file: str) -> str:
    """The section's HTML."""
    _, _, rest = site.html(page_of(site, file)).partition('<h2 id="errors">')
    return rest.partition("</section>")[0]


def data(site: Site, file: str) -> Any:
    return json.loads(site.json(page_of(site, file)))


def layers(count: int, **given: Any) -> list[LayerError]:
    return [
        LayerError(layer=f"layer{n}", operator="CONV_2D", arithmetic="integer", sqnr_db=9.0,
                   own_sqnr_db=10.0 + n / 100, **given)
        for n in range(count)
    ]  # fmt: skip


def test_the_newest_record_is_shown_with_its_worst_layer(store: Store, site_of: Any) -> None:
    keep_explained(store, explained(FILE, *layers(1)))
    keep_explained(store, explained(FILE, command="zoo export net", why="it helps"), day=5)
    site = site_of()
    text = section(site, FILE)
    assert "head (FULLY_CONNECTED) adds the most error: 25.2" in text.replace("\xa0", " ")
    assert "64 inputs of digits, validation, by litert 2.3.0" in text
    assert "<code>zoo export net</code>" in text
    assert 'href="../../records/3/"' in text
    told = data(site, FILE)["error_by_layer"]
    assert told["record"] == "records/3/"
    assert told["layers"][1]["own_sqnr_db"] == 25.25
    assert data(site_of(), FILE)["verdict"] == "passed"


def test_names_are_escaped_and_of_1000_layers_the_worst_are_shown(
    store: Store, site_of: Any
) -> None:
    evil = LayerError(layer=EVIL, operator=EVIL, arithmetic="integer", own_sqnr_db=1.0)
    keep_explained(store, explained(FILE, evil, *layers(999), twin=EVIL, dataset=EVIL))
    text = section(site_of(), FILE)
    assert EVIL not in text
    assert text.count("&lt;script&gt;") == 6
    assert text.count("<tr>") == 1 + 10
    assert "990 more layers are" in text
    assert len(data(site_of(), FILE)["error_by_layer"]["layers"]) == 1000


def test_what_differs_by_nothing_is_no_row(store: Store, site_of: Any) -> None:
    same = LayerError(layer="a", operator="MUL", arithmetic="float", sqnr_db=200.0,
                      own_sqnr_db=200.0)  # fmt: skip
    keep_explained(store, explained(FILE, same))
    text = section(site_of(), FILE)
    assert "No layer differs" in text
    assert "<table" not in text


@pytest.mark.parametrize("wrong", ["nan", "another version"])
def test_a_record_that_cannot_be_read_is_replaced_by_the_command(
    store: Store, site_of: Any, wrong: str
) -> None:
    one = record("explain", f"explain {FILE}", explained(FILE))
    assert one.result is not None
    changed = {
        "nan": {"layers": [{**one.result["layers"][0], "sqnr_db": float("nan")}]},
        "another version": {"layers": {"head": 3}},
    }[wrong]
    store.append("explain", replace(one, result={**one.result, **changed}))
    site = site_of()
    text = section(site, FILE)
    assert "another version’s, which cannot be shown. This makes another:" in text
    assert f"zoo explain {FILE}" in text
    assert data(site, FILE)["error_by_layer"] is None


def test_records_of_no_file_are_counted_as_unread(store: Store, site_of: Any) -> None:
    one = record("explain", f"explain {FILE}", explained(FILE))
    assert one.result is not None
    for changed in ({"sha256": 3}, {"file": None}, {"environment": "none"}):
        store.append("explain", replace(one, result={**one.result, **changed}))
    site = site_of()
    assert "another version" in section(site, FILE)  # the third names the file
    assert site.catalogue.unread == 2


def test_a_file_that_is_only_explained_has_a_page(store: Store, site_of: Any) -> None:
    alone = "foreign.nowhere.int8.tflite"
    keep_explained(store, explained(alone))
    site = site_of()
    assert data(site, alone)["verdict"] == "explained"
    assert "head (FULLY_CONNECTED)" in section(site, alone)
    for path in site.paths():
        assert site.page(path, {}) is not None, path


def test_a_written_site_has_fewer_rows_and_the_whole_record(
    store: Store, site_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_explained(store, explained(FILE, *layers(30), command="zoo export net", why="it helps"))
    site = site_of(static=True)
    text = section(site, FILE)
    assert text.count("<tr>") == 1 + 5
    assert '25 more layers are in <a href="index.json">' in text
    assert 'id="r2"' in text
    told = from_tables(data(site, FILE))["error_by_layer"]
    assert (told["record"], len(told["layers"])) == (2, 30)
    whole = gzip.decompress(records_file(store)).decode()
    assert len(json.loads(whole.splitlines()[-1])["result"]["layers"]) == 30
    assert "zoo export" not in whole
    assert "zoo export" not in site.json(page_of(site, FILE))  # it may name paths
    drawn: list[int] = []
    monkeypatch.setattr(error_section, "error_chart", lambda layers, most: drawn.append(most))
    monkeypatch.setattr(error_section, "MOST_FILES_DRAWN", 0)
    section(site_of(static=True), FILE)
    assert drawn == []
    monkeypatch.setattr(error_section, "MOST_FILES_DRAWN", 1)
    section(site_of(static=True), FILE)
    assert drawn == [24]


def test_where_there_is_no_record_the_command_is_said(store: Store, site_of: Any) -> None:
    store.append(RUN, record("gate", "gate", gated(REJECTED, 0.2, 20_000, passed=False)))
    site = site_of()
    for file in (FILE, REJECTED):
        text = section(site, file)
        assert f"<pre><code>zoo explain {file} --store {store.url}</code></pre>" in text
    text = section(site_of(static=True), FILE)
    assert f"<pre><code>zoo explain {FILE}</code></pre>" in text


def test_where_none_can_be_the_reason_is_said(store: Store, site_of: Any) -> None:
    part = GatedFile(part="a", file="a.tflite", sha256=sha256("a"), bytes=1, model_bytes=1)
    chain = replace(gated(f"{MODEL}.int8.tflite", 0.9, 1), parts=(part,))
    store.append(RUN, record("gate", "gate onnx float32", gated(LARGE, 0.95, 90_000)))
    store.append(RUN, record("gate", "gate tflite int8", chain))
    site = site_of()
    for file, why in ((LARGE, "It is a float32 file"), ("a", "One of several files")):
        text = section(site, file)
        assert why in text
        assert "zoo explain" not in text


def test_files_that_the_cache_keeps_are_named_by_their_paths(
    store: Store, site_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = f"{MODEL}.float32.tflite"
    other = f"{MODEL}.float32b.tflite"
    for file in (twin, other):
        judged = replace(gated(file, 0.95, 90_000), precision="float32")
        store.append(RUN, record("gate", f"gate {file}", judged))
    site = site_of()
    page_of(site, FILE)
    weights = {FILE: "w", twin: "w", other: "v"}

    def kept(entry: Any) -> Any:
        manifest = SimpleNamespace(weights_sha256=weights[entry.name], end_to_end=False)
        artifact = SimpleNamespace(manifest=manifest, exporter=REGISTRY.exporters.get("tflite"))
        return SimpleNamespace(path=Path("/kept it") / entry.name, artifact=artifact)

    monkeypatch.setattr(site.kept, "open", kept)
    entry = site.catalogue.files[sha256(FILE)]
    sections = error_section.ErrorSections(site.catalogue, REGISTRY, site.kept, static=False)
    words = shlex.split(sections.section(entry, kept(entry)).command)
    assert words == [
        *("zoo", "explain", f"/kept it/{FILE}", "--against", f"/kept it/{twin}"),
        *("--store", store.url),
    ]
    weights[twin] = "v"  # no longer its twin
    words = shlex.split(sections.section(entry, kept(entry)).command)
    assert words[:3] == ["zoo", "explain", FILE]
