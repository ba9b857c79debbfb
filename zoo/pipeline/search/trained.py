"""Networks that a search trains: narrower ones taught by the model, and pruned ones."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.common.files import sha256_of
from zoo.common.paths import cache_folder
from zoo.contracts import Variant
from zoo.contracts.training import Training
from zoo.data.opening import dataset_fingerprint, open_dataset
from zoo.networks.card import Card
from zoo.networks.checkpoints import Checkpoint
from zoo.pipeline.failures import first_failure
from zoo.pipeline.job import Job
from zoo.pipeline.search.trials import SearchNetwork, TrialRunner
from zoo.pipeline.steps.distill import DistillStep
from zoo.pipeline.steps.origin import Origin
from zoo.pipeline.steps.prune import PruneStep

#: A training step computes forwards once and backwards twice.
_TRAINING_COST = 3.0
#: Of a batch in Keras, an example takes about so much more than in a file of its own, on two cores.
_KERAS_COST = 2.0
#: TensorFlow's start, reading data, compiling.
_START_SECONDS = 10.0
#: The learning rate of pruning, as a share of the rate that made the weights: they are to heal,
#: not to be learnt anew.
_HEALING_RATE = 0.25


@dataclass(frozen=True, kw_only=True)
class StudentNetwork:
    """A smaller network that learns from the model (Hinton et al. 2015, arXiv:1503.02531).

    Attributes:
        hyperparameters: The student's, beyond its variant's.
        width: Factor of the width; None for another member of the family.
    """

    teacher: Checkpoint
    variant: Variant
    hyperparameters: Mapping[str, Any]
    width: float | None

    @property
    def name(self) -> str:
        """For people."""
        return self.variant.name if self.width is None else f"width {self.width:g}"

    @property
    def relative_work(self) -> float:
        """Multiply-adds of the student by those of the teacher, about."""
        if self.width is None:
            return self.variant.multiply_adds / self.teacher.variant.multiply_adds
        return self.width**2

    #: What the teacher costs beside the student's own steps: its forward pass.
    teaching = 1.0

    def training(self, card: Card, epochs: int) -> Training:
        """The options that made the teacher, for fewer epochs."""
        return _training_of(card, epochs, from_scratch=True)

    @property
    def checkpoint(self) -> Checkpoint:
        """Whose weights it begins with or learns from."""
        return self.teacher

    def step(self, **given: Any) -> DistillStep:
        """The step that trains it, of what all trainings are given."""
        return DistillStep(**given, hyperparameters=self.hyperparameters)


@dataclass(frozen=True, kw_only=True)
class PrunedNetwork:
    """The model with its smallest weights set to zero (Zhu & Gupta 2017, arXiv:1710.01878).

    Attributes:
        share: Of the weights of convolutions and dense layers that become zero.
    """

    checkpoint: Checkpoint
    share: float

    @property
    def name(self) -> str:
        """For people."""
        return f"pruned {self.share:.0%}"

    relative_work = 1.0
    teaching = 0.0

    def training(self, card: Card, epochs: int) -> Training:
        """The options that made the weights, for fewer epochs and more gently."""
        made = _training_of(card, epochs, from_scratch=False)
        return made.model_copy(
            update={"learning_rate": made.learning_rate * _HEALING_RATE, "jit": "off"}
        )

    @property
    def variant(self) -> Variant:
        """Of the network: the model's own."""
        return self.checkpoint.variant

    def step(self, **given: Any) -> PruneStep:
        """The step that trains it, of what all trainings are given."""
        return PruneStep(**given, share=self.share)


def _training_of(card: Card, epochs: int, *, from_scratch: bool) -> Training:
    """The training on a card, as far as it says; for a number of epochs, all of them made."""
    kept = (
        *("batch_size", "learning_rate", "optimizer", "schedule"),
        *("weight_decay", "label_smoothing", "augment"),
    )
    made = card.recipe.get("training", {})
    values = {key: made[key] for key in kept if key in made}
    return Training.model_validate(
        {**values, "epochs": epochs, "patience": 0, "from_scratch": from_scratch}
    )


def estimate_seconds(
    plan: StudentNetwork | PrunedNetwork, job: Job, bench: TrialRunner, epochs: int
) -> float:
    """What a training will cost, by the time that an inference took: a rough guide."""
    examples = len(open_dataset(job.registry, bench.data).splits["train"])
    work = _TRAINING_COST * plan.relative_work + plan.teaching
    known = [bench.evaluate_seconds]
    if bench.inference_seconds is not None:
        known.append(_KERAS_COST * bench.inference_seconds)
    return _START_SECONDS + min(known) * examples * epochs * work


def train(
    plan: StudentNetwork | PrunedNetwork, job: Job, bench: TrialRunner, epochs: int
) -> SearchNetwork:
    """Trains a network, or finds it trained; killed, it goes on after its last epoch.

    Raises:
        ZooError: The training failed.
    """
    step = plan.step(
        origin=Origin(
            registry=job.registry,
            variant=plan.variant.name,
            task=plan.variant.task,
            tag=plan.checkpoint.card().tag,
            data=bench.data,
            fingerprint=dataset_fingerprint(job.registry, bench.data),
            depends={},
        ),
        label=plan.name,
        model=plan.checkpoint.path,
        sha256=sha256_of(plan.checkpoint.path),
        training=plan.training(plan.checkpoint.card(), epochs),
        seed=job.recipe.seed,
        checkpoints=cache_folder() / "checkpoints",
    )
    pipeline = bench.pipeline("")
    (record,) = pipeline.execute([step])
    if record.status != "passed":
        raise first_failure(record)
    shutil.rmtree(step.checkpoint, ignore_errors=True)
    trained = pipeline.finished[step.id]
    return SearchNetwork(
        name=f"{plan.checkpoint.model_id}, {plan.name}",
        model=str(trained.folder / trained.result.weights),
        short=plan.name,
        pruned=isinstance(plan, PrunedNetwork),
    )
