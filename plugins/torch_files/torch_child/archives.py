"""Archives of torch.export (.pt2), read by PyTorch once they were checked as data."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from .archive_check import SAVE, check_records
from .refusal import RefusedError, first_line


def opened_archive(path: Path) -> Any:
    """The exported program of an archive.

    Raises:
        RefusedError: Damaged, of another kind, or with parts that run code.
    """
    from torch.export.pt2_archive import _package

    data = path.read_bytes()
    try:
        # What PyTorch itself reads records with: another reader might find others.
        reader = torch._C.PyTorchFileReader(io.BytesIO(data))
        names = [str(name) for name in reader.get_all_records()]
    except RuntimeError as error:
        raise RefusedError(
            f"{path.name} is truncated or damaged, or no archive of torch.export",
            why=first_line(error),
            fix=f"save it anew: {SAVE}",
        ) from error
    check_records(names, lambda name: bytes(reader.get_record(name)), path.name)
    _unpickle_nothing(_package)
    try:
        programs = _package.load_pt2(io.BytesIO(data)).exported_programs
    # Whatever its parts raise that do not fit together.
    except Exception as error:
        raise RefusedError(
            f"{path.name} cannot be opened by PyTorch {torch.__version__}",
            why=first_line(error),
            fix=f"save it anew, with this version and on the CPU: {SAVE}",
        ) from error
    return next(iter(programs.values()))


def _unpickle_nothing(package: Any) -> None:
    """Takes from PyTorch's reader of archives what unpickles; it falls back to that by itself."""
    load = torch.load

    def tensors_alone(*args: Any, **kwargs: Any) -> Any:
        return load(*args, **{**kwargs, "weights_only": True})

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise pickle.UnpicklingError("objects in archives are not unpickled")

    torch.load = tensors_alone
    torch._C._pickle_load_obj = refuse
    package.pickle = type("NoPickle", (), {"loads": staticmethod(refuse)})
