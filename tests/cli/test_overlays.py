"""``zoo explain --overlay``: which files are written, said and refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from layer_records import comparison, facts, record

from zoo.analysis.explain import Explanation


@pytest.fixture
def file(judged_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file whose explanation is made by hand: no runtime runs."""
    path = Path("net.int8.onnx")
    shutil.copy(judged_file, path)

    def explained(name: str, *, runs: int, **given: Any) -> Explanation:
        one = record("a", node="conv", microseconds=2.5 if runs else None)
        mine, twin = (facts(precision, 1000, 0.9) for precision in ("int8", "float32"))
        return Explanation(
            model_id="net.digits", format="onnx", file=replace(mine, path=Path(name)), twin=twin,
            data="digits", split="validation", comparison=comparison(one, graph="g"),
            findings=(), advice=None,
        )  # fmt: skip

    monkeypatch.setattr("zoo.analysis.explain.explain", explained)
    return path


def test_overlays_are_written_and_said_and_so_is_what_they_replace(file, zoo):
    words = ["explain", file, "--overlay", "drawn/overlays"]
    first = zoo(*words)
    assert first.code == 0, first.err
    made = sorted(Path("drawn/overlays").iterdir())
    assert len(made) == 3
    assert sorted(line for line in first.out.splitlines() if line.startswith("overlay")) == [
        f"overlay  {path}" for path in made
    ]
    assert json.loads(made[-1].read_text())["g"]["results"] == {"conv": {"value": 0.0025}}
    assert all(f"overlay  {path} (replaced)\n" in zoo(*words).out for path in made[:1])
    assert sorted(zoo(*words, "--json").json["overlays"]) == [str(path) for path in made]
    assert "overlays" not in zoo("explain", file, "--json").json


def test_without_times_that_is_said(file, zoo):
    typed = zoo("explain", file, "--runs", "0", "--overlay", "overlays")
    assert typed.out.endswith("none of times: --runs 0 times nothing\n")
    assert not any("time" in path.name for path in Path("overlays").iterdir())


def test_other_files_are_not_replaced(file, zoo):
    other = Path("overlays/net.int8.onnx.time-ms.json")
    other.parent.mkdir()
    other.write_text("my notes")
    typed = zoo("explain", file, "--overlay", "overlays")
    assert (typed.code, typed.out) == (2, "")
    assert f"{other} is there already, and is no node data of Model Explorer" in typed.err
    assert "--overlay" in typed.err
    assert [(path, path.read_text()) for path in other.parent.iterdir()] == [(other, "my notes")]


def test_a_file_in_the_place_of_the_folder_is_refused(file, zoo):
    typed = zoo("explain", file, "--overlay", file)
    assert (typed.code, typed.out) == (2, "")
    assert "is a file" in typed.err
    typed = zoo("explain", file, "--overlay", file / "x")
    assert (typed.code, typed.out) == (1, "")
    assert "name another folder with --overlay" in typed.err


def test_no_folder_is_left_when_nothing_is_explained(zoo):
    assert zoo("explain", "missing.onnx", "--overlay", "overlays").code == 2
    assert not Path("overlays").exists()
