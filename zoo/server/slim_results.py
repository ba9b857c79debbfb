"""Results as a catalogue keeps them: what lists show of each, and no more.

A store has tens of thousands of them: what is left out is dropped before it is checked and built.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import from_json

from zoo.results.measurements import Measurement
from zoo.results.records import GateResult, NetworkEvaluation

_GATE, _MEASUREMENT = TypeAdapter(GateResult), TypeAdapter(Measurement)
_EVALUATION = TypeAdapter(NetworkEvaluation)
#: What pages of lists do not show of a latency, and what stands there instead.
_OF_A_RECORD: dict[str, Any] = {"environment": {}, "inputs": {}, "placement": {}}
_OF_ITS_PAGE = ("profile", "sustained", "accuracy", "summaries", "answers", "energy")


@dataclass(frozen=True, kw_only=True)
class SlimMeasurement:
    """A latency without environment, inputs, placement, profile and summaries.

    Attributes:
        profiled: Whether its record has the time of each operator.
        summarized: Whether a vendor's tool measured it, which leaves no interval.
    """

    measurement: Measurement
    profiled: bool
    summarized: bool


def result_in(body: str) -> dict[str, Any]:
    """The result of a record in its JSON.

    Raises:
        ValueError: It has none.
    """
    record = from_json(body)
    result = record.get("result") if isinstance(record, dict) else None
    if not isinstance(result, dict):
        raise ValueError("there is no result in it")
    return result


def slim_measurement(result: dict[str, Any]) -> SlimMeasurement:
    """A latency from the result of its record.

    Raises:
        ValueError: It is none.
    """
    # What is left out is none of the checks below: pages read it, too.
    if not all(isinstance(result.get(name, {}), dict) for name in _OF_A_RECORD):
        raise ValueError(f"{', '.join(_OF_A_RECORD)} are tables")
    kept = {name: value for name, value in result.items() if name not in _OF_ITS_PAGE}
    return SlimMeasurement(
        measurement=_MEASUREMENT.validate_python({**kept, **_OF_A_RECORD}),
        profiled=result.get("profile") is not None,
        summarized=bool(result.get("summaries")),
    )


def slim_gate(result: dict[str, Any]) -> GateResult:
    """A gate's verdict without the details of its evaluation.

    Raises:
        ValueError: It is none.
    """
    evaluation = result.get("evaluation")
    if isinstance(evaluation, dict):
        result = {**result, "evaluation": {**evaluation, "details": {}, "recalls": {}}}
    return _GATE.validate_python(result)


def slim_evaluation(result: dict[str, Any]) -> NetworkEvaluation:
    """Quality before export, without details.

    Raises:
        ValueError: It is none.
    """
    return _EVALUATION.validate_python({**result, "details": {}})
