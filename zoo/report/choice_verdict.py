"""The verdict of a comparison of networks, in a few sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.pipeline.search.points import nearest_point
from zoo.report.choice_text import has_limits, headline_metric, not_shipped
from zoo.report.search_text import format_miss, time_text
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from zoo.pipeline.search.choice import Choice
    from zoo.pipeline.search.points import SearchPoint
    from zoo.pipeline.search.screening import Screened


def answer(found: Choice) -> str:
    """The verdict: the chosen network and what speaks against it, or why there is none."""
    if found.best is not None:
        return " ".join([_chosen(found, found.best), *_doubts(found, found.best)])
    count = fmt.count(len(found.screened), "network")
    if not any(one.fits for one in found.screened):
        nearest = found.nearest
        told = "" if nearest is None else f" The nearest, {_nearest(nearest)}."
        if nearest is None and found.screened:
            # All were too large to be built, the smallest first.
            told = f" {found.screened[0].candidate.name}: {found.screened[0].reason}."
        return f"No network keeps every limit, so none was trained.{told} {count} tried."
    return _none_shipped(found)


def _chosen(found: Choice, best: SearchPoint) -> str:
    kept = "; every limit is kept" if has_limits(found) else ""
    arena = found.arena_of(found.chosen or "", best.precision)
    if arena is not None:
        kept = f", arena {fmt.size_text(arena)}{kept}"
    return (
        f"{found.chosen}: {fmt.metric_value(best.metric)} {headline_metric(found)}, "
        f"{time_text(best.p50_ms)} on {found.device}, {fmt.size_text(best.bytes)} "
        f"({best.format} {best.precision}){kept}. {_compared(found)}"
    )


def _compared(found: Choice) -> str:
    """How many networks were trained, of how many."""
    tried, trained = len(found.screened), len(found.scores)
    if tried == 1:
        return "No other network was compared."
    if trained == tried:
        return f"{fmt.count(tried, 'network')} compared."
    return (
        f"{trained:,} of {fmt.count(tried, 'network')} {'was' if trained == 1 else 'were'} trained."
    )


def _doubts(found: Choice, best: SearchPoint) -> list[str]:
    """What should be known before the chosen one is taken."""
    names = found.differences
    told = []
    if best.metric is not None and found.metric != best.metric.name:
        told.append(f"It is the best by {fmt.plain(found.metric, 24)} in validation.")
    if better := [name for name, one in names.items() if one.verdict == "better"]:
        is_ = "is" if len(better) == 1 else "are"
        told.append(
            f"On the test split {fmt.listed(better)} {is_} better, and chance does not explain it."
        )
    if same := [name for name, one in names.items() if one.verdict == "cannot tell"]:
        told.append(f"By quality alone it cannot be told from {fmt.listed(same)}.")
    # The best in validation that has a file to ship was chosen: those before it have none.
    order = found.validated
    if before := order[: order.index(found.chosen)] if found.chosen in order else []:
        are = "was better in validation and has" if len(before) == 1 else "were better and have"
        told.append(f"{fmt.listed(before)} {are} no file to ship.")
    mean = found.nearest_mean
    if mean is not None and best.metric is not None and best.metric.lost_by(mean) <= 0.0:
        told.append(
            "It is no better than the class whose mean input is nearest, which needs no network: "
            f"{fmt.metric_value(mean)}."
        )
    return told


def _nearest(one: Screened) -> str:
    file = one.nearest
    assert file is not None
    words = fmt.listed(format_miss(miss, "") for miss in file.missed)
    return f"{one.candidate.name} ({file.precision}): {words}"


def _none_shipped(found: Choice) -> str:
    """Why no file of the trained networks was chosen, the nearest one first."""
    passed = any(point.verdict == "passed" for point in found.points)
    if passed and has_limits(found):
        text = "No file of the networks that were trained passes its gate and keeps every limit."
    elif passed:
        text = "No file of the networks that were trained could be timed."
    else:
        text = "No file of the networks that were trained passed its gate."
    nearest = nearest_point(found.points, found.limits)
    order = [] if nearest is None else [nearest]
    order += [point for point in found.points if point is not nearest]
    told = [
        f"{found.files.owners[point.name]}: {not_shipped(point, found.limits)}"
        for point in order[:2]
    ]
    return f"{text} {'; '.join(told)}." if told else text
