"""Finding pretrained weights by name; opens no file and imports nothing heavy."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BadFile, UnknownName, UsageError
from zoo.common.files import no_file
from zoo.contracts import Architecture, Preprocessing, Variant
from zoo.contracts.plugin import unknown_name
from zoo.networks.published.cache import is_fetched, official_path, own_weights, sources_of
from zoo.registry import Registry

if TYPE_CHECKING:
    from zoo.networks.card import Card

SUFFIX = ".safetensors"
_FOREIGN = (".pth", ".pt", ".bin", ".h5")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A checkpoint: weights file, card, and the variant that they belong to."""

    architecture: Architecture
    variant: Variant
    path: Path

    @property
    def model_id(self) -> str:
        """``variant.tag``."""
        return self.path.name.removesuffix(SUFFIX)

    @property
    def card_path(self) -> Path:
        """The card beside the weights."""
        return self.path.with_name(self.model_id + ".toml")

    @property
    def preprocessing(self) -> Preprocessing:
        """The card's, if it has one of its own, else the variant's."""
        return self.card().preprocessing or self.variant.preprocessing

    @property
    def task(self) -> str:
        """Name of the task that the weights were trained for."""
        return self.card().task or self.architecture.variant(self.variant.name).task

    def card(self) -> Card:
        """Reads the card."""
        from zoo.networks.card import read_card

        return read_card(self.card_path)


def packaged(architecture: Architecture, variant: Variant) -> dict[str, Path]:
    """Tags of the packaged weights of a variant and their files; never opens them."""
    if architecture.weights is None or not architecture.weights.is_dir():
        return {}
    prefix = f"{variant.name}."
    return {
        path.name.removeprefix(prefix).removesuffix(SUFFIX): path
        for path in sorted(architecture.weights.glob(f"{prefix}*{SUFFIX}"))
    }


class NotAModel(UsageError):
    """A path given as model that is neither a checkpoint nor a foreign weights file."""


def resolve(registry: Registry, model: str) -> tuple[Architecture, Variant, Checkpoint | None]:
    """Resolves a model's name, id or path.

    Args:
        registry: Where to look.
        model: A variant (``lenet5``), a model id (``lenet5.fashion_mnist``, ``resnet18.a1_in1k``),
            or the path of a ``.safetensors`` file with its card.

    Returns:
        Architecture, variant, and the checkpoint; None when the variant has no packaged
        weights. Official weights are only taken by name.

    Raises:
        UnknownName: No such variant or tag; offers the nearest.
        NotAModel: The path of a file that is neither weights nor another program's.
        UsageError: Official weights that were not fetched yet.
    """
    if model in registry.opened:
        return _resolve_path(registry, registry.opened[model])
    if model.endswith(SUFFIX):
        return _resolve_path(registry, Path(model))
    name, _, tag = model.partition(".")
    try:
        architecture, variant = registry.variant(name)
    except UnknownName as error:
        raise _no_model(registry, model) from error
    tags = packaged(architecture, variant)
    if not tag:
        if not tags:
            return architecture, variant, None
        tag = next(iter(tags))
    if tag not in tags:
        return _fetched(architecture, variant, tag, tags)
    return (
        architecture,
        variant,
        Checkpoint(architecture=architecture, variant=variant, path=tags[tag]),
    )


def check_tied(checkpoint: Checkpoint, given: Mapping[str, Any]) -> None:
    """Refuses hyper-parameters with which the network would compute something else.

    Args:
        checkpoint: The weights.
        given: Hyper-parameters in the place of the weights' own.

    Raises:
        UsageError: One that weights are tied to (`Architecture.tied`) is another.
    """
    architecture, variant = checkpoint.architecture, checkpoint.variant
    own = {
        **architecture.defaults(),
        **variant.hyperparameters,
        **checkpoint.card().hyperparameters,
    }
    for name in architecture.tied:
        if name in given and given[name] != own[name]:
            raise UsageError(
                f"{checkpoint.model_id} was trained with {name}={own[name]}, and {given[name]} is "
                "asked for",
                why="with the same weights the network would then compute something else",
                fix=f"train it anew with --from-scratch, or leave out --set {name}",
            )


def made_here(registry: Registry, model: str) -> Path | None:
    """The newest weights of a model id that a run left in the current folder; None without.

    They lie in ``weights`` or in a run's folder in ``runs``. Names that the zoo itself has, and
    those of weights that the user fetched, mean these.
    """
    name, _, tag = model.partition(".")
    if not tag or not re.fullmatch(r"[A-Za-z0-9_.-]+", model) or model.endswith(SUFFIX):
        return None
    try:
        architecture, variant = registry.variant(name)
    except UsageError:
        return None
    known = {*packaged(architecture, variant), *sources_of(architecture, variant)}
    if tag in known or tag in own_weights(variant):
        return None
    file = f"{model}{SUFFIX}"
    found = [Path("weights") / file, *Path("runs").glob(f"{model}-*/{file}")]
    there = [path for path in found if path.is_file() and _card_names(path, model)]
    return max(there, key=lambda path: path.stat().st_mtime_ns, default=None)


