"""Renews docs/support-matrix.md: exports every family to every format at every precision, for real.

    python docs/support_matrix.py                       # every row; a repeat finds its results kept
    python docs/support_matrix.py --models resnet8,gan  # these rows alone; models or families
    python docs/support_matrix.py --precisions int4-weights  # these columns alone
    python docs/support_matrix.py --page                # the page alone, from the records beside it

What it measures goes into docs/support-matrix.json row by row, so that it may be interrupted.
All cells of a row are of one training: where columns alone are asked for, and the network was
trained anew since, the whole row is measured again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from support_page import page

from zoo.api.runs import ship
from zoo.contracts.precision import precision_named
from zoo.networks.card import read_card
from zoo.networks.checkpoints import packaged
from zoo.pipeline.rows import ArtifactRow, rows_of
from zoo.pipeline.run import Run
from zoo.registry import PluginSettings, Registry, load_registry

HERE = Path(__file__).parent
RECORDS, PAGE = HERE / "support-matrix.json", HERE / "support-matrix.md"
PEERS = HERE / "published-peers.json"
#: From so many multiply-adds on, files without quick kernels are judged on fewer test images.
HEAVY = 5_000_000
SLOW_PRECISIONS = ("int16x8",)
PART = "fashion_mnist_part"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A row of the matrix: a network, and how it came to its weights.

    Attributes:
        label: Unique.
        family: Name of the architecture.
        model: Variant, or model id of packaged weights.
        data: What files are calibrated and judged on.
        training: Options of the training; empty for packaged weights.
        note: How its training was cut short, for the page.
    """

    label: str
    family: str
    model: str
    data: str
    training: dict[str, Any] = field(default_factory=dict)
    note: str = ""


def trained(label: str, family: str, model: str, note: str, **training: Any) -> Subject:
    """A network without packaged weights: a short real training on a small dataset."""
    options = {"from_scratch": True, "epochs": 8, "learning_rate": 0.002, "patience": 0}
    data = training.pop("data", "digits")
    epochs = training.get("epochs", options["epochs"])
    said = f"trained here for {epochs} epochs on `{data}`, {note}"
    return Subject(
        label=label,
        family=family,
        model=model,
        data=data,
        training={**options, **training},
        note=said,
    )


#: Small enough to train in minutes on two cores: the operators are the same at every size.
_SMALL = {"input_size": 32, "channels": 1, "batch_size": 16}
TRAINED = (
    trained(
        "alexnet_small with LRN",
        "alexnet",
        "alexnet_small",
        "with the response normalization of the paper",
        set={"normalization": "lrn"},
        learning_rate=0.001,
    ),
    trained(
        "vgg16",
        "vgg",
        "vgg16",
        "at 32×32 pixels with an eighth of the filters",
        set={"filters": [8, 16, 32, 64, 64], "hidden": 128},
        learning_rate=0.001,
        **_SMALL,
    ),
    trained("resnet18", "resnet_imagenet", "resnet18", "at 32×32 pixels", **_SMALL),
    trained("resnet50", "resnet_imagenet", "resnet50", "at 32×32 pixels", **_SMALL),
    *(
        trained(variant, "mobilenet", variant, "at 32×32 pixels", **_SMALL, epochs=24)
        for variant in ("mobilenet_v2", "mobilenet_v3_small")
    ),
    trained(
        "efficientnet_lite0", "efficientnet_lite", "efficientnet_lite0", "at 32×32 pixels", **_SMALL
    ),
    trained(
        "lraspp_mobilenet96",
        "lraspp",
        "lraspp_mobilenet96",
        "at 32×32 pixels",
        **_SMALL,
        data="fashion_masks",
    ),
    trained(
        "lstm_small with 2 layers",
        "lstm",
        "lstm_small",
        "with two layers of 32 units",
        set={"units": 32, "layers": 2},
        data="digits_rows",
        epochs=15,
    ),
    trained(
        "dncnn_small with 3 layers",
        "dncnn",
        "dncnn_small",
        "with three layers of 8 filters, at 24×24 pixels",
        set={"depth": 3, "filters": 8},
        data="photographs?degrade=noise25&patch=24",
        input_size=24,
        epochs=3,
    ),
)


