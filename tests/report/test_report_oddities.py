"""The page of odd runs: empty, failed, noisy, without pictures, with names that are no text."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_pages import page as page
from report_pages import source as source
from report_views import (
    Page,
    evaluation,
    failed,
    rejected,
    row,
    run,
    sample,
)

from zoo.common.errors import MissingExtra, ZooError
from zoo.common.files import write_text
from zoo.report.pages import rendering
from zoo.report.pages.html import render
from zoo.report.view import RunView

EMPTY = RunView(title="Nothing", model_id="a.b", dataset="digits", created="", command="zoo ship")


def test_a_run_without_anything() -> None:
    page = Page(render(EMPTY))
    for sentence in (
        "This run exported no file.",
        "No file has both a quality and a latency",
        "There is no file to check.",
        "This run did not train",
        "No confusion matrix was recorded.",
        "No samples were kept.",
        "No steps were recorded.",
        "No environment was recorded.",
    ):
        assert sentence in page.text
    assert page.with_tag("svg") == []
    assert page.with_tag("figure") == []
    assert "Findings" not in page.text


def test_a_task_without_a_confusion_matrix_misses_none() -> None:
    page = Page(render(replace(EMPTY, reference=evaluation())))
    assert "No confusion matrix was recorded." not in page.text
    assert "Mistakes" not in page.text
    assert "Mistakes" in Page(render(run())).text


def test_a_run_in_which_everything_failed() -> None:
    page = Page(render(run(rows=(failed(), rejected()), remarks=())))
    assert "0 of 2 files passed; 1 was rejected and 1 failed." in page.text
    assert "Smallest file – no file passed" in page.text
    assert "Lowest median latency – not measured in this run" in page.text
    assert "cannot be compared" in page.text


def test_noisy_latencies_are_shown_but_not_praised() -> None:
    page = Page(render(run(rows=(row(quiet=False),))))
    assert "noisy" in page.row_of("lenet5.digits.float32.tflite")[5]
    assert "Lowest median latency – every measurement was noisy" in page.text
    assert "do not rely on the latency" in page.text


@pytest.mark.parametrize(
    ("confusion", "sentence"),
    [
        ([[0, 0], [0, 0]], "empty or does not fit"),
        ([[1, 2, 3]], "empty or does not fit"),
        ([[1, 2], [3]], "empty or does not fit"),
        ([[1, -2], [3, 4]], "empty or does not fit"),
        ([], "empty or does not fit"),
        ([[0, 36], [0, 36]], "Every example was taken for “dog”."),
    ],
)
def test_odd_confusion_matrices(confusion: list[list[int]], sentence: str) -> None:
    assert sentence in Page(render(run(confusions={"lenet5.digits": confusion}))).text


def test_confusion_matrices_are_found_by_reference_or_model_id() -> None:
    view = run(reference=evaluation("weights.safetensors"))
    assert "Most frequent before export" in Page(render(view)).text
    assert "Most frequent before export" in Page(render(replace(view, reference=None))).text


def test_files_that_change_nothing_are_said_to() -> None:
    same = [[34, 2], [1, 35]]
    two = {"lenet5.digits": same, "a": same}
    assert "The file has exactly this" in Page(render(run(confusions=two))).text
    three = {**two, "b": same}
    assert "Each of the 2 files has exactly this" in Page(render(run(confusions=three))).text
    odd = {**two, "c": [[1]]}
    assert "The file has exactly this" in Page(render(run(confusions=odd))).text


def test_samples_that_are_many_large_or_no_pictures() -> None:
    large = np.zeros((600, 900, 3), np.uint8)
    broken = np.zeros((4, 4), np.float32)
    pictures = [replace(sample(), pixels=large)] * 29 + [replace(sample(), pixels=broken)]
    page = Page(render(run(samples=tuple(pictures[::-1]))))
    assert "24 of 30 samples are shown." in page.text
    assert "Not a picture." in page.text
    assert len(page.with_tag("img")) == 23
    assert all(len(image["src"]) < 5_000 for image in page.with_tag("img"))


def test_write_replaces_the_page_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.html"
    target.write_text("old", "utf-8")
    write_text(target, render(EMPTY))
    assert target.read_text("utf-8") == render(EMPTY)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]

    def refuse(self: Path, other: Path) -> Path:
        raise OSError("no")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(ZooError, match="cannot be written"):
        write_text(target, render(replace(EMPTY, title="Other")))
    assert "<h1>Nothing</h1>" in target.read_text("utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_names_that_are_not_unicode_can_be_written(tmp_path: Path) -> None:
    write_text(
        tmp_path / "report.html", render(replace(EMPTY, title="a\udcff", command="zoo \udcff"))
    )
    assert "<h1>a</h1>" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize("module", ["jinja2", "matplotlib"])
def test_a_missing_extra_is_named(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [m for m in sys.modules if m.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    rendering._environment.cache_clear()  # another test made it, when jinja2 was there
    with pytest.raises(MissingExtra, match=module) as caught:
        render(run())
    assert caught.value.fix == 'pip install "edgezoo[report]"'


def loaded_by(code: str) -> set[str]:
    script = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_nothing_heavy_is_loaded_before_it_is_used() -> None:
    modules = loaded_by("import zoo")
    assert not any(name.startswith("zoo.report") for name in modules)
    light = loaded_by("import zoo.report.table, zoo.report.remarks, zoo.report.view")
    assert not light & {"numpy", "rich", "matplotlib", "jinja2", "PIL"}
    page = loaded_by("import zoo.report.pages.html")
    assert not page & {"matplotlib", "jinja2", "PIL", "rich"}


def test_drawing_leaves_matplotlib_as_it_was() -> None:
    here = str(Path(__file__).parents[1] / "support")
    modules = loaded_by(
        f"sys.path.insert(0, {here!r})\n"
        "import matplotlib\n"
        "before = matplotlib.rcParams.copy()\n"
        "from report_views import run\n"
        "from zoo.report.pages.html import render\n"
        "render(run())\n"
        "assert matplotlib.rcParams.copy() == before\n"
    )
    assert "matplotlib.figure" in modules
    assert "matplotlib.pyplot" not in modules
