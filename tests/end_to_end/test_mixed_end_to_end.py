"""A network that 8-bit integers ruin: explained, repaired by hand as advised, and by itself."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from commands import typed_in

import zoo
from zoo.artifacts.artifact import open_artifact
from zoo.common.errors import BadFile, UsageError
from zoo.contracts import Exporter
from zoo.registry import PluginSettings, Registry, load_registry

pytestmark = pytest.mark.slow
PLUGIN = Path(__file__).parents[1] / "support" / "uneven_network.py"
FORMATS = ("tflite", "onnx")


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is kept from one run of these tests to the next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(PluginSettings(paths=(str(PLUGIN),), installed=False))


@pytest.fixture(scope="module")
def weights(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    store = f"sqlite:///{folder / 'store.db'}"
    run = zoo.finetune(
        "uneven8",
        "digits",
        from_scratch=True,
        epochs=8,
        output=folder,
        store=store,
        registry=registry,
    )
    return run.weights


def export(registry: Registry, weights: Path, output: Path, **options: Any) -> Any:
    given = {"precision": ("float32", "int8"), **options}
    store = f"sqlite:///{output.parent / 'store.db'}"
    return zoo.export(str(weights), output=output, store=store, registry=registry, **given)


@pytest.fixture(scope="module")
def plain(registry: Registry, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("plain") / "exports"
    run = export(registry, weights, output, repair=False)
    assert not run.passed
    assert {f.name for f in run.files if f.name.endswith(".rejected")} == {
        "uneven8.digits.int8.tflite.rejected",
        "uneven8.digits.int8.onnx.rejected",
    }
    return output


@pytest.mark.parametrize("format", FORMATS)
def test_advice_that_is_pasted_keeps_its_word(
    plain: Path, registry: Registry, format: str, tmp_path: Path
) -> None:
    found = zoo.explain(plain / f"uneven8.digits.int8.{format}.rejected", registry=registry)
    assert found.twin.path == plain / f"uneven8.digits.float32.{format}"
    assert any("even" in text and "range of its" in text for text in found.findings)
    assert found.advice is not None
    words = shlex.split(found.advice.command)
    assert words[:2] == ["zoo", "export"]
    output = tmp_path / "advised"
    command = ("--plugin", PLUGIN, *words[1:], "--no-repair", "--json", "--output", output)
    done = typed_in(tmp_path, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert [row["verdict"] for row in told["files"]] == ["passed"]
    assert told["files"][0]["drop_points"] < 1.0
    kept = open_artifact(registry, output / f"uneven8.digits.int8.{format}")
    # What was kept is in float, and the rest is not.
    assert kept.contents.float_islands
    assert kept.contents.integer_operators > 0


def result_of(run: Any, step: str) -> Any:
    return next(record.result for record in run.steps if record.step == step)


def test_export_repairs_by_itself_and_says_so(
    registry: Registry, weights: Path, plain: Path, tmp_path: Path
) -> None:
    run = export(registry, weights, tmp_path / "repaired")
    assert run.passed, [s.reason for s in run.steps if s.reason]
    for format in FORMATS:
        result = result_of(run, f"export {format} int8")
        first, *others = result["attempts"]
        assert first["kept"] == ()
        assert first["drop"] > 50
        assert not first["good"]
        assert "another class" in first["reason"]
        good = [attempt for attempt in others if attempt["good"]]
        assert tuple(result["kept"]) in [tuple(attempt["kept"]) for attempt in good]
        assert min(a["bytes"] for a in good) <= result["bytes"]
        assert "even" in result["kept"]
        file = tmp_path / "repaired" / f"uneven8.digits.int8.{format}"
        artifact = open_artifact(registry, file)
        assert artifact.manifest is not None
        assert artifact.manifest.remarks[-1] == result["remark"]
        assert "Mixed precision: " in result["remark"]
        before = (plain / f"{file.name}.rejected").stat().st_size
        float_size = (plain / file.name.replace("int8", "float32")).stat().st_size
        # As few layers as needed: nearly as small as the file that was good for nothing.
        assert file.stat().st_size < before + 0.2 * (float_size - before)
    rows = json.loads((tmp_path / "repaired" / "uneven8.digits.records.json").read_text())
    assert any((row["result"] or {}).get("attempts") for row in rows)
    again = export(registry, weights, tmp_path / "repaired")
    assert all(step.cached for step in again.steps)


def test_where_nothing_helps_the_record_says_by_how_much(
    registry: Registry, weights: Path, tmp_path: Path
) -> None:
    """Answers that are nearly alike: an output of 256 steps cannot tell them apart."""
    blunt = tmp_path / "blunt8.digits.safetensors"
    shutil.copyfile(weights, blunt)
    card = weights.with_suffix(".toml").read_text(encoding="utf-8")
    blunt.with_suffix(".toml").write_text(card.replace("uneven8", "blunt8"), encoding="utf-8")
    run = export(registry, blunt, tmp_path / "out", format=("tflite",))
    assert not run.passed
    result = result_of(run, "export tflite int8")
    assert len(result["attempts"]) > 1
    assert not any(attempt["good"] for attempt in result["attempts"])
    best = min(attempt["drop"] for attempt in result["attempts"])
    assert "No choice of layers in float suffices" in result["remark"]
    assert f"{best - 1.0:.0f} points more than the budget of 1" in result["remark"]


def test_what_cannot_be_explained_is_refused_with_a_way_out(
    plain: Path, registry: Registry, tmp_path: Path
) -> None:
    rejected = plain / "uneven8.digits.int8.tflite.rejected"
    with pytest.raises(UsageError, match="is a float32 file"):
        zoo.explain(plain / "uneven8.digits.float32.tflite", registry=registry)
    onnx = plain / "uneven8.digits.float32.onnx"
    with pytest.raises(UsageError, match="is not the float twin") as refusal:
        zoo.explain(rejected, against=onnx, registry=registry)
    assert "its format is onnx" in str(refusal.value)
    alone = tmp_path / rejected.name
    shutil.copyfile(rejected, alone)
    with pytest.raises(UsageError, match="there is no float twin") as refusal:
        zoo.explain(alone, registry=registry)
    assert "zoo export uneven8.digits --format tflite" in str(refusal.value)
    assert "--against FILE" in str(refusal.value)
    # Weights that lie beside the file have no id that a command knows.
    weights = shutil.copyfile(
        plain / "uneven8.digits.safetensors", tmp_path / "uneven8.digits.safetensors"
    )
    with pytest.raises(UsageError, match="there is no float twin") as refusal:
        zoo.explain(alone, registry=registry)
    assert f"zoo export {weights} --format tflite" in str(refusal.value)
    assert f"--output {tmp_path}" in str(refusal.value)
    bare = tmp_path / "bare.tflite"
    exporter: Exporter = registry.exporters.get("tflite")
    payload = exporter.inspect(rejected).payload_bytes
    bare.write_bytes(rejected.read_bytes()[:payload])
    with pytest.raises(BadFile, match="has no manifest"):
        zoo.explain(bare, registry=registry)
