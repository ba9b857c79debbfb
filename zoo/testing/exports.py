"""Checks that go the user's whole way: train, export, run the file where users run it, compare."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.artifacts import closeness
from zoo.artifacts.file_chain import chain_of
from zoo.artifacts.gate import chain_checks, compare_outputs, finite_outputs, reasons
from zoo.artifacts.reference_outputs import REFERENCE, comparison_split
from zoo.common.errors import BadData, MissingExtra, UsageError
from zoo.common.progress import OnEvent
from zoo.common.worker import call
from zoo.contracts import Dataset, Preprocessing, Task
from zoo.contracts.dataset import IGNORED
from zoo.contracts.task import Metric
from zoo.contracts.training import Calibration, Training
from zoo.data.opening import data_for_task, open_dataset, serves
from zoo.execution.chain_runner import combine_outputs, run_chain
from zoo.execution.runner import choose_runtime, host_device
from zoo.networks.loading import Subject
from zoo.pipeline.steps.export import ExportParameters
from zoo.pipeline.steps.finetune import FinetuneParameters
from zoo.registry import Registry
from zoo.results.formatting import format_metric
from zoo.testing.verdict import Finding, NotTried

#: Small, and there without a download.
DATA = ("digits", "digits_rows", "tones", "digits_one_class", "digits_columns_one_class")
#: How long to train: briefly, and longer only if that is not enough.
EPOCHS = (5, 20)
#: A metric from which on decisions are clear enough to be compared.
CLEAR = 0.95
SEED = 1
TAG = "check"
CALIBRATION_SAMPLES = 256


@dataclass(frozen=True, kw_only=True)
class TrainedCandidate:
    """A briefly trained network, and what Keras answers with it on the test split."""

    finding: Finding
    data: str
    weights: Path
    folder: Path


def choose_data(
    registry: Registry, task: Task, wanted: str | None, preprocessing: Preprocessing
) -> str:
    """The dataset to train on: the one asked for, else a small one, else any that fits.

    Returns:
        As it is read for the task.

    Raises:
        NotTried: None serves the task with inputs of this kind.
    """
    if wanted is not None:
        return data_for_task(registry, wanted, task.name)
    serving = [
        f"{p.name}:{p.arguments[0]}" if p.arguments else p.name
        for p in registry.datasets
        if serves(task, p.tasks) and (p.argument is None or p.arguments)
    ]
    # Stable sorting puts the small ones first.
    for name in sorted(serving, key=lambda name: name.partition(":")[0] not in DATA):
        read = data_for_task(registry, name, task.name)
        if _fits(registry, read, preprocessing):
            return read
    raise NotTried(
        f"no dataset serves the task {task.name} with {preprocessing.input_name}; "
        "name one: --data DATASET"
    )


def _fits(registry: Registry, data: str, preprocessing: Preprocessing) -> bool:
    """Whether examples are of the kind that the network takes, whatever their size."""
    from zoo.data.preprocessing.inputs import read_input

    try:
        train = open_dataset(registry, data).splits["train"]
    except (BadData, MissingExtra, UsageError):
        return False  # it is not here, or needs an option
    try:
        read_input(train, 0, preprocessing.training)
    except UsageError:
        return True  # another size, which training from scratch takes over
    except BadData:
        return False
    return True


def train(
    registry: Registry,
    variant: str,
    *,
    data: str,
    epochs: int | None,
    folder: Path,
    emit: OnEvent,
) -> TrainedCandidate:
    """Trains from scratch as ``zoo finetune`` does, and evaluates on the test split.

    Args:
        registry: Where the variant was found.
        variant: Its name.
        data: Dataset.
        epochs: None tries `EPOCHS` in turn until the network decides clearly.
        folder: For weights and outputs.
        emit: Receives progress.
    """
    task = registry.tasks.get(registry.variant(variant)[1].task)
    chance = _chance(open_dataset(registry, data)) if task.one_choice else None
    weights, finding = folder, Finding(passed=False, measured="")
    untrained: Metric | None = None
    for count in EPOCHS if epochs is None else (epochs,):
        weights, metric = _train_once(registry, variant, data, count, folder, emit)
        if chance is None or not metric.higher_is_better:
            # What no constant answer can be measured by is compared with an untrained network.
            if untrained is None:
                _, untrained = _train_once(registry, variant, data, 0, folder / "untrained", emit)
            finding = _distance_finding(metric, untrained, data, count)
            clear = finding.passed
        else:
            finding = _accuracy_finding(metric, chance, data, count)
            clear = metric.value >= CLEAR
        if clear:
            break
    return TrainedCandidate(finding=finding, data=data, weights=weights, folder=folder)


def _train_once(
    registry: Registry, variant: str, data: str, epochs: int, folder: Path, emit: OnEvent
) -> tuple[Path, Metric]:
    """The weights, and the headline metric on the test split."""
    folder.mkdir(parents=True, exist_ok=True)
    options = Training(epochs=epochs, from_scratch=True, patience=0)
    result = call(
        "zoo.pipeline.steps.finetune:finetune",
        {
            "asked": FinetuneParameters(data=data, tag=TAG, training=options, seed=SEED),
            "model": variant,
            "folder": folder,
            "checkpoint": None,
            "plugins": registry.settings,
        },
        on_event=emit,
    )
    weights = folder / result.weights
    evaluation = call(
        "zoo.pipeline.steps.evaluate:evaluate_model",
        {
            "subject": Subject(model=str(weights), plugins=registry.settings),
            "data": data,
            "split": "test",
            "folder": folder,
            "card": None,
        },
        on_event=emit,
    )
    return weights, evaluation.metrics[0]


def _chance(dataset: Dataset) -> float | None:
    """Accuracy on the test split of an answer that is always the same, at best.

    None where labels are no classes.
    """
    import numpy as np

    labels = dataset.splits["test"].labels
    if labels.dtype != np.int64:
        return None
    counts = np.bincount(labels[labels != IGNORED])
    return float(counts.max() / counts.sum())


def _accuracy_finding(metric: Metric, chance: float, data: str, epochs: int) -> Finding:
    measured = (
        f"{metric.name} {format_metric(metric)} "
        f"on {metric.count} test examples of {data} after {epochs} epochs"
    )
    if metric.low > chance:
        return Finding(passed=True, measured=measured)
    return Finding(
        passed=False,
        measured=f"{measured}: no better than always the same answer, {chance:.1%}",
        fix="try --epochs with a larger number; a network that still learns nothing needs another "
        "initializer, normalization layers, or a smaller learning rate",
    )


def _distance_finding(metric: Metric, untrained: Metric, data: str, epochs: int) -> Finding:
    measured = (
        f"{metric.name} {format_metric(metric)} on "
        f"{metric.count} test examples of {data} after {epochs} epochs; untrained "
        f"{untrained.value:.4g}"
    )
    higher = metric.higher_is_better
    if metric.low > untrained.high if higher else metric.high < untrained.low:
        return Finding(passed=True, measured=measured)
    return Finding(
        passed=False,
        measured=f"{measured}: no better than the untrained network",
        fix="try --epochs with a larger number, another learning rate, or another loss",
    )


def export(
    registry: Registry,
    trained: TrainedCandidate,
    task: Task,
    format: str,
    precision: str,
    emit: OnEvent,
) -> Finding:
    """Exports in a child, runs the files by the agent, and compares them to Keras."""
    import numpy as np

    from zoo.data.preprocessing.inputs import labels_for

    exported = [
        call(
            "zoo.pipeline.steps.export:export",
            {
                "asked": ExportParameters(
                    format=format,
                    precision=precision,
                    data=trained.data,
                    calibration=Calibration(samples=CALIBRATION_SAMPLES, method="minmax"),
                    seed=SEED,
                    part=part.name,
                ),
                "subject": Subject(model=str(trained.weights), plugins=registry.settings),
                "folder": trained.folder,
            },
            on_event=emit,
        )
        for part in task.parts
    ]
    chain = chain_of(registry, [trained.folder / one.file for one in exported])
    device = host_device(registry)
    dataset: Dataset = open_dataset(registry, trained.data)
    examples = comparison_split(dataset, task.min_parity_inputs)
    runtime = choose_runtime(chain.first.exporter, device)
    answered = combine_outputs(
        chain, run_chain(chain, runtime, device, examples, emit=emit, keep=task.condensed)
    )
    labels = labels_for(examples, chain.manifest.preprocessing)
    record = registry.precision(precision)
    with np.load(trained.folder / REFERENCE, allow_pickle=False) as stored:
        comparison = compare_outputs(
            task, stored["outputs"], answered.outputs, labels, record.rounding
        )
    parity = closeness.parity(task, comparison, record)
    checks = (finite_outputs(answered.outputs), parity, *chain_checks(chain, record))
    if all(check.passed for check in checks):
        size = sum(one.bytes for one in exported)
        return Finding(passed=True, measured=f"{parity.value}, {size:,} bytes")
    return Finding(
        passed=False,
        measured=reasons(checks),
        fix="replace the layer that the converter cannot carry over by plain ones; of an integer "
        "file, look for activations with a wide range and add a normalization in front",
    )
