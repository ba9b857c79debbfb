"""The example notebook, executed in order in an empty folder by a kernel of its own."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "examples" / "from_python.ipynb"
#: Cells that test what the notebook has no words for.
MORE = [
    """
import asyncio

async def task():
    return zoo.info("lenet5")["name"]

print(await task(), len(repr(zoo.models())) < 4000)
""",
    """
again = zoo.finetune(
    "lenet5", "digits", epochs=2, learning_rate=0.002,
    track=["tensorboard:logs", "tensorboard:/dev/null"],
)
print(again.changed, *again.remarks)
""",
]


class Recorder(NotebookClient):
    """A client that counts the kinds of messages of each cell."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.kinds: dict[int, Counter[str]] = {}

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        self.kinds.setdefault(cell_index, Counter())[msg["msg_type"]] += 1
        return super().process_message(msg, cell, cell_index)


@pytest.mark.slow
def test_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    place = tmp_path / "empty"
    place.mkdir()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    added = [nbformat.v4.new_code_cell(source.strip()) for source in MORE]
    notebook.cells += added
    client = Recorder(notebook, timeout=300, resources={"metadata": {"path": place}})
    client.execute(env={**os.environ})
    cells = {cell.id: cell for cell in notebook.cells}
    numbers = {cell.id: number for number, cell in enumerate(notebook.cells)}

    # One output that changed while the run went on, and nothing beside it.
    (shown,) = cells["ship"].outputs
    assert shown.output_type == "display_data"
    assert client.kinds[numbers["ship"]]["update_display_data"] > 3
    for step in ("finetune", "export tflite int8", "bench tflite int8 host", "report"):
        assert f"✓ {step}" in shown.data["text/plain"]
        assert step in shown.data["text/html"]
    # Long results are short, and a run is its table.
    (table,) = cells["table"].outputs
    assert len(table.data["text/plain"]) < 1000
    assert "<th>verdict</th>" in table.data["text/html"]
    assert "lenet5.digits.int8.tflite" in table.data["text/html"]
    assert cells["files"].outputs[0].data["text/plain"].startswith("lenet5.digits.int8.tflite  pas")
    assert text(cells["figures"]).splitlines()[1] == f"True {size_of(place)} True"
    assert "lenet5.digits.int8.tflite" in cells["frame"].outputs[-1].data["text/html"]
    labels = tuple(map(str, range(10)))
    assert text(cells["matrix"]).startswith(f"{labels} (10, 10) 0.")
    assert "balanced accuracy" in cells["matrix"].outputs[-1].data["text/html"]
    assert text(cells["losses"]) == "2 True lenet5.digits.safetensors\n"
    assert not client.kinds[numbers["losses"]]["display_data"]
    assert "did you mean 'format'?" in text(cells["error"])
    # A running loop, trackers of what was trained before, one of them failing.
    loop, told = added
    assert text(loop) == "lenet5 True\n"
    assert text(told).startswith("False The tracker tensorboard:/dev/null was left out: ")
    assert "track tensorboard: the tracker" in told.outputs[0].data["text/plain"]
    (events,) = place.glob("logs/lenet5.digits-*/events.out.tfevents.*")
    written = events.read_bytes()
    assert written.count(b"finetune/loss") == 2
    assert b"test/accuracy" in written


def text(cell: Any) -> str:
    """What a cell printed; nothing may be printed to standard error."""
    streams = [out for out in cell.outputs if out.output_type == "stream"]
    assert [out.name for out in streams] == ["stdout"], streams
    return str(streams[0].text)


def size_of(place: Path) -> int:
    (file,) = place.glob("runs/*/lenet5.digits.int8.tflite")
    return file.stat().st_size
