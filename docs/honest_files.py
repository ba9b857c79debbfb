"""Renews the tables of docs/gate.md: how far honest files move, beside what the gate allows.

    python docs/honest_files.py                        # every network; hours
    python docs/honest_files.py --models lenet5,gan    # these alone: labels that begin so
    python docs/honest_files.py --precisions int4-weights    # these alone; others stay as they are
    python docs/honest_files.py --page                 # the tables alone, from their records

Networks are trained here, or have packaged weights; each is exported to every format and precision
and run in its deployment runtime. What is measured goes into docs/honest-files.json network by
network, so that it may be interrupted. Nothing is left out for being bad. All files of a network
are of one training: where some precisions alone are asked for, and it was trained anew since, all
are measured again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from honest_figures import Cell, Split, figures, on_few
from honest_page import limits_table, networks_table, rounded_table, targets_table
from photographs import write_photographs
from support_matrix import TRAINED, Subject, network_of, of_other_network, trained
from update import replace as replace_block

from zoo.networks.checkpoints import packaged
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope
from zoo.pipeline.run import Run, execute
from zoo.pipeline.steps.rounded_network import ROUNDED
from zoo.registry import PluginSettings, Registry, load_registry

HERE = Path(__file__).parent
TESTS = HERE.parent / "tests"
RECORDS, PAGE = HERE / "honest-files.json", HERE / "gate.md"
PLUGINS = (
    HERE / "part_dataset.py",
    TESTS / "plugins" / "stdlib_sequences.py",
    TESTS / "support" / "shapes_plugin.py",
    TESTS / "support" / "digit_answers.py",
    TESTS / "distributions" / "zoo-codec" / "zoo_codec",
)
#: What packaged weights are judged on.
PARTS = {"fashion_mnist": "fashion_mnist_part"}
#: To try out ways of calibration takes many inferences: these networks are quick enough.
QUICK = ("lenet", "convnet", "gan")
#: Has no fast kernels: for networks of 32 × 32 pixels and up it takes hours.
SLOW = "int16x8"


def on_photographs(family: str, model: str) -> Subject:
    """Packaged weights, fine-tuned on 90 photographs of three classes."""
    return Subject(
        label=f"{model} on 90 photographs",
        family=family,
        model=model,
        data="folder:photos",
        training={"epochs": 12},
    )


#: As the conformance kit trains a network.
AS_CONFORMANCE = Subject(
    label="resnet8 after five epochs",
    family="resnet",
    model="resnet8",
    data="digits",
    training={"from_scratch": True, "epochs": 5, "patience": 0, "seed": 1},
)
#: Of real targets and of several labels each network is trained so often.
SEEDS = 3


def of_answers(label: str, family: str, model: str, data: str, **training: Any) -> list[Subject]:
    """A network of targets or labels, trained from different beginnings."""
    return [
        trained(f"{label} seed {seed}", family, model, "", data=data, seed=seed, **training)
        for seed in range(SEEDS)
    ]


ANSWERS = (
    *of_answers("lenet5 of targets", "lenet", "lenet5", "digit_targets"),
    *of_answers("lenet5 of labels", "lenet", "lenet5", "digit_labels"),
    *of_answers("lstm_small of targets", "lstm", "lstm_small", "digit_target_rows"),
    *of_answers("lstm_small of labels", "lstm", "lstm_small", "digit_label_rows"),
    *of_answers("lstm_small of one target", "lstm", "lstm_small", "diabetes"),
    *of_answers("resnet8 of targets", "resnet", "resnet8", "digit_targets", epochs=4),
    *of_answers("resnet8 of labels", "resnet", "resnet8", "digit_labels", epochs=4),
)
SHORT = (
    on_photographs("lenet", "lenet5"),
    on_photographs("convnet", "convnet28"),
    on_photographs("resnet", "resnet8"),
    trained("lenet5 on digits", "lenet", "lenet5", ""),
    trained("lenet5 after one epoch", "lenet", "lenet5", "", epochs=1),
    trained("lenet5 with its head in float", "lenet", "lenet5", "", keep_float=("head",)),
    trained("lenet5 trained to round", "lenet", "lenet5", "", qat=True),
    trained("resnet8 trained to round", "resnet", "resnet8", "", qat=True, epochs=4),
    trained("resnet8 after one epoch", "resnet", "resnet8", "", epochs=1),
    AS_CONFORMANCE,
    trained("lstm_text", "lstm", "lstm_text", "", data="stdlib_docstrings", epochs=5),
    trained("lstm_tagger", "lstm", "lstm_tagger", "", data="stdlib_tags", epochs=3),
    trained("two outputs", "shapes", "shapes16", "", data="shapes"),
    trained("two files", "codec", "codec8", "", data="pictures"),
    Subject(
        label="dcgan28 on digits",
        family="gan",
        model="dcgan28.fashion_mnist",
        data="digits",
        training={"epochs": 10},
    ),
)


def subjects(registry: Registry) -> Iterator[Subject]:
    """All networks: packaged weights, those of the support matrix, and small or unsure ones."""
    for architecture, variant in registry.variants():
        for tag in packaged(architecture, variant):
            yield Subject(
                label=f"{variant.name}.{tag}",
                family=architecture.name,
                model=f"{variant.name}.{tag}",
                data=PARTS.get(tag, tag),
                training={"epochs": 0},
            )
    yield from SHORT
    yield from ANSWERS
    yield from TRAINED


def main() -> None:
    """Measures the networks that were asked for, and writes records and tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--models", default="", help="beginnings of labels, with commas [all]")
    parser.add_argument("--precisions", default="", help="these alone; others stay on record [all]")
    parser.add_argument("--page", action="store_true", help="the tables alone")
    asked = parser.parse_args()
    registry = load_registry(PluginSettings(installed=False, paths=tuple(map(str, PLUGINS))))
    if not asked.page:
        every, names = list(subjects(registry)), [n for n in asked.models.split(",") if n]
        chosen = [s for s in every if not names or s.label.startswith(tuple(names))]
        with tempfile.TemporaryDirectory(prefix="zoo-honest-") as folder:
            write_photographs(Path(folder) / "photos")
            os.chdir(folder)
            for subject in chosen:
                began = time.monotonic()
                # A network that is trained to round is trained twice.
                qat = bool(subject.training.get("qat"))
                wanted = [n for n in asked.precisions.split(",") if n and not qat]
                cells, network = measured(registry, subject, Path(folder), wanted)
                before = next((row for row in read() if row["label"] == subject.label), None)
                trained_here = subject.training.get("epochs") != 0
                if wanted and of_other_network(before, network, trained_here):
                    print(f"{subject.label}: trained anew, so all of it is measured", flush=True)
                    wanted = []
                    cells, network = measured(registry, subject, Path(folder))
                if not cells:
                    raise SystemExit(f"no file of {subject.label} could be made and judged")
                keep(subject, cells, every, wanted, network)
                print(f"{subject.label}: {time.monotonic() - began:.0f} s", flush=True)
            os.chdir(HERE)
    rows = read()
    text = replace_block(PAGE.read_text(encoding="utf-8"), "limits", limits_table(rows))
    text = replace_block(text, "targets", targets_table(rows))
    text = replace_block(text, "rounded", rounded_table(rows))
    PAGE.write_text(replace_block(text, "honest", networks_table(rows)), encoding="utf-8")


