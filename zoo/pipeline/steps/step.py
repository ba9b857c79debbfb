"""A step of a plan: its identity, its parameters, its key, and what it leaves."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Final, Generic, TypeVar

from pydantic import BaseModel

from zoo.common.brief import Brief
from zoo.common.cache_key import step_key
from zoo.common.code_fingerprint import code_of
from zoo.common.progress import Event
from zoo.common.worker import Children, WorkerLimits, call
from zoo.contracts.options import deciding_values
from zoo.contracts.plugin import Plugin
from zoo.registry import Registry
from zoo.results.records import Status, StepRecord

#: Metadata of a step's field that does not decide its result, and is no part of its key.
NOT_IN_KEY: Final = MappingProxyType({"key": False})
#: What stands in a key as it is; plans of thousands of steps have tens of thousands of them.
_PLAIN = (str, int, bool)
Result = TypeVar("Result")
Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class StepId:
    """What tells a step from all others of its plan.

    Attributes:
        kind: ``finetune``, ``evaluate``, ``export``, ``gate``, ``bench`` and others.
        format: Exporter name of the file it is about; empty where there is none.
        trained: Whether it is about the network that was trained to be quantized.
        device: Name of the device that it happens on or for; empty where that does not matter.
        part: Which of several files that make one model together; empty where it is about all.
    """

    kind: str
    format: str = ""
    precision: str = ""
    trained: bool = False
    device: str = ""
    part: str = ""

    @property
    def cell(self) -> str:
        """The file: ``tflite int8``, ``tflite int8 qat``, ``tflite int8 encoder``."""
        words = (self.format, self.precision, "qat" * self.trained, self.part)
        return " ".join(filter(None, words))

    def __str__(self) -> str:
        """``bench tflite int8 qat host``."""
        return " ".join(filter(None, (self.kind, self.cell, self.device)))


@dataclass(frozen=True, kw_only=True)
class Outcome(Generic[Result]):
    """What a step's work returns."""

    result: Result
    status: Status = "passed"
    reason: str = ""
    samples: bytes | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class FinishedStep(Brief, Generic[Result]):
    """A step that ended: its record, its result unless it has none, and where its files are."""

    record: StepRecord
    folder: Path
    value: Result | None = None

    @property
    def result(self) -> Result:
        """The result of a step that has one, as those have that passed or were rejected."""
        if self.value is None:
            raise LookupError(f"{self.record.step!r} has no result: it was {self.record.status}")
        return self.value

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return self.record.status == "passed"

    @property
    def judged(self) -> bool:
        """Whether it came to a verdict, and so has a result."""
        return self.record.status in ("passed", "rejected")


class FinishedSteps(dict[StepId, FinishedStep[Any]]):
    """The steps of a plan that ended."""

    def __repr__(self) -> str:
        return "\n".join(f"{step}: {ended.record.status}" for step, ended in self.items())

    def of(self, step: Step[Value]) -> FinishedStep[Value]:
        """How a step ended; two steps of the same id are the same."""
        return self[step.id]


@dataclass(frozen=True, kw_only=True)
class Planned:
    """What another machine makes the same step from.

    Attributes:
        text: The plan, in JSON.
        registry: What the step was made with here.
    """

    text: str
    registry: Registry


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """What a step gets to run with.

    Attributes:
        folder: Its own, empty; files left there are kept with the record.
        children: Registers child processes, so that an interruption ends them.
        on_memory: Receives the bytes that each of them took at most.
    """

    folder: Path
    before: FinishedSteps
    emit: Callable[[Event], None]
    children: Children
    on_memory: Callable[[int], None] = lambda most: None

    def call(
        self,
        function: Callable[..., Value],
        limits: WorkerLimits | None = None,
        /,
        **arguments: Any,
    ) -> Value:
        """Calls a module's function in a child process with TensorFlow.

        It also gets `emit`, for progress events.
        """
        name = f"{function.__module__}:{function.__qualname__}"
        result: Value = call(
            name,
            arguments,
            on_event=self.emit,
            on_memory=self.on_memory,
            limits=limits,
            children=self.children,
        )
        return result


