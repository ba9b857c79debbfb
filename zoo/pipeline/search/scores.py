"""What trainings of candidates came to in validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from zoo.common.progress import Event
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.search.paired_gain import right_answers
from zoo.pipeline.search.training_runs import TrainingRuns

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Score:
    """A training of a candidate that came to its end.

    Attributes:
        share: Of the training split.
        epochs: At most.
        made: Epochs that were trained.
        value: Of the metric in validation, of the epoch that was kept.
        loss: In validation, of the same epoch.
        seconds: That it took, whenever it was made.
        weights: The file in the cache.
        processor_seconds: That it took of all processors together; 0 in old records.
    """

    share: float
    epochs: int
    made: int
    seed: int
    value: float
    loss: float
    seconds: float
    weights: str
    processor_seconds: float = 0.0


@dataclass(kw_only=True)
class Scoring:
    """Trains candidates, and counts what that takes.

    Attributes:
        metric: Name of the metric of validation, once it is known.
        maximize: Whether more of it is better.
        trainings: That came to their end.
        seconds: That these took, and answering the validation split.
        processor_seconds: Likewise, of all processors together.
    """

    runs: TrainingRuns
    metric: str = ""
    maximize: bool = True
    trainings: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0

    def score(
        self, recipe: Recipe, name: str, *, share: float = 1.0, epochs: int = 0, seed: int = 0
    ) -> Score | None:
        """Trains a network, or finds it trained; None where time was up before its end.

        A training counts for what it took, whenever it was made: so the same command comes to the
        same end, interrupted or not.

        Args:
            recipe: Of the whole training.
            name: For progress.
            share: Of the training split.
            epochs: At most; 0 for all.
            seed: Of the training.

        Raises:
            ZooError: The training failed.
        """
        epochs = epochs or recipe.training.epochs
        seeded = _seeded(recipe, share, epochs, seed)
        trained = self.runs.train(seeded, name, _all_epochs)
        if trained.step is None:
            return None
        result = trained.step.result
        if trained.seconds == 0.0:
            self.runs.budget.spent += trained.step.record.seconds
        self.metric, self.maximize = result.metric_name, result.higher_is_better
        self.trainings += 1
        self.seconds += trained.step.record.seconds
        self.processor_seconds += result.processor_seconds
        kept = result.epochs[result.best_epoch - 1]
        return Score(
            share=share,
            epochs=epochs,
            made=len(result.epochs),
            seed=seed,
            value=kept.validation_metric,
            loss=kept.validation_loss,
            seconds=trained.step.record.seconds,
            weights=str(trained.step.folder / result.weights),
            processor_seconds=result.processor_seconds,
        )

    def submitted(
        self, named: Mapping[str, Recipe], *, share: float, epochs: int, seed: int
    ) -> AbstractContextManager[None]:
        """Begins trainings on an executor's workers, which `score` then takes in the block.

        Args:
            named: Recipes of whole trainings, by their name for progress.
            share: Of the training split.
            epochs: At most.
            seed: Of the trainings.
        """
        asked = [(_seeded(one, share, epochs, seed), name) for name, one in named.items()]
        return self.runs.submitted(asked, _all_epochs)

    def right(self, recipe: Recipe, name: str, seed: int) -> NDArray[Any] | None:
        """What a whole training that is done answers right of the validation split.

        Args:
            recipe: Of the whole training.
            name: For progress.
            seed: Of the training.

        Returns:
            1 for each example that is answered right, else 0, (examples,); None where the metric is
            no mean over examples.

        Raises:
            ZooError: The evaluation failed.
        """
        seeded = recipe.model_copy(update={"seed": seed})
        train, evaluated = self.runs.evaluate(seeded, name, validation=True)
        record = evaluated.record
        if record.cached:
            self.runs.budget.spent += record.seconds
        self.seconds += record.seconds
        self.processor_seconds += evaluated.result.processor_seconds
        weights = train.folder / train.result.weights
        return right_answers(self.runs.registry, weights, recipe.data, evaluated)

    def best_first(self, scores: Mapping[str, Sequence[Score]]) -> list[str]:
        """Names by the mean of their scores; of equal ones by the loss, then by name."""
        sign = -1.0 if self.maximize else 1.0

        def place(name: str) -> tuple[float, float, str]:
            own = scores[name]
            return sign * fmean(s.value for s in own), fmean(s.loss for s in own), name

        return sorted(scores, key=place)


def _seeded(recipe: Recipe, share: float, epochs: int, seed: int) -> Recipe:
    own = recipe.training.share * share
    training = recipe.training.model_copy(update={"share": own, "epochs": epochs})
    return recipe.model_copy(update={"training": training, "seed": seed})


def _all_epochs(number: int, event: Event) -> bool:
    """Ends no training; the budget of time does."""
    return False


def whole_seconds(score: Score, epochs: int) -> float:
    """What a whole training takes, by a shorter one on a share of the data; rather too long."""
    return score.seconds * epochs / max(score.made, 1) / score.share
