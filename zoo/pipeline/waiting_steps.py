"""The steps of a plan that have not begun: which of them could, in order, and in which room."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from zoo.pipeline.steps.step import FinishedSteps, Step, StepId


class Room(NamedTuple):
    """What a step needs to run in: of two steps that need the same, the first one starts first.

    Attributes:
        elsewhere: Whether a worker of an executor performs it.
        device: That it needs there; empty where it needs none.
        exclusive: Whether nothing else may run beside it.
    """

    elsewhere: bool
    device: str
    exclusive: bool


class WaitingSteps:
    """Steps by what they wait for, so that the end of one is no reason to look at all others.

    Args:
        plan: The steps.
        finished: Those that ended before.
    """

    def __init__(self, plan: Sequence[Step[Any]], finished: FinishedSteps) -> None:
        self._places = {id(step): place for place, step in enumerate(plan)}
        self._left = {id(step): step for step in plan}
        self._shared = sum(not step.exclusive for step in plan)
        self._missing: dict[int, set[StepId]] = {}
        self._followers: dict[StepId, list[Step[Any]]] = {}
        self._released: list[tuple[int, int, Step[Any]]] = []
        self._queues: dict[Room, list[tuple[int, int, Step[Any]]]] = {}
        self._rooms: dict[int, Room] = {}
        for step in plan:
            missing = {other.id for other in step.waits_for if other.id not in finished}
            for other in missing:
                self._followers.setdefault(other, []).append(step)
            self._missing[id(step)] = missing
            if not missing:
                self._release(step)

    def __len__(self) -> int:
        return len(self._left)

    def __iter__(self) -> Iterator[Step[Any]]:
        return iter(self._left.values())

    def _release(self, step: Step[Any]) -> None:
        insort(self._released, self._entry(step))

    def _entry(self, step: Step[Any]) -> tuple[int, int, Step[Any]]:
        # Places are all different, so that steps themselves are never compared.
        return -step.early, self._places[id(step)], step

    def ended(self, id_: StepId) -> None:
        """A step ended: those that waited for it alone are released."""
        for step in self._followers.pop(id_, ()):
            missing = self._missing[id(step)]
            missing.discard(id_)
            if not missing:
                self._release(step)

    def released(self) -> Iterator[Step[Any]]:
        """Steps that wait for nothing any more, each once, the earliest first."""
        while self._released:
            yield self._released.pop(0)[-1]

    def queue(self, step: Step[Any], room: Room) -> None:
        """Lines up a released step for its room."""
        self._rooms[id(step)] = room
        insort(self._queues.setdefault(room, []), self._entry(step))

    def queued(self) -> Iterator[tuple[Room, Iterator[Step[Any]]]]:
        """The steps that are lined up, by room, the earliest first; each may be removed then."""
        for room, queue in self._queues.items():
            if queue:
                yield room, _each(queue)

    def remove(self, step: Step[Any]) -> None:
        """A step begins, or ends without having begun."""
        del self._left[id(step)]
        self._shared -= not step.exclusive
        if (room := self._rooms.pop(id(step), None)) is not None:
            queue = self._queues[room]
            del queue[bisect_left(queue, self._entry(step))]

    @property
    def holds_shared(self) -> bool:
        """Whether steps wait that others may run beside."""
        return self._shared > 0


def _each(queue: Sequence[tuple[int, int, Step[Any]]]) -> Iterator[Step[Any]]:
    """Without a copy: mostly one of thousands is looked at."""
    place = 0
    while place < len(queue):
        entry = queue[place]
        yield entry[-1]
        if place < len(queue) and queue[place] is entry:
            place += 1
