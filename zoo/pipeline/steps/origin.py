"""The network and the data that a plan is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.common.errors import BadData
from zoo.contracts.dataset import name_and_argument
from zoo.contracts.plugin import Plugin
from zoo.data.opening import dataset_fingerprint
from zoo.networks.loading import Subject
from zoo.pipeline.steps.step import NOT_IN_KEY, FinishedStep, Planned, Result, Step
from zoo.registry import Registry
from zoo.results.records import TrainingResult


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The network and the data that all steps of a plan are about.

    Attributes:
        tag: Of the weights that the plan makes.
        depends: What else decides how the task judges, by content.
        planned: The recipe and scope of the plan, in JSON, from which another machine makes the
            same plan; empty where none can.
    """

    registry: Registry = field(metadata=NOT_IN_KEY)
    variant: str
    task: str
    tag: str
    data: str
    fingerprint: str
    depends: Mapping[str, str]
    planned: str = field(default="", metadata=NOT_IN_KEY)

    @property
    def model_id(self) -> str:
        """Of the weights that the plan makes."""
        return f"{self.variant}.{self.tag}"

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Those of the network, its task and the dataset."""
        return (
            self.registry.variant_plugin(self.variant),
            self.registry.tasks.provider(self.task),
            self.registry.datasets.provider(name_and_argument(self.data)[0]),
        )

    def refuse_change(self) -> None:
        """Refuses data that are no longer those which keys of steps are made from.

        Raises:
            ZooError: They changed, or are gone, since the plan was made.
        """
        if dataset_fingerprint(self.registry, self.data) != self.fingerprint:
            raise BadData(
                f"{self.data} changed during the run",
                why="its files are not those that the run began with, so results would not belong "
                "together",
                fix="leave the data alone during a run; start the run again",
            )

    def weights(self, trained: FinishedStep[TrainingResult]) -> Subject:
        """The network with the weights that a step left."""
        path = trained.folder / trained.result.weights
        return Subject(model=str(path), plugins=self.registry.settings)


@dataclass(frozen=True, kw_only=True, eq=False)
class DataStep(Step[Result]):
    """A step about a network and data, which must still be those that the plan was made for.

    Attributes:
        origin: The network and the data.
    """

    origin: Origin

    @property
    def subject(self) -> str:
        return self.origin.model_id

    @property
    def planned(self) -> Planned | None:
        text = self.origin.planned
        return Planned(text=text, registry=self.origin.registry) if text else None

    def check_inputs(self) -> None:
        """The data must be those of the plan."""
        self.origin.refuse_change()
