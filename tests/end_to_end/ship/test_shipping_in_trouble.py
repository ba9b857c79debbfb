"""Exporters that fail, each in its own way, cost their own format alone."""

from __future__ import annotations

import re

import pytest
from ship_commands import SHIP, Place, Shipped

for module in ("tensorflow", "ai_edge_litert", "onnxruntime", "tf2onnx", "sklearn", "jinja2"):
    pytest.importorskip(module)


@pytest.fixture(scope="module")
def troubled(shipped: Shipped, place: Place) -> Shipped:
    """The same weights, shipped in formats that go wrong."""
    formats = ("--format", "garbled,crash,refuse,idle,tflite", "--precision", "float32")
    typed = place.zoo("--plugin", "odd.py", *SHIP, *formats, "--output", "troubled")
    (folder,) = (place.folder / "troubled").iterdir()
    return Shipped(typed, folder)


def test_trouble_is_told_and_costs_its_format_alone(troubled: Shipped) -> None:
    assert troubled.typed.code == 1
    assert "Traceback" not in troubled.typed.err + troubled.typed.out
    status = {name: step["status"] for name, step in troubled.records.items()}
    assert status["gate garbled float32"] == "rejected"
    assert [status[f"export {name} float32"] for name in ("crash", "refuse", "idle")] == [
        "failed"
    ] * 3
    assert [status[f"gate {name} float32"] for name in ("crash", "refuse", "idle")] == [
        "skipped"
    ] * 3
    assert status["bench garbled float32 host"] == "skipped"
    assert status["bench tflite float32 host"] == "passed"
    for said in (
        r"rejected  lenet5.digits.float32.garbled.rejected: parity: the file chooses another class",
        r"accuracy: loses \d\d\.\d\d points, and chance does not explain it",
        r"failed    lenet5.digits.float32.crash: export was killed by SIGSEGV; why: native code",
        r"failed    lenet5.digits.float32.refuse: the plugin 'odd' failed: "
        r"RuntimeError: this converter does not like Mon",
        r"failed    lenet5.digits.float32.idle: the exporter 'idle' wrote no file",
        r"^lenet5.digits.float32.tflite .* passed$",
    ):
        assert re.search(said, troubled.typed.out, re.MULTILINE), said
    page = (troubled.folder / "report.html").read_text(encoding="utf-8")
    assert "chance does not explain it" in page
    assert "SIGSEGV" in page


def test_rejected_file_says_so_itself(troubled: Shipped, place: Place) -> None:
    names = {path.name for path in troubled.folder.iterdir()}
    assert "lenet5.digits.float32.garbled.rejected" in names
    assert "lenet5.digits.float32.garbled" not in names
    assert "lenet5.digits.float32.tflite" in names
    file = troubled.folder / "lenet5.digits.float32.garbled.rejected"
    typed = place.zoo("--plugin", "odd.py", "inspect", file)
    assert typed.code == 0
    assert re.search(r"^gate +REJECTED in litert", typed.out, re.MULTILINE)
    assert re.search(r"^  -- parity ", typed.out, re.MULTILINE)


def test_rejection_is_remembered(troubled: Shipped, place: Place) -> None:
    options = ("--format", "garbled", "--precision", "float32")
    typed = place.zoo("--plugin", "odd.py", *SHIP, *options, "--output", "again")
    assert typed.code == 1
    assert typed.done == set()
    assert "garbled.rejected: parity" in typed.out


@pytest.mark.slow
def test_crash_is_remembered_until_a_retry(troubled: Shipped, place: Place) -> None:
    options = ("--format", "crash,idle", "--precision", "float32", "--output", "crashed")
    typed = place.zoo("--plugin", "odd.py", *SHIP, *options)
    assert typed.code == 1
    # What is no crash may go well another time.
    assert typed.done == {"export idle float32"}
    assert "was killed by SIGSEGV" in typed.out
    assert "--retry" in typed.out
    typed = place.zoo("--plugin", "odd.py", *SHIP, *options, "--retry")
    assert typed.done == {"export crash float32", "export idle float32"}
