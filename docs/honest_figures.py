"""How far a file is from its network, for the tables of docs/gate.md (`honest_files.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from honest_page import FEW
from makers import truth as make_truth

from zoo.artifacts import closeness, gate
from zoo.contracts import Comparison
from zoo.contracts.precision import Precision
from zoo.tasks.classes import class_loss
from zoo.tasks.confidence import calibration_error
from zoo.tasks.multi_label import pairs_of
from zoo.tasks.regression import scaled_errors, spreads
from zoo.tasks.target_checks import MOST_LEVELS, explained, sure_changes

Cell = dict[str, Any]
#: How often a file is refused on `FEW` inputs is tried in so many draws.
DRAWS = 200


@dataclass(frozen=True)
class Split:
    """Outputs of a network, and the labels that they belong to."""

    outputs: Any
    labels: Any


def figures(task: Any, precision: Precision, network: Split, found: Any) -> Cell:
    """How far a file moved: of several outputs the worst figure."""
    import numpy as np

    labels, count = network.labels, len(network.labels)
    if labels.dtype.names is None:
        ours, theirs = (task.relevant(each, labels) for each in (network.outputs, found))
    else:
        ours, theirs = network.outputs, found
    moved = closeness.compare(task, ours, theirs, precision.rounding)
    cell: Cell = {"count": count, "moved": moved.moved, "far": moved.far, "noise": moved.noise}
    if ours.dtype.names:
        return cell
    if task.name in ("regression", "multi-label"):
        return {**cell, **answers_figures(task, precision, network, found, moved)}
    if moved.moved is None or labels.dtype != np.int64:
        return cell
    for figure in ("scaled", "shifted"):
        cell[figure] = abs(getattr(moved, figure))
    cell["agreement"] = float((ours.argmax(-1) == theirs.argmax(-1)).mean())
    shaped = labels if labels.ndim == 2 else labels[:, None]
    shape = (*shaped.shape, ours.shape[-1])
    before, after = (np.reshape(o, shape) for o in (network.outputs, found))
    errors = [100 * calibration_error(each, shaped) for each in (before, after)]
    cell["error"], cell["rise"] = errors[0], errors[1] - errors[0]
    own, now, classes = before.argmax(-1), after.argmax(-1), tuple(map(str, range(shape[-1])))
    cell["keeps classes"] = class_loss(shaped, own, now, classes, "").passed
    return cell


def answers_figures(
    task: Any, precision: Precision, network: Split, found: Any, moved: Comparison
) -> Cell:
    """The figures of real targets, or of several labels."""
    import numpy as np

    ours, labels = network.outputs, network.labels
    names = tuple(map(str, range(ours.shape[1])))
    if task.name == "regression":
        spread = spreads(ours)
        own, now = (scaled_errors(o, labels) for o in (ours, found))
        changes = np.abs(sure_changes(ours, found, spread))
        steps = [np.unique(column) for column in found.T]
        errors = np.abs(ours.astype(np.float64) - labels).mean(axis=0)
        stepped = [
            float(np.diff(levels).min() / error)
            for levels, error in zip(steps, errors, strict=True)
            if 1 < len(levels) <= MOST_LEVELS
        ]
        return {
            "answers": "targets",
            "agreement": moved.agreement,
            "aligned": float((changes - explained(ours, spread, precision)[:, None]).max()),
            "worse": 100.0 * float(now.mean() / own.mean() - 1.0),
            "step": max(stepped, default=None),
        }
    truth = make_truth(labels, names)
    marks = labels.astype(np.int64)
    errors = [100 * calibration_error(pairs_of(o), marks) for o in (ours, found)]
    return {
        "answers": "labels",
        "agreement": moved.agreement,
        "scaled": abs(moved.scaled or 0.0),
        "shifted": abs(moved.shifted or 0.0),
        "error": errors[0],
        "rise": errors[1] - errors[0],
        "keeps classes": task.class_loss(truth, ours, found).passed,
    }


def on_few(task: Any, precision: Precision, network: Split, found: Any) -> Cell:
    """The shares of draws of few inputs that parity refuses, and that the bare agreement would."""
    import numpy as np

    random, own, bare = np.random.default_rng(0), 0, 0
    if len(network.labels) <= FEW or network.labels.dtype.names is not None:
        return {}
    for _ in range(DRAWS):
        rows = random.choice(len(network.labels), FEW, replace=False)
        drawn = (network.outputs[rows], found[rows], network.labels[rows])
        compared = gate.compare_outputs(task, *drawn, precision.rounding)
        if compared.moved is None:
            return {}  # Generators choose nothing.
        passed = closeness.parity(task, compared, precision).passed
        own += not passed
        bare += not passed or compared.agreement < precision.tolerances.agreement
    return {"refused on few": own / DRAWS, "refused on few by share": bare / DRAWS}
