"""What the fixture ``zoo_latency`` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

import pytest

from zoo.benchmark.compare.budgets import parse_budgets
from zoo.benchmark.compare.comparing import compare
from zoo.benchmark.compare.comparison import ComparedPair
from zoo.benchmark.compare.judgement import judge_budgets
from zoo.benchmark.compare.ratio import MARGIN, TURNS
from zoo.benchmark.compare.wording import basis, first_line, sentence
from zoo.benchmark.run import bench
from zoo.common.errors import ZooError
from zoo.registry import load_registry
from zoo.results.measurements import Measurement

#: Receives name and value of a property of the test, which pytest's JUnit XML holds.
Note = Callable[[tuple[str, object]], None]

Returned = TypeVar("Returned")


class Latency:
    """Times files for one test.

    Args:
        unsettled: ``skip`` or ``fail``: what becomes of a test of which nothing can be told.
        note: Keeps what was measured with the test.
    """

    def __init__(self, *, unsettled: str, note: Note) -> None:
        self._unsettled = unsettled
        self._note = note

    def __call__(
        self,
        file: str | Path,
        *budgets: str,
        device: str | None = None,
        threads: int = 1,
        tier: str = "quick",
        runtime: str | None = None,
        store: str | None = None,
    ) -> Measurement:
        """Times a file and fails the test when it exceeds a budget.

        Args:
            file: TFLite or ONNX.
            *budgets: Such as ``p90<=20ms``, ``peak_memory<=30MB``.
            device: By name; None for this machine.
            threads: For one inference.
            tier: ``brief``, ``smoke``, ``quick`` or ``full``.
            runtime: None for the preferred one of the format.
            store: URL of the results store; None for the user's own.

        Returns:
            What was measured.
        """
        _short_traceback(
            lambda: parse_budgets(budgets)
        )  # a misspelt one must not wait for the measurement
        (timing,) = _short_traceback(
            lambda: bench(
                [file], device=device, threads=[threads], tier=tier, runtime=runtime, store=store
            )
        )
        m = timing.measurement
        if m is None:
            pytest.fail(str(timing.error), pytrace=False)
        for name in ("p50_ms", "p90_ms", "p99_ms", "peak_memory_mb"):
            self._note((f"zoo {m.file} {name}", getattr(m, name)))
        (judged,) = judge_budgets([timing], budgets, registry=load_registry())
        lines = [f"{m.file}: {j.budget}: {j.verdict}: {j.reason}" for j in judged]
        verdicts = {judgement.verdict for judgement in judged}
        if "over" in verdicts:
            pytest.fail("\n".join(lines), pytrace=False)
        if "can't tell" in verdicts:
            self._inconclusive("\n".join(lines))
        return m

    def compare(
        self,
        first: str | Path,
        second: str | Path | None = None,
        *,
        device: str | None = None,
        threads: int | None = None,
        tier: str = "quick",
        runtime: str | None = None,
        turns: int = TURNS,
        margin: float = MARGIN,
        store: str | None = None,
    ) -> tuple[ComparedPair, ...]:
        """Fails the test when the second is slower; takes what `zoo.compare` does.

        Returns:
            One for each file that both sides have.
        """
        found = _short_traceback(
            lambda: compare(
                first,
                second,
                device=device,
                threads=threads,
                tier=tier,
                runtime=runtime,
                turns=turns,
                margin=margin,
                store=store,
            )
        )
        lines = [first_line(found)]
        for pair in found.pairs:
            lines += [sentence(pair), basis(pair)]
            if pair.ratio is not None:
                self._note((f"zoo {pair.second.measurement.file} ratio", pair.ratio.value))
        told = "\n".join(line for line in lines if line)
        if found.slower:
            pytest.fail(told, pytrace=False)
        if not found.settled:
            self._inconclusive(told)
        return found.pairs

    def _inconclusive(self, told: str) -> NoReturn:
        if self._unsettled == "fail":
            pytest.fail(told, pytrace=False)
        pytest.skip(told)


def _short_traceback(work: Callable[[], Returned]) -> Returned:
    """An error of the zoo is three sentences, not fifty lines of traceback."""
    try:
        return work()
    except ZooError as error:
        told = str(error)
    pytest.fail(told, pytrace=False)
