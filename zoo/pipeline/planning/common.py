"""What steps are called, and how their work is started."""

from __future__ import annotations

from typing import Any

from zoo.common.worker import Limits, call
from zoo.models.loading import Subject
from zoo.pipeline.engine import Outcome, Work
from zoo.pipeline.job import Job

FINETUNE = "finetune"
EVALUATE = "evaluate keras"
QAT = "qat"
EVALUATE_QAT = "evaluate qat"


def cell_name(format: str, precision: str, *, trained: bool = False) -> str:
    """What steps of one file have in their names: ``tflite int8``, ``tflite int8 qat``."""
    return f"{format} {precision}{' qat' if trained else ''}"


def subject_of(job: Job, work: Work) -> Subject:
    """The fine-tuned weights, as another step finds them."""
    weights = work.needs[FINETUNE].folder / f"{job.model_id}.safetensors"
    return Subject(model=str(weights), plugins=job.registry.settings)


def in_child(
    function: str, arguments: dict[str, Any], work: Work, limits: Limits | None = None
) -> Outcome:
    """Calls a function, ``module:name``, in a child process with TensorFlow."""
    result = call(function, arguments, on_event=work.emit, limits=limits, children=work.children)
    return Outcome(result=result)
