"""The files that an interrupted training goes on from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.common.errors import ZooError
from zoo.common.files import atomic_path, write_text

_STATE = "state.json"


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What was saved after an epoch.

    Attributes:
        state: Plain data.
        best: Weights of the best epoch.
        latest: Variables after the last epoch.
    """

    state: Mapping[str, Any]
    best: list[Any]
    latest: list[Any]


@dataclass(frozen=True, kw_only=True)
class SavedState:
    """The checkpoint of a training in a folder.

    Files are named by epoch and none is overwritten, so that a full disk or a kill at any moment
    leaves the checkpoint before, whole.

    Attributes:
        folder: Made when something is saved.
    """

    folder: Path

    def save(
        self,
        state: Mapping[str, Any],
        *,
        epoch: int,
        best_epoch: int,
        best: Sequence[Any],
        latest: Sequence[Any],
    ) -> None:
        """Writes the checkpoint; the state file last, since it vouches for the others.

        Args:
            state: Plain data.
            epoch: Number of the last one.
            best_epoch: Number of the best one.
            best: Arrays of the best epoch; not written where that is an earlier one.
            latest: Arrays after the last epoch.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        where = self._files(epoch, best_epoch)
        if best_epoch == epoch:
            _save_arrays(where[0], best)
        _save_arrays(where[1], latest)
        numbers = {"best_epoch": best_epoch, "epoch": epoch}
        write_text(self.folder / _STATE, json.dumps({**state, **numbers}))
        for old in self.folder.glob("*.npz"):
            if old not in where:
                old.unlink(missing_ok=True)

    def load(self, options: Mapping[str, Any]) -> Restored | None:
        """What was saved last; None where nothing was.

        Args:
            options: Of the training, as the state's key ``options`` must have them.

        Raises:
            ZooError: They are others.
        """
        if not (self.folder / _STATE).is_file():
            return None
        state = json.loads((self.folder / _STATE).read_text(encoding="utf-8"))
        if state["options"] != options:
            raise ZooError(
                f"the checkpoint in {self.folder} was made with other options",
                fix="give the same options, or another --checkpoint folder",
            )
        best, latest = self._files(state["epoch"], state["best_epoch"])
        return Restored(state=state, best=_load_arrays(best), latest=_load_arrays(latest))

    def _files(self, epoch: int, best: int) -> tuple[Path, Path]:
        """Where the weights of epoch `best` lie, and the whole state after `epoch`."""
        return self.folder / f"best-{best:06d}.npz", self.folder / f"latest-{epoch:06d}.npz"


def _save_arrays(path: Path, arrays: Sequence[Any]) -> None:
    import numpy as np

    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **{f"{i:05d}": array for i, array in enumerate(arrays)})


def _load_arrays(path: Path) -> list[Any]:
    import numpy as np

    with np.load(path, allow_pickle=False) as stored:
        return [stored[name] for name in sorted(stored.files)]
