"""What a file should answer: its golden outputs, or for a foreign file the host's own answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from zoo.artifacts import closeness
from zoo.artifacts.artifact import Artifact, Manifest
from zoo.artifacts.file_task import task_of
from zoo.artifacts.golden_choice import least_tolerance
from zoo.artifacts.golden_samples import read_golden
from zoo.artifacts.value_range import value_range_of
from zoo.common.errors import MissingExtra, ZooError
from zoo.common.named_arrays import fields_of, with_names
from zoo.common.worker import Children
from zoo.contracts import TensorInfo
from zoo.contracts.precision import BASELINE, PRECISIONS
from zoo.contracts.task import Check, Task
from zoo.execution.output_check import ExpectedOutputs, unchecked
from zoo.execution.runner import choose_runtime, host_device
from zoo.execution.session import AgentSession
from zoo.networks.free_sides import data_shapes
from zoo.registry import Registry
from zoo.results.measurements import OutputCheck

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Examples that a file without golden inputs is asked.
_COUNT = 3
_SEED = 0
#: A difference that the host's own kernels make may be twice as large on another device.
_MARGIN = 2.0

CheckOutputs = Callable[[AgentSession], OutputCheck]


def make_output_check(
    registry: Registry,
    artifact: Artifact,
    *,
    shapes: Sequence[Sequence[int]] | None = None,
    inputs: Sequence[Array] | None = None,
    limits: Sequence[int | None] = (),
    children: Children | None = None,
) -> CheckOutputs:
    """The check of a file's answers on a device, before it is timed there.

    What is expected is found out when the check is first made, and once for all devices.

    Args:
        registry: Finds tasks and runtimes.
        artifact: The file.
        shapes: Of its inputs, where it leaves sizes open.
        inputs: Raw examples, one array per input; None for seeded ones. Golden inputs come first.
        limits: Of each input of indices, how many there are; None for other inputs.
        children: Registers the agent.

    Returns:
        Raises `ZooError` when the answers are others, or the golden inputs are damaged.
    """
    known: list[CheckOutputs] = []
    lock = threading.Lock()

    def check(session: AgentSession) -> OutputCheck:
        with lock:
            if not known:
                known.append(_expected(registry, artifact, children, (shapes, inputs, limits)))
        return known[0](session)

    return check


#: Shapes of inputs, raw examples, and how many indices each input chooses from.
_Given = tuple[Sequence[Sequence[int]] | None, Sequence["Array"] | None, Sequence[int | None]]


def _expected(
    registry: Registry, artifact: Artifact, children: Children | None, given: _Given
) -> CheckOutputs:
    manifest = artifact.manifest
    if manifest is not None and manifest.golden is not None and _of_golden(manifest, given[0]):
        arrays = read_golden(manifest.golden, artifact.path)
        right = fields_of(arrays.outputs)
        return ExpectedOutputs(
            reference=f"golden inputs of {manifest.golden.dataset}",
            inputs=_in_order(artifact, arrays.inputs),
            outputs=[*right.values()],
            limits=[manifest.golden.limit(name) for name in right],
            decide=_decision(registry, manifest, arrays.outputs),
            run=_step_by_step(manifest, arrays.inputs) if manifest.preprocessing.states else None,
        ).check
    try:
        return _host_outputs(registry, artifact, children, given).check
    except (ZooError, ValueError) as error:
        return unchecked(error.what if isinstance(error, ZooError) else str(error))


def _of_golden(manifest: Manifest, shapes: Sequence[Sequence[int]] | None) -> bool:
    """Whether shapes of inputs are those of golden inputs, or none are set."""
    own = [*data_shapes(manifest.preprocessing).values()] if manifest.free_sides else []
    return not (shapes and own) or sorted(map(tuple, shapes)) == sorted(own)


def _step_by_step(
    manifest: Manifest, golden: Array
) -> Callable[[AgentSession, Sequence[Array]], list[Array]]:
    """Runs sequences, given as arrays in the order of the golden ones' fields."""
    from zoo.data.preprocessing.steps import outputs_of

    names = [*fields_of(golden)]

    def run(session: AgentSession, inputs: Sequence[Array]) -> list[Array]:
        given = with_names(inputs, names)
        return [*fields_of(outputs_of(given, manifest.preprocessing, session.run)).values()]

    return run


def _in_order(artifact: Artifact, inputs: Array) -> list[Array]:
    """Golden inputs in the order that the file takes them."""
    given = fields_of(inputs)
    names = [tensor.name for tensor in artifact.contents.inputs]
    return [given[name] for name in (names if {*names} == {*given} else given)]


