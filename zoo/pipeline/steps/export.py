"""Step: one checkpoint into one file of one format and precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.artifacts.artifact import (
    CalibrationReference,
    DatasetReference,
    Manifest,
    TrainedReference,
    embed,
)
from zoo.artifacts.reference_outputs import EXPECTED
from zoo.common.cache_key import step_key
from zoo.common.clock import utc_now
from zoo.common.errors import UnknownName, UsageError, ZooError
from zoo.common.files import sha256_of, size_with_side_files
from zoo.common.progress import Event
from zoo.common.versions import versions_of
from zoo.common.worker import WorkerLimits
from zoo.contracts import Exporter, ExportRequest, Target
from zoo.contracts.exporter import FreeSides, Written
from zoo.contracts.front_end import FRONT_END
from zoo.contracts.outputs import TARGETS
from zoo.contracts.plugin import Plugin
from zoo.contracts.training import Calibration
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.calibration import calibration_inputs, with_other_classes
from zoo.data.preprocessing.inputs import kind_of
from zoo.data.preprocessing.steps import step_inputs
from zoo.data.subset import subset
from zoo.networks.building import deployed_part, layer_names
from zoo.networks.compatibility import check_fits
from zoo.networks.free_sides import data_shapes
from zoo.networks.loading import Subject, load_model
from zoo.networks.logits import check_logits
from zoo.pipeline.steps.evaluate import keras_answer, keras_outputs
from zoo.pipeline.steps.file_names import file_name
from zoo.pipeline.steps.free_sides import with_free_sides
from zoo.pipeline.steps.origin import DataStep
from zoo.pipeline.steps.parts_before import PartsBefore
from zoo.pipeline.steps.step import (
    NOT_IN_KEY,
    FinishedSteps,
    Outcome,
    Step,
    StepContext,
    key_fields,
)
from zoo.registry import load_registry
from zoo.results.records import Export
from zoo.targets import target_named
from zoo.training.qat import files as qat
from zoo.training.qat.files import QatWeights

if TYPE_CHECKING:
    from zoo.pipeline.steps.finetune import FinetuneStep
    from zoo.pipeline.steps.gate import GateStep
    from zoo.pipeline.steps.qat import QatStep

#: Where the inputs come from on which the exporter chooses, by the split it calibrates on.
HELD_OUT = {"train": "validation", "validation": "train"}
HELD_OUT_SAMPLES = 256


@dataclass(frozen=True, kw_only=True)
class ExportParameters:
    """What file is asked for.

    Attributes:
        data: Dataset that ranges are measured on; None where none are.
        target: The kind of processor that the file is for; None chooses.
        keep: Keras layers that stay in float in an integer file.
        part: Which of the files that the network is deployed as; empty for the only one.
        dynamic: Shapes of inputs whose sides stay free; see `zoo.networks.free_sides`.
        end_to_end: Whether the file has the task's `GraphDecoder` and the input's `FrontEnd`.
    """

    format: str
    precision: str
    data: str | None
    calibration: Calibration = field(default_factory=Calibration)
    seed: int = 0
    target: Target | None = None
    recurrent: str = "auto"
    keep: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    part: str = ""
    dynamic: tuple[str, ...] = ()
    end_to_end: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportStep(DataStep[Export]):
    """One file.

    Attributes:
        learnt: Trained it to be quantized: then the file is of that network.
        calibrated: Judged the file that was calibrated; with `learnt`, one that lost little makes
            this one needless.
    """

    train: FinetuneStep
    learnt: QatStep | None = None
    calibrated: GateStep | None = field(default=None, metadata=NOT_IN_KEY)
    asked: ExportParameters
    limits: WorkerLimits = field(metadata=NOT_IN_KEY)
    early = 1
    result_type = Export

    @property
    def exporter(self) -> Exporter:
        """That writes it."""
        return self.origin.registry.exporters.get(self.asked.format)

    @property
    def needs(self) -> tuple[Step[Any], ...]:
        return (self.train,) if self.learnt is None else (self.train, self.learnt)

    @property
    def unless(self) -> tuple[Step[Any], ...]:
        return () if self.calibrated is None else (self.calibrated,)

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        provider = self.origin.registry.exporters.provider(self.asked.format)
        return (*self.origin.plugins, provider)

    @property
    def distributions(self) -> tuple[str, ...]:
        return self.exporter.distributions

    @property
    def failure_key(self) -> str:
        # With more memory, what crashed for want of it may go well.
        return step_key("failure", key_fields(self.limits), needs=[self.key])

    def needless(self, before: FinishedSteps) -> str:
        if self.learnt is None or self.calibrated is None:
            return ""
        return self.learnt.needless_after(before, [self.calibrated])

    def run(self, context: StepContext) -> Outcome[Export]:
        return Outcome(result=self.export(context, self.asked, context.folder))

    def export(
        self, context: StepContext, asked: ExportParameters, folder: Path, **more: Any
    ) -> Export:
        """Writes a file of the step's network, in a child process; see the function `export`."""
        learnt = self.learnt
        done = None if learnt is None else context.before.of(learnt)
        return context.call(
            export,
            self.limits,
            asked=asked,
            subject=self.origin.weights(context.before.of(self.train)),
            folder=folder,
            **more,
            trained=learnt.trained(done) if learnt and done else None,
            training=learnt.told(done) if learnt and done else None,
        )


