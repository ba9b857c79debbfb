"""Built-in labelled datasets for anomaly detection: one class is normal, others are anomalies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from zoo.common.errors import UnknownName
from zoo.contracts.dataset import Dataset, DatasetProvider
from zoo.data import digits, fashion_mnist
from zoo.data.one_class import CLASSES, TASK
from zoo.hookspecs import hookimpl


@dataclass(frozen=True, kw_only=True)
class OneClassSet:
    """A labelled dataset of grey images whose classes can be normal, one at a time.

    Attributes:
        name: Of the one-class dataset.
        open_images: Opens the labelled dataset.
        of_images: Its fingerprint.
        classes: Names of its classes, in their order.
        columns: Whether images are read column by column, as series.
    """

    name: str
    open_images: Callable[[str | None], Dataset]
    of_images: Callable[[str | None], str]
    classes: tuple[str, ...]
    columns: bool = False

    @property
    def kinds(self) -> tuple[str, ...]:
        """The classes as they are typed: ``t-shirt-top``."""
        return tuple(name.lower().replace("/", "-").replace(" ", "-") for name in self.classes)

    def open(self, argument: str | None) -> Dataset:
        """The splits of the labelled dataset; training keeps the normal class alone.

        Args:
            argument: The normal class: ``sneaker``, ``ankle-boot``.

        Raises:
            UnknownName: There is no such class.
            BadData: The files are not here and cannot be downloaded.
            BadFile: A file is truncated or altered.
            MissingExtra: The package that brings the files is not installed.
        """
        import numpy as np

        from zoo.data.readers.in_memory import dataset_of
        from zoo.data.readers.rows import as_rows
        from zoo.data.subset import chosen

        kind = self._kind(argument)
        normal = self.kinds.index(kind)
        whole = self.open_images(None)
        splits = {}
        for name, split in whole.splits.items():
            anomalous = split.labels != normal
            own = np.flatnonzero(~anomalous) if name == "train" else np.arange(len(anomalous))
            splits[name] = chosen(split, own, anomalous.astype(np.int64)[own])
        images = dataset_of(
            f"{self.name}:{kind}",
            CLASSES,
            splits,
            licence=whole.licence,
            source=whole.source,
            notes=(f"normal: {self.classes[normal]}; the other classes are anomalies",),
        )
        return as_rows(images, images.name, columns=True) if self.columns else images

    def fingerprint(self, argument: str | None) -> str:
        """That of the labelled dataset, with the normal class.

        Raises:
            UnknownName: There is no such class.
            BadData: The files are not here and must not be downloaded.
            MissingExtra: The package that brings the files is not installed.
        """
        return f"{self._kind(argument)} of {self.of_images(None)}"

    def _kind(self, argument: str | None) -> str:
        kind = (argument or "").lower()
        if kind not in self.kinds:
            raise UnknownName(f"class of {self.name}", argument or "", self.kinds)
        return kind


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``fashion_mnist_one_class``, ``digits_one_class`` and ``digits_columns_one_class``."""
    clothes = OneClassSet(
        name="fashion_mnist_one_class",
        open_images=fashion_mnist.open_fashion_mnist,
        of_images=fashion_mnist.fingerprint,
        classes=fashion_mnist.CLASSES,
    )
    yield _provider(
        clothes,
        "KIND",
        "pictures of clothes, 28 x 28 grey: one kind is normal, nine are anomalies",
        "downloaded when first used; or: sudo apt install dataset-fashion-mnist",
    )
    # Not rows: the first and last value of each would hardly ever change in training.
    for columns, name, shape in (
        (False, "digits_one_class", "8 x 8 grey"),
        (True, "digits_columns_one_class", "as 8 steps of 8 values"),
    ):
        scanned = OneClassSet(
            name=name,
            open_images=digits.open_digits,
            of_images=digits.fingerprint,
            classes=digits.CLASSES,
            columns=columns,
        )
        yield _provider(
            scanned,
            "DIGIT",
            f"scanned digits, {shape}: one is normal, nine are anomalies; comes with scikit-learn",
            'pip install "edgezoo[data]"',
        )


def _provider(found: OneClassSet, argument: str, summary: str, where: str) -> DatasetProvider:
    return DatasetProvider(
        name=found.name,
        summary=summary,
        tasks=(TASK,),
        open=found.open,
        fingerprint=found.fingerprint,
        argument=argument,
        arguments=found.kinds,
        where=where,
    )
