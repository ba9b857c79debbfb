"""Who gets only the file is told what speaks against its network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner, Result
from digit_files import layer, registry, with_manifest

from zoo.analysis.verify.claims import Claim
from zoo.analysis.verify.outputs import _beside_baseline
from zoo.analysis.verify.verify import verify
from zoo.artifacts.artifact import manifest_text, open_artifact, parse_manifest, require_manifest
from zoo.artifacts.bundle import bundle
from zoo.artifacts.bundle.readme import readme
from zoo.cli.main import zoo
from zoo.contracts import Metric, Usage
from zoo.contracts.baseline import AgainstBaseline
from zoo.pipeline.steps.gate import _each_once
from zoo.results.records import NO_BETTER, Evaluation, QualityFinding

WEAK = QualityFinding(code=NO_BETTER, text="it is <b>no better</b> than chance", fix="train it")
NOTE = QualityFinding(code="untested-class", text="1 class is untested", fix="test it", weak=False)


def saying(file: Path, findings: tuple[QualityFinding, ...] | None) -> Path:
    gate = require_manifest(open_artifact(registry(), file)).gate
    assert gate is not None
    return with_manifest(file, gate=replace(gate, findings=findings))


def typed(*words: str | Path) -> Result:
    return CliRunner().invoke(zoo, [*map(str, words)])


def claim(file: Path, name: str) -> Claim | None:
    found = verify(file, registry=registry(), data="digits")
    return next((one for one in found.claims if one.name == name), None)


def test_every_command_says_what_the_file_says(copy: Callable[[str], Path], tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    file = saying(copy("int8.tflite"), (WEAK, NOTE))
    verified = typed("verify", file)
    assert verified.exit_code == 0
    assert "\nweak: it is <b>no better</b> than chance\n  fix: train it\n" in verified.output
    assert "\nnote: 1 class is untested\n" in verified.output
    as_json = json.loads(typed("verify", file, "--json").output)
    assert [finding["code"] for finding in as_json["findings"]] == [WEAK.code, NOTE.code]
    inspected = typed("inspect", file).output
    assert "weak           it is <b>no better</b> than chance; train it" in inspected
    gate = json.loads(typed("inspect", file, "--json").output)["manifest"]["gate"]
    assert gate["findings"][0]["weak"] is True

    bundled = typed("bundle", file, "--output", tmp_path / "app")
    assert "weak: it is <b>no better</b> than chance" in bundled.output
    readme = (tmp_path / "app" / "README.md").read_text()
    # Above all else but the title; and as text, whatever it holds.
    assert readme.splitlines()[2].startswith("> **Weak: it is (b>no better(/b> than chance.**")
    assert "Note: 1 class is untested" in readme
    metadata = json.loads((tmp_path / "app" / "metadata.json").read_text())
    assert [finding["code"] for finding in metadata["findings"]] == [WEAK.code, NOTE.code]


def test_a_good_and_an_older_file_say_so(copy: Callable[[str], Path], tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    file = saying(copy("float32.tflite"), ())
    assert verify(file, registry=registry()).findings == ()
    made = bundle(file, output=tmp_path / "good", registry=registry())
    assert made.remarks == ()
    assert "Weak" not in (made.folder / "README.md").read_text()
    # The manifest of an edgezoo that knew no findings.
    text = manifest_text(require_manifest(open_artifact(registry(), file)))
    plain = json.loads(text)
    del plain["gate"]["findings"], plain["seal"]
    older = parse_manifest(json.dumps({**plain, "schema": 1}), file)
    assert older.gate is not None
    assert older.gate.findings is None
    saying(file, None)
    assert "an older edgezoo kept no findings" in typed("inspect", file).output
    verified = {one.name: one for one in verify(file, registry=registry()).claims}
    assert verified["the network"].status == "not checked"
    made = bundle(file, output=tmp_path / "older", registry=registry())
    assert "is not recorded in this file" in (made.folder / "README.md").read_text()


def test_findings_that_were_left_out_are_found_with_data(copy: Callable[[str], Path]) -> None:
    file = saying(copy("float32.tflite"), ())
    good = claim(file, "the network")
    assert good is not None
    assert good.status == "holds"
    assert good.found.startswith("better than its baseline, always '")
    # A network of no use, with hashes made anew.
    weights, _ = layer()
    data = file.read_bytes()
    file.write_bytes(data.replace(weights.tobytes(), np.zeros_like(weights).tobytes()))
    payload = open_artifact(registry(), file).contents.payload_sha256
    with_manifest(file, payload_sha256=payload)
    silent = claim(file, "the network")
    assert silent is not None
    assert silent.status == "fails"
    assert "no better than its baseline" in silent.found
    saying(file, (WEAK,))
    honest = claim(file, "the network")
    assert honest is not None
    assert honest.status == "holds"


def test_a_network_is_called_better_than_its_own_baseline_alone() -> None:
    ratio = Metric(name="PSNR", value=30.0, low=29.0, high=31.0, count=9, unit="dB")
    found = AgainstBaseline(answer="bicubic interpolation", metric=ratio, gain=1.0, better=True)
    assert _beside_baseline({"baseline": found, "findings": ()}).endswith("bicubic interpolation")
    # Too few examples are no weakness, and no proof either.
    unsure = {"baseline": replace(found, better=False), "findings": (NOTE,)}
    assert _beside_baseline(unsure) == NOTE.text
    assert _beside_baseline({"baseline": None, "findings": (NOTE,)}) == NOTE.text


def test_a_finding_of_network_and_file_is_told_once_in_the_networks_words() -> None:
    def evaluation(*findings: QualityFinding) -> Evaluation:
        return Evaluation(
            subject="", dataset="", split="test", metrics=(), details={}, outputs=None,
            runtime="", seconds=0.0, findings=findings,
        )  # fmt: skip

    again = replace(WEAK, text="of the file")
    lost = replace(NOTE, code="never-answered")
    assert _each_once(evaluation(NOTE, WEAK), evaluation(again, lost)) == (NOTE, WEAK, lost)


def test_the_readme_above_several_parts_says_it_too() -> None:
    pytest.importorskip("jinja2")
    part = {"name": "encoder", "folder": "encoder", "file": "a", "golden": {"dataset": "d/test"}}
    model = dict.fromkeys(("model_id", "precision", "format", "task", "target"), "x")
    facts = {
        "model": {**model, "bytes": 1},
        "parts": [{**part, "input": {"meaning": "m"}, "outputs": []}],
        "findings": [asdict(WEAK), asdict(NOTE)],
        "gate": {"runtime": "r", "runtime_version": "1"},
        "licence": {"spdx": "MIT"},
    }
    manifest = SimpleNamespace(gate=None, classes=(), network=None)
    text = readme(facts, manifest, Usage(files={}), [], "parts.md.jinja")
    assert text.splitlines()[2].startswith("> **Weak: it is (b>no better(/b> than chance.**")
    assert "* Note: 1 class is untested" in text
