"""Running checks on one variant, each so that a crash costs that check alone."""

from __future__ import annotations

import importlib
import shutil
import tempfile
import time
import unittest
import weakref
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from zoo.common.errors import UnknownName, Unsupported, ZooError
from zoo.common.fork_server import warm_up
from zoo.common.progress import Event
from zoo.common.worker import call, flatten
from zoo.contracts.dataset import name_and_argument
from zoo.contracts.precision import BASELINE
from zoo.data.opening import data_for_task
from zoo.registry import PluginSettings, Registry, load_registry
from zoo.testing.candidate import CandidateNetwork
from zoo.testing.checks import (
    BUILD,
    EXPORT,
    NETWORK,
    REGISTRATION,
    TRAIN,
    conformance_checks,
    export_cell,
)
from zoo.testing.exports import TrainedCandidate, choose_data, export, train
from zoo.testing.verdict import Finding, Impossible, Nonconformance, NotTried, Status, Verdict
from zoo.testing.work import perform

OnStep = Callable[[str, Event], None]


def _quiet(step: str, event: Event) -> None:
    """Progress for callers who want none."""


class Conformance:
    """The checks of one variant; what several of them need is made once.

    Args:
        registry: Where the variant was found.
        variant: Its name.
        data: Dataset for training; None chooses a small one that serves the task.
        epochs: How long to train before exporting; None trains briefly, and longer if need be.
        isolated: Whether checks of the network run in processes of their own, where a crash
            costs one check; without, a debugger works.
        on_step: Receives the names of checks and their progress events.

    Raises:
        UnknownName: No such variant or dataset; offers the nearest.
    """

    def __init__(
        self,
        registry: Registry,
        variant: str,
        *,
        data: str | None = None,
        epochs: int | None = None,
        isolated: bool = True,
        on_step: OnStep = _quiet,
    ) -> None:
        self.registry = registry
        self.variant = registry.variant(variant)[1]
        self.names = conformance_checks(registry)
        if data is not None:
            registry.datasets.get(name_and_argument(data)[0])  # a misspelt name fails here, at once
            data = data_for_task(registry, data, self.variant.task)
        self._data = data
        self._epochs = epochs
        self._isolated = isolated
        self._on_step = on_step
        self._folder = Path(tempfile.mkdtemp(prefix="zoo-check-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self._unusable = ""
        self._trained: TrainedCandidate | ZooError | None = None

    def run(self, checks: Iterable[str] | None = None) -> list[Verdict]:
        """The verdicts of several checks, in order; None runs all."""
        chosen = tuple(self.names if checks is None else checks)
        if self._isolated and set(chosen) - {check.name for check in REGISTRATION}:
            warm_up()
        return [self.check(name) for name in chosen]

    def check(self, name: str) -> Verdict:
        """The verdict of one check.

        Raises:
            UnknownName: There is no such check.
        """
        if name not in self.names:
            raise UnknownName("check", name, self.names)
        started = time.perf_counter()
        step = f"{self.variant.name} {name}"
        self._on_step(step, {"event": "start", "kind": "check"})
        finding, status = self._answer(name, lambda event: self._on_step(step, event))
        seconds = time.perf_counter() - started
        self._on_step(step, {"event": "end", "status": status, "seconds": seconds, "cached": False})
        return Verdict(
            variant=self.variant.name,
            check=name,
            status=status,
            measured=finding.measured,
            fix=finding.fix,
            seconds=seconds,
        )

    def _answer(self, name: str, emit: Callable[[Event], None]) -> tuple[Finding, Status]:
        try:
            finding = self._perform(name, emit)
        except Impossible as reason:
            return Finding(passed=False, measured=f"unsupported: {reason}"), "skipped"
        except NotTried as reason:
            return Finding(passed=False, measured=f"not tried: {reason}"), "skipped"
        # A plugin's code may raise anything; a debugger wants to see it where it happens.
        except Exception as error:
            if not self._isolated and not isinstance(error, ZooError):
                raise
            failure = flatten(error)
            why = f": {failure.why}" if failure.why else ""
            finding = Finding(passed=False, measured=f"{failure.what}{why}", fix=failure.fix or "")
        if name == BUILD and not finding.passed:
            self._unusable = "the network cannot be built"
        return finding, "passed" if finding.passed else "failed"

    def _perform(self, name: str, emit: Callable[[Event], None]) -> Finding:
        for check in REGISTRATION:
            if check.name == name:
                module, _, function = check.function.partition(":")
                code: Any = getattr(importlib.import_module(module), function)
                found: Finding = code(self.registry, self.variant.name)
                return found
        if self._unusable and name != BUILD:
            raise NotTried(self._unusable)
        for check in NETWORK:
            if check.name == name:
                candidate = CandidateNetwork(
                    variant=self.variant.name, plugins=self.registry.settings, data=self._data
                )
                arguments: dict[str, Any] = {"candidate": candidate, "function": check.function}
                answer: Finding = (
                    call("zoo.testing.work:perform", arguments, on_event=emit)
                    if self._isolated
                    else perform(**arguments, emit=emit)
                )
                if not answer.tried:
                    raise NotTried(answer.measured)
                return answer
        if name == TRAIN:
            return self._train(emit).finding
        cell = export_cell(self.registry, name)
        assert cell is not None  # `names` holds nothing else
        return self._export(*cell, emit)

    def _train(self, emit: Callable[[Event], None]) -> TrainedCandidate:
        """Trains when it is first asked; a failure is as final as a success."""
        if self._trained is None:
            task = self.registry.tasks.get(self.variant.task)
            try:
                self._trained = train(
                    self.registry,
                    self.variant.name,
                    data=choose_data(self.registry, task, self._data, self.variant.preprocessing),
                    epochs=self._epochs,
                    folder=self._folder,
                    emit=emit,
                )
            except ZooError as error:
                self._trained = error
        if isinstance(self._trained, ZooError):
            raise self._trained
        return self._trained

    def _export(self, format: str, precision: str, emit: Callable[[Event], None]) -> Finding:
        try:
            trained = self._train(emit)
        except ZooError as error:
            raise NotTried(f"training failed: {error.what}") from error
        if not trained.finding.passed:
            raise NotTried(f"{trained.finding.measured}, and such weights decide nothing")
        task = self.registry.tasks.get(self.variant.task)
        try:
            return export(self.registry, trained, task, format, precision, emit)
        except Unsupported as error:
            told = f"{error.what}: {error.why}" if error.why else error.what
            if precision != BASELINE.name:
                raise Impossible(told) from error
            # Of a precision the format is to blame; here the network is what it cannot hold.
            fix = error.fix or f"if that is meant so: --skip '{EXPORT}{format}-*'"
            return Finding(passed=False, measured=f"unsupported: {told}", fix=fix)


@lru_cache(maxsize=8)
def _conformance(
    variant: str, settings: PluginSettings, data: str | None, epochs: int | None
) -> Conformance:
    """One per process, so that the tests of all exports share one training."""
    registry = load_registry(settings)
    try:
        return Conformance(registry, variant, data=data, epochs=epochs)
    except UnknownName as error:
        close = f"; or {error.fix}" if error.suggestions else ""
        raise UnknownName(
            error.args[0].split()[1],
            variant,
            registry.architectures.names(),
            fix="install the plugin first (pip install --editable .), or name its file: "
            f"check_variant(…, plugins=[PATH]); `zoo plugins list` shows what is found{close}",
        ) from error


def check_variant(
    variant: str,
    check: str,
    *,
    plugins: Sequence[str | Path] = (),
    data: str | None = None,
    epochs: int | None = None,
) -> Verdict:
    """Puts one variant through one check; for tests.

    Args:
        variant: As registered: ``squeezenet28``.
        check: One of `conformance_checks`.
        plugins: Plugin files to load beside the installed ones.
        data: Dataset for training; None chooses a small one that serves the task.
        epochs: How long to train before exporting; None trains briefly, and longer if need be.

    Raises:
        Nonconformance: The check failed; the message says what was measured and what to do.
        unittest.SkipTest: It could not be tried; pytest and unittest show that as skipped.
        UnknownName: There is no such variant or check.
    """
    settings = PluginSettings(paths=tuple(str(path) for path in plugins))
    verdict = _conformance(variant, settings, data, epochs).check(check)
    if verdict.status == "failed":
        raise Nonconformance.of(verdict)
    if verdict.status == "skipped":
        raise unittest.SkipTest(verdict.measured)
    return verdict
