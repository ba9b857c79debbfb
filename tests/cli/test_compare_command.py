"""``zoo compare`` from the command line: what it finds, what it says first, how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from linear_network import linear_onnx
from measured import side

from zoo.benchmark.compare.comparison import Side
from zoo.common.clock import utc_now
from zoo.common.errors import Unsupported
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store

BASE = [100.0, 100.2, 99.9, 100.1, 100.3, 99.8, 100.4, 99.7, 100.5, 99.6, 100.0, 100.1]
SLOW = [1.06 * m for m in BASE]
Zoo = Callable[..., Any]


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stands in for the hardware: file → medians of its processes; and what was asked for."""
    told: dict[str, Any] = {"medians": {}, "noisy": {}, "asked": []}

    def measure(device: Any, candidates: Sequence[Any], *, tier: Any, **rest: Any) -> list[Any]:
        found = []
        for candidate in candidates:
            told["asked"].append((candidate.path.name, candidate.threads, tier.processes))
            name = candidate.path.name
            one = side(
                told["medians"].get(name, BASE)[: tier.processes],
                noisy=told["noisy"].get(name, ()),
                file=name,
                runtime=candidate.runtime,
                threads=candidate.threads,
                device=device.name,
            )
            found.append((one.measurement, one.samples))
        return found

    monkeypatch.setattr("zoo.benchmark.cells.measure_interleaved", measure)
    return told


def record(run: str, one: Side, key: str) -> None:
    """Puts a measurement into the user's store."""
    store = Store(None)
    samples = None if one.samples is None else one.samples.encode()
    step = StepRecord(
        step=f"bench {key}",
        kind="bench",
        key=key,
        status="passed",
        created=utc_now(),
        result=as_plain(one.measurement),
    )
    store.append(run, step, samples)
    store.close()


def test_two_files_are_timed_in_turn(zoo: Zoo, clocked: dict[str, Any], tmp_path: Path) -> None:
    old, new = linear_onnx(tmp_path / "old.onnx"), linear_onnx(tmp_path / "new.onnx")
    clocked["medians"]["new.onnx"] = SLOW
    typed = zoo("compare", old, new, "--threads", "2")
    assert typed.code == 1
    assert typed.out.startswith("slower: new.onnx takes 1.060 (1.0")
    assert "12 turns of fresh processes" in typed.out
    assert clocked["asked"] == [("old.onnx", 2, 12), ("new.onnx", 2, 12)]
    assert zoo("compare", new, old).code == 0, "faster is fine"
    same = zoo("compare", old, old)
    assert (same.code, same.out.partition(":")[0]) == (0, "same")


@pytest.mark.parametrize("first", [True, False])
def test_a_file_that_cannot_run_is_found_before_the_other_is_timed(
    zoo: Zoo,
    clocked: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first: bool,
) -> None:
    def refuse(registry: Any, runtime: str, artifact: Any) -> None:
        if artifact.path.name == "odd.onnx":
            raise Unsupported(f"{runtime} cannot run odd.onnx", fix="export it in another way")

    monkeypatch.setattr("zoo.benchmark.cells.refuse_unfit", refuse)
    pair = [linear_onnx(tmp_path / "plain.onnx"), linear_onnx(tmp_path / "odd.onnx")]
    record("before", side(BASE), "x")
    typed = zoo("compare", *(pair[::-1] if first else pair))
    assert typed.code == 1
    assert "\u2713" not in typed.err, "a comparison that failed did not pass"
    assert "error: onnxruntime cannot run odd.onnx\n  fix: export it in another way" in typed.err
    assert clocked["asked"] == [], "nothing was timed"
    store = Store(None, writes=False)
    found = [(one.record.step, one.record.status) for one in store.records(run="bench")]
    store.close()
    assert found == [("bench odd.onnx 1 host", "failed")]


