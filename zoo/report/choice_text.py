"""What a comparison of networks found, in words: rows, differences, the learning curve."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from zoo.pipeline.search.points import missed_limits
from zoo.pipeline.search.screening import why_out
from zoo.report.search_text import format_miss, time_text
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from zoo.pipeline.search.choice import Choice
    from zoo.pipeline.search.points import MissedLimit, SearchPoint
    from zoo.pipeline.search.rivals import Difference
    from zoo.pipeline.search.screening import ChoiceLimits, Screened
    from zoo.pipeline.search.seed_stopping import SeedStop
    from zoo.report.view import Rows

#: Latencies and sizes nearer to each other than this are called equal.
_SAME = 1.05
OUT = "over limit"
_PLACES = ("chosen", "rival", "behind", "not compared", "failed", OUT)


def has_limits(found: Choice) -> bool:
    """Whether any limit was given."""
    limits = found.limits
    return any(v is not None for v in (limits.max_bytes, limits.max_ms, limits.max_arena))


def format_limits(found: Choice) -> str:
    """What was asked, in the order of the options."""
    limits, parts = found.limits, []
    if limits.max_ms is not None:
        parts.append(f"median ≤ {time_text(limits.max_ms)}")
    if limits.max_bytes is not None:
        parts.append(f"file ≤ {fmt.size_text(limits.max_bytes)}")
    if limits.max_arena is not None:
        parts.append(f"arena ≤ {fmt.size_text(limits.max_arena)}")
    return ", ".join(parts) or "no limits were given"


def headline_metric(found: Choice) -> str:
    """Name of what files are judged by, which need not be that of validation."""
    tested = [metric.name for one in found.tested.values() for metric in one.metrics]
    known = [point.metric.name for point in found.points if point.metric is not None]
    return fmt.plain(next(iter([*tested, *known]), found.metric or "quality"), 24)


def ordered(found: Choice) -> list[Screened]:
    """The chosen one, rivals, those that fell behind by their last score, and the rest."""
    sign = -1.0 if found.maximize else 1.0

    def place(one: Screened) -> tuple[int, float, float, int]:
        name = one.candidate.name
        whole, scores = found.whole.get(name, ()), found.scores.get(name, ())
        value = fmean(s.value for s in whole) if whole else scores[-1].value if scores else 0.0
        share = scores[-1].share if scores else 0.0
        return (
            _PLACES.index(found.standing(one)),
            -share,
            sign * value,
            one.candidate.multiply_adds,
        )

    return sorted(found.screened, key=place)


def candidate_rows(found: Choice) -> Rows:
    """A row for each candidate within the limits, the chosen one first, and the baseline."""
    points = {
        one.candidate.name: found.files.best_of(one.candidate.name, found.limits)
        for one in found.screened
    }
    untrained = {one.candidate.name: _quickest(one) for one in found.screened}
    sizes = fmt.size_unit(
        [*(p.bytes for p in points.values() if p), *(f[1] for f in untrained.values())]
    )
    times = fmt.time_unit(
        [*(p.p50_ms for p in points.values() if p), *(f[0] for f in untrained.values())]
    )
    rows = []
    for one in ordered(found):
        name = one.candidate.name
        if found.standing(one) == OUT:
            continue
        point = points[name]
        p50, size = (point.p50_ms, point.bytes) if point is not None else untrained[name]
        noisy = "~" if point is not None and point.quiet is False and p50 is not None else ""
        quality = fmt.MISSING if point is None else fmt.metric_short(point.metric)
        rows.append(
            (
                fmt.plain(name),
                str(found.standing(one)),
                quality,
                noisy + times.text(p50),
                sizes.text(size),
                words_for(found, one),
            )
        )
    gap = fmt.MISSING
    if (trivial := found.baseline) is not None:
        shown, what = fmt.metric_short(trivial.metric), fmt.plain(trivial.answer, 40)
        words = "looks at no input" if trivial.chance else "no network"
        rows.append((what, "baseline", shown, gap, gap, words))
    if found.nearest_mean is not None:
        shown = fmt.metric_short(found.nearest_mean)
        rows.append(("nearest mean", "baseline", shown, gap, gap, "of the inputs of each class"))
    name = headline_metric(found)
    sign = ", %" if fmt.names_share(name) else ""
    heads = ("network", "standing", f"file's {name}{sign}")
    return (*heads, f"p50 {times.symbol}", sizes.symbol, "beside the chosen one"), rows, "llrrrl"


def out_rows(found: Choice) -> Rows:
    """Candidates that no file keeps within the limits, with the figures of the nearest file."""
    out = [one for one in ordered(found) if found.standing(one) == OUT]
    figures = [_quickest(one) for one in out]
    times, sizes = fmt.time_unit(f[0] for f in figures), fmt.size_unit(f[1] for f in figures)
    rows = [
        (fmt.plain(one.candidate.name), times.text(p50), sizes.text(size), words_for(found, one))
        for one, (p50, size) in zip(out, figures, strict=True)
    ]
    return (OUT, f"p50 {times.symbol}", sizes.symbol, "why"), rows, "lrrl"


def _quickest(one: Screened) -> tuple[float | None, int | None]:
    """Of a candidate's untrained files: latency and size of the one that fits, or is nearest."""
    fitting = [file for file in one.files if file.fits]
    files = fitting or ([] if one.nearest is None else [one.nearest])
    known = [file for file in files if file.bytes is not None]
    if not known:
        return None, None
    best = min(known, key=lambda f: f.p50_ms or float("inf"))
    return best.p50_ms, best.bytes


