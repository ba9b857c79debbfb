"""The front of ``zoo tune --then``."""

from __future__ import annotations

import pytest

from zoo.common.errors import UsageError
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.search.study import StudiedTrial
from zoo.pipeline.search.trade_off import (
    MOST_FILES,
    Cost,
    FilePoint,
    cost_of,
    different_networks,
    on_front,
)
from zoo.registry import PluginSettings, load_registry

SIZE = Cost(figure="size", device=None, format="tflite", precision="float32")


def point(trial: int, value: float, size: int | None, verdict: str = "passed") -> FilePoint:
    return FilePoint(
        trial=trial,
        value=value,
        bytes=size,
        p50_ms=None,
        verdict=verdict,
        reason="",  # type: ignore[arg-type]
    )


def test_the_front_holds_what_nothing_beats() -> None:
    given = [
        point(0, 0.95, 900),
        point(1, 0.93, 400),
        point(2, 0.92, 500),
        point(3, 0.90, 100),
        point(4, 0.99, 50, "rejected"),
        point(5, 0.97, None, "failed"),
    ]
    found = on_front(given, SIZE, maximize=True)
    assert [p.trial for p in found if p.on_front] == [3, 1, 0]
    assert [p.trial for p in found][:4] == [3, 1, 2, 0], "the cheapest first"
    losses = on_front(given, SIZE, maximize=False)
    assert [p.trial for p in losses if p.on_front] == [3]


def test_of_each_network_the_best_trial_stands_for_it() -> None:
    def trial(number: int, width: float) -> StudiedTrial:
        return StudiedTrial(
            number=number,
            values={"width": width, "rate": number / 10},
            state="complete",
            value=1.0 - number / 100,
            epochs={},
            loss=0.0,
            seconds=1.0,
            reason="",
        )

    order = [trial(4, 0.5), trial(5, 0.5), trial(6, 1.0)]
    assert [t.number for t in different_networks(order, ["width"])] == [4, 6]
    many = [trial(n, float(n)) for n in range(2 * MOST_FILES)]
    assert len(different_networks(many, ["width"])) == MOST_FILES


@pytest.mark.parametrize(
    ("text", "precision", "words"),
    [
        ("speed", None, "unknown figure"),
        ("latncy@host", None, "did you mean 'latency'"),
        ("size@host", None, "same size everywhere"),
        ("latency@hots", None, "host"),
        ("size", "float23", "float32"),
    ],
)
def test_wrong_figures_are_refused(text: str, precision: str | None, words: str) -> None:
    pytest.importorskip("sklearn")
    registry = load_registry(PluginSettings(installed=False))
    job = make_job(recipe_from(model="lenet5", data="digits", from_scratch=True), registry)
    with pytest.raises(UsageError) as caught:
        cost_of(registry, job, text, None, precision)
    assert words in str(caught.value)
