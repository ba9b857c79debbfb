"""Trackers of experiments: programs that keep the figures of runs beside those of others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from zoo.contracts.checks import check, check_name


@dataclass(frozen=True, kw_only=True)
class TrackedRun:
    """A run as trackers know it when it begins.

    Attributes:
        name: ``lenet5.digits-1a2b3c4d``; the same recipe has the same name.
        model_id: Of the weights that it makes.
        parameters: The recipe, by path: ``training.epochs`` → 15.
    """

    name: str
    model_id: str
    parameters: Mapping[str, str | int | float | bool]


class TrackerSession(ABC):
    """The record of one run in a tracker; its methods are called one after the other.

    What they raise becomes a remark, and the tracker is left out from there on.
    """

    @abstractmethod
    def epoch(self, step: str, number: int, figures: Mapping[str, float]) -> None:
        """Records an epoch.

        Args:
            step: ``finetune`` or ``qat``.
            number: Counted from 1.
            figures: By name: ``loss``, ``validation_accuracy``, …
        """

    @abstractmethod
    def finish(
        self, figures: Mapping[str, float], verdicts: Mapping[str, str], *, passed: bool
    ) -> None:
        """Records the end of the run, and closes what is open.

        Args:
            figures: ``test/accuracy``, and of files ``lenet5.digits.int8.tflite/accuracy``,
                ``…/bytes``, ``…/p50_ms``.
            verdicts: File → its verdict, and the reason where there is one.
            passed: Whether the run passed; False for one that ended with an error, too.
        """


@dataclass(frozen=True, kw_only=True)
class Tracker:
    """A program that keeps figures of runs.

    Attributes:
        name: What stands before the colon of ``--track``.
        summary: One line for lists.
        argument: What follows the colon, for help texts: ``DIR``.
        open: Takes what follows the colon, and the run; begins its record. Called in a thread of
            its own, so that slow imports and servers delay nothing.
        extra: The part of edgezoo that installs what it needs; empty for none.
    """

    name: str
    summary: str
    argument: str
    open: Callable[[str, TrackedRun], TrackerSession]
    extra: str = ""

    def __post_init__(self) -> None:
        check_name("tracker", self.name)
        check(callable(self.open), self.name, "open must be callable")
        check(bool(self.argument), self.name, "needs an argument")
