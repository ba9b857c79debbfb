"""The task of a file: what its outputs mean, decoded as its manifest says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from zoo.artifacts.artifact import Manifest
from zoo.artifacts.carried_states import carried_states
from zoo.artifacts.file_chain import FileChain
from zoo.artifacts.gate import own_names
from zoo.common.errors import BadFile
from zoo.common.shown_text import abridged
from zoo.contracts import Check, Task
from zoo.registry import Registry

if TYPE_CHECKING:
    from zoo.contracts.task import Array


def task_of(registry: Registry, manifest: Manifest) -> Task:
    """The task with what its outputs are decoded with; of a file that decodes them itself, its own.

    Raises:
        UnknownName: No plugin provides the task.
        BadFile: The file is said to decode its outputs, and its task has no decoder for files.
    """
    task = network_task_of(registry, manifest)
    if not manifest.end_to_end:
        return task
    decoder = task.graph_decoder()
    if decoder is None:
        raise BadFile(
            f"the manifest says that the file decodes outputs of {task.name!r}, which has no "
            "decoder for files",
            fix="export the file again with this version of edgezoo",
        )
    return decoder.task


def network_task_of(registry: Registry, manifest: Manifest) -> Task:
    """The task of the network that a file was made from, which returns what is not yet decoded.

    Raises:
        UnknownName: No plugin provides the task.
    """
    return registry.tasks.get(manifest.task).with_decoding(manifest.decoding)


def as_file_gives(registry: Registry, manifest: Manifest, outputs: Array) -> Array:
    """Outputs of a network in the form in which those of its file are kept.

    Where the file decodes them itself, they are decoded here by the network's own task.
    """
    if not manifest.end_to_end:
        return outputs
    return network_task_of(registry, manifest).decode(outputs)


def record_checks(
    task: Task, chain: FileChain, decoding: Mapping[str, float | str]
) -> tuple[Check, ...]:
    """The checks of what a manifest says of names, states and decoding beside the network.

    Args:
        task: Of the network.
        chain: Its files.
        decoding: What the network was evaluated with.
    """
    found = same_decoding(chain.manifest.decoding, decoding)
    came = chain.manifest.network
    if not task.own_names or came is None:
        return found
    called = [one.called for one in chain.manifest.preprocessing.parts]
    contents = chain.first.contents
    carried = carried_states(contents, chain.manifest.preprocessing)
    names = own_names(contents, called, [*came.outputs])
    return (names, *found) if carried is None else (names, carried, *found)


def same_decoding(
    manifest: Mapping[str, float | str], network: Mapping[str, float | str]
) -> tuple[Check, ...]:
    """Whether outputs are decoded as the network's were; nothing where nothing is chosen.

    Args:
        manifest: What the file's manifest says.
        network: What the network was evaluated with.
    """
    if not manifest and not network:
        return ()
    told, wanted = (
        ", ".join(f"{key} {abridged(str(value))}" for key, value in own.items())
        for own in (manifest, network)
    )
    keys = dict.fromkeys((*manifest, *network))
    others = [key for key in keys if manifest.get(key) != network.get(key)]
    same = not others
    return (
        Check(
            name="decoding",
            passed=same,
            value=told or "nothing",
            limit=wanted or "nothing",
            reason=""
            if same
            else "the decoding is not the one that the network was judged with: "
            f"{' and '.join(others)} {'differs' if len(others) == 1 else 'differ'}",
        ),
    )
