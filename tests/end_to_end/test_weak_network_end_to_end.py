"""A network that learnt nothing: its files are faithful, and no command calls that good."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from commands import typed_in
from short_timing import short_timing as short_timing

import zoo
from zoo.results.records import NO_BETTER

for module in ("tensorflow", "ai_edge_litert", "jinja2"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow
#: So slow that nothing is learnt.
UNTAUGHT = ("--from-scratch", "--epochs", "1", "--learning-rate", "1e-9")
FILE = ("--format", "tflite", "--precision", "float32")
SHIP = ("ship", "lenet5", "--data", "digits", *UNTAUGHT, *FILE)
VERDICT = "The file is faithful to a network that is no better than chance."


@dataclass(frozen=True)
class Weak:
    """Where the network was shipped, and what was said."""

    home: Path
    said: subprocess.CompletedProcess[str]

    @property
    def folder(self) -> Path:
        (folder,) = (self.home / "runs").iterdir()
        return folder

    def zoo(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return typed(self.home, *arguments)


def typed(home: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return typed_in(home, *arguments, environment={"ZOO_HOME": str(home), "ZOO_OFFLINE": "1"})


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Weak:
    home = tmp_path_factory.mktemp("weak")
    return Weak(home, typed(home, *SHIP))


def test_the_finding_stands_above_the_table(weak: Weak) -> None:
    assert weak.said.returncode == 1, weak.said.stderr
    out = weak.said.stdout
    assert VERDICT in out
    assert "weak: the network is no better than its baseline" in out
    assert out.index(VERDICT) < out.index("verdict")
    assert "--allow-weak" in out
    # The file itself is right: it is there, and not named rejected.
    assert (weak.folder / "lenet5.digits.float32.tflite").is_file()


def test_records_report_and_card_hold_it(weak: Weak) -> None:
    records = json.loads((weak.folder / "records.json").read_text())
    (evaluated,) = (step["result"] for step in records if step["kind"] == "evaluate")
    assert NO_BETTER in {finding["code"] for finding in evaluated["findings"]}
    assert evaluated["baseline"]["better"] is False
    assert len(evaluated["recalls"]) == 10
    assert evaluated["balanced"]["value"] < 0.3
    page = (weak.folder / "report.html").read_text(encoding="utf-8")
    assert VERDICT in page
    assert page.index(NO_BETTER) < page.index("Key figures")
    card = tomllib.loads((weak.folder / "lenet5.digits.toml").read_text())
    assert any("no better than its baseline" in text for text in card["findings"])


def test_allowing_it_ends_well_makes_nothing_anew_and_says_the_same(weak: Weak) -> None:
    done = weak.zoo(*SHIP, "--allow-weak", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["passed"] is True
    assert found["verdict"] == VERDICT
    assert NO_BETTER in {finding["code"] for finding in found["findings"]}
    assert len(list((weak.home / "runs").iterdir())) == 1


def test_export_and_evaluate_end_with_1_too(weak: Weak) -> None:
    weights = weak.folder / "lenet5.digits.safetensors"
    exported = weak.zoo("export", weights, *FILE)
    assert exported.returncode == 1, exported.stderr
    assert VERDICT in exported.stdout
    judged = weak.zoo("evaluate", weights)
    assert judged.returncode == 1, judged.stderr
    assert "weak: the network is no better than its baseline" in judged.stdout
    assert "balanced accuracy" in judged.stdout
    allowed = weak.zoo("evaluate", weights, "--allow-weak", "--json")
    assert allowed.returncode == 0, allowed.stderr
    assert json.loads(allowed.stdout)["findings"]


def test_who_gets_only_a_file_is_told(weak: Weak) -> None:
    """The gate writes it into the file, and what is made of the file says it, too."""
    file = weak.folder / "lenet5.digits.float32.tflite"
    text = "weak: the network is no better than its baseline"
    verified = weak.zoo("verify", file)
    assert (verified.returncode, text in verified.stdout) == (0, True), verified.stderr
    weights = weak.folder / "lenet5.digits.safetensors"
    integer = ("--format", "tflite", "--precision", "int8", "--max-size", "9MB", "--json")
    optimized = weak.zoo("optimize", weights, *integer)
    assert optimized.returncode == 1, "a file that keeps all limits, of a weak network"
    searched = json.loads(optimized.stdout)
    assert searched["file"] is not None
    assert weak.zoo("optimize", weights, *integer, "--allow-weak").returncode == 0
    assert NO_BETTER in {finding["code"] for finding in searched["findings"]}
    page = (weak.home / searched["folder"] / "report.html").read_text("utf-8")
    assert page.index(NO_BETTER) < page.index('<h2 id="front">')
    chosen = weak.home / searched["folder"] / searched["file"]
    explained = weak.zoo("explain", chosen, "--against", file, "--runs", "0")
    assert text in explained.stdout, explained.stderr


def test_from_python(weak: Weak, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(weak.home))
    monkeypatch.chdir(weak.home)
    asked = {"from_scratch": True, "epochs": 1, "learning_rate": 1e-9, "report": False}
    files = {"format": ["tflite"], "precision": ["float32"]}
    run = zoo.ship("lenet5", "digits", **asked, **files)
    assert (run.passed, run.weak) == (False, True)
    assert NO_BETTER in {finding.code for finding in run.findings}
    allowed = zoo.ship("lenet5", "digits", allow_weak=True, **asked, **files)
    assert (allowed.passed, allowed.weak, allowed.changed) == (True, True, False)


def test_a_trained_network_is_not_accused(weak: Weak) -> None:
    judged = weak.zoo("evaluate", "lenet5.fashion_mnist", "--split", "validation")
    if "dataset-fashion-mnist" in judged.stderr:
        pytest.skip("Fashion-MNIST is not here")
    assert judged.returncode == 0, judged.stdout + judged.stderr
    assert "weak" not in judged.stdout
    assert "baseline, always" in judged.stdout


def test_what_is_offered_next_is_against_the_weakness(weak: Weak) -> None:
    """More training, the data, other networks; nothing that takes its files further."""
    said = weak.said.stdout
    commands = [shlex.split(line) for line in re.findall(r"^(?:next)? +(zoo .*)$", said, re.M)]
    assert [command[1] for command in commands] == ["ship", "data", "list"]
    recipe = tomllib.loads((weak.home / commands[0][3]).read_text(encoding="utf-8"))
    assert int(commands[0][-1]) > recipe["training"]["epochs"]
    assert weak.zoo(*commands[1][1:]).returncode == 0
