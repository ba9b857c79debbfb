"""MLflow: a folder, a database or a server of it."""

from __future__ import annotations

import logging
import os
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from zoo.common.optional_imports import require
from zoo.contracts.tracker import TrackedRun, Tracker, TrackerSession
from zoo.hookspecs import hookimpl

#: The experiment that runs are put into; MLFLOW_EXPERIMENT_NAME names another.
EXPERIMENT = "edgezoo"
#: What names in MLflow may not hold, and characters of the longest values.
_REFUSED = re.compile(r"[^\w\-. /]")
_PARAMETER, _TAG = 6000, 5000
#: Times that a request is sent again, twice as long after each as before: half a minute in all.
_RETRIES = "3"
#: Parameters in one request.
_AT_ONCE = 100


class MlflowRun(TrackerSession):
    """A run in an experiment of MLflow."""

    def __init__(self, address: str, run: TrackedRun) -> None:
        if "://" not in address:
            # Plain folders are read by all versions of MLflow; newer ones write them on request.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            address = str(Path(address).expanduser())
        # Its own seven take minutes, for which a run would wait where the server is down.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", _RETRIES)
        require("mlflow")
        tracking, entities = require("mlflow.tracking"), require("mlflow.entities")
        # It reports the making of its tables, among others; errors are raised.
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        self._client = tracking.MlflowClient(tracking_uri=address)
        self._entities = entities
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        experiment = self._client.get_experiment_by_name(name)
        made = self._client.create_experiment(name) if experiment is None else None
        place = made or experiment.experiment_id
        tags = {"model_id": run.model_id}
        self._id = self._client.create_run(place, run_name=run.name, tags=tags).info.run_id
        parameters = [
            entities.Param(_name(key), str(value)[:_PARAMETER])
            for key, value in run.parameters.items()
        ]
        for start in range(0, len(parameters), _AT_ONCE):
            some = parameters[start : start + _AT_ONCE]
            self._client.log_batch(self._id, params=some)

    def epoch(self, step: str, number: int, figures: Mapping[str, float]) -> None:
        """Logs the figures of an epoch as ``finetune/loss``."""
        self._log({f"{step}/{name}": value for name, value in figures.items()}, number)

    def finish(
        self, figures: Mapping[str, float], verdicts: Mapping[str, str], *, passed: bool
    ) -> None:
        """Logs the figures at the end, and each verdict as a tag."""
        self._log(figures, 0)
        for file, verdict in verdicts.items():
            self._client.set_tag(self._id, _name(f"verdict/{file}"), verdict[:_TAG])
        self._client.set_terminated(self._id, "FINISHED" if passed else "FAILED")

    def _log(self, figures: Mapping[str, float], step: int) -> None:
        moment = int(1000 * time.time())
        metrics = [
            self._entities.Metric(_name(key), value, moment, step) for key, value in figures.items()
        ]
        self._client.log_batch(self._id, metrics=metrics)


def _name(text: str) -> str:
    return _REFUSED.sub("_", text)


@hookimpl
def zoo_trackers() -> Iterator[Tracker]:
    """MLflow."""
    yield Tracker(
        name="mlflow",
        summary="Runs in an experiment of MLflow: a folder, a database, a server",
        argument="URI",
        open=MlflowRun,
        extra="mlflow",
    )