def words_for(found: Choice, one: Screened) -> str:
    """What is to be said of a candidate beside the chosen one."""
    name, standing = one.candidate.name, found.standing(one)
    if standing == "chosen":
        return f"began with {fmt.plain(one.candidate.begins)}"
    if standing == "rival":
        own = found.files.best_of(name, found.limits)
        parts = []
        if name in found.differences:
            parts.append(difference_text(found.differences[name]))
        if name in found.seed_stops:
            parts.append(seed_stop_text(found.seed_stops[name]))
        if own is not None and (stands := not_shipped(own, found.limits, 60)):
            parts.append(stands)
        if own is not None and found.best is not None:
            parts += cost_words(own, found.best)
        return "; ".join(parts)
    if standing == "behind":
        score = found.scores[name][-1]
        shown = fmt.named_value(found.metric, score.value, 1)
        return f"{shown} in validation with {fmt.share(score.share, 0)} % of the data"
    if standing == "not compared":
        return "not trained: the time was used up"
    return fmt.plain(found.failed.get(name) or why_out(one))


def not_shipped(own: SearchPoint, limits: ChoiceLimits, width: int = 160) -> str:
    """Why a file cannot be chosen; empty where it can."""
    if own.verdict != "passed":
        return f"its {own.precision} file was {own.verdict}: {fmt.plain(own.reason, width)}"
    if own.p50_ms is None:
        return f"its {own.precision} file could not be timed: {fmt.plain(own.reason, width)}"
    return ", ".join(format_miss(miss, "") for miss in missed_limits(own, limits))


def difference_text(one: Difference) -> str:
    """``0.4 points better (−0.5 to +1.3): cannot tell at n = 274``."""
    unit = one.unit if one.unit != "points" else "points"
    size = fmt.number(abs(one.gain), 2) if abs(one.gain) >= 10 else f"{abs(one.gain):.1f}"
    word = "better" if one.gain > 0 else "worse"
    text = f"{size} {unit} {word}" if float(size) else "equally good"
    if one.low is not None and one.high is not None:
        text += f" ({fmt.plus_minus_range(one.low, one.high, '.1f')})"
    return text if one.verdict != "cannot tell" else f"{text}: cannot tell at n = {one.examples:,}"


def seed_stop_text(one: SeedStop) -> str:
    """Why a network was trained on no further seed."""
    seeds = f"trained on {fmt.count(one.seeds, 'seed')}"
    if one.reason == "worse":
        return f"{seeds}: clearly worse in validation"
    return f"{seeds}: more could not tell at n = {one.examples:,} in validation"


def cost_words(own: SearchPoint, best: SearchPoint) -> list[str]:
    """How latency and size of a file are beside the chosen one's: ``2.1 × slower``."""
    words = []
    for mine, other, more, less in (
        (own.p50_ms, best.p50_ms, "slower", "quicker"),
        (own.bytes, best.bytes, "larger", "smaller"),
    ):
        if not mine or not other:
            continue
        factor = max(mine / other, other / mine)
        if factor >= _SAME:
            words.append(f"{fmt.ratio(factor)} {more if mine > other else less}")
    return words


