"""What a page that runs a file itself is given, and why some files have no such page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("onnxruntime")

from series_files import SERIES, onnx_file

from zoo.artifacts.artifact import open_artifact
from zoo.contracts import PageRuntime
from zoo.devices.browser import in_pages
from zoo.registry import load_registry
from zoo.server.kept_files import KeptFile
from zoo.server.try_files import TryFiles


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> KeptFile:
    path = onnx_file(tmp_path_factory.mktemp("files") / "series.made.float32.onnx", SERIES)
    return KeptFile(path=path, artifact=open_artifact(load_registry(), path))


def tries(*, joined: bool = True) -> TryFiles:
    made = TryFiles(load_registry())
    if joined:
        made.paths["browser"] = "join/browser/"
    return made


def other(kept: KeptFile, **changes: Any) -> KeptFile:
    assert kept.artifact.manifest is not None
    manifest = replace(kept.artifact.manifest, **changes)
    return replace(kept, artifact=replace(kept.artifact, manifest=manifest))


def there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "zoo.devices.browser.npm_packages.versions", lambda: {"onnxruntime-web": "1.2.3"}
    )


def test_a_page_is_given_programs_and_golden_inputs(
    kept: KeptFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    there(monkeypatch)
    own = tries()
    trial = own.trial(kept)
    assert trial is not None
    assert (trial.given, trial.problem, trial.fix) == ("table", "", "")
    assert trial.worker == "join/browser/answer.js"
    assert trial.runtime == PageRuntime(name="onnxruntime-web", version="1.2.3", worker="answer.js")
    assert own.file(kept, "model") == kept.path
    for name in ("run.mjs", "contract.json", "labels.txt", "golden/input_3.bin"):
        assert isinstance(own.file(kept, name), bytes)
    for name in ("", "../run.mjs", "node.mjs.map", "golden/input_4.bin", "/etc/hosts"):
        assert own.file(kept, name) is None


def test_a_runtime_that_is_not_there_is_named_with_its_command(kept: KeptFile) -> None:
    trial = tries().trial(kept)
    assert trial is not None
    assert "not installed on this machine" in trial.problem
    assert trial.fix == "zoo devices setup browser"


def test_nothing_is_offered_without_routes_or_a_file(kept: KeptFile) -> None:
    assert tries(joined=False).trial(kept) is None
    assert tries().trial(None) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"golden": None}, "no golden inputs"),
        ({"part": "encoder"}, "one of the files that make"),
        ({"payload_sha256": "0" * 64}, "was altered"),
    ],
)
def test_why_a_file_cannot_be_tried_is_told(
    kept: KeptFile, changes: dict[str, Any], why: str
) -> None:
    trial = tries().trial(other(kept, **changes))
    assert trial is not None
    assert why in trial.problem
    assert trial.fix == ""


def test_a_clock_that_ends_windows_is_told(kept: KeptFile) -> None:
    assert kept.artifact.manifest is not None
    timed = replace(kept.artifact.manifest.dataset, name="csv:moves?label=move&time=clock")
    trial = tries().trial(other(kept, dataset=timed))
    assert trial is not None
    assert "the clock 'clock' jumps" in trial.problem


def test_types_that_a_runtime_lacks_are_told(kept: KeptFile) -> None:
    contents = kept.artifact.contents
    whole = replace(contents, inputs=(replace(contents.inputs[0], dtype="int8"),))
    found = in_pages("tflite", whole)
    assert found is not None
    assert "is int8" in found.problem
    assert found.fix == ""
    assert in_pages("another", contents) is None
