"""Claims that a file's own bytes answer, and those that its checkpoint answers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from zoo.analysis.verify.claims import ClaimList
from zoo.artifacts.artifact import SCHEMA, Artifact, Manifest
from zoo.artifacts.carried_states import carried_states
from zoo.artifacts.file_chain import FileChain
from zoo.artifacts.gate import WORK, chain_checks
from zoo.common.errors import UnknownName, ZooError
from zoo.common.files import sha256_of
from zoo.contracts import Check, FileContents, Precision, Preprocessing, TensorInfo
from zoo.networks.card import Card, read_card
from zoo.networks.checkpoints import SUFFIX, resolve
from zoo.registry import Registry
from zoo.results.formatting import printable

#: Checks of the gate that only the Keras network answers.
_NEED_NETWORK = ("parity", "classes", "confidence", "resolution", "scale", "scores", "decoding")


def check_contents(claims: ClaimList, artifact: Artifact, manifest: Manifest) -> None:
    """The model's bytes, and what it takes and gives."""
    contents = artifact.contents
    claims.check(
        "model bytes",
        contents.payload_sha256 == manifest.payload_sha256,
        f"SHA-256 {contents.payload_sha256[:16]}… of {contents.payload_bytes:,} bytes",
        f"the manifest says {manifest.payload_sha256[:16]}…: the model was altered",
    )
    if manifest.schema < SCHEMA:
        claims.skip(
            "manifest and other content",
            "an older edgezoo wrote the manifest, without hashes of its own text and of what else "
            "is in the file: `zoo export` makes a file that has them",
        )
    elif contents.attachments or manifest.attachments:
        claims.check(
            "other content",
            not artifact.altered_attachments,
            f"as the manifest says: {', '.join(map(printable, sorted(contents.attachments)))}",
            f"altered: {', '.join(map(printable, artifact.altered_attachments))}",
        )
    claims.check(
        "format",
        manifest.format == artifact.exporter.name,
        artifact.exporter.name,
        f"the manifest says {manifest.format!r}",
    )
    for name, found, claimed in (
        ("inputs", contents.inputs, manifest.inputs),
        ("outputs", contents.outputs, manifest.outputs),
    ):
        claims.check(
            name, found == claimed, _listed(found), f"the manifest says {_listed(claimed)}"
        )
    wanted = [one.input_shape for one in manifest.preprocessing.parts]
    claims.check(
        "preprocessing",
        _with_free_sides(contents, manifest) == wanted,
        f"it makes inputs of shape {', '.join(map(_sides, wanted))}",
        f"the file takes {_listed(contents.inputs)}",
    )
    carried = carried_states(contents, manifest.preprocessing)
    if carried is not None:
        claims.check(carried.name, carried.passed, carried.value, carried.reason)


def _with_free_sides(contents: FileContents, manifest: Manifest) -> list[tuple[int, ...]]:
    """The shapes that a file takes, free sides as the data have them."""
    found, parts = [], manifest.preprocessing.parts
    if len(parts) != len(contents.inputs):
        return [tensor.shape[1:] for tensor in contents.inputs]
    for tensor, one in zip(contents.inputs, parts, strict=True):
        free, own = manifest.free_sides.get(tensor.name, ()), (1, *one.input_shape)
        alike = len(free) == len(own) == len(tensor.shape)
        sides = zip(tensor.shape, free, own, strict=True) if alike else ()
        shape = tuple(o if f and s < 0 else s for s, f, o in sides) or tensor.shape
        found.append(shape[1:])
    return found


def check_gate(claims: ClaimList, chain: FileChain, precision: Precision) -> None:
    """The gate's verdict, and those of its checks that the bytes answer.

    The files of one model were judged together, so each tells the same.
    """
    gate = chain.manifest.gate
    if any(manifest.gate != gate for manifest in chain.manifests):
        claims.check("gate", False, "its files tell of different verdicts", "one was exchanged")
        return
    if gate is None:
        claims.skip("gate", "the gate has not judged this file: it makes no such claim")
        return
    consistent = gate.passed == all(check.passed for check in gate.checks)
    ordered = all(metric.low <= metric.value <= metric.high for metric in gate.metrics)
    claims.check(
        "gate",
        consistent and ordered and bool(gate.checks),
        ("passed" if gate.passed else "rejected") + f" in {gate.runtime} {gate.runtime_version}",
        "its checks do not add up to its verdict"
        if not consistent or not gate.checks
        else "a metric lies outside its own interval",
    )
    claimed = {check.name: check for check in gate.checks}
    for check in chain_checks(chain, precision):
        before = claimed.get(check.name)
        same = before is not None and _same(before, check, chain.first.contents)
        said = "nothing of it" if before is None else repr(before.value)
        claims.check(check.name, same, check.value, f"the manifest says {said}")
    for name in _NEED_NETWORK:
        if name in claimed:
            claims.skip(
                f"{name} with the network",
                "it is measured against the Keras network; `zoo export` measures it anew",
            )


def _same(claimed: Check, found: Check, contents: FileContents) -> bool:
    """Whether a check says what the manifest claims."""
    if claimed.name == "placement" and WORK not in claimed.value and WORK in found.value:
        # It is older, when one integer operator was enough.
        passed = found.passed or contents.integer_operators > 0
        return found.value.startswith(f"{claimed.value}; ") and claimed.passed == passed
    return (claimed.value, claimed.passed) == (found.value, found.passed)