def _decision(
    registry: Registry, manifest: Manifest, right: Array
) -> Callable[[Sequence[Array]], Check] | None:
    if manifest.part:
        return None  # What a part gives is no answer of the task.
    try:
        task: Task = task_of(registry, manifest)
        precision = registry.precision(manifest.precision)
    except ZooError:
        return None  # The plugin that provides it is not here.
    names = tuple(fields_of(right))

    def decided(found: Sequence[Array]) -> Check:
        return closeness.parity(
            task, closeness.compare(task, right, with_names(found, names)), precision
        )

    return decided


def _host_outputs(
    registry: Registry, artifact: Artifact, children: Children | None, given: _Given
) -> ExpectedOutputs:
    """What the host answers to given or seeded inputs, by its fast kernels and its plain ones.

    Raises:
        ZooError: The host cannot run the file.
        ValueError: An input has a free size.
    """
    import numpy as np

    children = children or Children()
    host = host_device(registry)
    try:
        runtime = choose_runtime(artifact.exporter, host)
    except MissingExtra:
        raise ValueError(f"this machine has no runtime for {artifact.exporter.name}") from None
    transport = host.connect()
    try:
        with AgentSession(transport, runtime) as session, children.registered(session.kill):
            shapes, examples, indices = given
            loaded = session.load(artifact.path, shapes=shapes)
            inputs = examples or [
                _seeded(
                    tensor,
                    place,
                    value_range_of(artifact),
                    whole=not loaded.batched,
                    limit=indices[place] if place < len(indices) else None,
                )
                for place, tensor in enumerate(loaded.inputs)
            ]
            outputs = session.run_all(inputs)
            limits = [
                _output_tolerance(artifact, tensor, values)
                for tensor, values in zip(loaded.outputs, outputs, strict=True)
            ]
            try:
                session.load(artifact.path, plain_kernels=True, shapes=shapes)
                plain = session.run_all(inputs)
            except ZooError:
                plain = outputs  # It has fast kernels alone: the least tolerance counts.
    finally:
        transport.close()
    apart = [
        float(np.nan_to_num(np.abs(fast.astype(np.float64) - slow)).max(initial=0.0))
        for fast, slow in zip(outputs, plain, strict=True)
    ]
    return ExpectedOutputs(
        reference=f"{host.name}, {loaded.runtime} {loaded.runtime_version}, "
        f"on {'seeded' if given[1] is None else 'given'} inputs",
        inputs=inputs,
        outputs=outputs,
        limits=[max(limit, _MARGIN * own) for limit, own in zip(limits, apart, strict=True)],
    )


def _seeded(
    tensor: TensorInfo,
    place: int,
    value_range: tuple[float, float],
    *,
    whole: bool,
    limit: int | None,
) -> Array:
    """Raw examples for one input, float32 where it takes real numbers or integers with a scale.

    Args:
        tensor: The input.
        place: Its number.
        value_range: Of real numbers.
        whole: Whether an example is the whole input of a call, without a batch.
        limit: Of indices, how many there are.
    """
    import numpy as np

    sides = tensor.shape if whole else tensor.shape[1:]
    if any(side < 1 for side in sides):
        raise ValueError(f"the input {tensor.name} has a free size, so nothing can be made up")
    random = np.random.default_rng((_SEED, place))
    dtype = np.dtype(tensor.dtype)
    shape = (_COUNT, *sides)
    if tensor.scale is not None:
        info = np.iinfo(dtype)
        steps = random.integers(info.min, info.max, shape, endpoint=True)
        return ((steps - (tensor.zero_point or 0)) * tensor.scale).astype(np.float32)
    if limit is not None or dtype.kind == "b":
        return random.integers(0, limit or 2, shape).astype(dtype)
    if dtype.kind in "iu":  # token ids, say: zero is always valid
        return np.zeros(shape, dtype)
    return random.uniform(*value_range, shape).astype(dtype)


def _output_tolerance(artifact: Artifact, tensor: TensorInfo, outputs: Array) -> float:
    """Least tolerance for one output; outputs beyond 1 may be off by as much more."""
    import numpy as np

    contents = artifact.contents
    integers = contents.integer_operators + contents.hybrid_operators > 0
    alike = [p for p in PRECISIONS if p.arithmetic == ("integer" if integers else "float")]
    stored = [p for p in alike if integers or contents.weight_types.get(p.weights)]
    like = max(stored or [BASELINE], key=lambda precision: precision.tolerances.output)
    least, _ = least_tolerance(like, tensor)
    largest = float(np.abs(outputs[np.isfinite(outputs)]).max(initial=0.0))
    return least if tensor.scale is not None else least * max(1.0, largest)
