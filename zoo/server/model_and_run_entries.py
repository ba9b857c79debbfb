"""Models and runs as a catalogue has them."""

from __future__ import annotations

from dataclasses import dataclass, field

from zoo.results.records import NetworkEvaluation


@dataclass(kw_only=True)
class ModelEntry:
    """A model: a network with weights.

    Attributes:
        name: Its id: ``lenet5.digits``.
        files: SHA-256 of its files, the oldest first.
        trainings: Numbers of records.
        evaluation: Quality before export, the newest, and the number of its record.
    """

    name: str
    files: dict[str, None] = field(default_factory=dict)
    trainings: list[int] = field(default_factory=list)
    evaluation: tuple[int, NetworkEvaluation] | None = None


@dataclass(kw_only=True)
class RunEntry:
    """Records of one run.

    Attributes:
        first: When the first was added, ISO 8601.
        last: When the newest was.
        numbers: Of its records.
        states: How many steps ended how.
    """

    name: str
    first: str = ""
    last: str = ""
    numbers: list[int] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    models: dict[str, None] = field(default_factory=dict)
    files: dict[str, None] = field(default_factory=dict)
    timed: int = 0

    @property
    def newest(self) -> int:
        """The number of the newest record; clocks of several machines may differ, these do not."""
        return max(self.numbers, default=0)
