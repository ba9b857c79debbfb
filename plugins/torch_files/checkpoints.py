"""Files of PyTorch that are no network, and what to do with them; read as data, never unpickled."""

from __future__ import annotations

import io
import pickletools
import shlex
import zipfile
from pathlib import Path

from zoo.common.errors import BadFile
from zoo.networks.sources.files import begin_of, check_size

_ZIP = b"PK\x03\x04"
#: First bytes of pickles since protocol 2.
_PICKLE = b"\x80"
#: What the pickle of a state dict is made of.
_OF_TENSORS = ("torch", "collections OrderedDict", "numpy")
_BUILTIN = ("builtins ", "__builtin__ ")
#: Of these a name may be read of a file: a pickle of weights alone is smaller.
_MOST_READ = 64 << 20
_PROGRAM = (
    "where the network was made, write it as an archive:\n"
    "program = torch.export.export(module.eval(), (sample,))\n"
    "torch.export.save(program, 'net.pt2')"
)
_WEIGHTS = (
    "a network is its code and its weights: zoo ship {network} --data DATASET, where "
    "build() returns the module; of one of the zoo's own: zoo weights fetch VARIANT --from {name} "
    "--tag NAME"
)


def check_archive(path: Path) -> None:
    """Refuses what is no archive, or unpacks to too much.

    Raises:
        BadFile: It is none.
    """
    if begin_of(path, len(_ZIP)) != _ZIP:
        raise BadFile(
            f"{path} is no archive of torch.export, whatever its name",
            why="it does not begin as one",
            fix=_PROGRAM,
        )
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BadFile(
            f"{path} is truncated or damaged", why=str(error), fix="copy it anew"
        ) from error
    check_size(path, size, "unpacks to")


def refuse_checkpoint(path: Path) -> BadFile:
    """The error for a ``.pt`` or ``.pth`` in the place of a network."""
    begins = begin_of(path, len(_ZIP))
    what, why, fix = f"{path} is no network that can be opened", "", _PROGRAM
    if begins == _ZIP:
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
                pickle = next((name for name in names if name.endswith("/data.pkl")), "")
                inside = _globals(archive.open(pickle).read(_MOST_READ)) if pickle else None
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            return BadFile(f"{path} is truncated or damaged", why=str(error), fix="copy it anew")
        if any("/code/" in name for name in names):
            return BadFile(what, why="it is a TorchScript archive, which PyTorch gave up", fix=fix)
        if any("/models/" in name for name in names):
            return BadFile(
                what, why="it is an archive of torch.export", fix=f"name it {path.stem}.pt2"
            )
    elif begins[:1] == _PICKLE:
        with path.open("rb") as file:
            inside = _globals(file.read(_MOST_READ))
    else:
        return BadFile(what, why="it is no file of PyTorch", fix=fix)
    if inside is None:
        why = "it is no file of PyTorch"
    elif classes := [
        *(name for name in inside if not name.startswith((*_OF_TENSORS, *_BUILTIN))),
        *(name for name in inside if name.startswith(("torch.nn.modules", *_BUILTIN))),
    ]:
        why = f"it is a whole pickled module ({classes[0]}), and opening it would run code in it"
    else:
        why, fix = (
            "it holds weights alone",
            _WEIGHTS.format(
                name=shlex.quote(str(path)), network=shlex.quote(f"net.py:build?weights={path}")
            ),
        )
    return BadFile(what, why=why, fix=fix)


def _globals(data: bytes) -> list[str]:
    """The names that a pickle would import, read without running it; of all pickles in a row."""
    found: list[str] = []
    stream, texts = io.BytesIO(data), list[str]()
    try:
        while stream.tell() < len(data):
            for code, argument, _ in pickletools.genops(stream):
                if code.name == "GLOBAL":
                    found.append(str(argument))
                elif code.name == "STACK_GLOBAL":
                    found.append(" ".join(texts[-2:]))
                elif isinstance(argument, str):
                    texts.append(argument)
    except (ValueError, IndexError):
        pass  # what follows the pickles of an older file is bytes of its tensors
    return list(dict.fromkeys(found))
