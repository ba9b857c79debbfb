"""Reports of runs and bundles of files: only what the store knows, and only as it was made."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from asgi import get
from stored_results import FILE, RUN, fill, keep, sha256

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("starlette")

from zoo.pipeline.report_notes import note_report
from zoo.pipeline.step_cache import StepCache
from zoo.registry import load_registry
from zoo.results.store import Store
from zoo.server import bundle_files, run_pages
from zoo.server.app import make_app
from zoo.server.board_files import write_site
from zoo.server.catalogue import Catalogue
from zoo.server.page import file_path, run_path
from zoo.server.site import Site

REPORT = f"{run_path(RUN)}report.html"


@pytest.fixture
def url(tmp_path: Path) -> str:
    found = f"sqlite:///{tmp_path / 'results.db'}"
    fill(found)
    return found


@pytest.fixture
def site(url: str, tmp_path: Path) -> Iterator[Site]:
    store = Store(url, writes=False)
    cache = StepCache(tmp_path / "cache")
    yield Site(Catalogue(store), load_registry(), cache, static=False, store=store.name)
    store.close()


@pytest.fixture
def app(site: Site) -> Any:
    return make_app(site, "secret", ["localhost"])


def test_a_report_is_given_from_where_its_run_wrote_it(app: Any, tmp_path: Path) -> None:
    assert get(app, f"/secret/{REPORT}").status == 404
    report = tmp_path / "run" / "report.html"
    report.parent.mkdir()
    report.write_text("<p>all of it")
    note_report(RUN, report)
    assert f'href="../../{REPORT}"' in get(app, f"/secret/{run_path(RUN)}").text
    answer = get(app, f"/secret/{REPORT}")
    assert (answer.status, answer.text) == (200, "<p>all of it")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert get(app, "/secret/runs/nobody/report.html").status == 404
    # A link in its place, or a note of another file, gives nothing.
    report.rename(tmp_path / "elsewhere.html")
    report.symlink_to(tmp_path / "elsewhere.html")
    assert get(app, f"/secret/{REPORT}").status == 404
    note_report(RUN, tmp_path / "elsewhere.html")
    assert get(app, f"/secret/{REPORT}").status == 404


def test_a_written_site_has_small_reports(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "report.html"
    report.write_text("<p>all of it")
    note_report(RUN, report)
    write_site(load_registry(), tmp_path / "site", store=url)
    assert (tmp_path / "site" / REPORT).read_text() == "<p>all of it"
    monkeypatch.setattr(run_pages, "LARGEST_COPY", 5)
    write_site(load_registry(), tmp_path / "site", store=url)
    assert not (tmp_path / "site" / REPORT).exists()


def test_a_bundle_is_made_once_of_a_file_as_it_was_judged(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def bundle(file: Path, *, output: Path, registry: Any) -> Any:
        made.append(file)
        output.mkdir()
        (output / "README.md").write_text(file.read_text())
        return SimpleNamespace(files=("README.md",))

    monkeypatch.setattr(bundle_files, "bundle", bundle)
    address = f"/secret/{file_path(sha256(FILE))}bundle/{FILE}.zip"
    assert get(app, address).status == 404  # the cache holds none
    kept = keep(tmp_path / "cache", FILE, "gate tflite int8")
    for _ in range(2):
        answer = get(app, address)
        assert answer.status == 200
        with zipfile.ZipFile(io.BytesIO(answer.body)) as packed:
            name = f"{FILE.rpartition('.')[0]}/README.md"
            assert (packed.namelist(), packed.read(name).decode()) == ([name], FILE)
    assert made == [kept]
    assert get(app, address.replace(".zip", ".tar")).status == 404
    assert get(app, address.replace(FILE, "other")).status == 404
    kept.write_text("altered")
    assert get(app, address).status == 404


def test_a_large_file_is_bundled_by_the_command_alone(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle_files, "LARGEST", 3)
    keep(tmp_path / "cache", FILE, "gate tflite int8")
    answer = get(app, f"/secret/{file_path(sha256(FILE))}bundle/{FILE}.zip")
    assert answer.status == 400
    assert "too large to be bundled on request" in answer.text
    assert "zoo bundle FILE" in answer.text


def test_a_place_that_cannot_be_written_is_named(
    app: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(tmp_path / "cache", FILE, "gate tflite int8")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    answer = get(app, f"/secret/{file_path(sha256(FILE))}bundle/{FILE}.zip")
    assert answer.status == 503
    assert "gone cannot be written" in answer.text
    assert "TMPDIR" in answer.text
