"""Model cards of exported files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from digit_files import registry

from zoo.artifacts.artifact import embed, open_artifact, require_manifest
from zoo.artifacts.hub.card import front_matter, model_card, public_name
from zoo.artifacts.hub.proven import proven_files
from zoo.common.errors import BadFile, UsageError


def front_of(text: str) -> dict[str, Any]:
    before, front, _ = text.split("---\n", 2)
    assert before == ""
    found: dict[str, Any] = yaml.safe_load(front)
    return found


def changed(path: Path, **fields: Any) -> None:
    artifact = open_artifact(registry(), path)
    embed(artifact.exporter, path, replace(require_manifest(artifact), **fields))


def test_its_figures_are_those_of_the_manifests(folder: Path) -> None:
    text = model_card(registry(), folder)
    front = front_of(text)
    assert front["library_name"] == "edgezoo"
    assert front["pipeline_tag"] == "image-classification"
    assert front["datasets"] == ["digits"]
    (index,) = front["model-index"]
    for artifact, manifest in proven_files(registry(), folder):
        assert manifest.gate is not None
        name = artifact.path.name
        (result,) = [one for one in index["results"] if one["dataset"]["name"].endswith(name)]
        told = {one["type"]: one["value"] for one in result["metrics"]}
        assert told["accuracy"] == manifest.gate.metrics[0].value
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{name}` |")]
        assert "95 %)" in row
        assert f"passed in {manifest.gate.runtime}" in row
    assert str(folder) not in text


@pytest.mark.torch
def test_the_hubs_own_parser_reads_it(folder: Path) -> None:
    library = pytest.importorskip("huggingface_hub")
    card = library.ModelCard(model_card(registry(), folder))
    results = card.data.eval_results
    values = sorted(
        metric.value
        for _, manifest in proven_files(registry(), folder)
        if manifest.gate is not None
        for metric in manifest.gate.metrics
    )
    assert sorted(one.metric_value for one in results) == values
    assert all(isinstance(one, library.EvalResult) for one in results)
    assert {one.task_type for one in results} == {"image-classification"}
    assert card.data.to_dict()["license"] == front_of(str(card))["license"]


def test_what_others_must_not_see_or_act_on_is_left_out(folder: Path) -> None:
    (path,) = folder.glob("*.int8.tflite")
    (artifact, manifest), *_ = [
        each for each in proven_files(registry(), folder) if each[0].path == path
    ]
    data = replace(manifest.dataset, name="npz:/home/ana/secret/rows.npz?x=1")
    odd = replace(
        manifest, dataset=data, licence="Own-1", classes=("<script>", "[a](http://x)", "b|c")
    )
    front = front_matter(registry(), [(artifact, odd)])
    assert "secret" not in str(front)
    assert "datasets" not in front
    assert "rows" not in str(front)
    told = front["model-index"][0]["results"][0]["dataset"]
    assert (told["type"], told["name"].partition(",")[0]) == ("own-data", "own data (npz)")
    assert (front["license"], front["license_name"]) == ("other", "Own-1")
    unknown = front_matter(registry(), [(artifact, replace(odd, licence="unknown"))])
    assert unknown["license"] == "unknown"
    from_hub = replace(odd, dataset=replace(data, name="hf:ana/rows?config=small"))
    assert front_matter(registry(), [(artifact, from_hub)])["datasets"] == ["ana/rows"]
    here = f"hf:{folder}"
    assert public_name(registry(), here) == public_name(registry(), "nobodys:ana/rows") == ""
    assert public_name(registry(), "keras:mnist?size=4") == "mnist"
    assert public_name(registry(), "digits_one_class:3") == "digits_one_class:3"
    for each, _ in proven_files(registry(), folder):
        changed(each.path, classes=odd.classes, dataset=data)
    text = model_card(registry(), folder)
    assert "<script>" not in text
    assert "rows.npz" not in text
    assert "trained on own data (npz)" in text
    assert "](http" not in text


def test_what_is_no_folder_is_told(folder: Path) -> None:
    (file,) = folder.glob("*.int8.tflite")
    for wrong, why in ((folder / "nothing", "there is no folder"), (file, "is a file")):
        with pytest.raises(UsageError, match=why):
            model_card(registry(), wrong)


def test_what_did_not_pass_is_told_only_on_request(folder: Path) -> None:
    (path,) = folder.glob("*.int8.tflite")
    manifest = require_manifest(open_artifact(registry(), path))
    assert manifest.gate is not None
    changed(path, gate=replace(manifest.gate, passed=False))
    with pytest.raises(BadFile, match="did not pass"):
        model_card(registry(), folder)
    assert "REJECTED" in model_card(registry(), folder, unproven=True)
    changed(path, gate=None)
    with pytest.raises(BadFile, match="was not judged"):
        model_card(registry(), folder)
    changed(path, gate=manifest.gate, model_id="other.digits")
    with pytest.raises(UsageError, match=r"2 models: nearest\.digits, other\.digits"):
        model_card(registry(), folder)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(BadFile):
        model_card(registry(), folder)