def export(
    *,
    asked: ExportParameters,
    subject: Subject,
    folder: Path,
    emit: Callable[[Event], None],
    expected: int = 0,
    reuse: Path | None = None,
    trained: QatWeights | None = None,
    training: TrainedReference | None = None,
) -> Export:
    """Writes ``<model id>.<precision><suffix>`` into `folder`, with its manifest.

    Of a network of several files it writes the part asked for, ``<id>.<precision>.<part>…``.
    What a later part is calibrated on are the outputs of the network's own parts before, in float.

    When `expected` is given, the Keras model's outputs on so many examples of the validation split
    are written beside it, as ``expected.npz``: what an integer file is measured against.

    With `trained`, the network is the one that was trained to be quantized, and the name says so:
    ``<model id>.int8-qat<suffix>``; `training` goes into the manifest.

    Raises:
        UsageError: An integer precision without calibration data.
        Unsupported: The format cannot hold this network at this precision.
    """
    registry = load_registry(subject.plugins)
    precision, data, calibration = asked.precision, asked.data, asked.calibration
    exporter, kind = registry.exporters.get(asked.format), registry.precision(precision)
    if precision not in exporter.precisions:
        raise UnknownName(f"precision of {asked.format}", precision, exporter.precisions)
    chosen = asked.target or target_named(registry, "auto")
    loaded = load_model(subject)
    check_logits(loaded.network, loaded.task)
    preprocessing, part = loaded.preprocessing, loaded.task.part(asked.part)
    samples, held_out, reference, kept = None, None, None, asked.keep
    if kind.calibrated:
        if data is None:
            raise UsageError(
                f"{precision} needs calibration data",
                why="the ranges of integers are measured on real inputs",
                fix="name a dataset: --data DATASET",
            )
        emit({"event": "stage", "text": "reading calibration data"})
        dataset = open_dataset(registry, data)
        check_fits(loaded.card, preprocessing, dataset, data)
        splits = dataset.splits
        own, other = splits[calibration.split], splits[HELD_OUT[calibration.split]]
        drawn = with_other_classes(own, other) if loaded.task.one_class else own
        beside = "" if drawn is own else f" and other classes of {HELD_OUT[calibration.split]}"
        samples, digest = calibration_inputs(drawn, preprocessing, calibration.samples, asked.seed)
        held_out, _ = calibration_inputs(other, preprocessing, HELD_OUT_SAMPLES, asked.seed)
        if preprocessing.states:
            emit({"event": "stage", "text": "running the network step by step"})
            answer = keras_answer(loaded)
            both = (samples, calibration.samples), (held_out, HELD_OUT_SAMPLES)
            samples, held_out = (
                step_inputs(sequences, preprocessing, answer, most, asked.seed)
                for sequences, most in both
            )
        reference = CalibrationReference(
            split=f"{data}/{calibration.split}{beside}",
            count=len(samples),
            content_hash=digest,
            method=calibration.method,
        )
    if part.takes:
        emit({"event": "stage", "text": f"running the network up to its {part.name}"})
        before = PartsBefore(loaded, part)
        samples, held_out = before.run(samples), before.run(held_out)
        preprocessing = before.preprocessing(registry, data, asked.seed)
    emit({"event": "stage", "text": "converting"})
    inputs = preprocessing.parts
    path = folder / file_name(
        loaded.card.model_id,
        precision,
        exporter,
        trained=trained is not None,
        part=part.name,
        end_to_end=asked.end_to_end,
    )
    decoder = loaded.task.graph_decoder() if asked.end_to_end else None
    front = kind_of(preprocessing).front_end() if asked.end_to_end and not part.takes else None
    returned = loaded.records_of(part) if decoder is None else decoder.outputs
    free: FreeSides = {}
    if asked.dynamic:
        model, free = with_free_sides(registry, loaded, asked.dynamic, str(data), folder)
    elif trained is None:
        model = deployed_part(loaded.network, loaded.preprocessing, loaded.task, part)
    else:
        rounding = qat.load(registry, loaded, trained, batch=1)
        model, kept = rounding.deployed, tuple(rounding.real)
    # Under its own name: a file may refer to others that are named after it.
    told = exporter.export(
        ExportRequest(
            model=model,
            path=path,
            precision=precision,
            calibration=samples,
            input_name=part.takes or preprocessing.called,
            output_names=loaded.outputs_of(part),
            output_contents=loaded.contents_of(part),
            integer_input=preprocessing.whole_bytes,
            real_outputs=decoder is not None
            or any(output.reading == TARGETS for output in loaded.task.outputs),
            axes=preprocessing.axes,
            sample_rate=preprocessing.sample_rate,
            recurrent=asked.recurrent,
            target=chosen,
            method=calibration.method,
            held_out=held_out,
            keep=asked.keep,
            options=asked.options,
            name=loaded.card.model_id + (f".{part.name}" if part.name else ""),
            task=loaded.task.name,
            classes=() if loaded.task.own_names else loaded.card.classes,
            licence=loaded.card.licence,
            trained=trained is not None,
            examples=not part.takes,
            # Exporters name one input by itself.
            input_names=tuple(p.called for p in inputs) if len(inputs) > 1 else (),
            free_sides=free,
            data_shapes=data_shapes(preprocessing) if free else {},
            whole_input=part.takes_rounded,
            whole_outputs=part.gives_rounded,
            reuse=reuse,
            decoder=decoder,
            front_end=front,
        )
    )
    if not path.is_file():
        raise ZooError(f"the exporter {asked.format!r} wrote no file", fix="tell its author")
    written = told if isinstance(told, Written) else Written(remarks=tuple(told or ()))
    if reference is not None and written.method:
        reference = replace(reference, method=written.method)
    if expected and data is not None:
        emit({"event": "stage", "text": "answers of the Keras model on the validation split"})
        examples = subset(open_dataset(registry, data).splits["validation"], expected)
        outputs = keras_outputs(loaded, examples, lambda done: None)
        np.savez(folder / EXPECTED, outputs=outputs)
    contents = exporter.inspect(path)
    card, known = loaded.card, loaded.card.dataset_hash  # of the training data
    record = front.preprocessing if front else preprocessing.in_layout(contents.inputs[0].layout)
    in_float = (FRONT_END,) if front is not None and kind.arithmetic == "integer" else ()
    embed(
        exporter,
        path,
        Manifest(
            model_id=card.model_id,
            architecture=loaded.architecture.name,
            task=loaded.task.name,
            format=asked.format,
            precision=precision,
            licence=card.licence,
            classes=card.classes,
            weights_sha256=card.sha256,
            dataset=DatasetReference(name=card.dataset, content_hash=known, licence=card.licence),
            # Of trained ranges none was measured, but for what stayed in float between them.
            calibration=reference if training is None or training.notes else None,
            preprocessing=record,
            inputs=contents.inputs,
            outputs=contents.outputs,
            payload_sha256=contents.payload_sha256,
            attachments=dict(contents.attachments),
            versions=versions_of(exporter.distributions),
            target=chosen.name,
            remarks=written.remarks,
            layers=(*in_float, *layer_names(model)),
            meanings={own.name: own.meaning for own in returned if own.meaning},
            readings={own.name: own.reading for own in returned if own.reading},
            end_to_end=decoder is not None,
            part=part.name,
            decoding=dict(loaded.task.decoding),
            free_sides=dict(free),
            kept=tuple(dict.fromkeys((*kept, *written.kept, *in_float))),
            trained=training,
            network=card.network,
            backbone=card.backbone,
            created=utc_now(),
        ),
    )
    return Export(
        file=path.name,
        format=asked.format,
        precision=precision,
        bytes=size_with_side_files(path, contents.side_files),
        sha256=sha256_of(path),
        contents=contents,
        kept=asked.keep,
    )