def check_origin(claims: ClaimList, registry: Registry, chain: FileChain) -> None:
    """Classes against the outputs, and what the checkpoint says, when it is here."""
    manifest = chain.manifest
    _check_class_names(claims, chain)
    _check_classes(claims, registry, chain)
    weights, card_path, problem = _checkpoint(registry, chain.first.path, manifest.model_id)
    if weights is None:
        claims.skip("weights", problem)
        return
    found = sha256_of(weights)
    same = claims.check(
        "weights",
        {found} == {one.weights_sha256 for one in chain.manifests},
        f"SHA-256 {found[:16]}… of {weights.name}",
        f"the manifest says {manifest.weights_sha256[:16]}…: the file was made from others",
    )
    if not same or card_path is None:
        return
    try:
        card = read_card(card_path)
    except ZooError as error:
        claims.skip("card of the weights", error.what)
        return
    differing = _differences(card, manifest, _preprocessing_of(registry, card))
    claims.check(
        "card of the weights",
        not differing,
        "the same model, classes, licence and training data",
        f"the manifest says otherwise of: {', '.join(differing)}",
    )


def _check_class_names(claims: ClaimList, chain: FileChain) -> None:
    """The names that the file has for other programs: another order would be other answers."""
    # Each name is one line there.
    wanted = tuple(" ".join(name.split()) for name in chain.manifest.classes)
    for artifact in chain.artifacts:
        found = artifact.contents.class_names
        if found:
            claims.check(
                "labels",
                found == wanted,
                f"the {len(found)} of the manifest, in its order",
                "they are others than the manifest's, or in another order",
            )


def _check_classes(claims: ClaimList, registry: Registry, chain: FileChain) -> None:
    manifest = chain.manifest
    count = len(manifest.classes)
    outputs = [tensor for artifact in chain.artifacts for tensor in artifact.contents.outputs]
    if manifest.network is not None and manifest.network.outputs:
        return  # No labels: its outputs are called as in the network, which `own_names` checks.
    if manifest.end_to_end:
        claims.skip("classes", "the file decodes its outputs: it returns numbers of classes")
        return
    wanted: dict[str, tuple[int, ...]] = {"": (count,)}  # of every network from elsewhere
    if manifest.network is None:
        try:
            _, variant = registry.variant(manifest.model_id.partition(".")[0])
        except ZooError:
            claims.skip("classes", "the plugin that provides the network is not here")
            return
        if not variant.has_head:
            claims.skip("classes", "the outputs are no choice among classes")
            return
        wanted = {name: shape[-1:] for name, shape in variant.outputs_for(count).items()}
    claims.check(
        "classes",
        wanted == {t.name if len(outputs) > 1 else "": t.shape[1:][-1:] for t in outputs},
        f"{count} names for outputs of shape {', '.join(_sides(t.shape) for t in outputs)}",
        "they are not as many",
    )


def _checkpoint(
    registry: Registry, file: Path, model_id: str
) -> tuple[Path | None, Path | None, str]:
    """The weights beside the file or in the zoo, their card, and why there are none."""
    beside = next((p for p in file.parent.glob(f"*{SUFFIX}") if p.name == model_id + SUFFIX), None)
    if beside is not None:
        card = beside.with_name(model_id + ".toml")
        return beside, card if card.is_file() else None, ""
    try:
        _, _, checkpoint = resolve(registry, model_id)
    except UnknownName:
        return None, None, f"there are no weights {model_id} here, nor {SUFFIX} beside the file"
    except ZooError as error:
        return None, None, error.what
    if checkpoint is None:
        return None, None, f"there are no weights {model_id} here"
    return checkpoint.path, checkpoint.card_path, ""


def _preprocessing_of(registry: Registry, card: Card) -> Preprocessing | None:
    """How the network reads examples: its card's record, or else its variant's."""
    if card.preprocessing is not None:
        return card.preprocessing
    try:
        _, variant = registry.variant(card.model_id.partition(".")[0])
    except ZooError:
        return None
    return variant.preprocessing


def _differences(card: Card, manifest: Manifest, preprocessing: Preprocessing | None) -> list[str]:
    pairs: dict[str, tuple[Any, Any]] = {
        "model": (card.model_id, manifest.model_id),
        "classes": (card.classes, manifest.classes),
        "licence": (card.licence, manifest.licence),
        "origin": (card.network, manifest.network),
        "decoding": (card.decoding, manifest.decoding),
        "training data": (
            (card.dataset, card.dataset_hash),
            (manifest.dataset.name, manifest.dataset.content_hash),
        ),
    }
    if preprocessing is not None:
        pairs["preprocessing"] = (_steps(preprocessing), _steps(manifest.preprocessing.of_network))
    return [name for name, (one, other) in pairs.items() if one != other]


def _steps(preprocessing: Preprocessing) -> dict[str, Any]:
    """All but the order of axes, which is a file's own."""
    return {key: value for key, value in asdict(preprocessing).items() if key != "layout"}


def _sides(shape: tuple[int, ...]) -> str:
    return "×".join("?" if side < 0 else str(side) for side in shape)


def _listed(tensors: tuple[TensorInfo, ...]) -> str:
    words = []
    for tensor in tensors:
        scale = "" if tensor.scale is None else f" (scale {tensor.scale:g}, {tensor.zero_point})"
        words.append(f"{tensor.name} {tensor.dtype} {_sides(tensor.shape)}{scale}")
    return ", ".join(words) or "none"
