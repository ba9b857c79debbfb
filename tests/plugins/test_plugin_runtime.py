"""A distribution that brings a format and what runs it: its files are handled like all others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from short_timing import short_timing as short_timing

import zoo
from zoo.analysis.verify.verify import verify
from zoo.artifacts.artifact import open_artifact
from zoo.pipeline.rows import rows_of
from zoo.pipeline.run import Run
from zoo.registry import PluginSettings, Registry, load_registry
from zoo.testing.devices import check_device

for module in ("tensorflow", "sklearn"):
    pytest.importorskip(module)

PLUGIN = Path(__file__).parents[1] / "distributions" / "zoo-dense" / "zoo_dense"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(PluginSettings(paths=(str(PLUGIN),), installed=False))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[tuple[Path, Run]]:
    """The network trained, exported, gated and timed, once."""
    place = tmp_path_factory.mktemp("dense")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(place / "home"))
        patch.chdir(place)
        made = zoo.ship(
            *("perceptron8", "digits"),
            epochs=20,
            from_scratch=True,
            format=["dense"],
            precision=["float32"],
            tier="brief",
            report=False,
            registry=registry,
        )
        yield made.folder, made


def test_records(registry: Registry) -> None:
    assert [p.problem for p in registry.plugins if p.origin == "local"] == [None]
    assert registry.runtimes.get("dense-numpy").formats == ("dense",)


def test_exported_gated_and_timed(run: tuple[Path, Run], registry: Registry) -> None:
    folder, made = run
    assert made.passed, [(s.step, s.reason) for s in made.steps if s.reason]
    (row,) = [row for row in rows_of(made) if row.format == "dense"]
    assert (row.verdict, row.runtime, row.quiet is not None) == ("passed", "dense-numpy", True)
    manifest = open_artifact(registry, folder / row.file).manifest
    assert manifest is not None
    assert manifest.golden is not None
    assert manifest.gate is not None


def test_verified_evaluated_and_timed_alone(run: tuple[Path, Run], registry: Registry) -> None:
    folder, _ = run
    (file,) = folder.glob("*.dense")
    found = verify(file, data="digits", registry=registry)
    assert found.passed, found.claims
    assert "golden outputs in dense-numpy" in {claim.name for claim in found.claims}
    unchecked = {claim.name for claim in found.claims if claim.status == "not checked"}
    needing = ("parity", "classes", "confidence", "resolution")
    wanted = {"preprocessing in the file", *(f"{name} with the network" for name in needing)}
    assert unchecked == wanted, "as with every other file"
    quality = zoo.evaluate(str(file), "digits", registry=registry)
    assert quality.runtime == "dense-numpy"
    (timing,) = zoo.bench([file], tier="brief", registry=registry)
    assert timing.error is None
    assert timing.measurement is not None
    assert timing.measurement.runtime == "dense-numpy"
    assert timing.measurement.answers is not None
    assert timing.measurement.answers.exact


@pytest.mark.parametrize("check", ["describe", "load", "run", "bench"])
def test_the_kit_tries_it(check: str, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """`zoo plugins check host` finds its probe first in the alphabet."""
    check_device("host", check, registry=registry)


def test_a_wrong_answer_is_rejected(
    run: tuple[Path, Run], registry: Registry, tmp_path: Path
) -> None:
    """The agent's source decides what a file answers: one that errs fails the golden inputs."""
    folder, _ = run
    (file,) = folder.glob("*.dense")
    other = tmp_path / "zoo_dense"
    other.mkdir()
    for path in PLUGIN.glob("*.*"):
        text = path.read_text(encoding="utf-8")
        (other / path.name).write_text(text.replace("found @ weights + bias", "found @ weights"))
    wrong = load_registry(PluginSettings(paths=(str(other),), installed=False))
    found = verify(file, registry=wrong)
    assert not found.passed
    assert "golden outputs in dense-numpy" in {c.name for c in found.claims if c.status == "fails"}
