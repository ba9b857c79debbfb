"""The study of a search in a file that Optuna's own tools open, and what decides its trials."""

from __future__ import annotations

import contextlib
import math
import threading
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from zoo.common.errors import BadFile
from zoo.common.files import cannot_write
from zoo.common.optional_imports import require
from zoo.contracts.search_space import Interval, choice_text
from zoo.pipeline.search.space import SearchedParameter

STUDY = "study.journal"
TrialState = Literal["complete", "pruned", "failed", "running"]
_LOCK = threading.RLock()
#: Trials at random before the sampler models what was seen, in each of Hyperband's brackets.
_RANDOM_TRIALS = 5
#: Of epochs between two decisions of Hyperband (Li et al. 2018, arXiv:1603.06560).
_REDUCTION = 3


@dataclass(frozen=True, kw_only=True)
class StudiedTrial:
    """A trial as the study has it.

    Attributes:
        number: From 0; the first is the default where that is part of the space.
        values: Of each parameter.
        value: The best value of the objective in validation; None where none was measured.
        epochs: The best value up to each epoch, by its number from 1.
        loss: Validation loss of the epoch that was kept; decides between equal values.
        seconds: That it took, all its attempts together.
        reason: Why it failed; empty otherwise.
    """

    number: int
    values: Mapping[str, Any]
    state: TrialState
    value: float | None
    epochs: Mapping[int, float]
    loss: float
    seconds: float
    reason: str


class Study:
    """An Optuna study of one search, in a journal file of its folder.

    What is asked next depends on what was told before and on the seed alone, so that a search that
    was interrupted goes on as if it had not been. Of trials side by side, which may be told from
    several threads, it also depends on which of them ended first.

    Args:
        folder: Of the search; held by this process alone.
        name: Of the study.
        space: What varies.
        maximize: Whether more of the objective is better.
        epochs: Of a whole trial.
        seed: Of the sampler.
        prune: Whether trials that fall behind are ended.

    Raises:
        MissingExtra: Optuna is not installed.
        BadFile: The journal is damaged.
    """

    def __init__(
        self,
        folder: Path,
        name: str,
        space: Sequence[SearchedParameter],
        *,
        maximize: bool,
        epochs: int,
        seed: int,
        prune: bool,
    ) -> None:
        self._optuna = require("optuna")
        self._optuna.logging.set_verbosity(self._optuna.logging.ERROR)
        self.path = folder / STUDY
        self.space, self.maximize, self._seed = tuple(space), maximize, seed
        pruners = self._optuna.pruners
        pruner = pruners.NopPruner()
        if prune and epochs >= _REDUCTION:
            pruner = pruners.HyperbandPruner(
                min_resource=1, max_resource=epochs, reduction_factor=_REDUCTION
            )
        _mend(self.path)
        with _storage(self.path):
            backend = self._optuna.storages.journal.JournalFileBackend(str(self.path))
            self._study = self._optuna.create_study(
                storage=self._optuna.storages.JournalStorage(backend),
                study_name=name,
                direction="maximize" if maximize else "minimize",
                pruner=pruner,
                load_if_exists=True,
            )
            if not self._study.trials and all(p.holds_default for p in space):
                self._study.enqueue_trial({p.name: _stored(p, p.default) for p in space})

    def describe(self, about: Mapping[str, str | float]) -> None:
        """Notes what the study is about, for those who open it elsewhere."""
        with _storage(self.path):
            known = self._study.user_attrs
            for name, text in about.items():
                if known.get(name) != text:
                    self._study.set_user_attr(name, text)

    @property
    def seconds(self) -> float:
        """What a search that its budget ended had used, as `describe` noted it; else 0."""
        with _storage(self.path):
            return float(self._study.user_attrs.get("seconds", 0.0))

    @property
    def size(self) -> int | None:
        """How many different trials there can be; None for no end of them."""
        counts = [p.range.count for p in self.space]
        return None if None in counts else math.prod(filter(None, counts))

    def trials(self) -> tuple[StudiedTrial, ...]:
        """All that began, in their order."""
        with _storage(self.path):
            return tuple(self._seen(t) for t in self._study.trials if t.state.name != "WAITING")

    def next(self, beside: Collection[int] = ()) -> RunningTrial:
        """A trial that an interruption left behind, else a new one.

        Args:
            beside: Numbers of trials that run now; the new one is drawn away from them.
        """
        with _storage(self.path):
            known = self._study.trials
            begun = [t for t in known if t.state.name == "RUNNING" and t.number not in beside]
            number = begun[0].number if begun else sum(t.state.name != "WAITING" for t in known)
            self._draw_for(number, 0, bool(beside))
            if begun:
                trial = self._optuna.trial.Trial(self._study, begun[0]._trial_id)
            else:
                trial = self._study.ask()
            values = {}
            for place, parameter in enumerate(self.space):
                self._draw_for(number, place, bool(beside))
                values[parameter.name] = _suggested(trial, parameter)
            return RunningTrial(self._study, trial, values, self.maximize, self.path)

    def _draw_for(self, number: int, place: int, beside: bool) -> None:
        """A sampler of its own for each value, which does not depend on where a search began."""
        seed = ((self._seed * 1_000_003 + number) * 1009 + place) % 2**32
        self._study.sampler = self._optuna.samplers.TPESampler(
            n_startup_trials=_RANDOM_TRIALS, seed=seed, constant_liar=beside
        )

    def importances(self) -> dict[str, float]:
        """The share of each parameter in what decides, 0 to 1; nothing before there are figures.

        By PED-ANOVA (Watanabe et al. 2023, arXiv:2304.10255).
        """
        with _storage(self.path):
            done = [t for t in self._study.trials if t.state.name == "COMPLETE"]
            if len(done) < 4 or len({t.value for t in done}) < 2:
                return {}
            found = self._optuna.importance.get_param_importances(self._study)
            return {name: float(share) for name, share in found.items() if math.isfinite(share)}

    def _seen(self, trial: Any) -> StudiedTrial:
        states: dict[str, TrialState] = {
            "COMPLETE": "complete",
            "PRUNED": "pruned",
            "FAIL": "failed",
        }
        known = {p.name: p for p in self.space}
        if trial.state.name in ("COMPLETE", "PRUNED") and trial.params.keys() != known.keys():
            raise ValueError(f"trial {trial.number} is one of another space")
        attributes = trial.user_attrs
        values = {n: v for n, v in trial.intermediate_values.items() if math.isfinite(v)}
        best = max if self.maximize else min
        measured = trial.value if trial.state.name == "COMPLETE" else None
        if measured is None and values:
            measured = best(values.values())
        return StudiedTrial(
            number=trial.number,
            values={n: _read(known[n], v) for n, v in trial.params.items() if n in known},
            state=states.get(trial.state.name, "running"),
            value=measured,
            epochs=dict(sorted(values.items())),
            loss=float(attributes.get("loss", math.inf)),
            seconds=float(attributes.get("seconds", 0.0)),
            reason=str(attributes.get("reason", "")),
        )


