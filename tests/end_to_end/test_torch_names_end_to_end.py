"""Networks of timm and torchvision by name, with random weights, to files in every way."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

import zoo

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("torch", "onnxscript", "timm", "torchvision"):
        if find_spec(library) is None:  # imported in a process of its own alone
            pytest.skip(f"{library} is not installed")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ZOO_OFFLINE", "1")


@pytest.mark.parametrize(
    ("network", "precisions"),
    [
        ("timm:test_resnet", ["float32", "float16", "int8"]),
        ("torchvision:shufflenet_v2_x0_5", ["float32"]),
    ],
)
def test_random_weights_are_exported_in_every_way(
    tmp_path: Path, network: str, precisions: list[str]
) -> None:
    notes: list[str] = []

    def told(step: str, event: dict[str, object]) -> None:
        notes.extend([str(event["text"])] if event["event"] == "note" else [])

    run = zoo.export(
        f"{network}?weights=random&classes=10&size=32",
        "digits",
        output=tmp_path,
        precision=precisions,
        on_step=told,
    )
    assert {step.status for step in run.steps} == {"passed"}
    assert len(run.files) == 2 * len(precisions)
    # Nothing of it is worth shipping, and that is said twice.
    assert run.weak
    assert not run.passed
    assert any("its weights are random, as asked for" in note for note in notes)
    apart = next(note for note in notes if note.startswith("the converted network answers"))
    assert float(apart.split(": ")[1].split()[0]) <= 1e-4


def test_a_new_head_is_trained_and_so_are_batch_normalizations(tmp_path: Path) -> None:
    reference = "timm:test_resnet?weights=random&size=32"
    run = zoo.finetune(reference, "digits", output=tmp_path, epochs=2)
    assert run.evaluation.result.metrics[0].value > 0.5
