"""Running a file with free sides at further sizes, each call at one size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from zoo.artifacts.artifact import Artifact
from zoo.artifacts.further_sizes import further_check, noise_between
from zoo.common.errors import ZooError
from zoo.common.worker import Children
from zoo.contracts import Check, Precision
from zoo.execution.device import Device
from zoo.execution.session import AgentSession
from zoo.networks.free_sides import batch_of, names_of, size_along

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: At the size of the data, in the place of a side.
OWN_SIZE = ""
#: Inputs by name and outputs in their order, (examples, …), by what they are larger along.
FurtherAnswers = Mapping[str, tuple[Mapping[str, "Array"], list["Array"]]]


def further_answers(
    artifact: Artifact,
    arrays: Mapping[str, Array],
    side: str,
    runtime: str,
    device: Device,
    children: Children | None = None,
) -> list[Array]:
    """What a file answers to inputs that are larger along a free side.

    Args:
        artifact: Has a manifest.
        arrays: (examples, …) by name of an input; a whole number of calls.
        side: Its name.
        runtime: One that the device has.
        device: Where.
        children: Registers the agent.

    Returns:
        (examples, …) of each output, in the file's order.

    Raises:
        ZooError: The file does not run at that size.
    """
    free = {} if artifact.manifest is None else artifact.manifest.free_sides
    children, each = children or Children(), batch_of(free, side)
    names = [tensor.name for tensor in artifact.contents.inputs]
    shapes = [(each, *arrays[name].shape[1:]) for name in names]
    with AgentSession(device.connect(), runtime) as session, children.registered(session.kill):
        session.load(artifact.path, shapes=shapes)
        return [*session.run_all([arrays[name] for name in names])]


def check_further(
    artifact: Artifact,
    expected: FurtherAnswers,
    precision: Precision,
    runtime: str,
    device: Device,
    children: Children | None = None,
) -> Check:
    """Whether a file answers as its network at further sizes, larger along each free side.

    Args:
        artifact: Has a manifest.
        expected: From the network; at `OWN_SIZE`, too, where noise is not what it is judged by.
        precision: As exported.
        runtime: One that the device has.
        device: Where.
        children: Registers the agent.

    Raises:
        ZooError: It does not run at the size of the data.
    """
    found: dict[str, float | str] = {}
    own = 0.0
    if OWN_SIZE in expected:
        arrays, right = expected[OWN_SIZE]
        own = _noise(right, further_answers(artifact, arrays, OWN_SIZE, runtime, device, children))
    free = {} if artifact.manifest is None else artifact.manifest.free_sides
    for side in names_of(free):
        if side not in expected:
            found[side] = "it was not asked"
            continue
        arrays, right = expected[side]
        title = f"{side} = {size_of(artifact, arrays, side)}"
        try:
            answered = further_answers(artifact, arrays, side, runtime, device, children)
        # The runtime may refuse, fail or die at a size that a converter has fixed.
        except ZooError as error:
            found[title] = f"{error.what}{f': {error.why}' if error.why else ''}"
            continue
        found[title] = _noise(right, answered)
    return further_check(found, precision, own)


def _noise(right: Sequence[Array], answered: Sequence[Array]) -> float:
    """The largest of any output."""
    pairs = zip(right, answered, strict=True)
    return max(noise_between(ours, theirs) for ours, theirs in pairs)


def size_of(artifact: Artifact, arrays: Mapping[str, Array], side: str) -> int:
    """The size of a free side in these inputs."""
    free = {} if artifact.manifest is None else artifact.manifest.free_sides
    return size_along(arrays, free, side)
