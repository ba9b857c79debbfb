"""Answers to examples without labels, by an exported file or by a network in Keras."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artifacts.artifact import open_unaltered, require_manifest
from zoo.artifacts.file_chain import whole_chain
from zoo.artifacts.file_task import task_of
from zoo.common.brief import BriefTuple
from zoo.common.errors import BadData
from zoo.common.progress import Event, OnEvent
from zoo.common.shown_text import printable
from zoo.common.worker import call
from zoo.contracts import Preprocessing, Task
from zoo.contracts.preprocessing import Sample, SampleList
from zoo.contracts.stored_code import StoredCode
from zoo.data.readers.npz_tensors import UNLABELLED
from zoo.execution.picture_tiles import picture_tiles
from zoo.execution.sample_outputs import SampleOutputs, chain_outputs, outputs_for
from zoo.networks.card import Card
from zoo.networks.checkpoints import Checkpoint
from zoo.networks.loading import LoadedModel, Subject, load_model
from zoo.pipeline.coded_inputs import CodedInputs, coding_files, sorted_inputs
from zoo.pipeline.coded_predictions import coded_by_files, coded_by_network
from zoo.registry import Registry
from zoo.results.predictions import PredictedExample, Predictions, UnreadExample

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: So many reasons are listed where nothing could be read.
_LISTED = 5


@dataclass(frozen=True, kw_only=True)
class PredictionRequest:
    """What is to be answered.

    Attributes:
        inputs: Files, folders, texts, as typed; or raw examples as arrays.
        data: Dataset that the network was trained on; empty where it is not known.
        top: So many scores of each at most.
        before: Called before anything is answered with the name of the network, those of the
            examples, and the readings of its outputs: raises where their files could not be
            written.
    """

    inputs: tuple[str | Array, ...]
    data: str = ""
    top: int = 5
    before: Callable[[str, Sequence[str], Sequence[str]], None] | None = None

    def announce(
        self, subject: str, task: Task, samples: Sequence[Sample], coded: Sequence[str] = ()
    ) -> None:
        """Calls `before`; coded files come behind samples, as they are answered."""
        if self.before is not None:
            names = [*(sample.name for sample in samples), *coded]
            self.before(subject, names, [one.reading for one in task.outputs])


def predict_with_file(
    registry: Registry, path: Path, asked: PredictionRequest, *, emit: OnEvent
) -> Predictions:
    """By a file in its runtime; by a part of a model, all its files.

    Raises:
        BadFile: It has no manifest, or was altered.
        BadData: Nothing could be read.
    """
    artifact = open_unaltered(registry, path)
    manifest = require_manifest(artifact)
    task = task_of(registry, manifest)
    if (stored := task.stored_code()) is not None:
        given = sorted_inputs(stored, asked.inputs)
        chain = coding_files(registry, artifact, task, given)
        own = _pictures_among(chain.manifest.preprocessing, given, asked, manifest.dataset.name)
        asked.announce(chain.name, task, own.samples, given.coded)
        return _some(coded_by_files(registry, chain, stored, given, own, emit=emit))
    chain = whole_chain(registry, artifact)
    manifest = chain.manifest
    found = find_inputs(manifest.preprocessing, asked, asked.data or manifest.dataset.name)
    asked.announce(chain.name, task, found.samples)
    cut = picture_tiles(task, manifest.preprocessing, found.samples)
    answered = cut.joined(chain_outputs(registry, chain, cut.samples, emit=emit, take=cut.take))
    found = replace(found, notes=[*found.notes, *cut.notes])
    made = decoded_predictions(
        chain.name, task, manifest.classes, manifest.preprocessing, found, answered, asked.top
    )
    return replace(made, findings=manifest.findings)


def _pictures_among(
    preprocessing: Preprocessing, given: CodedInputs, asked: PredictionRequest, data: str
) -> SampleList:
    """Samples of what is no coded file; beside coded files there may be none that can be read."""
    from zoo.data.samples.reading import find_samples

    data = asked.data or data
    if given.coded:
        return find_samples(preprocessing, given.pictures, data, alone=False)
    return find_inputs(preprocessing, replace(asked, inputs=given.pictures), data)


def _some(found: Predictions) -> Predictions:
    """Refuses answers to nothing."""
    if not found.examples:
        raise _nothing(found.failed)
    return found


def predict_with_network(
    registry: Registry, checkpoint: Checkpoint, asked: PredictionRequest, *, emit: OnEvent
) -> Predictions:
    """By weights, in Keras and a process of its own.

    Raises:
        BadData: Nothing could be read.
    """
    card = checkpoint.card()
    data = asked.data or card.dataset
    task = registry.tasks.get(checkpoint.task).with_decoding(card.decoding)
    if (stored := task.stored_code()) is not None:
        return _coded_by_weights(registry, checkpoint, stored, asked, emit)
    # What is wrong with names must not wait for TensorFlow.
    found = find_inputs(checkpoint.preprocessing, asked, data)
    asked.announce(checkpoint.model_id, task, found.samples)
    answered: SampleOutputs = call(
        "zoo.pipeline.predictions:answer_in_keras",
        {
            "subject": Subject(model=str(checkpoint.path), plugins=registry.settings),
            "asked": replace(asked, data=data, before=None),
        },
        on_event=emit,
    )
    return _of_network(registry, checkpoint, found, answered, asked.top)


def _coded_by_weights(
    registry: Registry,
    checkpoint: Checkpoint,
    stored: StoredCode,
    asked: PredictionRequest,
    emit: OnEvent,
    loaded: LoadedModel | None = None,
) -> Predictions:
    card, given = checkpoint.card(), sorted_inputs(stored, asked.inputs)
    data = asked.data or card.dataset
    own = _pictures_among(checkpoint.preprocessing, given, asked, data)
    task = registry.tasks.get(checkpoint.task)
    asked.announce(checkpoint.model_id, task, own.samples, given.coded)
    told = coded_by_network(
        registry, checkpoint, stored, given, own, data=data, emit=emit, loaded=loaded
    )
    return _with_findings(_some(told), card)


def predict_with_loaded(
    registry: Registry, loaded: LoadedModel, network: Any, asked: PredictionRequest
) -> Predictions:
    """By weights that are in memory, in this process.

    Args:
        registry: Knows tasks.
        loaded: The checkpoint.
        network: Its deployed Keras model.
        asked: What is to be answered.

    Raises:
        BadData: Nothing could be read.
    """
    if (stored := loaded.task.stored_code()) is not None:
        return _coded_by_weights(
            registry, loaded.checkpoint, stored, asked, lambda event: None, loaded
        )
    found = find_inputs(loaded.preprocessing, asked, asked.data or loaded.card.dataset)
    answered = _answered_in_keras(loaded, found, lambda event: None, network)
    return _of_network(registry, loaded.checkpoint, found, answered, asked.top)


def _of_network(
    registry: Registry,
    checkpoint: Checkpoint,
    found: SampleList,
    answered: SampleOutputs,
    top: int,
) -> Predictions:
    card = checkpoint.card()
    task = registry.tasks.get(checkpoint.task).with_decoding(card.decoding)
    cut = picture_tiles(task, checkpoint.preprocessing, found.samples)
    found = replace(found, notes=[*found.notes, *cut.notes])
    made = decoded_predictions(
        checkpoint.model_id,
        task,
        card.classes,
        checkpoint.preprocessing,
        found,
        answered,
        top,
    )
    return _with_findings(made, card)


def _with_findings(made: Predictions, card: Card) -> Predictions:
    weak = (f"what was found when it was evaluated: {sentence}" for sentence in card.findings)
    return replace(made, notes=(*made.notes, *weak))


def answer_in_keras(
    *, subject: Subject, asked: PredictionRequest, emit: Callable[[Event], None]
) -> SampleOutputs:
    """The deployed Keras model's outputs; called in a worker process."""
    from zoo.data.samples.reading import find_samples

    loaded = load_model(subject)
    found = find_samples(loaded.preprocessing, asked.inputs, asked.data)
    return _answered_in_keras(loaded, found, emit)


