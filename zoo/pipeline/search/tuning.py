"""The loop over trials: each asked of the study, trained, and told to it epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from zoo.common.errors import EnvironmentFailed, UsageError, ZooError
from zoo.common.progress import Event
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.search.confirmation import NETWORKS
from zoo.pipeline.search.side_by_side import SideBySide
from zoo.pipeline.search.space import with_values
from zoo.pipeline.search.study import RunningTrial, StudiedTrial, Study
from zoo.pipeline.search.training_runs import TrainingRuns
from zoo.results import formatting as fmt

#: So many failures one after another are the search's own, not those of single trials.
_MOST_FAILURES = 5


@dataclass(kw_only=True)
class Tuning:
    """A search that runs.

    Attributes:
        recipe: The default.
        loss: Whether the loss of validation decides, and not its metric.
        note: Receives what happened, in words.
    """

    runs: TrainingRuns
    study: Study
    recipe: Recipe
    loss: bool
    note: Callable[[str], None]

    def search(self, most: int | None) -> bool:
        """Trains trials until there are enough, no other ones, or no time; whether there was none.

        Args:
            most: Trials in all, those of an earlier attempt included; None: no limit.

        Raises:
            ZooError: The default fails, trial after trial does, or there was no time for one.
        """
        spent = sum(trial.seconds for trial in self.study.trials())
        self.runs.budget.spent = max(spent, self.study.seconds)
        with self.runs.side_by_side() as there:
            if there.room > 1 and self.study.seconds:  # of trials side by side not their sum
                self.runs.budget.spent = self.study.seconds
            return self._search(most, there)

    def _search(self, most: int | None, there: SideBySide) -> bool:
        running: dict[Future[bool], RunningTrial] = {}
        failures = 0
        late: RunningTrial | None = None  # the first that time ended
        while True:
            done = [t for t in self.study.trials() if t.state != "running"]
            self._leave_time(done)
            ended = f"in trial {late.number}" if late else self._end(most, done, running)
            if ended is None:
                trial = self.study.next([one.number for one in running.values()])
                running[there.submit(self._run, trial)] = trial
                if len(running) < there.room:
                    continue
            elif not running:
                if not any(t.state == "complete" for t in done):
                    raise self._too_short(late) if late else _none_whole(done)
                if ended:
                    self._ended_by_budget(ended)
                return bool(ended)
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                trial = running.pop(future)
                try:
                    in_time, failures = future.result(), 0
                except EnvironmentFailed:
                    raise
                except ZooError as error:
                    failures += 1
                    reason = error.what.partition("\n")[0]
                    trial.fail(reason)
                    self.note(f"trial {trial.number} failed: {reason}")
                    if failures >= _MOST_FAILURES or not self._may_go_on(trial, error):
                        raise
                    continue
                if not in_time:
                    late = late or trial
                if there.room > 1:
                    self.study.describe({"seconds": self.runs.budget.used})

    def _end(
        self,
        most: int | None,
        done: Sequence[StudiedTrial],
        running: Mapping[Future[bool], RunningTrial],
    ) -> str | None:
        """Why no other trial begins: where the budget ended it, or nothing; None where one does."""
        if most is not None and len(done) + len(running) >= most:
            return ""
        begun = [*(t.values for t in done), *(t.values for t in running.values())]
        if len({str(values) for values in begun}) == self.study.size:
            if not running:
                held = fmt.count(self.study.size or 0, "different trial")
                self.note(f"the space holds {held}: all were tried")
            return ""
        whole = any(t.state == "complete" for t in done)
        if whole and self.runs.budget.left <= self.runs.reserve:
            return f"after {fmt.count(len(done), 'trial')}"
        return None

    def weights_of(self, trial: StudiedTrial) -> str:
        """The weights of a trial that came to its end, trained anew where the cache was cleared."""
        recipe = with_values(self.recipe, self.study.space, trial.values)
        trained = self.runs.train(recipe, f"trial {trial.number}")
        assert trained.step is not None
        return str(trained.step.folder / trained.step.result.weights)

    def _ended_by_budget(self, where: str) -> None:
        """Notes it, for the same command not to go on where it is typed again."""
        self.study.describe({"seconds": self.runs.budget.used})
        self.note(f"the budget of time ended the search {where}")

    def _leave_time(self, done: Sequence[StudiedTrial]) -> None:
        """Leaves time for holding the winner against the default."""
        whole = [t.seconds for t in done if t.state == "complete" and t.seconds > 0]
        self.runs.reserve = NETWORKS * (sum(whole) / len(whole)) if whole else 0.0

    def _run(self, trial: RunningTrial) -> bool:
        """Trains one; False where time was up before its end.

        Raises:
            ZooError: Its training failed, or its value is no finite number.
        """
        if (earlier := self._fell_behind(trial)) is not None:
            for number, value in earlier.epochs.items():
                trial.report(number, value)
            trial.prune()
            return True
        recipe = with_values(self.recipe, self.study.space, trial.values)
        last = recipe.training.epochs

        def on_epoch(number: int, event: Event) -> bool:
            value = event["validation_loss" if self.loss else "validation_metric"]
            behind = trial.report(number, value)
            return behind and number < last

        trained = self.runs.train(recipe, f"trial {trial.number}", on_epoch)
        trial.add_seconds(trained.seconds)
        if trained.ended == "out of time":
            return False
        if trained.ended == "stopped":
            trial.prune()
            return True
        assert trained.step is not None
        result = trained.step.result
        kept = result.epochs[result.best_epoch - 1]
        losses = [epoch.validation_loss for epoch in result.epochs]
        value = min(losses) if self.loss else kept.validation_metric
        if not math.isfinite(value):
            raise ZooError(f"what validation measured is {value}")
        trial.complete(value, kept.validation_loss)
        return True

    def _fell_behind(self, trial: RunningTrial) -> StudiedTrial | None:
        """An earlier trial with the same values, which was pruned: it need not be trained again."""
        alike = (t for t in self.study.trials() if t.values == trial.values)
        return next((t for t in alike if t.state == "pruned"), None)

    def _may_go_on(self, trial: RunningTrial, error: ZooError) -> bool:
        """Whether a failure says something of the trial alone: not where the default failed."""
        return trial.number > 0 or any(not p.holds_default for p in self.study.space)

    def _too_short(self, trial: RunningTrial) -> UsageError:
        budget = self.runs.budget
        epochs, made = self.recipe.training.epochs, trial.reported
        least = budget.used * epochs / max(made, 1) * (1 + NETWORKS)
        return UsageError(
            f"a budget of {fmt.duration(budget.seconds or 0.0)} is too short for one trial",
            why=f"{made} of {fmt.count(epochs, 'epoch')} of the first were made in it",
            fix="what is done is kept: the same command with a larger budget goes on, such as "
            f"--budget {max(1, round(least / 60))}min; or --epochs fewer",
        )


def _none_whole(done: Sequence[StudiedTrial]) -> ZooError:
    reason = next((t.reason for t in done if t.reason), None)
    return ZooError(
        f"none of {fmt.count(len(done), 'trial')} came to its end",
        why=reason,
        fix="type the command again with more --trials, or narrow --space",
    )


def ranked(trials: Sequence[StudiedTrial], *, maximize: bool) -> list[StudiedTrial]:
    """Trials that came to their end, the best first; of equal ones the surest, then the first."""
    sign = -1.0 if maximize else 1.0
    whole = [trial for trial in trials if trial.state == "complete" and trial.value is not None]
    return sorted(whole, key=lambda t: (sign * (t.value or 0.0), t.loss, t.number))
