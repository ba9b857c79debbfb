"""Explanations in the results store: each once, and why there is none."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.analysis.layer_errors import layer_errors
from zoo.artifacts.artifact import Artifact
from zoo.common.cache_key import step_key
from zoo.common.clock import utc_now
from zoo.common.errors import ZooError
from zoo.execution.runner import choose_runtime, host_device
from zoo.execution.session import AgentSession
from zoo.registry import Registry
from zoo.results.layer_errors import EXPLAIN, LayerErrors
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store

if TYPE_CHECKING:
    from zoo.analysis.explain import Explanation

#: What the agent says of a machine that decides no error, and is another each time.
_PASSING = ("mhz",)


def environment_here(registry: Registry, artifact: Artifact) -> dict[str, Any]:
    """This machine and the runtime of a file, as records of latencies have them.

    Raises:
        ZooError: The agent cannot be asked.
    """
    device = host_device(registry)
    with AgentSession(device.connect(), choose_runtime(artifact.exporter, device)) as session:
        told = session.describe()
    kept = {name: value for name, value in told.items() if name not in _PASSING}
    return {**kept, "device": {"kind": device.kind.name, "address": device.address}}


def record_explanation(
    store: Store,
    found: Explanation,
    *,
    sha256: tuple[str, str],
    environment: Mapping[str, Any],
    seconds: float,
) -> None:
    """Appends the errors by layer; the same, in the same environment, are there once.

    Args:
        store: Gets the record.
        found: What was found out.
        sha256: Of the file, and of its twin.
        environment: Where.
        seconds: Time that the comparison took.
    """
    comparison, tried = found.comparison, found.advice
    if tried is not None and tried.about != "error":
        tried = None  # times have no place in it
    errors = LayerErrors(
        file=found.file.path.name,
        sha256=sha256[0],
        format=found.format,
        precision=found.file.precision,
        twin=found.twin.path.name,
        twin_sha256=sha256[1],
        dataset=found.data,
        split=found.split,
        examples=comparison.examples,
        runtime=comparison.runtime,
        runtime_version=comparison.runtime_version,
        layers=layer_errors(comparison),
        command="" if tried is None else tried.command,
        why="" if tried is None else tried.why,
        environment=dict(environment),
        created=utc_now(),
    )
    content = json.loads(json.dumps(as_plain(replace(errors, created=""))))
    key = step_key(EXPLAIN, content)
    record = StepRecord(
        step=_step(errors.file),
        kind=EXPLAIN,
        key=key,
        status="passed",
        seconds=seconds,
        created=errors.created,
        result=as_plain(errors),
    )
    store.append(EXPLAIN, record, token=key[:32])


@contextmanager
def failure_recorded(store: Store, file: str) -> Iterator[None]:
    """Around the comparison: why it failed is a record, too."""
    try:
        yield
    except ZooError as error:
        step = _step(file)
        record = StepRecord(
            step=step,
            kind=EXPLAIN,
            key=step_key(EXPLAIN, {"step": step, "at": time.time_ns()}),
            status="failed",
            reason=str(error),
            created=utc_now(),
            result=error.as_dict(),
        )
        # The failure is what the user must see; a store that fails too must not hide it.
        with suppress(ZooError):
            store.append(EXPLAIN, record)
        raise


def _step(file: str) -> str:
    return f"{EXPLAIN} {file}"