def main() -> None:
    """Measures the rows that were asked for, and writes records and page."""
    asked = _arguments()
    started = time.monotonic()
    if not asked.page:
        settings = PluginSettings(installed=False, paths=(str(HERE / "part_dataset.py"),))
        registry = load_registry(settings)
        for subject in chosen(registry, asked.models):
            began = time.monotonic()
            only = [name for name in asked.precisions.split(",") if name]
            record = measured(registry, subject, asked.tier, only)
            before = next((row for row in read() if row["label"] == subject.label), None)
            if only and of_other_network(before, record["network"], bool(subject.training)):
                print(f"{subject.label}: trained anew, so all of it is measured", flush=True)
                only = []
                record = measured(registry, subject, asked.tier)
            keep(record, registry, only)
            print(f"{subject.label}: {time.monotonic() - began:.0f} s", flush=True)
    PAGE.write_text(page(read(), read(PEERS)), encoding="utf-8")
    print(f"{PAGE} written after {time.monotonic() - started:.0f} s")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", default="", help="models or families, with commas [all]")
    parser.add_argument(
        "--precisions", default="", help="columns, with commas; others stay on record [all]"
    )
    parser.add_argument("--tier", default="brief", help="how carefully to time [brief]")
    parser.add_argument("--page", action="store_true", help="renew the page from its records alone")
    return parser.parse_args()


def subjects(registry: Registry) -> Iterator[Subject]:
    """All rows: the packaged weights of the registry, then the networks that are trained here."""
    for architecture, variant in registry.variants():
        for tag, weights in packaged(architecture, variant).items():
            model, data = f"{variant.name}.{tag}", read_card(weights.with_suffix(".toml")).dataset
            yield Subject(label=model, family=architecture.name, model=model, data=data)
    yield from TRAINED


def chosen(registry: Registry, names: str) -> list[Subject]:
    """The rows named, by model, variant or family; all of them when none is."""
    rows = list(subjects(registry))
    asked = [name.strip() for name in names.split(",") if name.strip()]
    known = {name for row in rows for name in _names(row)}
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise SystemExit(f"no row is called {unknown[0]!r}; there are: {', '.join(sorted(known))}")
    return [row for row in rows if not asked or set(asked) & _names(row)]


def _names(row: Subject) -> set[str]:
    return {row.label, row.family, row.model, row.model.partition(".")[0]}


def of_other_network(before: Mapping[str, Any] | None, network: str, trained: bool) -> bool:
    """Whether what is on record of a row was measured on another network than `network`.

    Args:
        before: The row on record; None for none.
        network: From `network_of`.
        trained: Whether it is trained where it is measured. Of such a row that does not say which
            network it is about, nobody knows; others are what was published.
    """
    if before is None or not before["cells"]:
        return False
    known = before.get("network", "")
    return bool(known != network if known else trained)


def network_of(run: Run) -> str:
    """The hash of the weights that a run trained, or took as they were."""
    return read_card(run.weights.with_suffix(".toml")).sha256


def measured(
    registry: Registry, subject: Subject, tier: str, only: Sequence[str] = ()
) -> dict[str, Any]:
    """The record of a row: one cell for each format and precision, or of some precisions alone."""
    _, variant = registry.variant(subject.model.partition(".")[0])
    heavy = variant.multiply_adds >= HEAVY and subject.data == "fashion_mnist"
    cells: list[dict[str, Any]] = []
    machine: dict[str, Any] = {}
    networks: set[str] = set()
    for exporter in registry.exporters:
        slow = [p for p in exporter.precisions if p in SLOW_PRECISIONS and heavy]
        quick = [p for p in exporter.precisions if p not in slow]
        if only:
            # What is lost, and how much smaller a file is, is told beside float32.
            slow, quick = [], [p for p in quick if p in ("float32", *only)]
        parts: list[tuple[str, list[str], dict[str, Any]]] = [(subject.data, quick, {})]
        if slow:
            # To try out ways of calibration takes many inferences, too.
            parts.append((PART, ["float32", *slow], {"calibration_method": "minmax"}))
        for data, precisions, options in parts:
            run, network = _run(registry, subject, data, exporter.name, precisions, tier, options)
            machine = machine or timed_on(run)
            networks.add(network)
            rows = rows_of(run)
            cells += [
                _cell(run, row, data)
                for row in rows
                if data == subject.data or row.precision in slow
            ]
    cells = [cell for cell in cells if not only or cell["precision"] in only]
    cells.sort(key=lambda cell: (cell["format"], precision_named(cell["precision"]).order))
    (own,) = networks  # steps are kept: no run trains again what the one before has trained
    return {**asdict(subject), "network": own, "machine": machine, "cells": cells}