@pytest.mark.parametrize(
    ("recorded", "samples", "told"),
    [
        ({"medians": BASE}, False, "the results store has no samples of net.onnx"),
        ({"medians": BASE, "noisy": range(12)}, True, "every process was disturbed: the hyperv"),
        ({"medians": BASE[:3], "noisy": (0, 1)}, True, "it has 1 quiet process, which cannot"),
        ({"medians": BASE, "clock": "emulated"}, True, "times of 'host' are emulated"),
    ],
)
def test_a_record_that_tells_nothing_is_refused_before_the_file_is_timed(
    zoo: Zoo,
    clocked: dict[str, Any],
    tmp_path: Path,
    recorded: dict[str, Any],
    samples: bool,
    told: str,
) -> None:
    net = linear_onnx(tmp_path / "net.onnx")
    one = side(**recorded, file="net.onnx", runtime="onnxruntime")
    record("bench", one if samples else replace(one, samples=None), "a" * 8)
    typed = zoo("compare", net)
    assert typed.code == 2
    assert told in typed.err
    assert clocked["asked"] == [], "nothing was timed"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["missing.onnx"], "there is no file or run missing.onnx"),
        (["net.onnx", "--turns", "6"], "--turns 6 can never tell which is faster"),
        (["net.onnx", "--tier", "quik"], "did you mean 'quick'"),
        (["net.onnx", "--device", "hots"], "did you mean 'host'"),
        (["net.onnx", "--device", "emulated-pi4"], "times of 'emulated-pi4' are emulated"),
    ],
)
def test_nothing_is_exported_for_a_comparison_that_is_refused(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    linear_onnx(tmp_path / "net.onnx")
    (tmp_path / "my.keras").write_bytes(b"")
    exported: list[str] = []
    monkeypatch.setattr(
        "zoo.api.networks.exported_file", lambda registry, name, **_: exported.append(name)
    )
    typed = zoo("compare", "my.keras", *arguments)
    assert (typed.code, exported) == (2, [])
    assert told in typed.err


def test_can_t_tell_has_a_code_of_its_own(
    zoo: Zoo, clocked: dict[str, Any], tmp_path: Path
) -> None:
    net = linear_onnx(tmp_path / "net.onnx")
    clocked["noisy"]["net.onnx"] = range(6)
    typed = zoo("compare", net, net)
    assert typed.code == 3
    assert typed.out.startswith("can't tell: 6 of 12 turns were disturbed, 9 must not be: the hyp")
    asked = len(clocked["asked"])
    few = zoo("compare", net, net, "--turns", "6")
    assert few.code == 2
    assert "--turns 6 can never tell which is faster" in few.err
    assert "it takes 9 turns to rule chance out at 99.5 %" in few.err
    record("bench", side(BASE[:5], file="net.onnx", runtime="onnxruntime"), "a" * 8)
    few = zoo("compare", net, "--turns", "4")
    assert (few.code, "a record of 5 processes, it takes 5 turns" in few.err) == (2, True)
    assert len(clocked["asked"]) == asked, "nothing was timed"


def test_a_file_against_its_last_record(zoo: Zoo, clocked: dict[str, Any], tmp_path: Path) -> None:
    net = linear_onnx(tmp_path / "net.onnx")
    typed = zoo("compare", net)
    assert typed.code == 2
    assert "no record of net.onnx on 'host'" in typed.err
    assert "zoo bench net.onnx" in typed.err
    shared = {"file": "net.onnx", "runtime": "onnxruntime"}
    record("bench", side(SLOW, **shared), "a" * 8)
    record("bench", side(BASE[:5], threads=2, **shared), "b" * 8)
    record("bench", side(BASE, device="pi4", **shared), "c" * 8)
    record("bench", side(BASE, **{**shared, "file": "other.onnx"}), "d" * 8)
    faster = zoo("compare", net)
    assert faster.code == 0
    assert faster.out.splitlines()[0].startswith("NOT LIKE WITH LIKE: tier full against") is False
    assert "faster" in faster.out.splitlines()[0]
    two = zoo("compare", "last", net, "--threads", "2")
    assert two.out.splitlines()[0].startswith("same: net.onnx takes")
    there = zoo("compare", "last", "last")
    assert there.code == 2
    assert "the other must be a file" in there.err


def test_tags_and_runs_are_compared_from_their_samples(
    zoo: Zoo, clocked: dict[str, Any], tmp_path: Path
) -> None:
    for number, (tag, medians) in enumerate((("bench:before", BASE), ("bench:after", SLOW))):
        for file in ("a.b.int8.tflite", "a.b.float32.tflite"):
            record(tag, side(medians, file=file, origin=tag), f"{number}-{file}")
    record("bench:after", side(SLOW, file="c.d.int8.tflite"), "only")
    typed = zoo("compare", "before", "after", "--json")
    assert typed.code == 1
    pairs = typed.json["comparisons"]
    assert [pair["verdict"] for pair in pairs] == ["slower", "slower"]
    assert typed.json["only_in_second"] == ["c.d.int8.tflite (host, litert, 1 threads)"]
    assert typed.json["like_with_like"] is True
    assert clocked["asked"] == [], "nothing was timed"
    assert zoo("compare", "a.b", "before").code == 0, "a model's newest records: faster"
    wrong = zoo("compare", "befor", "after")
    assert wrong.code == 2
    assert "did you mean 'before'" in wrong.err


def test_unlike_threads_are_the_first_line(zoo: Zoo) -> None:
    record("bench:one", side(BASE), "one")
    record("bench:two", side(SLOW, threads=2), "two")
    typed = zoo("compare", "one", "two")
    assert typed.out.splitlines()[0] == "NOT LIKE WITH LIKE: threads 1 against 2"
    assert typed.out.splitlines()[1].startswith("slower: ")


def test_emulated_times_are_refused(zoo: Zoo) -> None:
    record("bench:one", side(BASE), "one")
    record("bench:two", side(SLOW, clock="emulated", device="emulated-pi4"), "two")
    typed = zoo("compare", "one", "two")
    assert typed.code == 2
    assert "times of 'emulated-pi4' are emulated: they cannot be compared" in typed.err
    assert typed.out == ""


def test_folders_of_runs(zoo: Zoo, tmp_path: Path) -> None:
    for name, medians in (("before", BASE), ("after", SLOW)):
        one = side(medians, file="a.b.int8.tflite")
        record(name, one, name)
        (tmp_path / name).mkdir()
        step = StepRecord(
            step="bench", kind="bench", key=name, status="passed", result=as_plain(one.measurement)
        )
        text = json.dumps([as_plain(replace(step, kind="gate", result=None)), as_plain(step)])
        (tmp_path / name / "records.json").write_text(text)
    assert zoo("compare", "before", "after").code == 1
    assert zoo("compare", "after/records.json", tmp_path / "before").code == 0
    (tmp_path / "before" / "records.json").write_text("[{]")
    broken = zoo("compare", "before", "after")
    assert broken.code == 2
    assert "is not the record of a run" in broken.err
    missing = zoo("compare", "after", "after", "--store", "other.sqlite")
    assert missing.code == 2
    assert "there is no results store" in missing.err
    Store("other.sqlite").open()
    elsewhere = zoo("compare", "after", "after", "--store", "other.sqlite")
    assert elsewhere.code == 3
    assert "no samples of a.b.int8.tflite" in elsewhere.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("no.onnx", "no.onnx"), "there is no file or run no.onnx"),
        (("a", "b"), "unknown file, run, tag or model 'a'"),
        (("a", "b", "--margin", "0"), "margin"),
        (("a", "b", "--turns", "0"), "turns"),
        (("a", "b", "--tier", "quik"), "did you mean 'quick'"),
    ],
)
def test_wrong_input(zoo: Zoo, arguments: tuple[str, ...], told: str) -> None:
    typed = zoo("compare", *arguments)
    assert typed.code == 2
    assert told in typed.err


def test_page_and_junit(zoo: Zoo, tmp_path: Path) -> None:
    pytest.importorskip("jinja2")
    pytest.importorskip("matplotlib")
    record("bench:one", side(BASE, file="<b>&.tflite"), "one")
    record("bench:two", side(SLOW, file="<b>&.tflite"), "two")
    typed = zoo("compare", "one", "two", "--html", "page.html", "--junit", "verdicts.xml")
    assert typed.code == 1
    page = (tmp_path / "page.html").read_text()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert "<svg" in page
    assert "slower" in page
    suite = ElementTree.parse(tmp_path / "verdicts.xml").getroot()[0]
    assert suite.attrib["failures"] == "1"
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.attrib["message"].startswith("slower: <b>&.tflite takes 1.060")
