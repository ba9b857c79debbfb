"""``zoo bench --budget``: a test with an exit code, and JUnit XML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from linear_network import linear_onnx
from measured import PLAIN, side

from zoo.common.errors import ZooError
from zoo.results.store import Store

Zoo = Callable[..., Any]


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return linear_onnx(tmp_path / "net.onnx")


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stands in for the hardware: changes of what is measured, or the error."""
    changes: dict[str, Any] = {}

    def measure(device: Any, candidates: Sequence[Any], **rest: Any) -> list[Any]:
        if "error" in changes:
            return [changes["error"] for _ in candidates]
        samples = side([1500.0]).samples
        return [
            (replace(PLAIN, file=c.path.name, threads=c.threads, **changes), samples)
            for c in candidates
        ]

    monkeypatch.setattr("zoo.benchmark.cells.measure_interleaved", measure)
    return changes


@pytest.mark.parametrize(
    ("budgets", "code", "told"),
    [
        (("p90<=2ms",), 0, "ok net.onnx, 1 thread on host: p90<=2ms: within: p90 is 1.5 ms"),
        (("p90<=2ms,size<=1MB", "peak_memory<=100MB"), 0, "size<=1MB: within"),
        (
            ("p90<=1ms",),
            1,
            "-- net.onnx, 1 thread on host: p90<=1ms: over: p90 is 1.5 ms (1.4 ms to 1.6",
        ),
        (("p90<=1.5ms",), 3, "?? net.onnx, 1 thread on host: p90<=1.5ms: can't tell"),
        (("p90<=1.5ms", "size<=1B"), 1, "size<=1B: over"),
        (("energy<=1J",), 3, "the device does not measure energy"),
    ],
)
def test_exit_codes(
    zoo: Zoo, net: Path, found: dict[str, Any], budgets: tuple[str, ...], code: int, told: str
) -> None:
    options = [word for budget in budgets for word in ("--budget", budget)]
    typed = zoo("bench", net, *options)
    assert typed.code == code
    assert told in typed.out


def test_noise_excuses_what_is_over_and_not_what_is_within(
    zoo: Zoo, net: Path, found: dict[str, Any]
) -> None:
    found.update(quiet=False, noise=("a neighbour",))
    assert zoo("bench", net, "--budget", "p90<=1ms").code == 3
    assert zoo("bench", net, "--budget", "p90<=2ms").code == 0


def test_a_file_that_cannot_be_timed_fails_whatever_the_budget(
    zoo: Zoo, net: Path, found: dict[str, Any], tmp_path: Path
) -> None:
    found["error"] = ZooError("the agent <died>\x00", why="a signal", fix="try again")
    typed = zoo("bench", net, net.with_name("net.onnx"), "--budget", "p90<=2ms", "--junit", "j.xml")
    assert typed.code == 1
    suite = ElementTree.parse("j.xml").getroot()[0]
    assert suite.attrib["errors"] == suite.attrib["tests"]
    error = suite.find("testcase/error")
    assert error is not None
    assert error.attrib["message"] == "the agent <died>\N{REPLACEMENT CHARACTER}"
    assert error.attrib["type"] == "ZooError"


@pytest.mark.parametrize("budget", ["p9<=2ms", "p90<=2", "p90>=2ms", "p90<=2MB", ""])
def test_a_wrong_budget_measures_nothing(
    zoo: Zoo, net: Path, found: dict[str, Any], budget: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **rest: Any) -> None:
        raise AssertionError("something was timed")

    monkeypatch.setattr("zoo.benchmark.cells.measure_interleaved", fail)
    typed = zoo("bench", net, "--budget", budget)
    assert typed.code == 2
    assert "fix:" in typed.err


def test_json_and_junit(zoo: Zoo, net: Path, found: dict[str, Any]) -> None:
    asked = ("--budget", "p90<=2ms,p50<=1us,p99<=2.1ms", "--junit", "j.xml", "--json")
    typed = zoo("bench", net, "--threads", "1", "--threads", "2", *asked)
    assert typed.code == 1
    for timing in typed.json:
        judged = {j["budget"]: j for j in timing["budgets"]}
        assert {b: j["verdict"] for b, j in judged.items()} == {
            "p90<=2ms": "within",
            "p50<=1us": "over",
            "p99<=2.1ms": "can't tell",
        }
        assert judged["p90<=2ms"]["limit"] == 2.0
        assert (judged["p90<=2ms"]["low"], judged["p90<=2ms"]["high"]) == (1.4, 1.6)
    suite = ElementTree.parse("j.xml").getroot()[0]
    counts = {name: suite.attrib[name] for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "8", "failures": "2", "errors": "0", "skipped": "2"}
    names = [case.attrib["name"] for case in suite.iter("testcase")]
    assert names[:4] == ["timed", "p90<=2ms", "p50<=1us", "p99<=2.1ms"]


def test_a_tag_names_the_results(zoo: Zoo, net: Path, found: dict[str, Any]) -> None:
    assert zoo("bench", net, "--tag", "before").code == 0
    store = Store(None)
    assert [record.run for record in store.records(kind="bench")] == ["bench:before"]
    store.close()
    assert zoo("compare", "before", "before").code == 3, "one process each tells nothing"
