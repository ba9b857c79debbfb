"""Pascal VOC's form: an XML file for each picture."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from zoo.common.errors import BadData, UsageError
from zoo.common.shown_text import printable
from zoo.data.annotations.files import MOST_BYTES, Files
from zoo.data.annotations.records import AnnotatedPicture, Annotations, Thing, written_number
from zoo.data.readers.class_folders import note
from zoo.data.readers.folder_names import split_of_any
from zoo.data.readers.image_files import suffixes
from zoo.data.readers.listing import class_order

_MOST_DEPTH = 50
#: The list of what is in train and in val; it counts where neither has a list of its own.
_BOTH = "trainval"
_EDGES = ("ymin", "xmin", "ymax", "xmax")


class BadXml(ValueError):
    """A file that is no plain XML; the message gives the reason."""


@dataclass
class XmlElement:
    """An element: its name, the text in it, and the elements in it."""

    name: str
    text: str = ""
    children: list[XmlElement] = field(default_factory=list)

    def all(self, name: str) -> list[XmlElement]:
        """The elements right below that are called so."""
        return [child for child in self.children if child.name == name]

    def value(self, name: str) -> str:
        """The text of the first element that is called so; empty where there is none."""
        return next((child.text.strip() for child in self.all(name)), "")


def parse_xml(data: bytes) -> XmlElement:
    """Parses XML that declares nothing: no document type, so no entities of its own.

    Raises:
        BadXml: It is damaged, declares a document type, or is nested too deeply.
    """
    top = XmlElement("")
    open_ones = [top]

    def start(name: str, _: Any) -> None:
        if len(open_ones) > _MOST_DEPTH:
            raise BadXml(f"elements are nested more than {_MOST_DEPTH} deep")
        node = XmlElement(name)
        open_ones[-1].children.append(node)
        open_ones.append(node)

    def text(part: str) -> None:
        open_ones[-1].text += part

    def refuse(*_: Any) -> None:
        raise BadXml("it declares a document type or entities, which annotations do not need")

    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_ones.pop()
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise BadXml(str(error)) from error
    return top.children[0]


def read_voc(files: Files) -> Annotations:
    """Reads every XML file, and the lists of splits in ``ImageSets/Main`` where they are.

    Raises:
        UsageError: There is no XML file.
        BadData: There are no objects with names in any.
    """
    texts = [path for path in files.paths if path.lower().endswith(".xml")]
    if not texts:
        raise UsageError(
            f"there are no .xml files in {files.root}",
            why="Pascal VOC has one for each picture, in Annotations/",
            fix="name the folder that holds Annotations/ and JPEGImages/",
        )
    found = Annotations(root=files.root)
    trees: list[tuple[str, XmlElement]] = []
    for path in texts:
        tree = _tree(files, path)
        if isinstance(tree, str):
            found.lost.append(f"{printable(path)}: {tree}")
        elif tree.name == "annotation":
            trees.append((path, tree))
    named = {thing.value("name") for _, tree in trees for thing in tree.all("object")} - {""}
    if not named:
        raise BadData(
            f"the .xml files in {files.root} name no objects", fix="check that they are VOC's"
        )
    found.classes = tuple(sorted(named, key=class_order))
    given = _given(files)
    taken: dict[str, str] = {}
    for path, tree in trees:
        picture = _picture(files, path, tree)
        if picture is None:
            found.lost.append(f"{printable(path)}: there is no picture {_title(path, tree)}")
        elif picture in taken:
            found.lost.append(
                f"{printable(path)}: {printable(picture)} is listed twice, also in "
                f"{printable(taken[picture])}"
            )
        else:
            taken[picture] = path
            stem = posixpath.splitext(posixpath.basename(path))[0]
            split = given.get(stem) if given else split_of_any(path.split("/")[:-1])
            if given and split is None:
                continue
            found.pictures.append(_read(found, path, tree, picture, split))
    if given and taken and not found.pictures:
        raise BadData(
            f"the lists in ImageSets/Main name no picture of {files.root}: "
            f"{', '.join(map(printable, [*given][:3]))}, …",
            why="each line is the name of a picture without its suffix",
            fix="correct the lists, or remove them",
        )
    left = sorted({*files.pictures} - {*taken})
    found.notes += note("pictures without an .xml, left out", [printable(p) for p in left])
    if given and (count := len(taken) - len(found.pictures)):
        found.notes.append(f"{count} pictures are in no list of ImageSets/Main, left out")
    return found


def _tree(files: Files, path: str) -> XmlElement | str:
    if files.paths[path].size > MOST_BYTES:
        return f"more than {MOST_BYTES} bytes"
    try:
        return parse_xml((files.root / path).read_bytes())
    except (BadXml, OSError) as error:
        return str(error)


def _title(path: str, tree: XmlElement) -> str:
    return printable(tree.value("filename") or posixpath.splitext(posixpath.basename(path))[0])


def _picture(files: Files, path: str, tree: XmlElement) -> str | None:
    """The picture of an XML file: that of its own name before the one that it names."""
    stem = posixpath.splitext(posixpath.basename(path))[0]
    title = tree.value("filename")
    folder = posixpath.dirname(posixpath.dirname(path))
    near = posixpath.join(folder, "JPEGImages", "x.xml")
    for name in (f"{stem}{posixpath.splitext(title)[1]}", title):
        for source in (path, near):
            if name and (found := files.picture(name, source)):
                return found
    alike = [p for p in files.pictures if posixpath.splitext(posixpath.basename(p))[0] == stem]
    return alike[0] if len(alike) == 1 else None


def _given(files: Files) -> dict[str, str]:
    """Splits of pictures, by their names without suffix, as the lists in ``ImageSets/Main`` say."""
    lists = {}
    for path in files.paths:
        *folders, name = path.split("/")
        if folders[-2:] == ["ImageSets", "Main"] and name.endswith(".txt"):
            stem = name.removesuffix(".txt")
            split = "train" if stem.lower() == _BOTH else split_of_any([stem])
            if split:
                lists[path] = split
    whole = [path for path in lists if posixpath.basename(path).lower() == f"{_BOTH}.txt"]
    for path in whole:
        beside = {
            lists[p] for p in lists if p != path and posixpath.dirname(p) == posixpath.dirname(path)
        }
        if beside & {"train", "validation"}:
            del lists[path]
    found: dict[str, str] = {}
    where: dict[tuple[str, str], str] = {}
    for path, split in lists.items():
        for name in _lines(files, path):
            found[name] = split
            first = where.setdefault((posixpath.dirname(path), name), path)
            if lists[first] != split:
                raise BadData(
                    f"{printable(name)} is in {printable(first)} and in {printable(path)}",
                    why="a picture in two splits is measured on what was learnt",
                    fix="correct one of the lists",
                )
    return found


def _lines(files: Files, path: str) -> Iterator[str]:
    """Names of pictures in a list, without folders and suffix."""
    known = suffixes()
    for line in filter(None, map(str.strip, files.text(path).splitlines())):
        stem, suffix = posixpath.splitext(posixpath.basename(line))
        yield stem if suffix.lower() in known else posixpath.basename(line)


def _read(
    found: Annotations, path: str, tree: XmlElement, picture: str, split: str | None
) -> AnnotatedPicture:
    sizes = [_whole(size.value(side)) for size in tree.all("size") for side in ("height", "width")]
    height, width = sizes if len(sizes) == 2 else (None, None)
    stated = (height, width) if height and width else None
    own = AnnotatedPicture(path=picture, split=split, size=stated)
    for number, thing in enumerate(tree.all("object"), 1):
        found.entries += 1
        shown = f"object {number} of {printable(path)}"
        edges = [
            written_number(box.value(edge)) for box in thing.all("bndbox")[:1] for edge in _EDGES
        ]
        name = thing.value("name")
        if not name:
            found.broken.append(f"{shown} has no name")
        elif len(edges) < 4 or None in edges:
            found.broken.append(f"{shown} has no bndbox with {', '.join(_EDGES)}")
        else:
            top, left, bottom, right = (value for value in edges if value is not None)
            # The first pixel is 1, and the last one is inside.
            box = (top - 1, left - 1, bottom, right)
            own.things.append(Thing(name=shown, label=found.classes.index(name), box=box))
    return own


def _whole(text: str) -> int | None:
    value = written_number(text)
    return int(value) if value is not None and value >= 1 and value == int(value) else None
