"""From candidates that fit to the best few, trained whole: rung by rung, within the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from zoo.common.errors import MissingExtra, UsageError, ZooError
from zoo.pipeline.search.candidates import Candidate
from zoo.pipeline.search.rungs import Rung
from zoo.pipeline.search.scores import Score, Scoring, whole_seconds
from zoo.results import formatting as fmt


@dataclass(kw_only=True)
class Choosing:
    """The trainings of a choice.

    Attributes:
        candidates: That fit, the one with the fewest multiply-adds first.
        epochs: Of a whole training.
        seeds: Of the whole trainings; the rungs have the first.
        note: Receives what happened, in words.
        scores: Name of a candidate → its scores, in their order.
        failed: Name → why its training failed, or was not begun.
        stopped: Whether the budget of time ended something.
    """

    scoring: Scoring
    candidates: Sequence[Candidate]
    epochs: int
    seeds: Sequence[int]
    note: Callable[[str], None]
    scores: dict[str, list[Score]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    stopped: bool = False
    _last_error: ZooError | None = None

    def halve(self, rungs: Sequence[Rung]) -> list[Candidate]:
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

    def train_whole(self, finalists: Sequence[Candidate]) -> dict[str, list[Score]]:
        """Trains each on every seed, seed by seed, as far as time allows.

        Returns:
            Scores of those that were trained whole, of the seeds that all of these have.

        Raises:
            ZooError: All failed, or time was up before the first came to its end.
        """
        runs, whole = self.scoring.runs, {one.name: list[Score]() for one in finalists}
        runs.reserve = 0.0
        for seed in self.seeds:
            left = [one for one in finalists if one.name not in self.failed]
            with self._ahead(left, None, seed):
                for candidate in left:
                    done = sum(map(len, whole.values()))
                    if done and runs.budget.left <= self._usual(whole[candidate.name]):
                        return self._out_of_time(whole, done, len(finalists))
                    score = self._train(candidate, seed=seed)
                    if score is not None:
                        whole[candidate.name].append(score)
                    elif candidate.name not in self.failed:
                        if not done:
                            raise self._too_short(self.epochs)
                        return self._out_of_time(whole, done, len(finalists))
        found = {name: own for name, own in whole.items() if name not in self.failed}
        if not found:
            raise self._nothing(finalists)
        return found

    def _out_of_time(
        self, whole: Mapping[str, Sequence[Score]], done: int, finalists: int
    ) -> dict[str, list[Score]]:
        """What was trained, cut to the seeds that all who were trained have."""
        self.stopped = True
        wanted = finalists * len(self.seeds)
        self.note(f"the budget of time ended the whole trainings after {done} of {wanted}")
        reached = {n: own for n, own in whole.items() if own and n not in self.failed}
        least = min(len(own) for own in reached.values())
        return {name: list(own[:least]) for name, own in reached.items()}

    def _rung(self, rung: Rung, left: Sequence[Candidate]) -> dict[str, list[Score]]:
        reached: dict[str, list[Score]] = {}
        with self._ahead(left, rung, self.seeds[0]):
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

    def _ahead(
        self, candidates: Sequence[Candidate], rung: Rung | None, seed: int
    ) -> AbstractContextManager[None]:
        """Begins trainings on workers, if there are any, all at once."""
        share, epochs = self._extent(rung)
        named = {_told(one, share, seed): one.job.recipe for one in candidates}
        return self.scoring.ahead(named, share=share, epochs=epochs, seed=seed)

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
        self, candidate: Candidate, rung: Rung, reached: Mapping[str, Sequence[Score]]
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

    def _train(self, candidate: Candidate, *, rung: Rung | None = None, seed: int) -> Score | None:
        share, epochs = self._extent(rung)
        name = _told(candidate, share, seed)
        try:
            score = self.scoring.score(
                candidate.job.recipe, name, share=share, epochs=epochs, seed=seed
            )
        except MissingExtra:
            raise
        except ZooError as error:
            self._last_error = error
            reason = error.what.partition("\n")[0]
            self.failed[candidate.name] = reason
            self.note(f"{candidate.name} failed: {reason}")
            return None
        if score is not None:
            self.scores.setdefault(candidate.name, []).append(score)
        return score

    def _show(self, text: str) -> None:
        self.scoring.runs.on_step("search", {"event": "note", "text": text})

    def _nothing(self, left: Sequence[Candidate]) -> ZooError:
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


def _told(candidate: Candidate, share: float, seed: int) -> str:
    return f"{candidate.name}, {fmt.share(share, 0)} % of the data, seed {seed}"
