"""zoo bench --reference: the network that a file came from, timed beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from linear_network import linear_onnx
from measured import side

from zoo.artifacts.artifact import embed, open_artifact
from zoo.benchmark.compare.comparing import _counterpart
from zoo.benchmark.compare.operands import operand_named
from zoo.benchmark.journal import Journal
from zoo.benchmark.tiers import TIERS, Tier
from zoo.common.clock import utc_now
from zoo.common.files import sha256_of
from zoo.networks.checkpoints import resolve
from zoo.registry import load_registry
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store

TINY = Tier(name="tiny", runs=4, seconds=0.02, processes=2, warmup_seconds=0.01, limit_seconds=20.0)
BENCH = ("--tier", "tiny", "--reference")
MODEL = "lenet5.fashion_mnist"


@pytest.fixture(autouse=True)
def tiny_and_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short tier, and no disturbance: a machine that runs tests is never quiet."""
    monkeypatch.setitem(TIERS, "tiny", TINY)
    monkeypatch.setattr("zoo.benchmark.interleaving.disturbances", lambda *_, **__: ())


@pytest.fixture
def exported(judged_file: Path) -> Callable[..., Path]:
    """Makes a file whose manifest says that it came from LeNet-5, or from other weights."""
    registry = load_registry()
    _, _, checkpoint = resolve(registry, MODEL)
    assert checkpoint is not None
    weights = sha256_of(checkpoint.path)

    def make(name: str, weights_sha256: str = weights) -> Path:
        artifact = open_artifact(registry, judged_file)
        assert artifact.manifest is not None
        path = linear_onnx(Path(name))
        manifest = replace(artifact.manifest, model_id=MODEL, weights_sha256=weights_sha256)
        embed(artifact.exporter, path, manifest)
        return path

    return make


def records(status: str) -> list[Any]:
    store = Store()
    found = [row.record for row in store.records(kind="bench") if row.record.status == status]
    store.close()
    return found


def test_a_file_without_a_manifest_has_none(zoo: Any, plain_file: Path) -> None:
    found = zoo("bench", plain_file, *BENCH)
    assert found.code == 1
    assert "plain.onnx" in found.out, "the file itself is timed all the same"
    assert "plain, 1 thread, tensorflow on host: plain.onnx has no network" in found.err
    assert "no manifest that says which weights" in found.err
    assert "Traceback" not in found.err
    assert (len(records("passed")), len(records("failed"))) == (1, 1)


def test_weights_that_are_not_here(zoo: Any, exported: Callable[..., Path]) -> None:
    found = zoo("bench", exported("a.onnx", "5" * 64), *BENCH, "--threads", "1,2", "--json")
    assert found.code == 1
    assert [(row["file"], row["reference"], row["verdict"]) for row in found.json] == [
        *(("a.onnx", False, "good"), ("a.onnx", False, "good")),
        *((MODEL, True, "failed"), (MODEL, True, "failed")),
    ]
    error = found.json[2]["error"]
    assert error["what"] == "the weights that a.onnx was exported from are not here"
    assert f"{MODEL}.safetensors with the SHA-256 5555555555555555…" in error["why"]
    assert f"{MODEL} is not them" in error["why"]
    assert f"copy {MODEL}.safetensors and its {MODEL}.toml" in error["fix"]


def test_where_nothing_is_timed(zoo: Any, exported: Callable[..., Path]) -> None:
    found = zoo("bench", exported("a.onnx"), *BENCH, "--device", "nano33ble")
    assert found.code == 2
    assert "--reference means nothing for 'nano33ble'" in found.err


@pytest.mark.parametrize("alike", [True, False])
def test_a_network_is_compared_with_networks_alone(zoo: Any, alike: bool) -> None:
    store = Store()
    for tag, reference in (("one", True), ("two", alike)):
        measured = side([100.0] * 5, file=f"{tag}.net", reference=reference).measurement
        plain = as_plain(measured)
        step = StepRecord(
            step=tag, kind="bench", key=tag, status="passed", created=utc_now(), result=plain
        )
        store.append(f"bench:{tag}", step)
    store.close()
    compared = zoo("compare", "one", "two")
    assert ("have no file in common" in compared.err) is not alike


@pytest.mark.slow
def test_one_network_beside_its_files(zoo: Any, exported: Callable[..., Path]) -> None:
    pytest.importorskip("tensorflow")
    files = (exported("a.onnx"), exported("b.onnx"), Path("plain.onnx"))
    linear_onnx(files[2])
    typed = ("bench", *files, *BENCH, "--budget", "p90<=1s,size<=1MB", "--junit", "junit.xml")
    found = zoo(*typed, "--json")
    assert found.code == 1, "of one file there is no network"
    rows = {row["file"]: row for row in found.json}
    assert list(rows) == ["a.onnx", "b.onnx", "plain.onnx", MODEL, "plain"]
    row, measurement = rows[MODEL], rows[MODEL]["measurement"]
    assert (row["runtime"], row["verdict"], row["budgets"]) == ("tensorflow", "good", [])
    assert (measurement["file"], measurement["reference"]) == (MODEL, True)
    assert measurement["placement"]["name"] == "CPU"
    assert measurement["answers"]["max_abs"] < 1e-5
    assert measurement["answers"]["reference"].startswith("the Keras network")
    assert len(rows["a.onnx"]["budgets"]) == 2
    cases = ElementTree.parse("junit.xml").iter("testcase")
    named = [case.get("name") for case in cases if MODEL in str(case.get("classname"))]
    assert named == ["timed"], "budgets are of files"
    assert {record.step for record in records("passed")} >= {f"bench {MODEL} 1 host"}

    # One row failed, so what the others have is kept for the next time.
    assert any(Journal().folder.iterdir())
    again = {row["file"]: row for row in zoo(*typed, "--json").json}
    assert again[MODEL]["kept"]
    assert again[MODEL]["measurement"] == measurement

    table = zoo("bench", files[0], *BENCH, "--tag", "noon")
    assert table.code == 0
    assert f"\n{MODEL}  " in table.out
    assert "tensorflow 2." in table.out
    few = zoo("compare", "noon", files[1], "--tier", "tiny", "--turns", "1")
    assert (few.code, "a record of 2 processes, it takes 19 turns" in few.err) == (2, True)
    counterpart = _counterpart(operand_named(Store(None), "noon", [".onnx"]), files[1])
    assert counterpart.measurement.file == "a.onnx", "the network is the counterpart of no file"
