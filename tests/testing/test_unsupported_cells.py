"""A cell that an exporter calls impossible is no failure of the network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.common.errors import Unsupported, ZooError
from zoo.common.worker import flatten
from zoo.registry import Registry
from zoo.testing import Conformance, Finding
from zoo.testing.exports import TrainedCandidate


@pytest.mark.parametrize(
    ("error", "status", "beginning"),
    [
        (Unsupported("no such operator", why="the format is old"), "skipped", "unsupported: no"),
        (ZooError("no such operator", why="somebody erred"), "failed", "no such operator: some"),
    ],
)
def test_only_the_exporter_can_excuse_a_cell(
    registry: Callable[..., Registry],
    monkeypatch: pytest.MonkeyPatch,
    error: ZooError,
    status: str,
    beginning: str,
) -> None:
    kit = Conformance(registry(), "small8", isolated=False)
    learnt = Finding(passed=True, measured="")
    kit._trained = TrainedCandidate(
        finding=learnt, data="digits", weights=Path("w"), folder=Path("f")
    )

    def refuse(*_: object) -> Finding:
        raise error

    monkeypatch.setattr("zoo.testing.conformance.export", refuse)
    verdict = kit.check("export-tflite-int16x8")
    assert verdict.status == status
    assert verdict.measured.startswith(beginning)


def test_the_word_of_a_child_process_is_kept() -> None:
    arrived = flatten(Unsupported("no such operator", why="old", fix="choose int8")).error()
    assert isinstance(arrived, Unsupported)
    assert arrived.as_dict()["type"] == "Unsupported"
    assert (arrived.why, arrived.fix) == ("old", "choose int8")
