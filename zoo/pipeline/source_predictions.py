"""Answers of networks from elsewhere by their own framework: nothing is converted, nothing judged.

What a picture becomes must be stated then, or said by the file: there are no labelled examples to
find it out with, nor to compare a converted network with the original on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from zoo.common.errors import Unsupported, UsageError, ZooError
from zoo.common.progress import Event, OnStep
from zoo.common.worker import call
from zoo.contracts import ForeignTensor, OpenedNetwork, Preprocessing, Source
from zoo.contracts.outputs import LABELS, TARGETS
from zoo.execution.sample_outputs import SampleOutputs, outputs_for
from zoo.networks.sources.class_names import columns_of
from zoo.networks.sources.endings import LOG_SOFTMAX, LOGITS, SHARES, SIGMOID, SOFTMAX, kind_of
from zoo.networks.sources.graph import flattened, range_in_graph
from zoo.networks.sources.inputs import (
    IMAGES,
    InputCandidate,
    InputPlan,
    check_layout,
    plan_images,
    turned,
    with_range,
)
from zoo.networks.sources.references import Opening, read_classes
from zoo.networks.sources.statement import parse_statement
from zoo.pipeline.predictions import PredictionRequest, decoded_predictions, find_inputs
from zoo.registry import PluginSettings, Registry, load_registry
from zoo.results.predictions import Predictions

if TYPE_CHECKING:
    from zoo.contracts.task import Array


@dataclass(frozen=True, kw_only=True)
class SourceAnswers:
    """What a network's own framework answered.

    Attributes:
        task: Name of the task that its outputs are read by.
        classes: Names in the order of the outputs.
        preprocessing: Of raw inputs.
        answered: Outputs as the task has them.
        notes: How the input and the outputs are known, a sentence each.
    """

    task: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    answered: SampleOutputs
    notes: tuple[str, ...]


def predict_with_source(
    registry: Registry,
    source: Source,
    model: str,
    how: Opening,
    asked: PredictionRequest,
    task: str | None,
    *,
    on_step: OnStep,
) -> Predictions:
    """By a network from elsewhere as it is, without a dataset.

    Args:
        registry: Finds the task.
        source: Opens it.
        model: As typed.
        how: What is stated of its input, and perhaps a file with its classes.
        asked: Pictures.
        task: Name of the task; None for that of images with one class each, or with several labels
            where outputs are probabilities that do not add up to one.
        on_step: Receives progress.

    Raises:
        UsageError: Nothing says how pictures are prepared for it, or what was stated does not fit.
        Unsupported: It takes no pictures, or does not answer with a figure for each class.
        BadData: Nothing could be read.
    """
    name = source.called(model)
    step = f"open {name}"
    if source.fetch is not None:
        source.fetch(model, lambda event: on_step(step, event))
    if source.check is not None:
        source.check(model)
    found: SourceAnswers = call(
        "zoo.pipeline.source_predictions:answer_as_it_is",
        {
            "source": source.name,
            "reference": model,
            "how": how,
            "asked": asked,
            "task": task,
            "plugins": registry.settings,
        },
        on_event=lambda event: on_step(step, event),
    )
    made = decoded_predictions(
        name,
        registry.tasks.get(found.task),
        found.classes,
        found.preprocessing,
        find_inputs(found.preprocessing, asked, ""),
        found.answered,
        asked.top,
    )
    return replace(made, notes=(*found.notes, *made.notes))


def answer_as_it_is(
    *,
    source: str,
    reference: str,
    how: Opening,
    asked: PredictionRequest,
    task: str | None,
    plugins: PluginSettings,
    emit: Callable[[Event], None],
) -> SourceAnswers:
    """The same in a worker process, before it is decoded."""
    registry = load_registry(plugins)
    opener = registry.sources.get(source)
    origin = opener.called(reference)
    stated = parse_statement(how.input)
    opened = opener.open(reference)
    statement = stated.over(parse_statement(opened.stated))
    plan = plan_images(_only(opened, origin).shape[1:], statement, origin)
    # What it begins and ends with is seen in Keras; some operators are not known there.
    opened = opened.with_shape(plan.own_shape)
    check_layout(opened, statement.layout, origin)
    flat = _in_keras(opened, plan)
    if flat is not None:
        plan = with_range(plan, range_in_graph(flat), origin)
    if not plan.known:
        raise UsageError(
            f"the preprocessing of {origin} is not known",
            why="neither its file nor --input says how pixels are normalized"
            + ("" if len({c.bgr for c in plan.candidates}) == 1 else ", and in which order"),
            fix='say it: --input "224x224 rgb mean=0.485,0.456,0.406 std=0.229,0.224,0.225"; or '
            "add --data DATASET with labelled examples, on which it is measured",
        )
    way = plan.candidates[0]
    found = find_inputs(way.preprocessing, asked, "")
    answered = outputs_for(
        found.samples,
        way.preprocessing,
        lambda raw: _answers(opened, plan, way, raw, origin),
        opener.name,
        emit=emit,
    )
    if answered.outputs is None:  # of which the caller tells
        return SourceAnswers(
            task=task or IMAGES,
            classes=(),
            preprocessing=way.preprocessing,
            answered=answered,
            notes=(),
        )
    own = answered.outputs
    reading = "" if task is None else registry.tasks.get(task).outputs[0].reading
    kind = LOGITS if reading == TARGETS else _kind(flat, plan, own)
    if task is None and kind == SIGMOID and own.shape[-1] > 1:
        task = next(t.name for t in registry.tasks if t.outputs[0].reading == LABELS)
        reading = LABELS
    outputs, ending = _as_task_gives(own, kind, reading, origin)
    classes, named = _names(how, opened.classes, outputs.shape[-1], origin, reading)
    made = way.preprocessing.describe().get("normalization", way.name)
    given = f"input {plan.known}: {made}" + (", blue, green, red" if way.bgr else "")
    return SourceAnswers(
        task=task or IMAGES,
        classes=classes,
        preprocessing=way.preprocessing,
        answered=replace(answered, outputs=outputs),
        notes=(given, *opened.notes, *ending, *named),
    )


def _only(opened: OpenedNetwork, origin: str) -> ForeignTensor:
    if kept := getattr(opened, "states", None):  # as those of a `StateKeeping`
        raise Unsupported(
            f"{origin} keeps state from one call to the next: {', '.join(kept)}",
            why="its answer to a picture depends on those before",
            fix="give sequences without labels: --task tensors --data npz:FILE",
        )
    for what, tensors in (("inputs", opened.inputs), ("outputs", opened.outputs)):
        if len(tensors) != 1:
            listed = ", ".join(f"{t.name} {t.shape}" for t in tensors)
            raise Unsupported(
                f"{origin} has {len(tensors)} {what}: {listed}",
                why="pictures are taken by networks with one input and one output",
                fix="give samples of all inputs: --task tensors --data npz:FILE.npz",
            )
    return opened.inputs[0]


def _in_keras(opened: OpenedNetwork, plan: InputPlan) -> Any:
    """The network as one flat graph; None where Keras lacks one of its operators."""
    try:
        return flattened(opened.model, plan.shape, plan.own_shape)
    except ZooError:
        return None


def _answers(
    opened: OpenedNetwork, plan: InputPlan, way: InputCandidate, raw: Array, origin: str
) -> Array:
    """Its own outputs, (examples, figures)."""
    from zoo.data.preprocessing.inputs import normalize

    given = turned(normalize(raw, way.preprocessing), way.bgr)
    made = opened.answers(given.reshape((len(given), *plan.own_shape)))
    figures = max(made.shape[1:], default=0)
    if not figures or made.size != len(made) * figures:
        raise Unsupported(
            f"{origin} gives outputs of shape {made.shape[1:]}",
            why="a classifier gives one number for each class",
            fix="take it as it is: --task tensors --data npz:FILE.npz",
        )
    outputs: Array = made.reshape(len(made), figures)
    return outputs


def _kind(flat: Any, plan: InputPlan, outputs: Array) -> str:
    """What the outputs keep to, of a network without a Keras form by themselves alone."""
    import numpy as np

    if flat is None or len(flat.output.shape) != 2:
        total = outputs.sum(-1)
        shares = outputs.min() >= 0 and outputs.max() <= 1
        if shares and outputs.shape[-1] > 1 and np.allclose(total, 1.0, atol=5e-3):
            return SOFTMAX
        return SIGMOID if shares and outputs.shape[-1] == 1 else LOGITS
    given = np.random.default_rng(0).normal(size=(8, *plan.shape)).astype(np.float32)
    return kind_of(flat, given, outputs)


def _as_task_gives(
    own: Array, kind: str, reading: str, origin: str
) -> tuple[Array, tuple[str, ...]]:
    """Probabilities, or targets as they are; and what was done, in words."""
    import numpy as np

    values = own.astype(np.float64)
    if reading == TARGETS:
        return own, ()
    if reading == LABELS:
        made = values if kind == SIGMOID else 1.0 / (1.0 + np.exp(-values))
        done = () if kind == SIGMOID else ("its outputs are taken as logits, one for each label",)
        return np.asarray(made, np.float32), done
    if own.shape[-1] == 1:
        if kind != SIGMOID:
            raise Unsupported(
                f"{origin} gives one number for each example",
                why="it may be a regression or a logit of two classes; the file does not say which",
                fix="for a regression, add --task regression; for two classes, save it with a "
                "sigmoid at its end",
            )
        return np.asarray(np.concatenate([1 - values, values], axis=-1), np.float32), ()
    if kind == SHARES:
        values = values / values.sum(-1, keepdims=True)
    elif kind in (LOGITS, LOG_SOFTMAX):
        values = np.exp(values - values.max(-1, keepdims=True))
        values = values / values.sum(-1, keepdims=True)
    done = ("its outputs are taken as logits: softmax makes the probabilities",)
    return np.asarray(values, np.float32), done if kind == LOGITS else ()


def _names(
    how: Opening, own: tuple[str, ...], count: int, origin: str, reading: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the outputs: of the user's file, of its own, or their numbers."""
    stated = read_classes(how.classes) if how.classes else ()
    if stated and len(stated) != count:
        raise UsageError(
            f"{how.classes} names {columns_of(reading, len(stated))}, and {origin} has {count} "
            "outputs",
            fix="one name a line, in the order of its outputs",
        )
    if names := stated or own:
        if len(names) == count and len({*names}) == count:
            return names, ()
        told = f"it names {columns_of(reading, len(names))} for {count} outputs: not used"
    else:
        told = f"its file does not name its {columns_of(reading)}; name them by --classes FILE"
    return tuple(map(str, range(count))), (f"{told}; numbers count its outputs from 0",)