def measured(
    registry: Registry, subject: Subject, folder: Path, wanted: Sequence[str] = ()
) -> tuple[list[Cell], str]:
    """One cell for each file, or for those of some precisions alone; and which network it is."""
    cells: list[Cell] = []
    networks: set[str] = set()
    for exporter in registry.exporters:
        left_out = SLOW if is_slow(subject) else ""
        if wanted and not {*wanted} & {*exporter.precisions}:
            continue
        recipe = recipe_from(
            model=subject.model,
            data=subject.data,
            format=(exporter.name,),
            precision=[
                n for n in exporter.precisions if n != left_out and (not wanted or n in wanted)
            ],
            calibration_method=calibration(subject),
            **subject.training,
        )
        run = execute(
            make_job(recipe, registry),
            scope=PlanScope(bench=False),
            output=folder / "runs",
            named=True,
            store_url=None,
            on_step=lambda step, event: None,
        )
        cells += cells_of(registry, run)
        networks.add(network_of(run))
    (network,) = networks  # steps are kept: no run trains again what the one before has trained
    return cells, network


def calibration(subject: Subject) -> str:
    """How ranges are found."""
    quick = subject.family in QUICK or subject.data == "fashion_mnist_rows"
    return "auto" if quick else "minmax"


def is_slow(subject: Subject) -> bool:
    """Whether files without fast kernels take too long."""
    photographs = subject.data == "fashion_mnist_part" and subject.family not in QUICK[:2]
    return photographs or subject in TRAINED or subject.label.startswith("resnet8 of")


