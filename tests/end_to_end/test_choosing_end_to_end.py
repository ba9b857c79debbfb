"""The comparison of networks on digits: killed on its way, gone on with, told, refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from commands import typed_in

import zoo
from zoo.common.errors import UsageError
from zoo.pipeline.search.choice import as_json

for module in ("tensorflow", "sklearn", "jinja2", "tflite_micro"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow

NETWORKS = ("lenet5", "convnet28", "alexnet_small", "vgg16")
#: No network of these is as large as the limit, but for the last one, which is never built.
GIVEN: dict[str, Any] = {
    "max_size": "1MB",
    "max_arena": "200kB",
    "precision": "int8",
    "finalists": 2,
    "seeds": 2,
    "curve": False,
    "from_scratch": True,
    "epochs": 2,
    "jit": "off",
}
TYPED = (
    *("choose", *NETWORKS, "--data", "digits", "--max-size", "1MB", "--max-arena", "200kB"),
    *("--precision", "int8", "--finalists", "2", "--seeds", "2", "--no-curve"),
    *("--from-scratch", "--epochs", "2", "--jit", "off"),
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(home))
    monkeypatch.setenv("ZOO_OFFLINE", "1")


@pytest.fixture(scope="module")
def killed(home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Path, int]]:
    """A comparison that was killed after its first trainings, and when its steps were kept."""
    output = tmp_path_factory.mktemp("chosen")
    environment = {**os.environ, "ZOO_HOME": str(home), "ZOO_OFFLINE": "1"}
    command = [sys.executable, "-m", "zoo", *TYPED, "--output", str(output), "--json"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    while process.poll() is None and len(_trainings(home)) < 6:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    return output, {path: path.stat().st_mtime_ns for path in _steps(home)}


@pytest.fixture(scope="module")
def done(home: Path, killed: tuple[Path, dict[Path, int]]) -> tuple[Any, list[str]]:
    """The same comparison, gone on with; and the steps that it took up as they were."""
    kept: list[str] = []

    def note(step: str, event: dict[str, Any]) -> None:
        if event["event"] == "end" and event["cached"]:
            kept.append(step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        patch.setenv("ZOO_OFFLINE", "1")
        found = zoo.choose("digits", NETWORKS, output=killed[0], on_step=note, **GIVEN)
    return found, kept


def test_what_a_killed_comparison_did_is_not_done_again(
    home: Path, killed: tuple[Path, dict[Path, int]], done: tuple[Any, list[str]]
) -> None:
    _, before = killed
    assert before
    assert {path: path.stat().st_mtime_ns for path in before} == before
    records = [json.loads(path.read_text()) for path in _steps(home)]
    keys = [record["key"] for record in records]
    assert len(keys) == len(set(keys)), "each step was done once"
    _, kept = done
    assert {"lenet5 · export tflite int8", "lenet5 · screen tflite int8 host"} <= {*kept}
    assert any("33 % of the data" in step for step in kept)


def test_what_cannot_fit_is_out_before_anything_is_trained(done: tuple[Any, list[str]]) -> None:
    found, _ = done
    out = {one.candidate.name: one for one in found.screened}
    assert not out["vgg16"].fits
    assert "138 M parameters" in out["vgg16"].reason
    assert "vgg16" not in found.scores
    for name in ("lenet5", "convnet28", "alexnet_small"):
        (file,) = out[name].files
        assert file.fits, name
        assert 10_000 < file.bytes < 1_000_000
        assert file.p50_ms > 0
        assert 1_000 < file.arena < 200_000


def test_the_best_few_were_trained_whole_and_one_was_chosen(done: tuple[Any, list[str]]) -> None:
    found, _ = done
    assert [rung.keep for rung in found.rungs] == [2]
    assert {own[0].share for own in found.scores.values()} == {found.rungs[0].share}
    trained = {tuple(s.seed for s in own) for own in found.whole.values()}
    assert trained == ({(0,)} if found.seed_stops else {(0, 1)}), "the second seed as it was needed"
    assert found.chosen in found.whole
    means = {n: sum(s.value for s in own) for n, own in found.whole.items()}
    assert means[found.chosen] == max(means.values()), "by validation, not by the test split"
    assert found.best.verdict == "passed"
    (rival,) = found.differences.values()
    assert {rival.seeds} == {len(own) for own in found.whole.values()}
    assert rival.by_example
    assert rival.examples == found.baseline.metric.count
    assert rival.low < rival.gain < rival.high
    own, other = found.tested[found.chosen], found.tested[next(iter(found.differences))]
    gains = [-a.lost_by(b) for a, b in zip(own.metrics, other.metrics, strict=True)]
    assert sum(gains) / len(gains) == pytest.approx(rival.gain)
    assert found.baseline.metric.value < 0.2
    assert 0.8 < found.nearest_mean.value < 0.95
    assert found.nearest_mean.count == rival.examples


def test_finalists_were_compared_by_the_validation_split_before_the_next_seed(
    home: Path, done: tuple[Any, list[str]]
) -> None:
    found, _ = done
    records = [json.loads(path.read_text()) for path in _steps(home)]
    validated = [one["result"] for one in records if one["kind"] == "validate"]
    assert {one["split"] for one in validated} == {"validation"}
    answered = sorted(one["metrics"][0]["value"] for one in validated)
    first = sorted(own[0].value for own in found.whole.values())
    assert answered == pytest.approx(first), "what the trainings themselves measured"
    for one in found.seed_stops.values():
        assert one.examples == 266
        assert one.low <= one.gain <= one.high
    assert found.processor_seconds > 0.0


def test_the_folder_tells_everything_and_its_recipe_goes_on(
    done: tuple[Any, list[str]], tmp_path: Path
) -> None:
    found, _ = done
    told = json.loads((found.folder / "choose.json").read_text())
    assert told == json.loads(json.dumps(as_json(found)))
    recipe = tomllib.loads((found.folder / "recipe.toml").read_text())
    assert recipe["model"] == found.chosen
    assert (recipe["formats"], recipe["precisions"]) == (["tflite"], ["int8"])
    page = (found.folder / "report.html").read_text()
    assert page.count("<svg") >= 4
    assert found.chosen in page
    cached: list[bool] = []

    def note(step: str, event: dict[str, Any]) -> None:
        if step == "finetune" and event["event"] == "end":
            cached.append(event["cached"])

    zoo.finetune(recipe=found.folder / "recipe.toml", output=tmp_path, on_step=note)
    assert cached == [True], "the training that was compared is the recipe's"


def test_again_does_nothing_and_says_the_same(home: Path, done: tuple[Any, list[str]]) -> None:
    found, _ = done
    before = {path: path.stat().st_mtime_ns for path in _steps(home)}
    typed = typed_in(found.folder.parent, *TYPED, "--output", str(found.folder.parent))
    assert typed.returncode in (0, 1), typed.stderr
    assert typed.stdout.startswith(f"{found.chosen}: "), typed.stdout
    assert "✓" not in typed.stderr, "no step had to be done"
    assert {path: path.stat().st_mtime_ns for path in _steps(home)} == before
    assert "by its 138 M parameters" in typed.stdout


def test_a_limit_that_nothing_meets_names_the_nearest(
    home: Path, done: tuple[Any, list[str]], tmp_path: Path
) -> None:
    trained = len(_trainings(home))
    given = {**GIVEN, "max_size": "20kB", "output": tmp_path, "report": False}
    found = zoo.choose("digits", ("lenet5", "convnet28"), **given)
    assert found.chosen is None
    assert found.nearest.candidate.name == "lenet5"
    (miss,) = found.nearest.nearest.missed
    assert (miss.what, miss.limit) == ("size", 20_000)
    assert len(_trainings(home)) == trained
    assert json.loads((found.folder / "choose.json").read_text())["nearest"] == "lenet5"


def test_a_budget_too_short_for_one_training_keeps_what_is_done(
    done: tuple[Any, list[str]], tmp_path: Path
) -> None:
    given = {**GIVEN, "epochs": 40, "output": tmp_path, "report": False}
    with pytest.raises(UsageError, match="too short for one training") as caught:
        zoo.choose("digits", "lenet5", budget="1s", **given)
    assert "larger budget goes on" in str(caught.value)


def _steps(home: Path) -> list[Path]:
    found = (home / "cache" / "steps").glob("*/record.json")
    return [path for path in found if not path.parent.name.startswith(".")]


def _trainings(home: Path) -> list[Path]:
    return [path for path in _steps(home) if json.loads(path.read_text())["kind"] == "finetune"]
