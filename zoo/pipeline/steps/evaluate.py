"""Step: the Keras model's outputs on the whole test split, against which files are judged."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artifacts.built_inputs import built_inputs
from zoo.artifacts.reference_outputs import LEADING, REFERENCE, comparison_split
from zoo.common.files import atomic_path
from zoo.common.named_arrays import each_of, fed_to_keras, joined
from zoo.common.optional_imports import require
from zoo.common.progress import Event
from zoo.contracts import Comparison, Metric, Preprocessing, Split
from zoo.contracts.plugin import Plugin
from zoo.data.classes import check_classes
from zoo.data.opening import check_task, judged_dataset
from zoo.data.preprocessing.inputs import kind_of, normalize, read_inputs, truth_of
from zoo.data.preprocessing.steps import Answer, first_step, outputs_of
from zoo.execution.runner import Keep, as_they_are, check_enough_classes
from zoo.networks.building import deployed_model, normalization
from zoo.networks.card import Accuracy, write_card
from zoo.networks.inference_batches import inference_batch
from zoo.networks.leading_layers import LeadingResults
from zoo.networks.loading import LoadedModel, Subject, load_model
from zoo.pipeline.steps.origin import DataStep
from zoo.pipeline.steps.step import Outcome, Step, StepContext, StepId
from zoo.registry import load_registry
from zoo.results.records import NetworkEvaluation, TrainingResult
from zoo.tasks.quality import quality_of, training_findings
from zoo.training.qat import files as qat
from zoo.training.qat.files import QatWeights

if TYPE_CHECKING:
    from zoo.pipeline.steps.finetune import FinetuneStep
    from zoo.pipeline.steps.qat import QatStep

_PREPROCESSING_INPUTS = 64
#: Input values whose normalization is compared at a time.
_VALUES = 1 << 20
#: Real inputs, and as many built ones, that first layers are run on.
_LEADING_INPUTS = 4


EVALUATE = StepId(kind="evaluate")
EVALUATE_QAT = StepId(kind="evaluate", trained=True)
#: On the validation split: what a search compares trainings by before it reads the test split.
VALIDATE = StepId(kind="validate")


@dataclass(frozen=True, kw_only=True, eq=False)
class EvaluateStep(DataStep[NetworkEvaluation]):
    """The quality of a network on the test split, and its outputs there.

    Attributes:
        learnt: Trained it to be quantized: then it is evaluated so.
        split: The split, where that is another one.
    """

    train: FinetuneStep
    learnt: QatStep | None = None
    split: str = "test"
    result_type = NetworkEvaluation
    distributions = ("tensorflow", "keras")

    @property
    def name(self) -> str:
        if self.split != "test":
            return f"evaluate {self.split}"
        return "evaluate keras" if self.learnt is None else "evaluate qat"

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        return (self.train,) if self.learnt is None else (self.train, self.learnt)

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        return self.origin.plugins

    def run(self, context: StepContext) -> Outcome[NetworkEvaluation]:
        learnt, card = self.learnt, context.folder / f"{self.origin.model_id}.toml"
        judged = learnt is None and self.split == "test"
        return Outcome(
            result=context.call(
                evaluate_model,
                subject=self.origin.weights(context.before.of(self.train)),
                data=self.origin.data,
                split=self.split,
                allow_leak=self.train.asked.allow_leak,
                folder=context.folder,
                card=card if judged else None,
                trained=None if learnt is None else learnt.trained(context.before.of(learnt)),
                training=context.before.of(self.train).result if judged else None,
            )
        )


def evaluate_model(
    *,
    subject: Subject,
    data: str,
    split: str,
    folder: Path,
    card: Path | None,
    emit: Callable[[Event], None],
    trained: QatWeights | None = None,
    training: TrainingResult | None = None,
    allow_leak: bool = False,
) -> NetworkEvaluation:
    """Evaluates a checkpoint in Keras; with `trained`, as it was trained to be quantized.

    Writes the labels of the split and the outputs to ``reference.npz`` in `folder`; of a small
    test split there are more outputs than labels, as `comparison_split` says. Writes what the first
    layers make of some inputs to ``leading.npz``. When `card` names a card file, writes the
    measured accuracy and the findings on it. With `training`, findings of that are among them.
    """
    import numpy as np

    started, used = time.perf_counter(), time.process_time()
    loaded = load_model(subject)
    registry = load_registry(subject.plugins)
    check_task(registry, data, loaded.task.name, loaded.card.model_id)
    dataset = judged_dataset(registry, data, allow_leak=allow_leak)
    check_enough_classes(loaded.task, dataset)
    check_classes(loaded.card.classes, dataset, loaded.card.model_id)
    examples = dataset.splits[split]
    preprocessing = loaded.preprocessing
    kind_of(preprocessing).check_names(dataset, loaded.card.model_id)
    truth = truth_of(dataset, split, preprocessing)
    count = len(truth.labels)
    if split == "test":
        examples = comparison_split(dataset, loaded.task.min_parity_inputs)
    total = len(examples)
    if trained is None:
        model = deployed_model(loaded.network, preprocessing, loaded.task, batch=None)
    else:
        model = qat.load(registry, loaded, trained).deployed
    outputs = keras_outputs(
        loaded,
        examples,
        lambda done: emit({"event": "progress", "done": done, "total": total}),
        model=model,
    )
    with atomic_path(folder / REFERENCE) as temporary, temporary.open("wb") as file:
        np.savez(file, outputs=outputs, labels=truth.labels)
    first = range(min(_PREPROCESSING_INPUTS, len(examples)))
    raw = first_step(read_inputs(examples, preprocessing, first), preprocessing)
    made = built_inputs(preprocessing, _LEADING_INPUTS)
    some = np.concatenate([raw[:_LEADING_INPUTS], made])
    LeadingResults.of(model, some, preprocessing.graph_dtype).save(folder / LEADING)
    quality = quality_of(loaded.task, loaded.task.answers(outputs[:count], truth), truth)
    findings = (
        *quality.pop("findings"),
        *(training_findings(training, dataset) if training is not None else ()),
    )
    if card is not None and split == "test":
        measured = _on_card(quality["metrics"])
        sentences = tuple(finding.text for finding in findings if finding.weak)
        write_card(card, replace(loaded.card, accuracy=measured, findings=sentences))
    return NetworkEvaluation(
        subject=loaded.card.model_id + (" (quantization-aware)" if trained else ""),
        dataset=dataset.name,
        split=split,
        outputs=REFERENCE,
        runtime="keras",
        seconds=time.perf_counter() - started,
        processor_seconds=time.process_time() - used,
        preprocessing=compare_preprocessing(preprocessing, raw),
        findings=findings,
        decoding=dict(loaded.task.decoding),
        **quality,
    )


def _on_card(metrics: Sequence[Metric]) -> Accuracy | None:
    """The headline as cards have it; None where there are no labels."""
    if not metrics:
        return None
    headline = metrics[0]
    return Accuracy(
        metric=headline.name,
        value=round(headline.value, 6),
        low=round(headline.low, 6),
        high=round(headline.high, 6),
        count=headline.count,
        counted=headline.counted,
    )


def keras_outputs(
    loaded: LoadedModel, examples: Split, told: Callable[[int], None], model: Any = None
) -> Any:
    """What the task keeps of the deployed Keras model's outputs; `told` how many are done.

    Args:
        loaded: The checkpoint.
        examples: Its inputs.
        told: Receives the number of examples done.
        model: A deployed model to be asked in the checkpoint's place.
    """
    own = loaded.preprocessing
    if model is None:
        model = deployed_model(loaded.network, own, loaded.task, batch=None)
    return model_outputs(model, own, loaded.output_names, examples, told, loaded.task.condensed)


def model_outputs(
    model: Any,
    preprocessing: Preprocessing,
    names: Sequence[str],
    examples: Split,
    told: Callable[[int], None],
    keep: Keep = as_they_are,
) -> Any:
    """As `keras_outputs`, of any deployed model whose outputs have these names."""
    import numpy as np

    answer, batch = _model_answer(model, preprocessing, names), inference_batch(model)
    chunks = []
    for start in range(0, len(examples), batch):
        part = range(start, min(start + batch, len(examples)))
        raw = read_inputs(examples, preprocessing, part)
        chunks.append(keep(outputs_of(raw, preprocessing, answer)))
        told(part.stop)
    return np.concatenate(chunks)


def keras_answer(loaded: LoadedModel, model: Any = None) -> Answer:
    """The deployed Keras model as a function of raw inputs; of sequences, of one step.

    It runs on as many of them at a time as its size allows.
    """
    own = loaded.preprocessing
    if model is None:
        model = deployed_model(loaded.network, own, loaded.task, batch=None)
    return _model_answer(model, own, loaded.output_names)


def _model_answer(model: Any, preprocessing: Preprocessing, names: Sequence[str]) -> Answer:
    import numpy as np

    batch = inference_batch(model)

    def answer(raw: Any) -> Any:
        starts = range(0, max(len(raw), 1), batch)
        return np.concatenate([some(raw[at : at + batch]) for at in starts])

    def some(raw: Any) -> Any:
        given = fed_to_keras(raw.astype(preprocessing.graph_dtype))
        return output_arrays(model(given, training=False), names)

    return answer


def output_arrays(outputs: Any, names: Sequence[str]) -> Any:
    """A Keras model's outputs as a float32 array, or as several by name in this order."""
    import numpy as np

    named = outputs if isinstance(outputs, dict) else {names[0]: outputs}
    return joined({name: np.asarray(named[name], np.float32) for name in names})


