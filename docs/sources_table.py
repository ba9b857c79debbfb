"""Renews docs/sources-matrix.md: networks from elsewhere through everything that `zoo` does.

    python docs/sources_table.py                          # every row; a repeat finds its steps kept
    python docs/sources_table.py --networks onnx,separable.h5 --precisions float32,int8
    python docs/sources_table.py --page                   # the page alone, from the records

Each network is opened, exported, judged, timed; then each file is verified by a fresh process, and
the program of its bundle runs. The records in docs/sources-matrix.json are written after each cell;
what is measured again replaces its own cells alone, unless the network was trained anew since: then
all cells of its row are measured again. The exit code is 1 where a file that passed its
gate is further from the network's own framework than its precision allows, or fails afterwards.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sources_networks import NetworkRow, chosen
from sources_page import exceptions, page
from sources_records import RECORDS, is_of_another, read, with_cells, without_cells
from support_matrix import network_of, timed_on

from zoo.api.runs import ship
from zoo.artifacts.artifact import open_artifact
from zoo.common.errors import ZooError
from zoo.common.named_arrays import each_of, fields_of
from zoo.common.paths import cache_folder
from zoo.contracts import Split
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import normalize, read_inputs
from zoo.execution.runner import choose_runtime, host_device, run_file
from zoo.networks.card import read_card
from zoo.pipeline.rows import ArtifactRow, rows_of
from zoo.pipeline.run import Run
from zoo.pipeline.steps.step import StepId
from zoo.registry import Registry, load_registry

HERE = Path(__file__).parent
PAGE = HERE / "sources-matrix.md"
#: Test examples on which a file is compared with the network in its own framework.
COMPARED = 64
_SECONDS = 900


def main() -> int:
    """Measures what was asked for, and writes records and page."""
    asked = _arguments()
    registry = load_registry()
    records = read()
    failed = False
    if not asked.page:
        networks = asked.folder or cache_folder() / "sources-matrix"
        networks.mkdir(parents=True, exist_ok=True)
        for row in chosen(registry, asked.networks):
            began = time.monotonic()
            cells: set[tuple[str, str]] = asked_for(registry, asked)
            while cells:
                # A registry of its own: files of one name are networks of one name.
                for cell, machine, network in measured(
                    load_registry(), row, networks, cells, asked.tier
                ):
                    cells.discard((cell["format"], cell["precision"]))
                    # A cell that could not be made says nothing of the network.
                    if network and is_of_another(records, row, network):
                        print(f"{row.label}: trained anew, so all of it is measured", flush=True)
                        records = without_cells(records, row)
                        cells = asked_for(registry) - {(cell["format"], cell["precision"])}
                    records = with_cells(records, row, [cell], machine, registry, network)
                    RECORDS.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
                    failed = failed or bool(exceptions(cell))
            print(f"{row.label}: {time.monotonic() - began:.0f} s", flush=True)
    PAGE.write_text(page(records), encoding="utf-8")
    return int(failed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--networks", default="", help="rows or sources, with commas [all]")
    parser.add_argument("--formats", default="", help="formats, with commas [all]")
    parser.add_argument("--precisions", default="", help="precisions, with commas [all]")
    parser.add_argument("--tier", default="brief", help="how carefully to time [brief]")
    parser.add_argument("--folder", type=Path, help="where networks are made and fetched [cache]")
    parser.add_argument("--page", action="store_true", help="renew the page from its records alone")
    return parser.parse_args()


def asked_for(registry: Registry, asked: argparse.Namespace | None = None) -> set[tuple[str, str]]:
    """Formats and precisions of the cells that were asked for; of all without `asked`."""
    formats, precisions = (
        [n for n in words.split(",") if n]
        for words in (("", "") if asked is None else (asked.formats, asked.precisions))
    )
    return {
        (exporter.name, precision)
        for exporter in registry.exporters
        for precision in exporter.precisions
        if exporter.name in (formats or [exporter.name])
        and precision in (precisions or [precision])
    }


def measured(
    registry: Registry,
    row: NetworkRow,
    networks: Path,
    cells: set[tuple[str, str]],
    tier: str,
) -> Iterator[tuple[dict[str, Any], dict[str, Any], str]]:
    """Yields cells of a row, each with what timed it and the hash of the network.

    Args:
        registry: Knows the formats.
        row: The network.
        networks: Where networks are made and fetched.
        cells: Formats and precisions.
        tier: How carefully files are timed.
    """
    reference = row.reference(networks)
    data = row.data if isinstance(row.data, str) else row.data(networks)
    original: Original | None = None
    ordered = [(exporter.name, p) for exporter in registry.exporters for p in exporter.precisions]
    for format, precision in [cell for cell in ordered if cell in cells]:
        with tempfile.TemporaryDirectory(prefix="zoo-sources-") as folder:
            try:
                run = ship(
                    reference,
                    data,
                    format=(format,),
                    precision=(precision,),
                    output=Path(folder) / "runs",
                    report=False,
                    registry=registry,
                    tier=tier,
                    on_step=_progress(row.label),
                    **row.options,
                )
            except ZooError as error:  # the file cannot be made, and why is the finding
                yield _failed(format, precision, error), {}, ""
                continue
            if not row.is_trained:
                original = original or Original(registry, row, reference, data)
            one = next(each for each in rows_of(run) if each.precision == precision)
            yield _cell(run, one, original, Path(folder)), timed_on(run), network_of(run)


def _progress(label: str) -> Any:
    def told(step: str, event: dict[str, Any]) -> None:
        if event["event"] == "end" and not event.get("cached"):
            print(f"  {label}: {step} {event['status']} {event['seconds']:.0f} s", flush=True)

    return told


class Original:
    """A network in its own framework, on the first test examples.

    Args:
        registry: Knows its source.
        row: Names the source.
        reference: As typed.
        data: Dataset as typed.
    """

    def __init__(self, registry: Registry, row: NetworkRow, reference: str, data: str) -> None:
        self._registry = registry
        card = read_card(registry.opened[reference].with_suffix(".toml"))
        test = open_dataset(registry, data).splits["test"]
        count = min(COMPARED, len(test))
        self._split = Split(
            labels=test.labels[:count], read=test.read, content_hash=test.content_hash
        )
        self._preprocessing = card.preprocessing
        raw = read_inputs(self._split, card.preprocessing)
        opened = registry.sources.get(row.source).open(reference)
        self._answers: dict[str, Any]
        if card.network is not None and card.network.outputs:  # no labels: answers by their names
            parts = card.preprocessing.parts
            given = opened.as_given.with_shapes({one.called: one.input_shape for one in parts})
            names = [one.name for one in given.inputs]
            self._answers = dict(given.run(dict(zip(names, each_of(raw), strict=True))))
            return
        inputs = normalize(raw, card.preprocessing)
        said = "" if card.network is None else card.network.input
        if "bgr" in said or "blue, green, red" in said:
            inputs = np.ascontiguousarray(inputs[..., ::-1])
        shape = opened.inputs[0].shape[1:]
        if None in shape:
            shape = inputs.shape[1:]
            opened = opened.with_shape(shape)
        answers = opened.answers(inputs.reshape((len(inputs), *shape)))
        self._answers = {"": as_probabilities(answers)}

    def apart(self, file: Path) -> float:
        """The largest difference of a file's answers, as a share of their output's scale."""
        exporter = open_artifact(self._registry, file).exporter
        device = host_device(self._registry)
        found = run_file(
            file,
            choose_runtime(exporter, device),
            device,
            self._split,
            self._preprocessing,
            emit=lambda event: None,
        )
        own = list(fields_of(found.outputs).values())
        pairs = zip(self._answers.values(), own, strict=True)
        return max(share_apart(theirs, mine) for theirs, mine in pairs)


def as_probabilities(answers: Any) -> Any:
    """Answers of a classifier in float64: softmax of logits; one sigmoid as two classes."""
    values = np.asarray(answers, np.float64).reshape(len(answers), -1)
    if values.min() < 0 or values.max() > 1:
        raised = np.exp(values - values.max(-1, keepdims=True))
        values = raised / raised.sum(-1, keepdims=True)
    return np.concatenate([1 - values, values], -1) if values.shape[1] == 1 else values


def share_apart(reference: Any, answers: Any) -> float:
    """The largest difference between two arrays of answers, as a share of the first one's scale."""
    if reference.shape != answers.shape:
        raise ValueError(f"answers of shape {answers.shape}, expected {reference.shape}")
    scale = max(float(np.abs(reference).max()), 1e-6)
    return float(np.abs(np.asarray(answers, np.float64) - reference).max()) / scale