def _card_names(weights: Path, model: str) -> bool:
    """Whether the card beside weights says that they are of that model id."""
    from zoo.networks.card import read_card

    try:
        return read_card(weights.with_suffix(".toml")).model_id == model
    except BadFile:
        return False


def _no_model(registry: Registry, model: str) -> UsageError:
    """The error for a name that is no model: a file of another kind, or unknown."""
    from zoo.networks.sources.references import source_of

    if source_of(registry, model) is not None:
        return UsageError(
            f"{model} comes from elsewhere: it is opened with data",
            fix=f"zoo ship {shlex.quote(model)} --data DATASET leaves weights that every command "
            "takes",
        )
    if no_file(Path(model)):
        return unknown_name("model", model, model_ids(registry), registry.plugins)
    if Path(model).suffix in _FOREIGN:
        return UsageError(
            f"{model} is another program's file", fix=f"convert it once: {_convert(model)}"
        )
    return NotAModel(
        f"{model} is not a model",
        why="a model is a variant, a model id, or the path of a .safetensors file",
        fix="`zoo list` shows models; `zoo inspect` and `zoo bench` take exported files",
    )


def missing_file(registry: Registry, path: Path) -> BadFile:
    """The error for an exported file that is not there: perhaps a model was named."""
    if found := re.match(r"(https?:)/+(.*)", str(path)):  # a path holds one slash of the two
        return BadFile(f"{found[1]}//{found[2]} is a URL, not a file", fix="download it first")
    if str(path) not in model_ids(registry):
        return BadFile(f"there is no file {path}", fix="check the path")
    return BadFile(
        f"there is no file {path}",
        why=f"{path} is the name of a model, not of an exported file",
        fix=f"export it: zoo export {path}; its details: zoo info {path}",
    )


def _convert(path: str) -> str:
    return f"zoo weights fetch VARIANT --from {shlex.quote(path)} --tag NAME"


def _fetched(
    architecture: Architecture, variant: Variant, tag: str, packaged_tags: dict[str, Path]
) -> tuple[Architecture, Variant, Checkpoint]:
    """Weights outside the package: official ones, or the user's own."""
    sources, own = sources_of(architecture, variant), own_weights(variant)
    at = partial(Checkpoint, architecture=architecture, variant=variant)
    if tag in sources:
        if not is_fetched(sources[tag]):
            raise UsageError(
                f"the official weights {variant.name}.{tag} were not fetched yet",
                fix=f"zoo weights fetch {variant.name}.{tag}",
            )
        return architecture, variant, at(path=official_path(sources[tag]))
    if tag in own:
        return architecture, variant, at(path=own[tag])
    known = [*packaged_tags, *sources, *own]
    if (named := Path(f"{variant.name}.{tag}")).is_file():
        raise NotAModel(
            f"{named} is not a model",
            why="a model is a variant, a model id, or the path of a .safetensors file",
            fix="`zoo inspect` and `zoo bench` take exported files",
        )
    raise UnknownName(
        f"weights of {variant.name}", tag, known, fix=None if known else "it has no weights yet"
    )


def _resolve_path(registry: Registry, path: Path) -> tuple[Architecture, Variant, Checkpoint]:
    if problem := no_file(path, missing=f"there are no weights {path}"):
        raise UsageError(problem, fix="check the path")
    from zoo.networks.card import read_card

    card_path = path.with_name(path.name.removesuffix(SUFFIX) + ".toml")
    if problem := no_file(card_path, missing=f"the weights have no card {card_path}"):
        raise BadFile(
            problem,
            fix="keep the .toml beside the .safetensors; or, if another program made it: "
            + _convert(str(path)),
        )
    card = read_card(card_path)
    try:
        if card.network is None:
            architecture, variant = registry.variant(card.variant)
        else:
            from zoo.networks.sources.adoption import adopted

            architecture, variant = adopted(registry, card, path)
    except UnknownName as error:
        raise BadFile(
            f"the card {card_path} is of the variant {card.variant!r}, which nothing provides",
            why=error.why,
            fix="load the plugin that does: zoo --plugin PATH …",
        ) from error
    if card.task:
        variant = replace(variant, task=card.task)
    return (
        architecture,
        variant,
        Checkpoint(architecture=architecture, variant=variant, path=path),
    )


def model_ids(registry: Registry) -> Iterator[str]:
    """Every variant, and every variant with each of its tags."""
    for architecture, variant in registry.variants():
        yield variant.name
        tags = [*packaged(architecture, variant), *sources_of(architecture, variant)]
        for tag in dict.fromkeys([*tags, *own_weights(variant)]):
            yield f"{variant.name}.{tag}"