def _run(
    registry: Registry,
    subject: Subject,
    data: str,
    format: str,
    precisions: list[str],
    tier: str,
    options: dict[str, Any],
) -> tuple[Run, str]:
    """A run whose folder is gone, and the hash of the weights that were in it."""
    training = subject.training or {"epochs": 0}
    with tempfile.TemporaryDirectory(prefix="zoo-matrix-") as folder:
        run = ship(
            subject.model,
            data,
            format=(format,),
            precision=tuple(precisions),
            output=folder,
            report=False,
            registry=registry,
            tier=tier,
            on_step=_progress(subject.label),
            **options,
            **training,
        )
        return run, network_of(run)


def _progress(label: str) -> Any:
    def told(step: str, event: dict[str, Any]) -> None:
        if event["event"] == "end" and not event["cached"]:
            print(f"  {label}: {step} {event['status']} {event['seconds']:.0f} s", flush=True)

    return told


def _cell(run: Run, row: ArtifactRow, data: str) -> dict[str, Any]:
    cell = ("export", row.format, row.precision, False)
    made = (
        f for i, f in run.finished.items() if (i.kind, i.format, i.precision, i.trained) == cell
    )
    export = next(made).record
    result = export.result or {}
    contents = result.get("contents", {})
    metric = row.accuracy
    return {
        "format": row.format,
        "precision": row.precision,
        "verdict": "unsupported" if result.get("type") == "Unsupported" else row.verdict,
        "reason": row.reason,
        "data": data,
        "metric": None if metric is None else asdict(metric),
        "change": row.drop_points,
        "bytes": row.bytes,
        "size_ratio": row.size_ratio,
        "p50_ms": row.p50_ms,
        "p50_low_ms": row.p50_low,
        "p50_high_ms": row.p50_high,
        "quiet": row.quiet,
        "runtime": row.runtime,
        "threads": row.threads,
        "integer_share": row.integer_share,
        "float_islands": dict(sorted(Counter(contents.get("float_islands", ())).items())),
    }


def timed_on(run: Run) -> dict[str, Any]:
    """Where the latencies were taken, from the first record that tells."""
    for step in run.steps:
        if step.kind == "bench" and step.status == "passed" and step.result is not None:
            told = step.result["environment"]
            kept = ("cpu", "cores", "machine", "flags", "os", "python", "runtimes")
            return {**{k: told.get(k) for k in kept}, "tier": step.result["tier"]}
    return {}


def read(records: Path | None = None) -> list[dict[str, Any]]:
    """Committed records, those of the page's rows unless others are named."""
    rows: list[dict[str, Any]] = json.loads((records or RECORDS).read_text(encoding="utf-8"))
    return rows


def keep(record: dict[str, Any], registry: Registry, only: Sequence[str] = ()) -> None:
    """Puts a row in the place that it has among all rows; rows of nothing any more go.

    Of a row of some precisions alone, the cells of others and their machine stay; cells that
    another machine timed name it.
    """
    known = {row["label"]: row for row in read()} if RECORDS.exists() else {}
    before = known.get(record["label"])
    if only and before is not None:
        others = [cell for cell in before["cells"] if cell["precision"] not in only]
        elsewhere = before["machine"] and record["machine"] not in ({}, before["machine"])
        own = {"machine": record["machine"]} if elsewhere else {}
        cells = [*others, *({**one, **own} if one["p50_ms"] else one for one in record["cells"])]
        cells.sort(key=lambda cell: (cell["format"], precision_named(cell["precision"]).order))
        record = {**record, "machine": before["machine"] or record["machine"], "cells": cells}
    known[record["label"]] = record
    rows = [known[s.label] for s in subjects(registry) if s.label in known]
    RECORDS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
