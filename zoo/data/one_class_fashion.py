"""Fashion-MNIST for anomaly detection: one kind of clothes is normal, the others are anomalies."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.common.errors import UnknownName
from zoo.contracts.dataset import Dataset, DatasetProvider
from zoo.data import fashion_mnist
from zoo.data.one_class import CLASSES, TASK
from zoo.hookspecs import hookimpl

_NAME = "fashion_mnist_one_class"
#: The ten classes as they are typed.
KINDS = tuple(name.lower().replace("/", "-").replace(" ", "-") for name in fashion_mnist.CLASSES)


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``fashion_mnist_one_class``."""
    yield DatasetProvider(
        name=_NAME,
        summary="pictures of clothes, 28 x 28 grey: one kind is normal, nine are anomalies",
        tasks=(TASK,),
        open=open_one_class,
        fingerprint=fingerprint,
        argument="KIND",
        arguments=KINDS,
        where="downloaded when first used; or: sudo apt install dataset-fashion-mnist",
    )


def open_one_class(argument: str | None) -> Dataset:
    """The splits of ``fashion_mnist``; training keeps the normal kind alone.

    Training has 5,500 pictures, validation 500 normal ones and 4,500 anomalies, test 1,000 and
    9,000.

    Args:
        argument: The normal kind: ``sneaker``, ``ankle-boot``.

    Raises:
        UnknownName: There is no such kind.
        BadData: The files are not here and cannot be downloaded.
        BadFile: A file is truncated or altered.
    """
    import numpy as np

    from zoo.data.readers.in_memory import dataset_of
    from zoo.data.subset import chosen

    normal = KINDS.index(_kind(argument))
    whole = fashion_mnist.open_fashion_mnist(None)
    splits = {}
    for name, split in whole.splits.items():
        anomalous = split.labels != normal
        own = np.flatnonzero(~anomalous) if name == "train" else np.arange(len(anomalous))
        splits[name] = chosen(split, own, anomalous.astype(np.int64)[own])
    return dataset_of(
        f"{_NAME}:{KINDS[normal]}",
        CLASSES,
        splits,
        licence=whole.licence,
        source=whole.source,
        notes=(f"normal: {fashion_mnist.CLASSES[normal]}; the nine other kinds are anomalies",),
    )


def fingerprint(argument: str | None) -> str:
    """A constant for each kind, as of ``fashion_mnist``.

    Raises:
        UnknownName: There is no such kind.
        BadData: The files are not here and must not be downloaded.
    """
    return f"{_kind(argument)} of {fashion_mnist.fingerprint(None)}"


def _kind(argument: str | None) -> str:
    kind = (argument or "").lower()
    if kind not in KINDS:
        raise UnknownName(f"kind of {_NAME}", argument or "", list(KINDS))
    return kind
