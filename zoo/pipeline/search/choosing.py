"""From candidates that fit to the best few, trained whole: rung by rung, within the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.common.errors import EnvironmentFailed, UsageError, ZooError
from zoo.pipeline.search.candidates import ChoiceCandidate, told_in_short
from zoo.pipeline.search.rungs import Rung
from zoo.pipeline.search.scores import Score, Scoring, whole_seconds
from zoo.pipeline.search.seed_stopping import SeedStop, seed_stop
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(kw_only=True)
class Choosing:
    """The trainings of a choice.

    Attributes:
        candidates: That fit, the one with the fewest multiply-adds first.
        epochs: Of a whole training.
        seeds: Of the whole trainings, as far as they are needed; the rungs have the first.
        note: Receives what happened, in words.
        scores: Name of a candidate → its scores, in their order.
        failed: Name → why its training failed, or was not begun.
        seed_stops: Name → why it was trained whole on no further seed.
        stopped: Whether the budget of time ended something.
    """

    scoring: Scoring
    candidates: Sequence[ChoiceCandidate]
    epochs: int
    seeds: Sequence[int]
    note: Callable[[str], None]
    scores: dict[str, list[Score]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    seed_stops: dict[str, SeedStop] = field(default_factory=dict)
    stopped: bool = False
    _last_error: ZooError | None = None
    _right: dict[tuple[str, int], NDArray[Any] | None] = field(default_factory=dict)

    def halve(self, rungs: Sequence[Rung]) -> list[ChoiceCandidate]:
        """Trains all on growing shares and epochs; returns those to be trained whole.

        Raises:
            ZooError: All trainings of a rung failed, or time was up before one came to its end.
        """
        left = list(self.candidates)
        for number, rung in enumerate(rungs, start=1):
            self._show(
                f"rung {number} of {len(rungs)}: {fmt.count(len(left), 'network')} on "
                f"{fmt.share(rung.share, 0)} % of the training split, {rung.epochs} epochs"
            )
            reached = self._rung(rung, left)
            if reached:
                order = self.scoring.best_first(reached)[: rung.keep]
                by_name = {candidate.name: candidate for candidate in left}
                left = [by_name[name] for name in order]
            elif not self.stopped:
                raise self._nothing(left)
            elif not self.scores:
                raise self._too_short(rung.epochs)
            if self.stopped:
                self.note(f"the budget of time ended rung {number}")
                return left
        return left

    def train_whole(self, finalists: Sequence[ChoiceCandidate]) -> dict[str, list[Score]]:
        """Trains each on every seed that is needed, seed by seed, as far as time allows.

        Another seed is for the best so far, and for those that it could still tell from the best.

        Returns:
            Scores of those that were trained whole, of the seeds that all of these have; of those
            that needed no further seed, of their own.

        Raises:
            ZooError: All failed, or time was up before the first came to its end.
        """
        runs, whole = self.scoring.runs, {one.name: list[Score]() for one in finalists}
        runs.reserve = 0.0
        left = list(finalists)
        for seed in self.seeds:
            left = [one for one in left if one.name not in self.failed]
            with self._submitted(left, None, seed):
                for candidate in left:
                    done = sum(map(len, whole.values()))
                    if done and runs.budget.left <= self._usual(whole[candidate.name]):
                        return self._out_of_time(whole, done, left)
                    score = self._train(candidate, seed=seed)
                    if score is not None:
                        whole[candidate.name].append(score)
                    elif candidate.name not in self.failed:
                        if not done:
                            raise self._too_short(self.epochs)
                        return self._out_of_time(whole, done, left)
            left = [one for one in left if one.name not in self.failed]
            if seed != self.seeds[-1]:
                left = self._still_compared(left, whole)
            if len(left) < 2:
                break
        found = {name: own for name, own in whole.items() if name not in self.failed and own}
        if not found:
            raise self._nothing(finalists)
        return found

    def best_first(self, whole: Mapping[str, Sequence[Score]]) -> list[str]:
        """Names of those that were trained whole: who was compared on more seeds was never behind.

        Args:
            whole: As `train_whole` returned it.
        """
        order = self.scoring.best_first(whole)
        return sorted(order, key=lambda name: -len(whole[name]))

    def _still_compared(
        self, left: Sequence[ChoiceCandidate], whole: Mapping[str, Sequence[Score]]
    ) -> list[ChoiceCandidate]:
        """The best and those that another seed could tell from it; none if there are no such."""
        if len(left) < 2:
            return []
        by_name = {one.name: one for one in left}
        best, *rivals = self.scoring.best_first({name: whole[name] for name in by_name})
        found = [best]
        for name in rivals:
            own, other = (
                [self._answers(by_name[one], score.seed) for score in whole[one]]
                for one in (best, name)
            )
            stop = seed_stop(best, own, other)
            if stop is None:
                found.append(name)
            else:
                self.seed_stops[name] = stop
        return [by_name[name] for name in found] if len(found) > 1 else []

    def _answers(self, candidate: ChoiceCandidate, seed: int) -> NDArray[Any] | None:
        """What it answers right in validation; None where the metric is no mean over examples."""
        key = (candidate.name, seed)
        if key not in self._right:
            told = f"{candidate.name}, seed {seed}"
            try:
                self._right[key] = self.scoring.right(candidate.job.recipe, told, seed)
            except EnvironmentFailed:
                raise
            except ZooError:  # Its training is done: all seeds are trained, then.
                self._right[key] = None
        return self._right[key]

    def _out_of_time(
        self, whole: Mapping[str, Sequence[Score]], done: int, left: Sequence[ChoiceCandidate]
    ) -> dict[str, list[Score]]:
        """What was trained, cut to the seeds that all have who were to go on."""
        self.stopped = True
        self.note(f"the budget of time ended the whole trainings after {done}")
        reached = {n: list(own) for n, own in whole.items() if own and n not in self.failed}
        going = [one.name for one in left if one.name in reached]
        least = min(len(reached[name]) for name in going)
        return {n: own[:least] if n in going else own for n, own in reached.items()}

    def _rung(self, rung: Rung, left: Sequence[ChoiceCandidate]) -> dict[str, list[Score]]:
        reached: dict[str, list[Score]] = {}
        with self._submitted(left, rung, self.seeds[0]):
            for candidate in left:
                if not self._in_time(candidate, rung, reached):
                    self.stopped = True
                    break
                score = self._train(candidate, rung=rung, seed=self.seeds[0])
                if score is not None:
                    reached[candidate.name] = [score]
                    self._leave_time(reached)
                elif candidate.name not in self.failed:
                    self.stopped = True
                    break
        return reached

    def _submitted(
        self, candidates: Sequence[ChoiceCandidate], rung: Rung | None, seed: int
    ) -> AbstractContextManager[None]:
        """Begins trainings on workers, if there are any, all at once."""
        share, epochs = self._extent(rung)
        named = {_told(one, share, seed): one.job.recipe for one in candidates}
        return self.scoring.submitted(named, share=share, epochs=epochs, seed=seed)

    def _extent(self, rung: Rung | None) -> tuple[float, int]:
        """Share of the data, and epochs."""
        return (1.0, self.epochs) if rung is None else (rung.share, rung.epochs)

    def _leave_time(self, reached: Mapping[str, Sequence[Score]]) -> None:
        """Leaves time for training the best so far whole, half of the budget at most."""
        runs = self.scoring.runs
        if runs.budget.seconds is not None:
            best = reached[self.scoring.best_first(reached)[0]][-1]
            runs.reserve = min(whole_seconds(best, self.epochs), runs.budget.seconds / 2)

    def _in_time(
        self, candidate: ChoiceCandidate, rung: Rung, reached: Mapping[str, Sequence[Score]]
    ) -> bool:
        """Whether a training may begin: time is left, and for what this one takes at the least."""
        budget = self.scoring.runs.budget
        if budget.seconds is None or not self.scores:
            return True
        rates = [
            score.seconds / score.share / score.made / one.multiply_adds
            for one in self.candidates
            for score in self.scores.get(one.name, ())
        ]
        # Of the largest network that was trained, start-up counts the least.
        expected = min(rates) * candidate.multiply_adds * rung.share * rung.epochs
        if expected <= budget.left - self.scoring.runs.reserve:
            return True
        if budget.left > self.scoring.runs.reserve:
            self.note(
                f"{candidate.name} and what is larger were not trained: it takes at least "
                f"{fmt.duration(expected)}, and {fmt.duration(budget.left)} are left"
            )
        return False

    def _usual(self, scores: Sequence[Score]) -> float:
        """Half of what a training of it took: one that is likely to end is begun."""
        return min((score.seconds for score in scores), default=0.0) / 2

    def _train(
        self, candidate: ChoiceCandidate, *, rung: Rung | None = None, seed: int
    ) -> Score | None:
        share, epochs = self._extent(rung)
        name = _told(candidate, share, seed)
        try:
            score = self.scoring.score(
                candidate.job.recipe, name, share=share, epochs=epochs, seed=seed
            )
        except EnvironmentFailed:
            raise
        except ZooError as error:
            self._last_error = error
            reason = told_in_short(error)
            self.failed[candidate.name] = reason
            self.note(f"{candidate.name} failed: {reason}")
            return None
        if score is not None:
            self.scores.setdefault(candidate.name, []).append(score)
        return score

    def _show(self, text: str) -> None:
        self.scoring.runs.on_step("search", {"event": "note", "text": text})

    def _nothing(self, left: Sequence[ChoiceCandidate]) -> ZooError:
        if len(left) == 1 and self._last_error is not None:
            return self._last_error
        reason = "; ".join(f"{c.name}: {self.failed[c.name]}" for c in left[:3])
        return ZooError(
            f"none of {fmt.count(len(left), 'network')} could be trained",
            why=reason,
            fix=(self._last_error.fix if self._last_error else None)
            or "zoo finetune MODEL shows what happens to each",
        )

    def _too_short(self, epochs: int) -> UsageError:
        budget = self.scoring.runs.budget
        return UsageError(
            f"a budget of {fmt.duration(budget.seconds or 0.0)} is too short for one training",
            why=f"none of up to {fmt.count(epochs, 'epoch')} came to its end in it",
            fix="what is done is kept: the same command with a larger budget goes on; or fewer "
            "--epochs",
        )


def _told(candidate: ChoiceCandidate, share: float, seed: int) -> str:
    return f"{candidate.name}, {fmt.share(share, 0)} % of the data, seed {seed}"