def compare_preprocessing(preprocessing: Preprocessing, raw: Any) -> Comparison:
    """The normalization in the graph against the formula in float64, on real inputs."""
    import numpy as np

    parts = [*zip(preprocessing.parts, each_of(raw), strict=True)]
    differences = []
    for own, whole in parts:
        layer = normalization(own)
        # A few at a time: in float64, 64 photographs are hundreds of megabytes at every step.
        some = max(1, _VALUES * len(whole) // max(whole.size, 1))
        for start in range(0, len(whole), some):
            values = whole[start : start + some]
            in_graph = np.asarray(layer(values.astype(own.graph_dtype)), dtype=np.float64)
            differences.append(np.abs(in_graph - normalize(values, own).astype(np.float64)).ravel())
    difference = np.concatenate(differences)
    return Comparison(
        count=len(raw),
        max_abs=float(difference.max()),
        mean_abs=float(difference.mean()),
        agreement=float((difference <= 1e-4).mean()),
    )


def load_for_user(subject: Subject) -> tuple[LoadedModel, Any]:
    """A checkpoint and its deployed Keras model with a free batch dimension, for ``zoo.load``."""
    require("tensorflow")
    loaded = load_model(subject)
    return loaded, deployed_model(loaded.network, loaded.preprocessing, loaded.task, batch=None)