class RunningTrial:
    """A trial that runs: it is told its values epoch by epoch, and how it ended.

    Attributes:
        number: In the study.
        values: Of each parameter.
        reported: The last epoch that was told.
    """

    def __init__(
        self, study: Any, trial: Any, values: dict[str, Any], maximize: bool, path: Path
    ) -> None:
        self._study, self._trial, self._maximize, self._path = study, trial, maximize, path
        self.number: int = trial.number
        self.values = values
        earlier = study.trials[self.number]
        self._seconds = float(earlier.user_attrs.get("seconds", 0.0))
        known = earlier.intermediate_values
        self.reported = max(known, default=0)
        self._best: float | None = None
        for value in known.values():
            self._see(value)

    def report(self, epoch: int, value: float) -> bool:
        """Tells the value of an epoch; returns whether the trial has fallen behind.

        The best value up to an epoch counts, as the best epoch is the one that is kept. The first
        trial is never ended: it is what others are held against.
        """
        if epoch > self.reported:
            self.reported = epoch
            self._see(value)
            with _storage(self._path):
                self._trial.report(math.nan if self._best is None else self._best, epoch)
        with _storage(self._path):
            return self.number > 0 and bool(self._trial.should_prune())

    def _see(self, value: float) -> None:
        """What is no finite number is never the best."""
        if math.isfinite(value):
            best = value if self._best is None else self._best
            self._best = max(best, value) if self._maximize else min(best, value)

    def add_seconds(self, seconds: float) -> None:
        """Notes time that an attempt took, whether or not it came to its end."""
        self._seconds += seconds
        with _storage(self._path):
            self._trial.set_user_attr("seconds", self._seconds)

    def complete(self, value: float, loss: float) -> None:
        """Ends it with its value and the validation loss of the epoch that was kept."""
        with _storage(self._path):
            self._trial.set_user_attr("loss", loss)
            self._study.tell(self._trial, value)

    def prune(self) -> None:
        """Ends it as one that fell behind."""
        with _storage(self._path):
            self._study.tell(self._trial, state=require("optuna").trial.TrialState.PRUNED)

    def fail(self, reason: str) -> None:
        """Ends it without a value."""
        with _storage(self._path):
            self._trial.set_user_attr("reason", reason)
            self._study.tell(self._trial, state=require("optuna").trial.TrialState.FAIL)


def _stored(parameter: SearchedParameter, value: Any) -> Any:
    """A value as the study holds it: lists as text."""
    if isinstance(parameter.range, Interval):
        return value
    return value if isinstance(value, bool | int | float | str) else choice_text(value)


def _read(parameter: SearchedParameter, stored: Any) -> Any:
    if isinstance(parameter.range, Interval):
        return stored
    return parameter.range.values[parameter.range.texts.index(choice_text(stored))]


def _suggested(trial: Any, parameter: SearchedParameter) -> Any:
    name, range = parameter.name, parameter.range
    if isinstance(range, Interval):
        suggest = trial.suggest_int if range.whole else trial.suggest_float
        return suggest(name, range.low, range.high, log=range.log)
    stored = [_stored(parameter, value) for value in range.values]
    return _read(parameter, trial.suggest_categorical(name, stored))


def _mend(path: Path) -> None:
    """Cuts off the line that a killed process left half written, and its lock.

    Whoever holds the folder is alone, so that nobody else writes them now.
    """
    try:
        if path.exists():
            content = path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:
                path.write_bytes(whole)
        path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
    except OSError as error:
        raise cannot_write(path, error) from error


@contextlib.contextmanager
def _storage(path: Path) -> Iterator[None]:
    """The journal is read or written in here: its errors are told as ours.

    Optuna's warnings are left out: of what is deliberate here, experimental parts and steps that
    are told again.
    """
    try:
        # Filters of warnings are those of the process.
        with _LOCK, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except OSError as error:
        raise cannot_write(path, error) from error
    # Optuna checks nothing that it reads: what is wrong shows as whatever it runs into.
    except Exception as error:
        raise BadFile(
            f"{path} is no study that can be read",
            why=f"{type(error).__name__}: {error}",
            fix=f"delete {path.parent} and type the command again: trainings that came to their "
            "end are kept in the cache, and found there",
        ) from error
