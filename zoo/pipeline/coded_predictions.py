"""``zoo predict`` with an encoder and a decoder: pictures to coded files, and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from zoo.artifacts.file_chain import FileChain
from zoo.common.brief import BriefTuple
from zoo.common.errors import BadFile, ZooError
from zoo.common.files import read_file
from zoo.common.progress import Event, OnEvent
from zoo.common.worker import call
from zoo.contracts import Preprocessing
from zoo.contracts.preprocessing import Sample, SampleList
from zoo.contracts.stored_code import StoredCode
from zoo.execution.picture_codes import CodeGrid, code_grid, decode, encode
from zoo.execution.runner import choose_runtime, host_device
from zoo.execution.session import AgentSession
from zoo.networks.building import deployed_part
from zoo.networks.checkpoints import Checkpoint
from zoo.networks.loading import LoadedModel, Subject, load_model
from zoo.pipeline.coded_inputs import CodedInputs
from zoo.registry import Registry
from zoo.results.predictions import PredictedExample, Predictions, UnreadExample

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Larger coded files than pictures of the largest size make are not read.
_MOST_BYTES = 512 << 20
_Answer = Callable[["Array"], "Array"]


@dataclass(frozen=True, kw_only=True)
class CodingParts:
    """An encoder and a decoder that run.

    Attributes:
        stored: How codes are written.
        grid: How codes lie over pictures.
        encode: Of raw pictures; None where there is only the decoder.
        decode: Of codes.
    """

    stored: StoredCode
    grid: CodeGrid
    encode: _Answer | None
    decode: _Answer


@dataclass(frozen=True, kw_only=True, eq=False)
class CodedAnswer:
    """One input, coded and decoded.

    Attributes:
        content: Of the coded file.
        picture: Decoded.
        problem: Why there is neither; empty where there are both.
    """

    content: bytes = b""
    picture: Array | None = None
    problem: str = ""


def coded_by_files(
    registry: Registry,
    chain: FileChain,
    stored: StoredCode,
    given: CodedInputs,
    found: SampleList,
    *,
    emit: OnEvent,
) -> Predictions:
    """Codes and decodes by exported files in their runtime.

    Args:
        registry: Knows devices.
        chain: Encoder and decoder, or the decoder alone.
        stored: Of their task.
        given: All inputs.
        found: Samples of the pictures among them.
        emit: Receives progress.
    """
    from zoo.data.preprocessing.steps import outputs_of

    runtime = choose_runtime(chain.first.exporter, host_device(registry))
    with ExitStack() as stack:
        answers: list[_Answer] = []
        for artifact, manifest in zip(chain.artifacts, chain.manifests, strict=True):
            session = stack.enter_context(AgentSession(host_device(registry).connect(), runtime))
            session.load(artifact.path, threads=1)
            own = manifest.preprocessing
            answers.append(partial(outputs_of, preprocessing=own, answer=session.run))
        last = chain.artifacts[-1].contents
        sides = last.outputs[0].shape[1:3]
        grid = code_grid((sides[0], sides[1]), tuple(last.inputs[0].shape[1:]))
        parts = CodingParts(
            stored=stored,
            grid=grid,
            encode=answers[0] if len(answers) > 1 else None,
            decode=answers[-1],
        )
        started = perf_counter()
        own = chain.manifest.preprocessing
        made = run_coding(parts, own, found.samples, given.coded, emit=emit)
    told = told_of(stored, given, found, made, own)
    return replace(
        told,
        subject=chain.name,
        task=chain.manifest.task,
        runtime=runtime,
        findings=chain.manifest.findings,
        seconds=perf_counter() - started,
    )


def coded_by_network(
    registry: Registry,
    checkpoint: Checkpoint,
    stored: StoredCode,
    given: CodedInputs,
    found: SampleList,
    *,
    data: str,
    emit: OnEvent,
    loaded: LoadedModel | None = None,
) -> Predictions:
    """Codes and decodes by weights, in Keras; in a process of its own if they are not in memory.

    Args:
        registry: Its plugins are those of that process.
        checkpoint: The weights.
        stored: Of their task.
        given: All inputs.
        found: Samples of the pictures among them.
        data: Dataset that the network was trained on.
        emit: Receives progress.
        loaded: The weights in memory.
    """
    started = perf_counter()
    made: list[CodedAnswer]
    if loaded is not None:
        made = _coded_by_loaded(loaded, given, found.samples, emit)
    else:
        subject = Subject(model=str(checkpoint.path), plugins=registry.settings)
        made = call(
            "zoo.pipeline.coded_predictions:code_in_keras",
            {"subject": subject, "given": given, "data": data},
            on_event=emit,
        )
    told = told_of(stored, given, found, made, checkpoint.preprocessing)
    return replace(
        told,
        subject=checkpoint.model_id,
        task=checkpoint.task,
        runtime="keras",
        seconds=perf_counter() - started,
    )


def code_in_keras(
    *, subject: Subject, given: CodedInputs, data: str, emit: Callable[[Event], None]
) -> list[CodedAnswer]:
    """What a network makes of inputs; called in a worker process."""
    from zoo.data.samples.reading import find_samples

    loaded = load_model(subject)
    found = find_samples(loaded.preprocessing, given.pictures, data, alone=not given.coded)
    return _coded_by_loaded(loaded, given, found.samples, emit)


def _coded_by_loaded(
    loaded: LoadedModel, given: CodedInputs, samples: Sequence[Sample], emit: OnEvent
) -> list[CodedAnswer]:
    own, task = loaded.preprocessing, loaded.task
    stored = task.stored_code()
    assert stored is not None  # or this would not have been called
    answers, shapes = [], []
    height, width = own.input_shape[:2]
    for part in task.parts:
        model = deployed_part(loaded.network, own, task, part, batch=None)
        answers.append(partial(_of_part, model, part.outputs[0]))
        shapes.append(tuple(model.output[part.outputs[0]].shape[1:]))
    parts = CodingParts(
        stored=stored,
        grid=code_grid((height, width), shapes[0]),
        encode=answers[0],
        decode=answers[-1],
    )
    return run_coding(parts, own, samples, given.coded, emit=emit)


def _of_part(model: Any, output: str, inputs: Array) -> Array:
    import numpy as np

    return np.asarray(model(inputs, training=False)[output], np.float32)


def run_coding(
    parts: CodingParts,
    preprocessing: Preprocessing,
    samples: Sequence[Sample],
    coded: Sequence[str],
    *,
    emit: OnEvent,
) -> list[CodedAnswer]:
    """Pictures first, each coded, read back and decoded; then coded files, decoded.

    Raises:
        ZooError: The only one cannot be read, coded or decoded.
    """
    made = []
    work = [partial(_of_picture, parts, preprocessing, sample) for sample in samples]
    work += [partial(_of_coded, parts, path) for path in coded]
    for number, one in enumerate(work, start=1):
        try:
            made.append(one())
        except ZooError as error:
            if len(work) == 1:
                raise
            made.append(CodedAnswer(problem=": ".join(filter(None, (error.what, error.why)))))
        except OSError as error:
            made.append(CodedAnswer(problem=error.strerror or str(error)))
        emit({"event": "progress", "done": number, "total": len(work)})
    return made


def _of_picture(parts: CodingParts, preprocessing: Preprocessing, sample: Sample) -> CodedAnswer:
    import numpy as np

    assert parts.encode is not None  # with pictures both files are opened
    picture = picture_of(sample, preprocessing)
    parts.stored.check_size(*picture.shape[:2])
    code = encode(picture, parts.grid, parts.stored, parts.encode)
    content = parts.stored.packed(code)
    back = parts.stored.unpacked(content)
    if not np.array_equal(back.cells, code.cells):
        raise BadFile(
            "the coded picture is decoded to other numbers",
            why="the tables do not fit the coder",
            fix="report this: it is a mistake in edgezoo",
        )
    return CodedAnswer(content=content, picture=decode(back, parts.grid, parts.decode))


def _of_coded(parts: CodingParts, path: str) -> CodedAnswer:
    content = read_file(Path(path), _MOST_BYTES)
    code = parts.stored.unpacked(content, path)
    return CodedAnswer(content=content, picture=decode(code, parts.grid, parts.decode))


def picture_of(sample: Sample, preprocessing: Preprocessing) -> Array:
    """A picture with the channels of a network, at its own size.

    Raises:
        ZooError: It cannot be read.
    """
    from zoo.data.preprocessing.inputs import kind_of

    picture: Array = kind_of(preprocessing).whole_picture(sample.read())
    return picture


def told_of(
    stored: StoredCode,
    given: CodedInputs,
    found: SampleList,
    made: Sequence[CodedAnswer],
    preprocessing: Preprocessing,
) -> Predictions:
    """What was made, as people read it, as inputs are ordered; without network and runtime."""
    samples = [*found.samples]
    for path, one in zip(given.coded, made[len(samples) :], strict=True):
        samples.append(Sample(name=path, read=partial(_decoded, one)))
    failed = [UnreadExample(input=name, why=why) for name, why in found.problems]
    examples = []
    for number in given.order(found):
        sample, one = samples[number], made[number]
        if one.problem:
            failed.append(UnreadExample(input=sample.name, why=one.problem))
            continue
        own = picture_of(sample, preprocessing) if number < len(found.samples) else None
        output = stored.described(one.content, one.picture, own)
        examples.append(PredictedExample(sample=sample, output=output))
    return Predictions(
        subject="",
        task="",
        classes=(),
        runtime="",
        preprocessing=preprocessing,
        examples=BriefTuple(examples),
        failed=tuple(failed),
        notes=tuple(found.notes),
    )


def _decoded(one: CodedAnswer) -> Array:
    assert one.picture is not None  # those without are not among the examples
    return one.picture