@dataclass(frozen=True, kw_only=True, eq=False)
class Step(ABC, Generic[Result]):
    """One thing to do.

    Its parameters are the fields of its dataclass. All of them decide its key, but for those with
    the metadata `NOT_IN_KEY`; so do the keys of the steps whose results it reads, and all code that
    its module and its plugins can reach.

    Attributes:
        id: Unique in its plan.
        result_type: Of the result; a dataclass.
        exclusive: Whether nothing else may run meanwhile: it measures time.
        early: Of steps that could start, those with the greatest number do: what takes long, and
            what such steps wait for, so that none is left to run alone at the end.
    """

    id: StepId
    result_type: ClassVar[Any]
    exclusive: ClassVar[bool] = False
    early: ClassVar[int] = 0

    @property
    def name(self) -> str:
        """For people."""
        return str(self.id)

    @property
    def subject(self) -> str:
        """Name of the network that it is about; empty where there is none."""
        return ""

    @property
    def planned(self) -> Planned | None:
        """What another machine makes the same step from; None where none can."""
        return None

    @property
    def worker_label(self) -> str:
        """What a worker must be labelled with to perform it; empty where any can."""
        return ""

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        """Steps that must have passed, and whose results it reads."""
        return ()

    @property
    def after(self) -> tuple[Step[Any], ...]:
        """Steps that must have ended, however, and whose results it reads if there are any."""
        return ()

    @property
    def unless(self) -> tuple[Step[Any], ...]:
        """Steps that must have ended because they may make this one superfluous."""
        return ()

    @property
    def replaces(self) -> Step[Any] | None:
        """The step that this one stands in for when it passes."""
        return None

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Those whose code it runs."""
        return ()

    @property
    def distributions(self) -> tuple[str, ...]:
        """Installed tools whose versions decide the result."""
        return ()

    @property
    def failure_key(self) -> str:
        """Content address under which a failure is kept that would come again; empty keeps none."""
        return ""

    @cached_property
    def code(self) -> str:
        """Fingerprint of the code that it runs."""
        return code_of([type(self).__module__], self.plugins)

    @cached_property
    def key(self) -> str:
        """Content address: equal keys mean equal parameters, inputs, code and tools."""
        before = (*self.needs, *self.after)
        return step_key(
            self.id.kind,
            {
                name: value
                for name, value in key_fields(self).items()
                if not isinstance(value, Step)
            },
            needs=[step.key for step in before],
            code=self.code,
            distributions=self.distributions,
        )

    @property
    def waits_for(self) -> tuple[Step[Any], ...]:
        """Everything that must have ended."""
        return (*self.needs, *self.after, *self.unless)

    def needless(self, before: FinishedSteps) -> str:
        """Why it is superfluous, by the steps that it waited for; empty when it is not."""
        return ""

    def check_inputs(self) -> None:
        """Asked when the step begins, and when it failed.

        Raises:
            ZooError: What it reads is no longer what its key says.
        """

    @abstractmethod
    def run(self, context: StepContext) -> Outcome[Result]:
        """Does it.

        Raises:
            ZooError: It could not be done.
        """


def key_fields(record: Any) -> dict[str, Any]:
    """The fields of a dataclass that decide a result, as `step_key` takes them."""
    kind: Any = type(record)
    return {name: _key_value(getattr(record, name)) for name in _deciding_names(kind)}


@cache
def _deciding_names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.metadata.get("key", True))


def _key_value(value: Any) -> Any:
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, BaseModel):
        return deciding_values(value)
    if isinstance(value, Mapping):
        return {name: _key_value(inner) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_key_value(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # A limit that is none; JSON has no word for it.
    return key_fields(value) if is_dataclass(value) and not isinstance(value, Step) else value
