"""What users type for networks from elsewhere, and their converted weights in the cache."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path

from zoo.common.cache_key import step_key
from zoo.common.code_fingerprint import code_of
from zoo.common.errors import BadFile, UsageError
from zoo.common.files import is_there, no_file, open_file, read_file, sha256_of
from zoo.common.paths import cache_folder
from zoo.common.progress import Event, OnStep
from zoo.common.worker import call
from zoo.contracts import Source
from zoo.contracts.plugin import provided_twice
from zoo.data.opening import dataset_fingerprint
from zoo.networks.card import Card, read_card
from zoo.networks.sources.identity import identity_of
from zoo.registry import Registry

#: In the place of a dataset, where none was named.
NO_DATA = "none"
#: Bytes of a file with class names: more than ten times what ten thousand long ones need.
_MOST_NAMES = 16 << 20


@dataclass(frozen=True, kw_only=True)
class Opening:
    """How a foreign network is to be opened.

    Attributes:
        data: Dataset whose examples it is to take, or `NO_DATA`.
        input: What is stated of its input, in the words of `parse_statement`; empty for nothing.
        classes: File with the names of its classes, one a line, in the order of its outputs; empty
            for those of the data.
        trained: Whether it is trained afterwards, on classes that it need not know yet.
        allow_leak: Whether examples may be in two splits of the dataset.
        states: Of a network without labels, ``input=output`` each: what is carried from
            step to step.
        dynamic: Shapes of inputs whose sides stay free in files; see `zoo.networks.free_sides`.
    """

    data: str
    input: str = ""
    classes: str = ""
    trained: bool = False
    allow_leak: bool = False
    states: tuple[str, ...] = ()
    dynamic: tuple[str, ...] = ()


def source_of(registry: Registry, model: str) -> Source | None:
    """The source that opens what was typed as model; None where it is a name of the zoo's own.

    Raises:
        UsageError: Two sources claim it.
    """
    found = [source for source in registry.sources if source.recognises(model)]
    if not found or _is_ours(registry, model):
        return None
    # A name may end as a file does: keras:NAME?weights=FILE.h5
    found = [source for source in found if source.named] or found
    if len(found) > 1:
        plugins = [registry.sources.provider(source.name) for source in found]
        raise provided_twice(f"what opens {model!r}", plugins)
    return found[0]


def _is_ours(registry: Registry, model: str) -> bool:
    """Whether it is the name of a model of the zoo's own, or a file that was exported here.

    So is a file that is not of the format that its suffix says: every command tells of it alike.
    """
    if any(variant.name == model for _, variant in registry.variants()):
        return True
    path = Path(model)
    exporter = registry.exporter_for(path)
    if exporter is None or no_file(path):
        return False
    try:
        with open_file(path) as file:
            if not exporter.recognises(file.read(16)):
                return True
        return exporter.read_manifest(path) is not None
    except (BadFile, OSError):  # the source says what is wrong with it
        return False


def open_reference(registry: Registry, model: str, how: Opening, on_step: OnStep) -> bool:
    """Opens a network from elsewhere, unless `model` is no such; `resolve` knows it then.

    Returns:
        Whether it is one.

    Raises:
        ZooError: It cannot be opened, or does not fit the data; nothing was kept then.
    """
    source = source_of(registry, model)
    if source is None:
        variants = {variant.name for _, variant in registry.variants()}
        # Of what is not there at all, whoever looks for it tells.
        if how.states and (is_there(Path(model)) or model.partition(".")[0] in variants):
            raise UsageError(
                f"--state is for networks from elsewhere, and {model} is none",
                why="weights and files that were made of one hold its states",
                fix="leave it out",
            )
        return False
    if how.data == NO_DATA:
        raise UsageError(
            f"{model} comes from elsewhere, and no dataset is named that it fits",
            why="--input states how examples are prepared, not what the outputs mean; the "
            "converted network is also compared with the original on examples"
            if how.input
            else "its file does not say how examples are prepared, nor what the outputs mean",
            fix="add --data DATASET, a few labelled examples such as folder:PATH"
            + ("" if how.input else ", and --input '224x224 rgb -1..1' if you know what it takes")
            + "; without labels: --task tensors --data npz:FILE.npz",
        )
    name = source.called(model)
    step = f"open {name}"
    if source.fetch is not None:
        source.fetch(model, lambda event: on_step(step, event))
    sha256 = identity_of(source.local(model), source.files_beside(model))
    own = [p for p in registry.plugins if p.origin != "built-in" and p.source_file is not None]
    key = step_key(
        "open",
        {
            **asdict(how),
            "classes": _content(how.classes),
            "file": name,
            "sha256": sha256,
            "fingerprint": dataset_fingerprint(registry, how.data),
        },
        code=code_of(
            ["zoo.networks.sources.opening"], [registry.sources.provider(source.name), *own]
        ),
        distributions=("keras", "tensorflow", *source.distributions),
    )
    folder = cache_folder() / "sources" / key[:16]
    weights = _kept(folder)
    if weights is None:
        if source.check is not None:
            source.check(model)
        on_step(step, {"event": "start", "kind": "open"})
        started, status = time.perf_counter(), "failed"
        try:
            made: str = call(
                "zoo.networks.sources.opening:open_and_convert",
                {
                    "source": source.name,
                    "reference": model,
                    "sha256": sha256,
                    "how": how,
                    "folder": folder,
                    "plugins": registry.settings,
                },
                on_event=lambda event: on_step(step, event),
            )
            status, weights = "passed", folder / made
        finally:
            seconds = time.perf_counter() - started
            end: Event = {"event": "end", "status": status, "seconds": seconds, "cached": False}
            on_step(step, end)
    for note in _notes(read_card(weights.with_suffix(".toml"))):
        on_step(step, {"event": "note", "text": note})
    registry.opened[model] = weights
    return True


def _kept(folder: Path) -> Path | None:
    """Weights that were converted before; the card is written last."""
    cards = sorted(folder.glob("*.toml"))
    weights = cards[0].with_suffix(".safetensors") if cards else None
    return weights if weights is not None and weights.is_file() else None


def _content(file: str) -> str:
    return sha256_of(Path(file)) if file else ""


def _notes(card: Card) -> list[str]:
    came = card.network
    return [] if came is None else [f"input {came.input}", *came.notes]


def read_classes(file: str) -> tuple[str, ...]:
    """Names of classes, one a line.

    Raises:
        BadFile: No text, or a name twice.
    """
    path = Path(file)
    try:
        lines = read_file(path, _MOST_NAMES).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(
            f"the class names {path} cannot be read", why=str(error), fix="name a text file"
        ) from error
    names = tuple(line.strip() for line in lines if line.strip())
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        raise BadFile(
            f"{path} names no classes" if not names else f"{path} names {twice[0]!r} twice",
            fix="one name a line, in the order of the network's outputs",
        )
    return names
