"""What answers are, and how far changed ones are off: judged with none of the gate's checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, ttest_rel

Array = NDArray[Any]

#: Share of first choices, or of labels, that may be others than the network's.
CHOICES = 0.02
#: Points of accuracy that may be lost, and how unlikely by chance a greater loss must be.
POINTS, SIGNIFICANCE = 1.0, 0.01
#: Share of a class's right answers whose loss is the loss of the class; of at least so many.
CLASS_SHARE, CLASS_COUNT = 0.5, 10
#: By how much the mean error of real targets may grow, per cent.
ERROR = 10.0
#: Share of its spread that a target may move by and look the same.
SAME = 0.1


class AnswerKind(ABC):
    """A form of answers; rows are examples, or what else has an answer of its own.

    Attributes:
        name: As records have it.
        choose: Whether answers name classes or labels, whose scores a file may have.
        named: Whether each output has a name of its own.
    """

    name: str
    named: bool = True

    def rows(self, outputs: Array, labels: Array) -> tuple[Array, Array]:
        """One row for each answer, and what is true."""
        return outputs, labels

    @abstractmethod
    def distance(self, network: Array, answers: Array) -> float:
        """How far rows are from the network's."""

    @abstractmethod
    def agreement(self, honest: Array, answers: Array) -> float:
        """The share of answers that are the honest file's, 0 to 1."""

    @abstractmethod
    def reasons(
        self, network: Array, honest: Array, answers: Array, labels: Array
    ) -> Iterable[str]:
        """Why finite answers are beyond tolerance, the distance aside."""


class Classes(AnswerKind):
    """Probabilities of classes, of which one is chosen."""

    name = "classes"

    def rows(self, outputs: Array, labels: Array) -> tuple[Array, Array]:
        width = min(labels.shape[1], outputs.shape[1]) if labels.ndim > 1 else 0
        if width:
            outputs, labels = outputs[:, :width], labels[:, :width]
        rows, flat = outputs.reshape(-1, outputs.shape[-1]), labels.reshape(-1)
        return rows[flat >= 0], flat[flat >= 0]

    def distance(self, network: Array, answers: Array) -> float:
        apart = np.abs(network.astype(np.float64) - answers)
        return float((apart.sum(axis=1) / 2).mean())

    def agreement(self, honest: Array, answers: Array) -> float:
        return float((honest.argmax(1) == answers.argmax(1)).mean())

    def reasons(
        self, network: Array, honest: Array, answers: Array, labels: Array
    ) -> Iterable[str]:
        other = int((network.argmax(1) != answers.argmax(1)).sum())
        if other > CHOICES * len(labels):
            yield f"{other / len(labels):.1%} of the first choices are not the network's"
        before, after = honest.argmax(1) == labels, answers.argmax(1) == labels
        yield from _lost_points(before, after)
        for number in np.unique(labels):
            yield from _lost_class(f"class {number}", before, after, labels == number)


class Pictures(AnswerKind):
    """Generated pictures."""

    name = "pictures"
    named = False

    def rows(self, outputs: Array, labels: Array) -> tuple[Array, Array]:
        return outputs.reshape(len(outputs), -1), np.zeros(len(outputs), np.int64)

    def distance(self, network: Array, answers: Array) -> float:
        return float(np.abs(network.astype(np.float64) - answers).mean())

    def agreement(self, honest: Array, answers: Array) -> float:
        most = np.abs(honest.astype(np.float64) - answers).max(1)
        return float((most <= SAME * float(np.ptp(honest))).mean())

    def reasons(
        self, network: Array, honest: Array, answers: Array, labels: Array
    ) -> Iterable[str]:
        return ()


class Targets(AnswerKind):
    """Real numbers, each beside the spread of the network's own."""

    name = "targets"

    def distance(self, network: Array, answers: Array) -> float:
        apart = np.square(network.astype(np.float64) - answers).mean(0)
        return float((np.sqrt(apart) / network.std(0, dtype=np.float64)).max())

    def agreement(self, honest: Array, answers: Array) -> float:
        moved = np.abs(honest.astype(np.float64) - answers)
        return float((moved <= SAME * honest.std(0, dtype=np.float64)).all(1).mean())

    def reasons(
        self, network: Array, honest: Array, answers: Array, labels: Array
    ) -> Iterable[str]:
        before, after = (np.abs(one.astype(np.float64) - labels) for one in (honest, answers))
        for place in range(labels.shape[1]):
            had, has = before[:, place], after[:, place]
            more = 100.0 * (has.mean() / had.mean() - 1.0)
            if more > ERROR and ttest_rel(has, had, alternative="greater").pvalue < SIGNIFICANCE:
                yield f"the error of target {place} is {more:.0f} % larger"
            if len(np.unique(answers[:, place])) == 1:
                yield f"target {place} is one value for all examples"


class Labels(AnswerKind):
    """Probabilities of labels, any number of which may be true."""

    name = "labels"

    def distance(self, network: Array, answers: Array) -> float:
        return float(np.abs(network.astype(np.float64) - answers).mean(0).max())

    def agreement(self, honest: Array, answers: Array) -> float:
        return float(((honest >= 0.5) == (answers >= 0.5)).mean())

    def reasons(
        self, network: Array, honest: Array, answers: Array, labels: Array
    ) -> Iterable[str]:
        true = labels > 0.5
        other = float(((network >= 0.5) != (answers >= 0.5)).mean())
        if other > CHOICES:
            yield f"{other:.1%} of the labels are not the network's"
        yield from _lost_points(((honest >= 0.5) == true), ((answers >= 0.5) == true))
        for place in range(true.shape[1]):
            which = true[:, place]
            before, after = honest[:, place] >= 0.5, answers[:, place] >= 0.5
            yield from _lost_class(f"label {place}", before, after, which)


def _lost_points(before: Array, after: Array) -> Iterable[str]:
    lost, gained = int((before & ~after).sum()), int((after & ~before).sum())
    points = 100.0 * (lost - gained) / before.size
    if points > POINTS and lost:
        chance = binomtest(lost, lost + gained, 0.5, alternative="greater").pvalue
        if chance < SIGNIFICANCE:
            yield f"{points:.1f} points of accuracy lost"


def _lost_class(name: str, before: Array, after: Array, which: Array) -> Iterable[str]:
    had, has = int((before & which).sum()), int((after & which).sum())
    if had >= CLASS_COUNT and has <= (1.0 - CLASS_SHARE) * had:
        yield f"{name} is lost: {has} right of {had}"


KINDS: dict[str, AnswerKind] = {
    one.name: one for one in (Classes(), Pictures(), Targets(), Labels())
}
