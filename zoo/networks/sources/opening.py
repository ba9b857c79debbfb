"""A foreign network opened, checked, brought to our form and written as weights with their card."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import Unsupported, UsageError
from zoo.common.optional_imports import require
from zoo.common.progress import Event
from zoo.contracts import Preprocessing, SourceReference
from zoo.data.opening import judged_dataset, tasks_of, unlabelled_task
from zoo.networks.building import count_parameters
from zoo.networks.free_sides import free_sides
from zoo.networks.multiply_adds import count_multiply_adds
from zoo.networks.sources.available import named_network
from zoo.networks.sources.channels import in_rgb
from zoo.networks.sources.class_names import columns_of, name_classes
from zoo.networks.sources.comparing_labelled import COMPARED, Conversion, own_answers
from zoo.networks.sources.graph import (
    flattened,
    range_in_graph,
    rebuilt,
)
from zoo.networks.sources.heads import in_order, with_logits
from zoo.networks.sources.inputs import (
    IMAGES,
    SERIES,
    InputCandidate,
    InputPlan,
    check_layout,
    plan_input,
    usual_beside,
    with_range,
)
from zoo.networks.sources.judging import InputTrial, choose, uphold
from zoo.networks.sources.judging_numbers import choose_by_error, uphold_by_error
from zoo.networks.sources.keeping import keep
from zoo.networks.sources.rarer_inputs import rarer_inputs
from zoo.networks.sources.references import Opening
from zoo.networks.sources.sample import TrainingSample
from zoo.networks.sources.statement import IN_FILE, parse_statement
from zoo.networks.sources.tensors import without_labels
from zoo.registry import PluginSettings, Registry, load_registry

_BATCH = 32
#: Series that a normalization moves by less than this, in deviations, are as they were: those
#: that were normalized by all examples, of which a split is a part.
_SAME = 0.25


def open_and_convert(
    *,
    source: str,
    reference: str,
    sha256: str,
    how: Opening,
    folder: Path,
    plugins: PluginSettings,
    emit: Callable[[Event], None],
) -> str:
    """Opens a reference and writes ``<variant>.<source>.safetensors`` with its card.

    Args:
        source: Name of what opens it.
        reference: As typed.
        sha256: Of its file.
        how: What is known of it, and the data.
        folder: Where to write.
        plugins: Which plugins to look for.
        emit: Receives progress.

    Returns:
        Name of the weights file.

    Raises:
        ZooError: It cannot be used; says why and what to do.
    """
    registry = load_registry(plugins)
    opener = registry.sources.get(source)
    origin, named = opener.called(reference), named_network(opener, reference)
    stated = parse_statement(how.input)
    emit({"event": "stage", "text": f"reading {how.data}"})
    dataset = judged_dataset(registry, how.data, allow_leak=how.allow_leak)
    task = unlabelled_task(registry, how.data)
    if how.states and task is None:
        raise UsageError(
            f"--state is for samples without labels, and {how.data} has labels",
            why="labels belong to single examples, and a state depends on the inputs before",
            fix="give sequences without labels: --task tensors --data npz:FILE",
        )
    emit({"event": "stage", "text": f"opening {origin}"})
    opened = opener.open(reference)
    if task is not None:
        variant = variant_name(registry, Path(origin).stem, sha256)
        return without_labels(opener, reference, sha256, how, folder / variant, dataset, task)
    if kept := getattr(opened, "states", None):  # as those of a `StateKeeping`
        raise Unsupported(
            f"{origin} keeps state from one call to the next: {', '.join(kept)}",
            why="labels belong to single examples, and its answers depend on the inputs before",
            fix="give sequences without labels: --task tensors --data npz:FILE",
        )
    for what, found in (("inputs", opened.inputs), ("outputs", opened.outputs)):
        if len(found) != 1:
            listed = ", ".join(f"{t.name} {t.shape}" for t in found)
            raise Unsupported(
                f"{origin} has {len(found)} {what}: {listed}",
                why="with labels only networks with one input and one output can be brought in",
                fix="save a model of one of them: keras.Model(inputs, one_output); or export it "
                "without labels, held to its own outputs: --task tensors --data npz:samples.npz",
            )
    statement = stated.over(parse_statement(opened.stated))
    served = tasks_of(registry, how.data)
    heads = tuple(t for t in served if {IMAGES, SERIES} & {*registry.tasks.get(t).networks_of})
    plan = plan_input(opened.inputs[0], statement, dataset, served, origin, heads)
    reading = registry.tasks.get(plan.task).outputs[0].reading
    opened = opened.with_shape(plan.own_shape)
    check_layout(opened, statement.layout, origin)
    sample = TrainingSample.of(dataset, plan, reading)
    flat = flattened(opened.model, plan.shape, plan.own_shape)
    plan = with_range(plan, range_in_graph(flat), origin)
    given = sample.inputs(plan.candidates[0], COMPARED)
    told = own_answers(opened, plan.own_shape, given, origin)
    model, kind, notes = with_logits(flat, given, told, origin, reading, len(dataset.classes))
    count = model.output.shape[-1]
    names, new, noted = name_classes(how, opened.classes, dataset, count, origin, reading)
    order = [names.index(name) for name in dataset.classes] if not new else []
    if order and order != list(range(count)):
        model = in_order(model, order)
    chosen, evidence = _input(plan, sample, model, new, how, origin, emit)
    emit({"event": "stage", "text": "comparing with the original"})
    # Opened anew, since its layers are in the converted network now, and were changed.
    model = rebuilt(model, origin)
    model = rebuilt(in_rgb(model), origin) if chosen.bgr else model
    pair = Conversion(
        opened=lambda shape: opener.open(reference).with_shape(shape),
        model=model,
        preprocessing=chosen.preprocessing,
        bgr=chosen.bgr,
        own_shape=plan.own_shape,
        order=order,
        kind=kind,
        reading=reading,
        origin=origin,
    )
    told_of = [pair.compared(sample.raw[:COMPARED])]
    free = free_sides(how.dynamic, chosen.preprocessing, origin)
    if free:
        emit({"event": "stage", "text": "comparing at further sizes"})
        told_of.append(pair.compared_further(sample.raw, free))
    variant = variant_name(registry, Path(origin).stem, sha256)
    classes = names if new else dataset.classes
    weights = folder / f"{variant}.{source}.safetensors"
    came = SourceReference(
        source=source,
        file=origin,
        sha256=sha256,
        task=plan.task,
        parameters=count_parameters(model),
        multiply_adds=count_multiply_adds(model),
        input=evidence,
        notes=(*opened.notes, *notes, *noted, *told_of),
        free_sides=dict(free),
    )
    licence = "unknown" if named is None else named.licence
    keep(model, weights, variant, came, chosen.preprocessing, classes, licence, opener)
    return weights.name


def _input(
    plan: InputPlan,
    sample: TrainingSample,
    model: Any,
    new: bool,
    how: Opening,
    origin: str,
    emit: Callable[[Event], None],
) -> tuple[InputCandidate, str]:
    """The right way of normalizing examples for the network, and how that is known."""
    known = plan.candidates[0] if plan.known else None
    if new and known is None:
        raise UsageError(
            f"what {origin} takes cannot be measured: these data have other "
            f"{columns_of(sample.reading)}",
            fix='state its input: --input "…" (docs/sources.md lists the words)',
        )
    if known is not None and (new or (how.trained and plan.known != IN_FILE)):
        return known, _known(plan)
    every = [*plan.candidates, *(usual_beside(plan) if known else ())]
    ways = _distinct(every, sample, _SAME if plan.kind == SERIES else 0.0)
    # Traced once: one by one, a hundred layers take longer to call than to compute.
    answer = require("tensorflow").function(
        lambda given: model(given, training=False), autograph=False
    )

    def tried(some: Sequence[InputCandidate]) -> list[InputTrial]:
        trials = []
        for done, way in enumerate(some):
            emit({"event": "progress", "done": done, "total": len(some)})
            trials.append(InputTrial(name=way.name, logits=_predicted(answer, sample.inputs(way))))
        return trials

    def further(best: int) -> list[InputTrial]:
        rarer = rarer_inputs(plan, sample.raw, ways[best])
        ways.extend(rarer)
        return tried(rarer)

    trials = tried(ways)
    labels, reading = sample.labels, sample.reading
    if known is not None and reading:
        read = plan.known == IN_FILE
        right = uphold_by_error(trials[0], trials[1:], labels, reading, origin, read=read)
        return known, f"{_known(plan)}, {right}"
    if known is not None:
        read = plan.known == IN_FILE
        right = uphold(trials[0], trials[1:], sample.labels, origin, read=read)
        return known, f"{_known(plan)}, {right}"
    if reading:
        place, evidence = choose_by_error(trials, labels, reading, origin, further)
    else:
        place, evidence = choose(trials, labels, origin, further)
    return ways[place], evidence


def _known(plan: InputPlan) -> str:
    way = plan.candidates[0]
    made = way.preprocessing.describe().get("normalization", way.name)
    return f"{plan.known}: {made}" + (", blue, green, red" if way.bgr else "")


def _distinct(
    ways: Sequence[InputCandidate], sample: TrainingSample, same: float
) -> list[InputCandidate]:
    """Without those that bring the same numbers.

    Of grey pictures that is another order of channels, of series that are normalized already
    their own mean and deviation: numbers apart by at most `same` deviations are the same.
    """
    kept: list[InputCandidate] = []
    seen: list[NDArray[np.float32]] = []
    for way in ways:
        made = sample.inputs(way, COMPARED)
        if not any(_are_same(made, other, same) for other in seen):
            kept.append(way)
            seen.append(made)
    return kept


def _are_same(made: NDArray[np.float32], other: NDArray[np.float32], same: float) -> bool:
    if np.array_equal(made, other):
        return True
    examples = tuple(range(made.ndim - 1))
    apart = np.sqrt(np.square(made - other).mean(axis=examples))
    return same > 0.0 and bool((apart <= same * other.std(axis=examples)).all())


def _predicted(answer: Callable[[Any], Any], inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    parts = [inputs[at : at + _BATCH] for at in range(0, len(inputs), _BATCH)]
    return np.concatenate([np.asarray(answer(part)) for part in parts])


def variant_name(registry: Registry, stem: str, sha256: str) -> str:
    """The file's name as a variant; one that is taken gets digits of the file's SHA-256."""
    name = re.sub(r"[^a-z0-9_-]+", "_", stem.lower()).strip("_-") or "network"
    name = name if name[0].isalpha() else f"net_{name}"
    taken = {*registry.architectures.names(), *(variant.name for _, variant in registry.variants())}
    # Nor may it be called as what stands around it in the graph that is exported.
    taken |= {
        kind.input_name for kind in Preprocessing.kinds.values() if hasattr(kind, "input_name")
    }
    taken |= {name for task in registry.tasks for name in task.output_names}
    taken |= {"centred", "normalization", "normalized", "repeated"}
    return f"{name}-{sha256[:6]}" if name in taken else name
