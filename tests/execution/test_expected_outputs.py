"""A file that answers otherwise on a device is not timed there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from device_kinds import kind_of
from hypothesis import given
from hypothesis import strategies as st

from zoo.benchmark.candidate import Candidate
from zoo.benchmark.measure import measure_interleaved
from zoo.contracts import Check
from zoo.execution.device import Device
from zoo.execution.output_check import ExpectedOutputs, OutputsDiffer, unchecked
from zoo.results.measurements import OutputCheck


class Session:
    """Gives the answers that a test wants."""

    timed = False

    def __init__(self, *outputs: Any, precision: str | None = None) -> None:
        self.outputs = [np.asarray(values, np.float32) for values in outputs]
        self.loaded = (
            None if precision is None else SimpleNamespace(delegate={"precision": precision})
        )

    def run_all(self, inputs: Any) -> list[Any]:
        return self.outputs


def expected(*outputs: Any, limit: float = 0.01, decide: Any = None) -> ExpectedOutputs:
    return ExpectedOutputs(
        reference="golden inputs of digits/test",
        inputs=[np.zeros((2, 4), np.uint8)],
        outputs=[np.asarray(values, np.float32) for values in outputs],
        limits=[limit] * len(outputs),
        decide=decide,
    )


def test_the_same_bits() -> None:
    found = expected([[0.25, 0.75]]).check(Session([[0.25, 0.75]]))  # type: ignore[arg-type]
    assert found == OutputCheck(
        reference="golden inputs of digits/test", inputs=2, exact=True, max_abs=0.0, limit=0.01
    )


@given(st.floats(-0.05, 0.05))
def test_within_the_tolerance_or_refused(off: float) -> None:
    check, session = expected([[0.5, 0.5]]).check, Session([[0.5, 0.5 + off]])
    apart = abs(float(np.float32(0.5 + off)) - 0.5)
    if apart <= 0.01:
        found = check(session)  # type: ignore[arg-type]
        assert (found.max_abs, found.exact) == (pytest.approx(apart), apart == 0.0)
    else:
        with pytest.raises(OutputsDiffer, match="off by up to"):
            check(session)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("precision", "off", "right"),
    [
        ("f32", 0.0005, False),
        ("tf32", 0.0005, True),
        ("f16", 0.0005, True),
        ("f16", 0.002, False),
        ("bf16", 0.002, True),
        ("bf16", 0.01, False),
    ],
)
def test_a_device_that_rounds_may_be_off_by_its_rounding(
    precision: str, off: float, right: bool
) -> None:
    session = Session([[0.5, 0.5 + off]], precision=precision)
    check = expected([[0.5, 0.5]], limit=1e-4).check
    if right:
        found = check(session)  # type: ignore[arg-type]
        assert (found.exact, found.max_abs) == (False, pytest.approx(off, rel=1e-3))
        assert found.limit >= found.max_abs
    else:
        with pytest.raises(OutputsDiffer, match="off by up to"):
            check(session)  # type: ignore[arg-type]


def test_a_device_that_rounds_must_decide_the_same() -> None:
    other = Check(name="parity", passed=False, value="", limit="", reason="another first choice")
    check = expected([[0.5, 0.5]], limit=1e-4, decide=lambda _: other).check
    with pytest.raises(OutputsDiffer, match="another first choice"):
        check(Session([[0.4995, 0.5005]], precision="tf32"))  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_no_number_is_no_answer(bad: float) -> None:
    with pytest.raises(OutputsDiffer):
        expected([[0.5]]).check(Session([[bad]]))  # type: ignore[arg-type]
    same = expected([[bad]]).check(Session([[bad]]))  # type: ignore[arg-type]
    assert same.exact, "what the host answers, the device may answer too"


def test_another_shape_and_another_second_output() -> None:
    with pytest.raises(OutputsDiffer, match="of shape"):
        expected([[0.5]]).check(Session([0.5]))  # type: ignore[arg-type]
    with pytest.raises(OutputsDiffer, match=r"off by up to 0\.4"):
        expected([0.5], [0.1]).check(Session([0.5], [0.5]))  # type: ignore[arg-type]


def test_the_task_decides_too() -> None:
    def decide(found: Any) -> Check:
        same = int(found[0].argmax()) == 1
        return Check(name="parity", passed=same, value="", limit="", reason="another choice")

    close = expected([[0.499, 0.501]], decide=decide)
    close.check(Session([[0.498, 0.502]]))  # type: ignore[arg-type]
    with pytest.raises(OutputsDiffer, match="not those that it should give") as wrong:
        close.check(Session([[0.502, 0.498]]))  # type: ignore[arg-type]
    assert "another choice" in str(wrong.value)
    assert "golden inputs of digits/test" in str(wrong.value)


def test_a_wrong_answer_costs_its_own_candidate_and_takes_no_time(
    scripted: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    changes = """
    def run(request):
        return {"outputs": request["inputs"]}
    whole = bench
    def bench(request):
        with open(sys.argv[1] + ".timed", "a") as file:
            file.write("x")
        return whole(request)
    """
    transport = scripted(changes)
    kind = kind_of("scripted", methods={"connect": lambda driver: transport})
    net = tmp_path / "a.net"
    net.write_bytes(b"weights")
    inputs = np.arange(4, dtype=np.float32).reshape(1, 4)

    def check(off: float) -> Any:
        return ExpectedOutputs(
            reference="host", inputs=[inputs], outputs=[inputs + np.float32(off)], limits=[0.1]
        ).check

    candidates = [
        Candidate(path=net, runtime="fake", check=check(1.0)),
        Candidate(path=net, runtime="fake", threads=2, check=check(0.0)),
        Candidate(path=net, runtime="fake", threads=3, check=unchecked("nobody knows")),
    ]
    wrong, right, open_ = measure_interleaved(
        Device(name="scripted", kind=kind), candidates, tier="brief"
    )
    assert isinstance(wrong, OutputsDiffer)
    assert "off by up to 1" in str(wrong)
    assert right[0].answers == OutputCheck(  # type: ignore[index]
        reference="host", inputs=1, exact=True, max_abs=0.0, limit=0.1
    )
    assert open_[0].answers.why_not == "nobody knows"  # type: ignore[index]
    assert (tmp_path / "starts.timed").read_text() == "xx"
