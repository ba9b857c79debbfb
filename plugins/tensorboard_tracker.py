"""TensorBoard: event files that it reads, written without TensorFlow."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts.tracker import TrackedRun, Tracker, TrackerSession
from zoo.hookspecs import hookimpl


class EventFile(TrackerSession):
    """An event file in a folder of the run's name; TensorBoard shows it while it grows."""

    def __init__(self, folder: str, run: TrackedRun) -> None:
        records = require("tensorboard.summary.writer.record_writer")
        self._events = require("tensorboard.compat.proto.event_pb2")
        self._summaries = require("tensorboard.compat.proto.summary_pb2")
        self._tensors = require("tensorboard.compat.proto.tensor_pb2")
        self._types = require("tensorboard.compat.proto.types_pb2")
        place = Path(folder).expanduser() / run.name
        place.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time():.6f}.{os.getpid()}.zoo"
        # Two runs of one recipe may begin in the same moment; neither writes into the other's.
        self._file = (place / name).open("xb")
        self._writer = records.RecordWriter(self._file)
        self._write(file_version="brain.Event:2")
        words = (f"    {key} = {value}" for key, value in run.parameters.items())
        self._write(summary=self._summaries.Summary(value=[self._text("recipe", words)]))

    def epoch(self, step: str, number: int, figures: Mapping[str, float]) -> None:
        """Writes the figures of an epoch as ``finetune/loss``."""
        values = ((f"{step}/{name}", value) for name, value in figures.items())
        self._write(step=number, summary=self._summaries.Summary(value=self._scalars(values)))

    def finish(
        self, figures: Mapping[str, float], verdicts: Mapping[str, str], *, passed: bool
    ) -> None:
        """Writes the figures and verdicts at the end, and closes the file."""
        values = [*self._scalars(figures.items())]
        lines = [f"    run: {'passed' if passed else 'not passed'}"]
        lines += [f"    {file}: {verdict}" for file, verdict in verdicts.items()]
        values.append(self._text("verdicts", lines))
        self._write(summary=self._summaries.Summary(value=values))
        self._file.close()

    def _scalars(self, figures: Iterable[tuple[str, float]]) -> Iterator[Any]:
        for name, value in figures:
            yield self._summaries.Summary.Value(tag=name, simple_value=value)

    def _text(self, tag: str, lines: Iterable[str]) -> Any:
        """Text that TensorBoard shows as it is: lines set in are code in Markdown."""
        plugin = self._summaries.SummaryMetadata.PluginData(plugin_name="text")
        return self._summaries.Summary.Value(
            tag=tag,
            metadata=self._summaries.SummaryMetadata(plugin_data=plugin),
            tensor=self._tensors.TensorProto(
                dtype=self._types.DT_STRING,
                string_val=["\n".join(lines).encode("utf-8", "backslashreplace")],
            ),
        )

    def _write(self, **fields: Any) -> None:
        event = self._events.Event(wall_time=time.time(), **fields)
        self._writer.write(event.SerializeToString())
        self._writer.flush()


@hookimpl
def zoo_trackers() -> Iterator[Tracker]:
    """TensorBoard."""
    yield Tracker(
        name="tensorboard",
        summary="Event files for TensorBoard, a folder for each run",
        argument="DIR",
        open=EventFile,
        extra="tensorboard",
    )
