"""Datasets of `keras.datasets`, downloaded and verified by Keras."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BadData, UnknownName, UsageError
from zoo.common.optional_imports import require_extra
from zoo.common.paths import expanded
from zoo.contracts.dataset import Dataset, DatasetProvider
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from zoo.data.readers.in_memory import Example

_IMAGES, _TEXTS = ("image-classification",), ("sequence-classification",)
#: A server that sends nothing for so long is given up.
TIMEOUT_SECONDS = 30
#: The fine labels, in the order of the file "meta".
_CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus
butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach
couch crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster
house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear
pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road
rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel
streetcar sunflower sweet_pepper table tank telephone television tiger tractor train
trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""


@dataclass(frozen=True, kw_only=True)
class KerasSet:
    """A dataset of `keras.datasets`.

    Attributes:
        tasks: That its examples fit.
        files: What Keras keeps in its cache once it has fetched it.
        classes: Class names; empty where Keras provides them.
    """

    tasks: tuple[str, ...]
    files: tuple[str, ...]
    classes: tuple[str, ...] = ()


SETS = {
    "mnist": KerasSet(tasks=_IMAGES, files=("mnist.npz",), classes=tuple("0123456789")),
    "cifar10": KerasSet(
        tasks=_IMAGES,
        files=("cifar-10-batches-py-target",),
        classes=(
            *("airplane", "automobile", "bird", "cat", "deer"),
            *("dog", "frog", "horse", "ship", "truck"),
        ),
    ),
    "cifar100": KerasSet(
        tasks=_IMAGES,
        files=("cifar-100-python-target",),
        classes=tuple(_CIFAR100.split()),
    ),
    "imdb": KerasSet(
        tasks=_TEXTS,
        files=("imdb.npz", "imdb_word_index.json"),
        classes=("negative", "positive"),
    ),
    "reuters": KerasSet(
        tasks=_TEXTS,
        files=("reuters.npz", "reuters_word_index.json"),
    ),
}
#: Sets of Keras that are not offered: why, and what to do.
ELSEWHERE = {
    "fashion_mnist": ("Keras does not verify its files", "--data fashion_mnist, which does"),
    "boston_housing": ("its labels are numbers, not classes", "choose another set"),
    "california_housing": ("its labels are numbers, not classes", "choose another set"),
}


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``keras``."""
    yield DatasetProvider(
        name="keras",
        summary=f"datasets that Keras fetches: {', '.join(SETS)}",
        tasks=(*_IMAGES, *_TEXTS),
        tasks_of=lambda argument: _find(argument)[1].tasks,
        open=open_keras,
        fingerprint=fingerprint,
        argument="NAME",
        arguments=tuple(SETS),
        where="downloaded by Keras when first used",
    )


def open_keras(argument: str | None) -> Dataset:
    """Loads a set by Keras, which downloads it at first use, and verifies it.

    The test split is the official one; 15 % of the training split serve as validation.

    Args:
        argument: One of `SETS`.

    Raises:
        UnknownName: Keras has no such set.
        MissingExtra: Keras is not installed.
        BadData: It is not there and cannot be downloaded.
    """
    import numpy as np

    from zoo.common.optional_imports import require
    from zoo.data.readers.in_memory import dataset_of, divided_splits

    name, known = _find(argument)
    _check_obtainable(name, known)
    module = getattr(require("keras").datasets, name)
    read: Callable[[str, Any], dict[str, tuple[Any, Any]]]
    read = _read_images if known.tasks == _IMAGES else _read_texts
    parts = read(name, module)
    classes = known.classes or tuple(module.get_label_names())
    labels = {p: np.asarray(y).reshape(-1).astype(np.int64) for p, (_, y) in parts.items()}
    splits, notes = divided_splits({p: x for p, (x, _) in parts.items()}, labels, classes)
    return dataset_of(
        f"keras:{name}",
        classes,
        splits,
        source=f"https://keras.io/api/datasets/{name}/",
        notes=tuple(notes),
    )


def fingerprint(argument: str | None) -> str:
    """A constant: Keras verifies the content whenever it is read.

    Raises:
        UnknownName: Keras has no such set.
        MissingExtra: Keras is not installed.
        BadData: It is not there and must not be downloaded.
    """
    name, known = _find(argument)
    require_extra("train")
    _check_obtainable(name, known)
    return f"keras:{name}"


def _find(argument: str | None) -> tuple[str, KerasSet]:
    from zoo.data.readers.query import parse_query

    name = parse_query("keras", argument, what="name").path
    if name in ELSEWHERE:
        why, fix = ELSEWHERE[name]
        raise UsageError(f"keras:{name} is not offered", why=why, fix=fix)
    if name not in SETS:
        raise UnknownName("dataset of Keras", name, SETS)
    return name, SETS[name]


def _folder() -> Path:
    return expanded(os.environ.get("KERAS_HOME") or "~/.keras") / "datasets"


def _check_obtainable(name: str, known: KerasSet) -> None:
    from zoo.common.paths import OFFLINE_VARIABLE, is_offline

    missing = [file for file in known.files if not (_folder() / file).exists()]
    if missing and is_offline():
        raise BadData(
            f"keras:{name} is not here: {_folder()} lacks {', '.join(missing)}",
            why=f"{OFFLINE_VARIABLE} forbids downloads",
            fix=f"unset {OFFLINE_VARIABLE}, or copy the files there",
        )


def _read_images(name: str, module: Any) -> dict[str, tuple[NDArray[np.uint8], Any]]:
    parts = _call_keras(name, module.load_data)
    named = zip(("train", "test"), parts, strict=True)
    return {part: (_channels_last(x), y) for part, (x, y) in named}


def _read_texts(name: str, module: Any) -> dict[str, tuple[list[Example], Any]]:
    # Without start sign and offset, numbers are ranks in the index of words.
    parts = _call_keras(
        name, lambda: module.load_data(start_char=None, oov_char=None, index_from=0)
    )
    word_of = {rank: word for word, rank in _call_keras(name, module.get_word_index).items()}
    return {
        part: ([tuple(word_of.get(int(rank), "?") for rank in row) for row in x], y)
        for part, (x, y) in zip(("train", "test"), parts, strict=True)
    }


def _call_keras(name: str, load: Callable[[], Any]) -> Any:
    """Calls Keras; its download messages go to standard error."""
    try:
        with contextlib.redirect_stdout(sys.stderr), _download_timeout(TIMEOUT_SECONDS):
            return load()
    # Keras raises a plain Exception for a failed download.
    except Exception as error:
        raise BadData(
            f"keras:{name} could not be loaded",
            why=" ".join(str(error).split()) or type(error).__name__,
            fix=f"check the network and its proxy, or copy "
            f"{' and '.join(SETS[name].files)} into {_folder()}",
        ) from error


@contextlib.contextmanager
def _download_timeout(seconds: float) -> Iterator[None]:
    """Sets a time limit on Keras' downloads, which have none."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _channels_last(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    import numpy as np

    if images.ndim == 3:
        return np.ascontiguousarray(images[..., np.newaxis])
    # Keras configured for channels first returns them so here too.
    return np.ascontiguousarray(images if images.shape[3] == 3 else images.transpose(0, 2, 3, 1))