def _failed(format: str, precision: str, error: ZooError) -> dict[str, Any]:
    reason = "; ".join(part for part in (error.what, error.why) if part)
    return {"format": format, "precision": precision, "verdict": "failed", "reason": reason}


def _cell(run: Run, row: ArtifactRow, original: Original | None, folder: Path) -> dict[str, Any]:
    export = StepId(kind="export", format=row.format, precision=row.precision)
    result = run.finished[export].record.result or {}
    file = run.folder / row.file
    passed = row.verdict == "passed"
    apart = None
    if file.exists():
        # The trained Keras network is the reference of what was trained here.
        apart = row.max_abs if original is None else original.apart(file)
    metric = row.accuracy
    return {
        "format": row.format,
        "precision": row.precision,
        "verdict": "unsupported" if result.get("type") == "Unsupported" else row.verdict,
        "reason": row.reason,
        "apart": apart,
        "agreement": row.agreement,
        "accuracy": None if metric is None else metric.value,
        "change": row.drop_points,
        "sqnr_db": row.sqnr_db,
        "bytes": row.bytes,
        "p50_ms": row.p50_ms,
        "quiet": row.quiet,
        "threads": row.threads,
        "verified": verified(file) if passed else None,
        "bundled": bundled(file, folder / "bundle" / row.file) if passed else None,
    }


def verified(file: Path) -> str:
    """What ``zoo verify`` in a process of its own finds: ``holds``, or the claims that fail."""
    told = _zoo("verify", str(file), "--json")
    if isinstance(told, str):
        return told
    wrong = [f"{c['name']}: {c['reason']}" for c in told["claims"] if c["status"] == "fails"]
    return "holds" if told["passed"] else "; ".join(wrong) or "fails"


def bundled(file: Path, folder: Path) -> str:
    """What the Python program of its bundle comes to on golden inputs: ``runs``, or why not."""
    told = _zoo("bundle", str(file), "--output", str(folder), "--json")
    if isinstance(told, str):
        return told
    ran = [trial for trial in told["trials"] if trial["passed"] is not None]
    wrong = [trial["said"] for trial in ran if not trial["passed"]]
    return wrong[0] if wrong else "runs" if ran else "no program was run"


def _zoo(*arguments: str) -> Any:
    """What a command prints as JSON; what it says where it prints none."""
    done = subprocess.run(
        [sys.executable, "-m", "zoo", *arguments],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    try:
        told = json.loads(done.stdout)
    except json.JSONDecodeError:
        return f"exit code {done.returncode}: {' '.join(done.stderr.split())}"
    return told if "error" not in told else f"exit code {done.returncode}: {told['error']}"


if __name__ == "__main__":
    sys.exit(main())
