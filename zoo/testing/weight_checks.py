"""Checks of weights: out to a file, back, and into a network for other classes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from zoo.networks.building import HEAD, deployed_model, output_shapes, variable_names
from zoo.networks.card import Card, write_card
from zoo.networks.checkpoints import Checkpoint
from zoo.networks.weights import COMPANION, load_into, load_network, read_tensors, save_weights
from zoo.testing.candidate import SEED, CheckedNetwork
from zoo.testing.structure import NO_HEAD, arrays_of, flat
from zoo.testing.verdict import Finding, NotTried

_TAG = "check"
_EXAMPLES = 8


def weights(subject: CheckedNetwork) -> Finding:
    """Weights written to a file and read into a fresh network give the same outputs."""
    import numpy as np

    network = subject.network()
    companion = subject.companion(network)
    _train_a_little(subject, network, companion)
    with tempfile.TemporaryDirectory(prefix="zoo-check-") as folder:
        path = Path(folder) / "weights.safetensors"
        save_weights(network, path, companion)
        tensors = read_tensors(path)
    fresh = subject.network(seed=SEED + 1)
    own = {n: t for n, t in tensors.items() if companion is None or not n.startswith(COMPANION)}
    load_into(fresh, own, "the file just written", skip_head=False)
    if companion is not None:
        beside = {n.removeprefix(COMPANION): t for n, t in tensors.items() if n not in own}
        load_into(subject.companion(fresh), beside, "the file just written", skip_head=False)
    inputs = subject.inputs(_EXAMPLES)
    raw = subject.preprocessing
    before, after = (
        flat(arrays_of(deployed_model(n, raw, subject.task, batch=None)(inputs)))
        for n in (network, fresh)
    )
    difference = float(np.abs(before - after).max())
    if not difference <= 1e-6:
        return Finding(
            passed=False,
            measured=f"outputs differ by {difference:.2g} after saving and loading",
            fix="keep everything that decides the outputs in weights of layers: no Python "
            "attribute, no constant drawn at random in build()",
        )
    return Finding(passed=True, measured=f"{len(tensors)} tensors, max |Δ| {difference:.2g}")


def new_head(subject: CheckedNetwork) -> Finding:
    """Other classes get a head of their own; all else comes from the file, and the head learns."""
    if not subject.variant.has_head:
        raise NotTried(NO_HEAD)
    import numpy as np

    network = _trained_a_little(subject)
    count = subject.variant.classes + 3
    classes = tuple(f"class {index}" for index in range(count))
    with tempfile.TemporaryDirectory(prefix="zoo-check-") as folder:
        checkpoint = _checkpoint(subject, network, Path(folder))
        fitted, _, is_new = load_network(checkpoint, classes=classes)
    kept = _plain(network)
    backbone = {n: v for n, v in _plain(fitted).items() if not n.startswith(f"{HEAD}/")}
    strange = [n for n, v in backbone.items() if n not in kept or not np.array_equal(v, kept[n])]
    if not is_new or strange or output_shapes(fitted) != subject.variant.outputs_for(count):
        return Finding(
            passed=False,
            measured=f"{len(strange)} tensors outside the head were not kept: {strange[:4]}",
            fix=f'call the layer that depends on the classes "{HEAD}", and no other',
        )
    kept_text = (
        f"{count} classes in place of {subject.variant.classes}; {len(backbone)} tensors kept"
    )
    if not subject.labels_are_classes:
        # No data at hand have so many classes: whether the head alone learns stays open.
        return Finding(passed=True, measured=kept_text)
    before = _plain(fitted)
    for layer in fitted.layers:
        layer.trainable = layer.name == HEAD
    model = subject.trainable(fitted, 0.01)
    model.train_on_batch(*subject.examples(_EXAMPLES, count))
    moved = {n for n, v in _plain(fitted).items() if not np.array_equal(v, before[n])}
    if moved & set(backbone):
        return Finding(
            passed=False,
            measured=f"training the head alone also changed {sorted(moved & set(backbone))[:4]}",
            fix="let frozen layers keep their state: look for a layer that assigns to its weights "
            "although it is not trainable",
        )
    if not moved:
        return Finding(
            passed=False,
            measured="the new head did not change in a training step",
            fix=f'let the layer called "{HEAD}" be trainable, and the last one',
        )
    return Finding(passed=True, measured=kept_text)


def _trained_a_little(subject: CheckedNetwork) -> Any:
    """A network whose every tensor, moving averages included, has left its initial value."""
    network = subject.network()
    _train_a_little(subject, network, subject.companion(network))
    return network


def _train_a_little(subject: CheckedNetwork, network: Any, companion: Any | None) -> None:
    model = subject.trainable(network, 0.01, companion)
    model.train_on_batch(*subject.examples(_EXAMPLES))


def _checkpoint(subject: CheckedNetwork, network: Any, folder: Path) -> Checkpoint:
    variant = subject.variant
    path = folder / f"{variant.name}.{_TAG}.safetensors"
    card = Card(
        variant=variant.name,
        tag=_TAG,
        dataset="synthetic",
        dataset_hash="0" * 64,
        classes=tuple(f"old {index}" for index in range(variant.classes)),
        licence="CC0-1.0",
        sha256=save_weights(network, path),
    )
    write_card(folder / f"{variant.name}.{_TAG}.toml", card)
    return Checkpoint(architecture=subject.architecture, variant=variant, path=path)


def _plain(network: Any) -> dict[str, Any]:
    return {name: variable.numpy() for name, variable in variable_names(network).items()}
