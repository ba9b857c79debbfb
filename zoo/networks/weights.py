"""Weights in and out of networks: save, verify, load."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.common.errors import BadFile
from zoo.common.files import atomic_path, sha256_of
from zoo.common.optional_imports import require
from zoo.contracts import Preprocessing
from zoo.networks.building import HEAD, build_network, take_up_weights, variable_names
from zoo.networks.card import Card
from zoo.networks.checkpoints import Checkpoint
from zoo.networks.published.cache import official_path, sources_of

#: What the names of a companion's tensors begin with.
COMPANION = "companion/"


def save_weights(
    network: Any,
    path: Path,
    companion: Any | None = None,
    metadata: Mapping[str, str] | None = None,
) -> str:
    """Writes every variable of a Keras model as safetensors; returns the file's SHA-256.

    Args:
        network: The model.
        path: The file.
        companion: The second network of its training, if there was one; its names begin with
            ``companion/``.
        metadata: Written beside them: of a network that is no plugin's, `foreign_metadata`.
    """
    import numpy as np

    safetensors = require("safetensors.numpy")
    variables = variable_names(network)
    if companion is not None:
        variables |= {COMPANION + name: one for name, one in variable_names(companion).items()}
    # `ascontiguousarray` would make one axis of none, which then fits no variable.
    tensors = {name: np.asarray(one.numpy(), order="C") for name, one in variables.items()}
    with atomic_path(path) as temporary:
        safetensors.save_file(tensors, str(temporary), dict(metadata) if metadata else None)
    return sha256_of(path)


def verify(checkpoint: Checkpoint, expected_sha256: str) -> None:
    """Refuses a weights file whose SHA-256 is not the one on its card."""
    path = checkpoint.path
    actual = sha256_of(path)
    if actual != expected_sha256:
        raise BadFile(
            f"the weights {path} are truncated or altered",
            why=f"SHA-256 is {actual}, the card says {expected_sha256}",
            fix=_restoring(checkpoint),
        )


def _restoring(checkpoint: Checkpoint) -> str:
    """What to do about a damaged file: whence it came decides."""
    package = checkpoint.architecture.weights
    if package is not None and checkpoint.path.parent == package:
        return "install edgezoo again, or restore the file from where it came"
    sources = sources_of(checkpoint.architecture, checkpoint.variant)
    if any(checkpoint.path == official_path(source) for source in sources.values()):
        return f"zoo weights fetch {checkpoint.model_id}"
    return f"restore it and {checkpoint.card_path.name} from where they came, or train it again"


def read_tensors(path: Path) -> dict[str, Any]:
    """All tensors of a safetensors file as numpy arrays."""
    safetensors = require("safetensors")
    numpy_io = require("safetensors.numpy")
    try:
        tensors: dict[str, Any] = numpy_io.load_file(str(path))
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise BadFile(f"{path} is not a safetensors file", why=str(error)) from error
    except (TypeError, AttributeError) as error:  # bfloat16 and 8-bit floats
        raise BadFile(
            f"{path} holds numbers of a type that numpy lacks",
            why=str(error),
            fix="store them as float32 or float16",
        ) from error
    return tensors


def load_into(
    network: Any,
    tensors: dict[str, Any],
    origin: str,
    *,
    skip_head: bool,
    card: Path | None = None,
) -> None:
    """Copies tensors into a network; missing, unexpected or misshaped ones are errors.

    Args:
        network: The Keras model.
        tensors: By the names of `variable_names`.
        origin: Names the file in messages.
        skip_head: Leave the head as it is (the classes differ).
        card: Says of which variant the tensors are; another may be named there.

    Raises:
        BadFile: Lists what does not fit.
    """
    variables = variable_names(network)
    if skip_head:
        variables = {n: v for n, v in variables.items() if not is_head(n)}
        tensors = {n: t for n, t in tensors.items() if not is_head(n)}
    problems = [f"missing: {name}" for name in variables if name not in tensors]
    problems += [f"unexpected: {name}" for name in tensors if name not in variables]
    problems += [
        f"misshaped: {name} is {tuple(tensors[name].shape)}, expected {tuple(variable.shape)}"
        for name, variable in variables.items()
        if name in tensors and tuple(tensors[name].shape) != tuple(variable.shape)
    ]
    if problems:
        shown = problems[:12] + ([f"and {len(problems) - 12} more"] if len(problems) > 12 else [])
        raise BadFile(
            f"{origin} does not fit the network {network.name!r}",
            why="; ".join(shown),
            fix="use weights of this variant and these hyper-parameters"
            + (f", which the card {card} names" if card is not None else ""),
        )
    for name, variable in variables.items():
        variable.assign(tensors[name])
    take_up_weights(network)


def is_head(name: str) -> bool:
    """Whether a variable, by its name of `variable_names`, belongs to the head."""
    return name.split("/")[0] == HEAD


def needs_head(checkpoint: Checkpoint, card: Card, classes: tuple[str, ...]) -> bool:
    """Whether a checkpoint's head does not answer for these classes, or not for its task."""
    own = card.task or checkpoint.architecture.variant(checkpoint.variant.name).task
    other = tuple(classes) != card.classes or checkpoint.variant.task != own
    return checkpoint.variant.has_head and other


def load_companion(companion: Any, checkpoint: Checkpoint) -> None:
    """Copies the companion's weights from a checkpoint; `BadFile` when they do not fit."""
    tensors = read_tensors(checkpoint.path)
    own = {n.removeprefix(COMPANION): t for n, t in tensors.items() if n.startswith(COMPANION)}
    load_into(companion, own, f"the companion in {checkpoint.model_id}", skip_head=False)


def load_network(
    checkpoint: Checkpoint,
    *,
    classes: tuple[str, ...] | None = None,
    hyperparameters: dict[str, Any] | None = None,
    preprocessing: Preprocessing | None = None,
) -> tuple[Any, Card, bool]:
    """Builds the checkpoint's network and loads its verified weights.

    Args:
        checkpoint: From `resolve`.
        classes: Class names; None keeps the checkpoint's own.
        hyperparameters: Override those on the card.
        preprocessing: Overrides the card's.

    Returns:
        The Keras model (normalized inputs to outputs), the card, and whether the head is new.
    """
    card = checkpoint.card()
    if card.variant != checkpoint.variant.name:
        raise BadFile(
            f"{checkpoint.card_path} belongs to {card.variant!r}, "
            f"not to {checkpoint.variant.name!r}"
        )
    verify(checkpoint, card.sha256)
    variant = checkpoint.variant
    new_head = classes is not None and needs_head(checkpoint, card, classes)
    network = build_network(
        checkpoint.architecture,
        variant,
        len(classes if classes is not None else card.classes),
        {**card.hyperparameters, **(hyperparameters or {})},
        preprocessing or card.preprocessing,
    )
    tensors = read_tensors(checkpoint.path)
    if checkpoint.architecture.companion is not None:
        tensors = {n: t for n, t in tensors.items() if not n.startswith(COMPANION)}
    load_into(network, tensors, checkpoint.model_id, skip_head=new_head, card=checkpoint.card_path)
    return network, card, new_head
