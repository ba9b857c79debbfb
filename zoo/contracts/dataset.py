"""A named source of examples with fixed splits, classes and a content hash."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from zoo.common.errors import UsageError
from zoo.common.named_arrays import fields_of
from zoo.common.shown_text import printable_lines, without_passwords
from zoo.contracts.checks import check, check_name

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from pathlib import Path

    from numpy.typing import NDArray

SplitName = Literal["train", "validation", "test"]
#: Label of a step that is padding: nothing is learnt or measured there.
IGNORED = -1
#: Types of class indices; those of single examples are int64.
CLASS_DTYPES = ("int64", "int16", "int8")
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Split:
    """Part of a dataset, read one example at a time so that it may be larger than memory.

    Attributes:
        labels: What is true of each example; the first axis is the example. Class indices are
            int64, shape (examples,), or one for each step or place, with `IGNORED` where there is
            nothing to learn; numbers are float32 and finite, any shape. Several labels of an
            example are the fields of a structured array (see `zoo.common.named_arrays`).
            Masks are class indices of each pixel, shape (examples, height, width), int8 or int16
            where that holds all classes, at one size that the dataset chooses, whatever the size of
            the pictures; class 0 is ``background`` where the data have one. Boxes are float32,
            shape (examples, most boxes, 5): class index, y_min, x_min, y_max, x_max as shares of
            the picture; rows of padding are class -1 and zeros. Pictures as labels are uint8, shape
            (examples, height, width, channels).
        read: Returns the raw example at an index. Images: uint8, shape (height, width, 1 or 3),
            any size. Series: float32, shape (steps, channels). Sounds: float32, shape (samples,),
            from -1 to 1, one channel. Texts: a string of shape (), or
            tokens of shape (steps,). Must be safe to call from several threads.
        content_hash: SHA-256 over the examples and labels of this split, in order.
        identities: For each example a hash of what it shows; equal ones are the same example. None
            where nobody has them: then all examples are read once to find those in two splits.
        names: What examples are called in messages; empty where they have no names.
    """

    labels: NDArray[Any]
    read: Callable[[int], NDArray[Any]]
    content_hash: str
    identities: Sequence[bytes] | None = None
    names: Sequence[str] = ()

    def __post_init__(self) -> None:
        check(self.labels.ndim >= 1, "split", "the first axis of labels must be the example")
        for values in fields_of(self.labels).values():
            known = str(values.dtype) in (*CLASS_DTYPES, "float32", "uint8")
            check(known, "split", "labels must be int64, or float32 where they are no classes")
            pictures = values.ndim == 4 or values.dtype.kind != "u"
            check(pictures, "split", "labels of uint8 are pictures, (examples, height, width, 3)")
            small = values.dtype.itemsize < 8 and values.dtype.kind == "i"
            masks = values.ndim in (3, 4)
            check(masks or not small, "split", "labels must be int64 where they are no masks")
            # A sum is finite where every value is; it costs no array of its own.
            check(math.isfinite(values.sum(dtype="float64")), "split", "labels must be finite")

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split({len(self)} examples)"


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Dataset:
    """Examples with their classes.

    Attributes:
        name: As the user typed it: ``digits``, ``folder:photos``.
        classes: Class names; a label is an index into them.
        splits: ``train``, ``validation`` and ``test``; no example is in two of them.
        content_hash: SHA-256 that changes whenever an example, label or split changes.
        licence: SPDX identifier, or ``unknown``.
        source: Where the data comes from.
        notes: Remarks for users: files left out, and why.
        channels: Names of the channels of series, in their order; empty where they have none.
        rate: Samples per second of sounds; 0 of other examples.
    """

    name: str
    classes: tuple[str, ...]
    splits: Mapping[str, Split]
    content_hash: str
    licence: str = "unknown"
    source: str = ""
    notes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    rate: int = 0

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(split):,} {name}" for name, split in self.splits.items())
        few = ", ".join(map(repr, self.classes[:10]))
        more = f", … {len(self.classes) - 10} more" if len(self.classes) > 10 else ""
        text = f"Dataset {self.name}: {sizes}\n  {len(self.classes)} classes: {few}{more}"
        return printable_lines(without_passwords(text))

    def __post_init__(self) -> None:
        check(len(self.classes) >= 1, self.name, "needs at least one class")
        twice = sorted(c for c, count in Counter(self.classes).items() if count > 1)
        check(not twice, self.name, f"classes named twice: {', '.join(twice)}")
        check(set(self.splits) == set(SPLITS), self.name, f"splits must be {', '.join(SPLITS)}")
        for name, split in self.splits.items():
            check(len(split) > 0, self.name, f"the {name} split is empty")
            if str(split.labels.dtype) not in CLASS_DTYPES:
                continue  # Numbers, or several labels, which the task interprets.
            low, high = int(split.labels.min()), int(split.labels.max())
            least = 0 if split.labels.ndim == 1 else IGNORED
            check(
                low >= least and high < len(self.classes),
                self.name,
                f"labels of the {name} split run from {low} to {high}, "
                f"but there are {len(self.classes)} classes",
            )


@dataclass(frozen=True, kw_only=True)
class DatasetProvider:
    """Opens a dataset by name.

    Attributes:
        name: ``digits``, or the part before the colon in ``folder:PATH``.
        summary: One line for lists.
        tasks: Names of the tasks that its examples fit.
        open: Takes the part after the colon (None when there is none), returns the dataset.
        fingerprint: Takes the same argument and returns, quickly and without heavy imports, a
            string that changes when the content may have changed (hash, sizes and times). It
            keys the cache of finished steps.
        argument: What follows the colon, for help texts (``PATH``); None when nothing does.
        options: Keys that may stand behind the name (``fashion_scenes?size=64``) of a dataset
            without an argument; `open` and the others then take ``?size=64``.
        tasks_of: Takes the part after the colon and returns the tasks that it fits, quickly, when
            not every argument fits all of `tasks`.
        where: How to obtain the data when it is not there.
        defaults: Takes the options behind a ``?`` and returns what they would be if none were
            given: those that say the same are left out of the names of files.
        for_task: Takes the part after the colon and the name of a task that a user has asked for,
            and returns the part that reads the data so; None where there is no choice.
        arguments: What may follow the colon, where that is one of a few names.
        paths: Suffixes of the paths that may follow it (``.csv``); ``/`` is a folder.
        root: Takes the part after the colon and returns the file or folder that holds all that is
            read, None where that is none of the user's files; where it is not given, that is the
            path itself for an `argument` of ``PATH``. It is what other machines get.
        asking: What must stand behind the path for a task, where that is not all it takes:
            ``{"anomaly-detection": "normal=CLASS"}``; for messages.
    """

    name: str
    summary: str
    tasks: tuple[str, ...]
    open: Callable[[str | None], Dataset]
    fingerprint: Callable[[str | None], str]
    argument: str | None = None
    options: tuple[str, ...] = ()
    tasks_of: Callable[[str | None], tuple[str, ...]] | None = None
    where: str = ""
    defaults: Callable[[Mapping[str, str]], Mapping[str, str]] | None = None
    for_task: Callable[[str, str], str] | None = None
    arguments: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    asking: Mapping[str, str] = field(default_factory=dict)
    root: Callable[[str | None], Path | None] | None = None

    def __post_init__(self) -> None:
        check_name("dataset", self.name)
        check(len(self.tasks) > 0, self.name, "names no task")
        check(not (self.options and self.argument), self.name, "has options and an argument")
        check(callable(self.open), self.name, "open must be callable")
        check(callable(self.fingerprint), self.name, "fingerprint must be callable")


def holds_boxes(labels: NDArray[Any]) -> bool:
    """Whether labels have the form of boxes, see `Split.labels`."""
    return str(labels.dtype) == "float32" and labels.ndim == 3 and labels.shape[2] == 5


def name_and_argument(data: str) -> tuple[str, str | None]:
    """A dataset's name in two parts: its provider's name, and what its functions take.

    ``csv:a.csv?label=b`` gives ``csv`` and ``a.csv?label=b``; ``fashion_scenes?size=64`` gives
    ``fashion_scenes`` and ``?size=64``; ``digits`` gives ``digits`` and None.
    """
    end = min((place for place in (data.find(":"), data.find("?")) if place >= 0), default=None)
    if end is None:
        return data, None
    return data[:end], data[end:].removeprefix(":") or None


def refuse_argument(name: str, argument: str | None) -> None:
    """Refuses ``name:argument`` of a dataset that takes none.

    Raises:
        UsageError: Something follows the name.
    """
    if argument is not None:
        raise UsageError(f"{name} takes no argument, but got {argument!r}", fix=f"--data {name}")
