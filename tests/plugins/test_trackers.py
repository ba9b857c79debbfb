"""TensorBoard and MLflow: what is written is read back by the packages themselves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from zoo.contracts import TrackedRun
from zoo.registry import PluginSettings, load_registry

RUN = TrackedRun(name="r-1", model_id="m.d", parameters={"training.epochs": 2, "data": "<b>é"})
FIGURES = {"test/accuracy": 0.5, "a[1].onnx/bytes": 10.0}
VERDICTS = {"a[1].onnx": "rejected: <script>, π", "b.onnx": "passed"}


def test_tensorboard_reads_the_event_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # With this module its reader does without TensorFlow.
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", ModuleType("notf"))
    tracker = load_registry(PluginSettings(installed=False)).trackers.get("tensorboard")
    for passed in (True, False):  # the same run again has a file of its own
        session = tracker.open(str(tmp_path / "logs"), RUN)
        for number, loss in ((1, 0.5), (2, 0.25)):
            session.epoch("finetune", number, {"loss": loss})
        if passed:
            from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

            half = EventAccumulator(str(tmp_path / "logs" / "r-1"))
            half.Reload()  # while the run goes on
            assert len(half.Scalars("finetune/loss")) == 2
        session.finish(FIGURES, VERDICTS, passed=passed)
    files = sorted((tmp_path / "logs" / "r-1").iterdir())
    assert len(files) == 2
    read = EventAccumulator(str(files[0]))
    read.Reload()
    assert [(e.step, e.value) for e in read.Scalars("finetune/loss")] == [(1, 0.5), (2, 0.25)]
    assert {tag: read.Scalars(tag)[0].value for tag in FIGURES} == FIGURES
    (recipe,) = read.Tensors("recipe")
    assert "training.epochs = 2" in recipe.tensor_proto.string_val[0].decode()
    (verdicts,) = read.Tensors("verdicts")
    text = verdicts.tensor_proto.string_val[0].decode()
    assert text.splitlines()[0] == "    run: passed"
    assert "a[1].onnx: rejected: <script>, π" in text


MLFLOW = """
import json, os, socket, sys, time

contacts = []
def refuse(*arguments, **_):
    contacts.append(str(arguments[1:] or arguments))
    raise OSError("no network")
socket.socket.connect = refuse
socket.getaddrinfo = refuse

import zoo
from zoo.registry import load_registry

place, figures, verdicts = json.loads(sys.argv[1])
parameters = {"training.epochs": 2, "data": "é" * 9000}
run = zoo.TrackedRun(name="r-1", model_id="m.d", parameters=parameters)
tracker = load_registry().trackers.get("mlflow")
session = tracker.open(place, run)
for number, loss in ((1, 0.5), (2, 0.25)):
    session.epoch("finetune", number, {"loss": loss})
session.finish(figures, verdicts, passed=False)

from mlflow.tracking import MlflowClient
import mlflow.telemetry.client as telemetry

client = MlflowClient(tracking_uri=place)
experiment = client.get_experiment_by_name("edgezoo")
(found,) = client.search_runs([experiment.experiment_id])
losses = client.get_metric_history(found.info.run_id, "finetune/loss")
time.sleep(1)  # for threads that would report
print(json.dumps({
    "name": found.info.run_name, "status": found.info.status,
    "metrics": found.data.metrics, "tags": found.data.tags,
    "epochs": found.data.params["training.epochs"],
    "losses": [(m.step, m.value) for m in losses],
    "retries": os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"],
    "telemetry": telemetry.get_telemetry_client() is not None, "contacts": contacts,
}))
"""


@pytest.mark.slow
def test_mlflow_reads_its_runs_and_nothing_goes_out(tmp_path: Path) -> None:
    # MLflow takes these for tests, and reports nothing then anyway.
    hidden = {"PYTEST_CURRENT_TEST", "CI", "MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [sys.executable, "-c", MLFLOW, json.dumps([str(tmp_path / "runs"), FIGURES, VERDICTS])],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    read = json.loads(done.stdout)
    assert (read["name"], read["status"], read["epochs"]) == ("r-1", "FAILED", "2")
    assert read["losses"] == [[1, 0.5], [2, 0.25]]
    assert read["metrics"]["test/accuracy"] == 0.5
    assert read["metrics"]["a_1_.onnx/bytes"] == 10
    assert read["tags"]["verdict/a_1_.onnx"] == "rejected: <script>, π"
    assert read["tags"]["model_id"] == "m.d"
    assert int(read["retries"]) < 5  # a server that is down must not cost minutes
    assert (read["telemetry"], read["contacts"]) == (False, [])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs"]
