"""A step as text: what a worker makes the same step from, and what it is compared by."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from zoo.common.versions import versions_of
from zoo.common.worker import flatten
from zoo.contracts.executor import AnnouncedDevice
from zoo.pipeline.steps.step import Step, StepId, key_fields
from zoo.registry import PluginSettings
from zoo.results.records import StepRecord


@dataclass(frozen=True, kw_only=True)
class StepOrigin:
    """What the key of a step is made from, in parts, so that a difference can be named.

    Attributes:
        code: Fingerprint of the code that it runs.
        versions: Of the distributions that decide its result.
        parameters: Name → digest of its value.
    """

    code: str
    versions: Mapping[str, str]
    parameters: Mapping[str, str]

    @classmethod
    def of(cls, step: Step[Any]) -> StepOrigin:
        """The parts of one step's key."""
        fields = {n: v for n, v in key_fields(step).items() if not isinstance(v, Step)}
        return cls(
            code=step.code,
            versions=versions_of(step.distributions),
            parameters={name: _digest(value) for name, value in fields.items()},
        )

    def differences(self, here: StepOrigin) -> str:
        """What differs from the same step as another machine has made it, in words."""
        names = sorted({*self.versions, *here.versions} - {"edgezoo"})
        found = [
            f"{name} is {self.versions.get(name) or 'missing'} at the command and "
            f"{here.versions.get(name) or 'missing'} at the worker"
            for name in names
            if self.versions.get(name) != here.versions.get(name)
        ]
        keys = sorted({*self.parameters, *here.parameters})
        changed = [k for k in keys if self.parameters.get(k) != here.parameters.get(k)]
        if "origin" in changed:
            found.append("the dataset, or the network that it begins with, is another one")
            changed.remove("origin")
        if "place" in changed:
            found.append("the device is another machine, or has other runtimes")
            changed.remove("place")
        if changed:
            found.append(f"other values of {', '.join(changed)}")
        if self.code != here.code:
            found.append("the code of edgezoo or of a plugin is not the same")
        return "; ".join(found) or "a step that it waits for differs"


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class EarlierStep:
    """A step that the ordered one waits for.

    Attributes:
        key: Its results are kept under it; empty where it has none.
        record: How it ended, where it has no results that are kept.
    """

    id: StepId
    key: str = ""
    record: StepRecord | None = None


@dataclass(frozen=True, kw_only=True)
class OrderHead:
    """What an order says to those who pass it on.

    Attributes:
        id: Of the order: the key of its step.
        session: Of the command; measurements of one session share a process.
        folder: The command's working folder, which relative paths of the recipe start from.
        step: Which step of its plan.
        device: The one that it measures on.
        run: Of the command.
    """

    id: str
    session: str
    step: StepId
    folder: str = ""
    device: str = ""
    run: str = ""

    @classmethod
    def head(cls, text: str) -> OrderHead:
        """From the JSON of an order, of which most is for others.

        Raises:
            ValueError: It is no order.
        """
        return _HEAD.validate_json(text)


@dataclass(frozen=True, kw_only=True)
class OrderedPlan:
    """What all orders of one plan share; it travels as text, which is read once by each process.

    Attributes:
        steps: The recipe and its scope, in JSON: what the steps are made from.
        plugins: Where plugins are looked for.
        devices: Those of the plan that hang on workers.
        artifacts: The store through which results travel; empty for none.
        inputs: Datasets and weights in that store.
    """

    steps: str
    plugins: PluginSettings
    devices: tuple[AnnouncedDevice, ...] = ()
    artifacts: str = ""
    inputs: tuple[dict[str, Any], ...] = ()

    def text(self) -> str:
        """As JSON in one line."""
        return json.dumps(_PLAN.dump_python(self))

    @classmethod
    @lru_cache(maxsize=32)
    def read(cls, text: str) -> OrderedPlan:
        """From JSON.

        Raises:
            ValueError: It is no plan.
        """
        return _PLAN.validate_json(text)


@dataclass(frozen=True, kw_only=True)
class OrderText(OrderHead):
    """What an order says.

    Attributes:
        version: Of edgezoo.
        plan: An `OrderedPlan` in JSON.
        origin: Parts of its key.
        earlier: The steps that it waits for.
        mark: Name of a file in the command's cache: a worker that has it shares that cache.
        retry: Whether to try again what failed before and would fail again.
    """

    version: str
    plan: str
    origin: StepOrigin
    earlier: tuple[EarlierStep, ...] = ()
    mark: str = ""
    retry: bool = False

    def text(self) -> str:
        """As JSON in one line."""
        return json.dumps(_ORDER.dump_python(self))

    @classmethod
    def read(cls, text: str) -> OrderText:
        """From JSON.

        Raises:
            ValueError: It is no order.
        """
        return _ORDER.validate_json(text)


@dataclass(frozen=True, kw_only=True)
class OrderAnswer:
    """What came of an order.

    Attributes:
        record: The step's record; None where it was not performed.
        samples: Raw samples of a measurement, in base64; empty for none.
        lasting: Whether the same would fail again.
        memory_bytes: The most that one of its processes took.
        cached: Whether it was performed before, under the same key.
        stopped: Whether it was cancelled.
        refusal: Why it was not performed: an error as `refusal_of` tells it.
        worker: Name of the machine.
    """

    record: StepRecord | None = None
    samples: str = ""
    lasting: bool = False
    memory_bytes: int = 0
    cached: bool = False
    stopped: bool = False
    refusal: Mapping[str, str | None] | None = None
    worker: str = ""

    def text(self) -> str:
        """As JSON in one line."""
        return json.dumps(_ANSWER.dump_python(self))

    @classmethod
    def read(cls, text: str) -> OrderAnswer:
        """From JSON.

        Raises:
            ValueError: It is no answer.
        """
        return _ANSWER.validate_json(text)


def refusal_of(error: BaseException) -> dict[str, str | None]:
    """The class of an error and its three parts, for the command to raise it."""
    told = flatten(error)
    return {"type": told.kind, "what": told.what, "why": told.why, "fix": told.fix}


def absolute_plugins(settings: PluginSettings) -> PluginSettings:
    """The same settings, wherever they are read."""
    from dataclasses import replace

    return replace(settings, paths=tuple(str(Path(path).absolute()) for path in settings.paths))


_HEAD, _ORDER = TypeAdapter(OrderHead), TypeAdapter(OrderText)
_PLAN, _ANSWER = TypeAdapter(OrderedPlan), TypeAdapter(OrderAnswer)