def cells_of(registry: Registry, run: Run) -> Iterator[Cell]:
    """The figures of a run's files, from the outputs that its steps kept."""
    import numpy as np

    def stored(folder: Path, name: str) -> Any:
        with np.load(folder / name, allow_pickle=False) as arrays:
            return arrays["outputs"], arrays["labels"]

    task = registry.tasks.get(run.job.variant.task)
    (reference,) = (f for i, f in run.finished.items() if i.kind == "evaluate" and not i.trained)
    outputs, labels = stored(reference.folder, "reference.npz")
    network = Split(outputs=outputs[: len(labels)], labels=labels)
    for step, finished in run.finished.items():
        if step.kind == "gate" and finished.value is not None:
            found, _ = stored(finished.folder, "outputs.npz")
            yield {
                "format": step.format,
                "precision": step.precision,
                "trained": step.trained,
                "verdict": finished.record.status,
                "reason": finished.record.reason,
                **figures(task, registry.precision(step.precision), network, found),
                **on_few(task, registry.precision(step.precision), network, found),
                **beside_rounded(task, registry, step.precision, finished.folder, labels, found),
            }


def beside_rounded(
    task: Any, registry: Registry, name: str, folder: Path, labels: Any, found: Any
) -> Cell:
    """The figures beside the network with its weights rounded so, where the gate made it."""
    import numpy as np

    if not (folder / ROUNDED).is_file():
        return {}
    with np.load(folder / ROUNDED, allow_pickle=False) as arrays:
        rounded = Split(outputs=arrays["outputs"][: len(labels)], labels=labels)
    precision = registry.precision(name)
    own = replace(precision, tolerances=precision.rounded or precision.tolerances)
    cell = {**figures(task, own, rounded, found), **on_few(task, own, rounded, found)}
    return {"rounded": cell}


def read() -> list[dict[str, Any]]:
    """The records that are here."""
    rows: list[dict[str, Any]] = []
    return json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else rows


def keep(
    subject: Subject,
    cells: list[Cell],
    every: Sequence[Subject],
    wanted: Sequence[str] = (),
    network: str = "",
) -> None:
    """Puts a network in the place that it has among all, its files of other precisions kept.

    Args:
        subject: The network.
        cells: Its files that were measured.
        every: All networks.
        wanted: The precisions that were asked for; all when empty.
        network: Its hash; what is on record is of the same.
    """
    known = {row["label"]: row for row in read()}
    before = known.get(subject.label, {}).get("cells", ()) if wanted else ()
    cells = [*(cell for cell in before if cell["precision"] not in wanted), *cells]
    known[subject.label] = {
        "label": subject.label,
        "family": subject.family,
        "data": subject.data,
        "calibration": calibration(subject),
        "network": network,
        "cells": cells,
    }
    ordered = [known[s.label] for s in every if s.label in known]
    RECORDS.write_text(json.dumps(ordered, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
