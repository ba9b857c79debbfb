"""The network and the data that a plan is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from zoo.contracts.plugin import Plugin
from zoo.networks.loading import Subject
from zoo.pipeline.steps.step import NOT_IN_KEY, FinishedStep
from zoo.registry import Registry
from zoo.results.records import TrainingResult


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The network and the data that all steps of a plan are about.

    Attributes:
        tag: Of the weights that the plan makes.
        depends: What else decides how the task judges, by content.
    """

    registry: Registry = field(metadata=NOT_IN_KEY)
    variant: str
    task: str
    tag: str
    data: str
    fingerprint: str
    depends: Mapping[str, str]

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
            self.registry.datasets.provider(self.data.partition(":")[0]),
        )

    def weights(self, trained: FinishedStep[TrainingResult]) -> Subject:
        """The network with the weights that a step left."""
        path = trained.folder / trained.result.weights
        return Subject(model=str(path), plugins=self.registry.settings)