def _answered_in_keras(
    loaded: LoadedModel, found: SampleList, emit: Callable[[Event], None], network: Any = None
) -> SampleOutputs:
    from zoo.data.preprocessing.steps import outputs_of
    from zoo.pipeline.steps.evaluate import keras_answer

    own, step = loaded.preprocessing, keras_answer(loaded, network)

    def answer(inputs: Array) -> Array:
        return outputs_of(inputs, own, step)

    cut = picture_tiles(loaded.task, own, found.samples)
    return cut.joined(outputs_for(cut.samples, own, answer, "keras", emit=emit, take=cut.take))


def find_inputs(preprocessing: Preprocessing, asked: PredictionRequest, data: str) -> SampleList:
    """The samples that were named.

    Raises:
        BadData: None can be read.
    """
    from zoo.data.samples.reading import find_samples

    found = find_samples(preprocessing, asked.inputs, data)
    if not found.samples:
        raise _nothing([UnreadExample(input=name, why=why) for name, why in found.problems])
    return found


def _nothing(failed: Sequence[UnreadExample]) -> BadData:
    by_reason: dict[str, list[str]] = {}
    for one in failed:
        by_reason.setdefault(one.why, []).append(printable(one.input))
    listed = [
        f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {why}"
        for why, names in list(by_reason.items())[:_LISTED]
    ]
    more = [f"and {len(by_reason) - _LISTED} other reasons"] if len(by_reason) > _LISTED else []
    return BadData(
        "nothing could be read" if len(failed) != 1 else f"{failed[0].input} cannot be used",
        why="; ".join([*listed, *more]) if len(failed) != 1 else failed[0].why,
        fix="name examples of what the network takes; `zoo info` and `zoo inspect` show it",
    )


