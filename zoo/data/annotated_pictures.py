"""Pictures with boxes or masks, in the forms of COCO, YOLO and Pascal VOC, and folders of masks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from zoo.contracts.dataset import Dataset, DatasetProvider
from zoo.data.annotations import kinds
from zoo.hookspecs import hookimpl

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.data.annotations.files import Files
    from zoo.data.annotations.records import Annotations
    from zoo.data.readers.query import Query

_BOXES, _MASKS = kinds.TASKS
_OUTLINES = (kinds.OPTION, "size")


@hookimpl
def zoo_datasets() -> Iterable[DatasetProvider]:
    """Yields ``coco``, ``yolo``, ``voc`` and ``masks``."""
    yield _outlined("coco", "boxes, polygons and run lengths in COCO's JSON", (".json",))
    yield _outlined(
        "yolo", "boxes or polygons in YOLO's .txt files, named by data.yaml", (".yaml",)
    )
    yield _single("voc", "boxes in Pascal VOC's .xml files", _BOXES, ())
    yield _single("masks", "pictures and masks in two folders", _MASKS, ("size", "ignore"))


def _outlined(name: str, summary: str, paths: tuple[str, ...]) -> DatasetProvider:
    """Of boxes and outlines, of which the task decides."""
    return DatasetProvider(
        name=name,
        summary=f"your own pictures: {summary}",
        tasks=kinds.TASKS,
        tasks_of=lambda argument: kinds.kind_of_labels(_query(name, argument, _OUTLINES))[1],
        open=lambda argument: _open(name, argument, _OUTLINES),
        fingerprint=lambda argument: _fingerprint(name, argument, _OUTLINES),
        root=lambda argument: _root(name, argument, _OUTLINES),
        for_task=kinds.for_task,
        defaults=kinds.defaults,
        argument="PATH",
        paths=paths,
        where="any folder on this machine",
    )


def _single(name: str, summary: str, task: str, options: tuple[str, ...]) -> DatasetProvider:
    return DatasetProvider(
        name=name,
        summary=f"your own pictures: {summary}",
        tasks=(task,),
        open=lambda argument: _open(name, argument, options),
        fingerprint=lambda argument: _fingerprint(name, argument, options),
        root=lambda argument: _root(name, argument, options),
        argument="PATH",
        where="any folder on this machine",
    )


def _query(name: str, argument: str | None, options: tuple[str, ...]) -> Query:
    from zoo.common.files import is_there
    from zoo.common.paths import expanded
    from zoo.data.readers.query import Query, parse_query

    if argument and is_there(expanded(argument)):  # a folder may have a question mark in its name
        return Query(provider=name, path=argument)
    return parse_query(name, argument, options)


def _open(name: str, argument: str | None, options: tuple[str, ...]) -> Dataset:
    from zoo.data.annotations.dataset import open_annotated

    return open_annotated(_query(name, argument, options), argument or "", _reader(name))


def _fingerprint(name: str, argument: str | None, options: tuple[str, ...]) -> str:
    from zoo.data.annotations.files import Files

    query = _query(name, argument, options)
    said = sorted(query.options.items())
    return f"{name} {said} {Files(query.path).fingerprint}"


def _root(name: str, argument: str | None, options: tuple[str, ...]) -> Path:
    from zoo.data.annotations.files import Files

    return Files(_query(name, argument, options).path).root


def _reader(name: str) -> Callable[[Files], Annotations]:
    from zoo.data.annotations.coco import read_coco
    from zoo.data.annotations.masks import read_masks
    from zoo.data.annotations.voc import read_voc
    from zoo.data.annotations.yolo import read_yolo

    return {"coco": read_coco, "yolo": read_yolo, "voc": read_voc, "masks": read_masks}[name]