def curve_text(found: Choice) -> str:
    """Whether more data would help; empty where no curve was made."""
    curve = found.curve
    if curve is None:
        return ""
    share = fmt.names_share(found.metric)
    unit, spec = (" points", ".1f") if share else ("", ".3g")
    interval = "of one seed"
    if curve.low is not None and curve.high is not None:
        interval = f"95 %: {fmt.plus_minus_range(curve.low, curve.high, spec)}"
    gain = f"{fmt.plus_minus(curve.gain, spec)}{unit} ({interval})"
    doubled = f"from {curve.points[-2].examples:,} to {curve.points[-1].examples:,} examples"
    if curve.verdict == "helps":
        return f"more data would help: {doubled} gained {gain} in validation"
    return f"whether more data would help cannot be told: {doubled} gained {gain} in validation"


def untrained_rows(found: Choice) -> Rows:
    """What each untrained file takes on the device."""
    files = [(one, file) for one in found.screened for file in one.files]
    sizes = fmt.size_unit(file.bytes for _, file in files)
    times = fmt.time_unit(file.p50_ms for _, file in files)
    arenas = any(file.arena is not None for _, file in files)
    rows = []
    for one in found.screened:
        name, begins = fmt.plain(one.candidate.name), fmt.plain(one.candidate.begins)
        for file in one.files:
            noisy = "~" if file.quiet is False and file.p50_ms is not None else ""
            kept = "fits" if file.fits else fmt.plain(file.reason) or over(file.missed)
            arena = (sizes.text(file.arena),) if arenas else ()
            figures = (noisy + times.text(file.p50_ms), sizes.text(file.bytes), *arena)
            rows.append((name, begins, file.precision, *figures, kept))
        if not one.files:
            gaps = (fmt.MISSING,) * (4 if arenas else 3)
            rows.append((name, begins, *gaps, fmt.plain(one.reason)))
    heads = ("network", "begins with", "precision", f"p50 {times.symbol}", sizes.symbol)
    arena_head = (f"arena {sizes.symbol}",) if arenas else ()
    return (*heads, *arena_head, "limits"), rows, "lllrr" + "r" * arenas + "l"


def over(missed: Sequence[MissedLimit]) -> str:
    """``latency 3.2 × the limit``, of each limit that is not kept."""
    return ", ".join(
        f"{miss.what} not measured"
        if miss.value is None
        else f"{miss.what} {fmt.ratio(1.0 + miss.share)} the limit"
        for miss in missed
    )


def rung_rows(found: Choice) -> Rows:
    """What each network had in validation at each stage of the comparison."""
    shares = list(dict.fromkeys((r.share, r.epochs) for r in found.rungs))
    heads = [f"{fmt.share(share, 0)} %, {epochs} epochs" for share, epochs in shares]
    rows = []
    for one in ordered(found):
        name = one.candidate.name
        scores = found.scores.get(name, ())
        if not scores:
            continue
        by_stage = {(s.share, s.epochs): s.value for s in scores}
        cells = [_value(found, by_stage.get(stage)) for stage in shares]
        whole = [s.value for s in found.whole.get(name, ())]
        seconds = sum(score.seconds for score in scores)
        last = ", ".join(_value(found, v) for v in whole) or fmt.MISSING
        rows.append((fmt.plain(name), *cells, last, fmt.duration(seconds)))
    return (
        ("network", *heads, "all data, seed by seed", "time"),
        rows,
        "l" + "r" * (len(heads) + 2),
    )


def _value(found: Choice, value: float | None) -> str:
    return fmt.MISSING if value is None else fmt.named_value(found.metric, value, 1)


def course(found: Choice) -> str:
    """How many networks were compared at each stage, and what it took."""
    fitting = sum(one.fits for one in found.screened)
    fit = "within the limits" if has_limits(found) else "built and exported"
    text = f"{fmt.count(len(found.screened), 'network')}, {fitting} {fit}"
    if not found.trainings:
        return text
    return (
        f"{text}; {len(found.whole)} trained whole; {fmt.count(found.trainings, 'training')} in "
        f"{fmt.duration(found.seconds)}"
    )