def decoded_predictions(
    subject: str,
    task: Task,
    classes: tuple[str, ...],
    preprocessing: Preprocessing,
    found: SampleList,
    answered: SampleOutputs,
    top: int,
) -> Predictions:
    """Outputs as people read them.

    Raises:
        BadData: Nothing was answered.
    """
    from zoo.data.preprocessing.inputs import kind_of, read_input
    from zoo.data.samples.reading import split_of_samples

    samples = found.samples
    failed = [UnreadExample(input=name, why=why) for name, why in found.problems]
    failed += [UnreadExample(input=samples[i].name, why=why) for i, why in answered.problems]
    if answered.outputs is None:
        raise _nothing(failed)
    steps, split = _steps_of(task, preprocessing, found), split_of_samples(samples)
    examples = []
    for index, output in zip(answered.kept, answered.outputs, strict=True):
        decoded = task.decoded_beside(
            output,
            partial(read_input, split, index, preprocessing),
            preprocessing,
            classes,
            top,
            steps(index),
        )
        if decoded.has_places:
            height, width = split.read(index).shape[:2]
            part = kind_of(preprocessing).shown_part((height, width))
            decoded = decoded if part is None else decoded.in_picture(height, width, part)
        examples.append(PredictedExample(sample=samples[index], output=decoded))
    unlike = [f"the examples are unlike those of the training: {answered.unlike}"]
    return Predictions(
        subject=subject,
        task=task.name,
        # Of samples without labels, the only class is a stand-in.
        classes=() if classes == (UNLABELLED,) else classes,
        runtime=answered.runtime,
        preprocessing=preprocessing,
        examples=BriefTuple(examples),
        failed=tuple(failed),
        notes=(*found.notes, *(unlike if answered.unlike else ()), *_cut(preprocessing, found)),
        seconds=answered.seconds,
    )


def _steps_of(
    task: Task, preprocessing: Preprocessing, found: SampleList
) -> Callable[[int], tuple[str, ...]]:
    """The text of each real step of a sample; none where examples are answered as a whole."""
    from zoo.data.preprocessing.inputs import kind_of
    from zoo.data.samples.reading import split_of_samples

    if not task.stepwise:
        return lambda index: ()
    kind, split = kind_of(preprocessing), split_of_samples(found.samples)
    every = list(range(preprocessing.input_shape[0]))

    def texts(index: int) -> tuple[str, ...]:
        return tuple(text for text in kind.step_texts(split, index, every) if text)

    return texts


def _cut(preprocessing: Preprocessing, found: SampleList) -> list[str]:
    """That texts are longer than the network reads."""
    from zoo.common.errors import ZooError
    from zoo.data.preprocessing.inputs import kind_of
    from zoo.data.samples.reading import split_of_samples

    try:
        coverage = kind_of(preprocessing).coverage(split_of_samples(found.samples))
    except ZooError:  # one of them cannot be read, which is told of it
        return []
    if coverage is None or not coverage.longer:
        return []
    return [f"{coverage.longer} of {coverage.examples} are cut at {coverage.length} words"]
