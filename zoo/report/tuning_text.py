"""What a search for hyper-parameters found, in words: the verdict, rows, importances."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from zoo.contracts.search_space import choice_text
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from zoo.pipeline.search.study import StudiedTrial
    from zoo.pipeline.search.tune import TuneResult
    from zoo.report.view import Rows

#: What stands for a trial that departs in nothing.
DEFAULT = "the default"
_SIGNS = {"better": "better than the default", "worse": "worse than the default"}


def answer(found: TuneResult) -> str:
    """The verdict in a sentence or two."""
    test, count = found.confirmation, fmt.count(len(found.trials), "trial")
    if test is None:
        return f"no better than the default: of {count} none was better in validation."
    verdict = _SIGNS.get(test.verdict, "no better than the default, as far as can be told")
    unit = "" if test.unit == "points" else f" {test.unit}"
    points = " points" if test.unit == "points" else ""
    best = differences(found, best_trial(found))
    return (
        f"{verdict}: {fmt.plus_minus(test.gain)}{unit}{points} "
        f"(95 %: {fmt.plus_minus_range(test.low, test.high)}) on the test split, "
        f"{fmt.count(len(test.results), 'seed')}; best of {count}, {best}."
    )


def best_trial(found: TuneResult) -> StudiedTrial:
    """The best in validation."""
    return next(trial for trial in found.trials if trial.number == found.best)


def differences(found: TuneResult, trial: StudiedTrial) -> str:
    """Where a trial departs from the default: ``learning_rate=0.003, dropout=0.2``."""
    words = []
    for parameter in found.space:
        if parameter.name not in trial.values:
            continue
        value = trial.values[parameter.name]
        if choice_text(value) != choice_text(parameter.default):
            shown = f"{value:.3g}" if isinstance(value, float) else choice_text(value)
            words.append(f"{parameter.name}={shown}")
    return ", ".join(words) or DEFAULT


def value_text(found: TuneResult, value: float | None) -> str:
    """A value of the objective."""
    return fmt.named_value(found.objective, value)


def ordered(found: TuneResult) -> list[StudiedTrial]:
    """Whole trials, the best first, then those that were pruned, then the rest."""
    sign = -1.0 if found.maximize else 1.0
    places = {"complete": 0, "pruned": 1, "failed": 2, "running": 3}

    def place(trial: StudiedTrial) -> tuple[bool, int, float, float, int]:
        value = float("inf") if trial.value is None else sign * trial.value
        return trial.number != found.best, places[trial.state], value, trial.loss, trial.number

    return sorted(found.trials, key=place)


def trial_rows(found: TuneResult) -> Rows:
    """All trials: number, objective in validation, epochs, time, what differs."""
    rows = []
    for trial in ordered(found):
        state = "best" if trial.number == found.best else trial.state
        what = differences(found, trial) + (f"; {fmt.plain(trial.reason)}" if trial.reason else "")
        epochs = f"{max(trial.epochs, default=0)}/{found.epochs}"
        shown = value_text(found, trial.value)
        rows.append((str(trial.number), state, shown, epochs, fmt.duration(trial.seconds), what))
    heading = f"validation {fmt.plain(found.objective, 16)}"
    return (
        ("trial", "state", heading, "epochs", "time", "departs from the default by"),
        rows,
        "rlrrrl",
    )


def seed_rows(found: TuneResult) -> Rows:
    """The default and the best on the test split, seed by seed."""
    heads = ("seed", "default, test", "best, test", "gain")
    if found.confirmation is None:
        return heads, [], "rrrr"
    rows = [
        (
            str(one.seed),
            fmt.metric_with_range(one.default),
            fmt.metric_with_range(one.tuned),
            fmt.plus_minus(one.gain),
        )
        for one in found.confirmation.results
    ]
    name = fmt.plain(found.confirmation.results[0].default.name, 24)
    unit = found.confirmation.unit
    return ("seed", f"default, test {name}", "best", f"gain, {unit}"), rows, "rrrr"


def file_rows(found: TuneResult) -> Rows:
    """The files of different networks, the cheapest first; none where nothing was asked."""
    sizes = fmt.size_unit(point.bytes for point in found.files)
    times = fmt.time_unit(point.p50_ms for point in found.files)
    by_number = {trial.number: trial for trial in found.trials}
    rows = [
        (
            str(point.trial),
            "front" if point.on_front else point.verdict if point.verdict != "passed" else "",
            value_text(found, point.value),
            sizes.text(point.bytes),
            times.text(point.p50_ms),
            differences(found, by_number[point.trial])
            + (f"; {fmt.plain(point.reason)}" if point.reason else ""),
        )
        for point in found.files
    ]
    heads = ("trial", "standing", f"validation {fmt.plain(found.objective, 16)}", sizes.symbol)
    return (*heads, f"p50 {times.symbol}", "departs from the default by"), rows, "rlrrrl"


def course(found: TuneResult) -> str:
    """How many trials there were, how they ended, and what they took."""
    ended = Counter(trial.state for trial in found.trials)
    words = [f"{ended['complete']} whole", f"{ended['pruned']} pruned"]
    words += [f"{ended['failed']} failed"] if ended["failed"] else []
    words += [f"{ended['running']} not ended"] if ended["running"] else []
    whole = len(found.trials) * found.epochs
    return (
        f"{fmt.count(len(found.trials), 'trial')}: {', '.join(words)}; {found.trained_epochs:,} of "
        f"{whole:,} epochs trained in {fmt.duration(found.seconds)}"
    )


def importance_text(found: TuneResult) -> str:
    """Which parameters decided, the greatest share first; empty where that cannot be told."""
    shares = sorted(found.importances.items(), key=lambda item: -item[1])[:5]
    told = ", ".join(f"{name} {fmt.share(share, 0)} %" for name, share in shares)
    return f"what decided: {told}" if told else ""
