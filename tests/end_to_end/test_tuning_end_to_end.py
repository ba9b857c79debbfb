"""The search for hyper-parameters on a tiny network: found, told, killed, refused."""

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
from zoo.common.errors import UnknownName, UsageError
from zoo.pipeline.search.study import STUDY
from zoo.pipeline.search.tune import as_json
from zoo.registry import load_registry

for module in ("tensorflow", "optuna", "sklearn", "jinja2"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow

#: A network that learns in seconds, whose default hardly learns: its rate is a thousandth.
TINY: dict[str, Any] = {
    "from_scratch": True,
    "epochs": 1,
    "learning_rate": 1e-6,
    "jit": "off",
    "set": {"filters": [8], "hidden": 0},
}
PLANTED = {"learning_rate": "0.000001,0.01"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(autouse=True)
def own_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(home))
    monkeypatch.setenv("ZOO_OFFLINE", "1")


@pytest.fixture(scope="module")
def found(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(home))
        return zoo.tune(
            "convnet28",
            "digits",
            space=PLANTED,
            only=True,
            trials=4,
            output=tmp_path_factory.mktemp("tuned"),
            **TINY,
        )


def test_a_planted_good_value_is_found_and_better(found: Any) -> None:
    best = found.trials[found.best]
    assert best.values == {"learning_rate": 0.01}
    assert found.trials[0].values == {"learning_rate": 1e-6}, "the default is tried first"
    test = found.confirmation
    assert [one.seed for one in test.results] == [1, 2, 3], "not the seed that it was chosen on"
    assert test.by_example
    assert test.verdict == "better"
    assert test.low > 20
    assert test.gain == pytest.approx(sum(one.gain for one in test.results) / 3)
    assert found.improved


def test_the_folder_tells_everything(found: Any) -> None:
    told = json.loads((found.folder / "tune.json").read_text())
    assert told == json.loads(json.dumps(as_json(found)))
    assert told["verdict"] == "better"
    recipe = tomllib.loads((found.folder / "recipe.toml").read_text())
    assert recipe["training"]["learning_rate"] == 0.01
    assert recipe["hyperparameters"] == {"filters": [8], "hidden": 0}
    assert recipe == tomllib.loads((found.folder / f"trial-{found.best}.toml").read_text())
    page = (found.folder / "report.html").read_text()
    assert "better than the default" in page.lower()
    assert page.count("<svg") >= 4
    assert (found.folder / STUDY).exists()


def test_a_trial_is_the_training_that_the_recipe_names(found: Any, tmp_path: Path) -> None:
    ended: list[bool] = []

    def note(step: str, event: dict[str, Any]) -> None:
        if step == "finetune" and event["event"] == "end":
            ended.append(event["cached"])

    recipe = found.folder / f"trial-{found.best}.toml"
    zoo.finetune(recipe=recipe, output=tmp_path, on_step=note)
    assert ended == [True]


def test_again_trains_nothing_and_says_the_same(found: Any) -> None:
    options = ["--space", f"learning_rate={PLANTED['learning_rate']}", "--only", "--trials", "4"]
    network = ["--from-scratch", "--epochs", "1", "--learning-rate", "0.000001", "--jit", "off"]
    network += ["--set", "filters=[8]", "--set", "hidden=0", "--output", found.folder.parent]
    done = typed_in(found.folder.parent, *_tune("convnet28", *network, *options))
    assert done.returncode == 0, done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith("convnet28.digits: better than the default: +")
    assert "✓" not in done.stderr, "no step had to be done"
    assert max(map(len, done.stdout.splitlines()[:12])) <= 200
    assert "next     zoo ship --recipe" in done.stdout


def test_a_search_that_is_no_better_says_so(tmp_path: Path) -> None:
    """Interrupted, killed, and gone on with: what was trained is not trained again."""
    command = _tune("convnet28", "--from-scratch", "--epochs", "1", "--learning-rate", "0.01")
    command += ["--set", "filters=[8]", "--set", "hidden=0", "--jit", "off", "--then", "size"]
    command += ["--space", "filters=8,1", "--only", "--output", str(tmp_path)]
    home = tmp_path / "home"
    environment = {**os.environ, "ZOO_HOME": str(home)}
    whole = [sys.executable, "-m", "zoo", *command, "--json"]
    steps = home / "cache" / "steps"
    before: dict[Path, int] = {}
    for stop, code in ((signal.SIGINT, 130), (signal.SIGKILL, -9)):
        process = subprocess.Popen(whole, env=environment, stdout=-1, stderr=-1, text=True)
        while process.poll() is None and len(_finished(steps)) <= len(before):
            time.sleep(0.02)
        process.send_signal(stop)
        out, err = process.communicate()
        assert process.returncode == code, err
        assert stop == signal.SIGKILL or "the same command goes on" in out
        assert {path: path.stat().st_mtime_ns for path in before} == before
        before = {path: path.stat().st_mtime_ns for path in _finished(steps)}
    assert len(before) >= 2
    done = subprocess.run(whole, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before
    told = json.loads(done.stdout)
    assert told["verdict"] == "no better"
    assert told["confirmation"] is None
    assert {trial["state"] for trial in told["trials"]} == {"complete"}
    assert "the space holds 2 different trials: all were tried" in told["notes"]
    assert told["then"] == "size"
    small, large = told["files"]
    assert small["bytes"] < large["bytes"]
    assert large["trial"] == told["best"] == 0
    assert {(one["verdict"], one["on_front"]) for one in told["files"]} == {("passed", True)}
    (folder,) = [path for path in tmp_path.iterdir() if path.name.startswith("convnet28")]
    recipe = tomllib.loads((folder / "recipe.toml").read_text())
    assert recipe["training"]["learning_rate"] == 0.01, "the default's"
    front = tomllib.loads((folder / f"trial-{small['trial']}.toml").read_text())
    assert front["hyperparameters"]["filters"] == [1]
    assert "Quality against size" in (folder / "report.html").read_text()


def test_what_cannot_be_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    trained: list[str] = []

    def note(step: str, event: dict[str, Any]) -> None:
        if step.startswith("trial"):
            trained.append(step)

    def search(**options: Any) -> Any:
        given = {**TINY, "only": True, "trials": 2, "on_step": note, "output": tmp_path}
        return zoo.tune("convnet28", "digits", **{**given, **options})

    with pytest.raises(UsageError, match="downsampling=average cannot be"):
        search(space={"downsampling": "max,average"})
    with pytest.raises(UnknownName, match="objective") as caught:
        search(space=PLANTED, objective="acuracy")
    assert caught.value.suggestions == ["accuracy"]
    assert trained == []
    assert list(tmp_path.iterdir()) == []


def test_a_budget_too_short_for_one_trial_keeps_what_is_done(tmp_path: Path) -> None:
    options = {**TINY, "space": PLANTED, "only": True, "output": tmp_path, "report": False}
    options |= {"epochs": 40, "seed": 5}
    with pytest.raises(UsageError, match="too short for one trial") as caught:
        zoo.tune("convnet28", "digits", budget="1s", **options)
    assert "larger budget goes on" in str(caught.value)
    resumed: list[int] = []

    def note(step: str, event: dict[str, Any]) -> None:
        if event["event"] == "resumed":
            resumed.append(event["epoch"])

    with pytest.raises(UsageError):
        zoo.tune("convnet28", "digits", budget="2s", on_step=note, **options)
    assert resumed, "the second attempt goes on where the first one ended"
    (folder,) = tmp_path.iterdir()
    journal = (folder / STUDY).read_text()
    assert "too short" not in journal, "the trial that was ended goes on, and has not failed"


def test_the_registry_knows_what_families_declare() -> None:
    for architecture in load_registry().architectures:
        assert {*architecture.searched} <= {*architecture.hyperparameters()}


def _finished(steps: Path) -> list[Path]:
    return [p for p in steps.glob("*/record.json") if not p.parent.name.startswith(".")]


def _tune(model: str, *options: Any) -> list[str]:
    return ["tune", model, "--data", "digits", *map(str, options)]
