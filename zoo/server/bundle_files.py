"""Bundles of files for who asks for them: made once each, by the code of ``zoo bundle``."""

from __future__ import annotations

import tempfile
import threading
import zipfile
from pathlib import Path

from zoo.artifacts.bundle import bundle
from zoo.common.errors import UsageError
from zoo.common.files import cannot_write
from zoo.registry import Registry
from zoo.results import formatting as fmt
from zoo.server.file_entries import FileEntry
from zoo.server.kept_files import KeptFiles

#: Of a file; larger ones are bundled by the command.
LARGEST = 256 << 20
#: Bundles that are kept until the server ends.
_MOST = 8


class BundleFiles:
    """Makes bundles of files that the cache holds as they were judged; one at a time."""

    def __init__(self, kept: KeptFiles, registry: Registry) -> None:
        self._kept, self._registry = kept, registry
        self._lock = threading.Lock()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._made: dict[str, Path] = {}

    def path_of(self, entry: FileEntry) -> Path | None:
        """The bundle of a file as an archive; None where the file is no longer kept.

        Raises:
            UsageError: The file is too large for this.
            ZooError: No bundle can be made of it.
        """
        with self._lock:
            path = self._kept.path_of(entry)
            if path is None:
                return None
            if entry.sha256 in self._made:
                return self._made[entry.sha256]
            if (size := path.stat().st_size) > LARGEST:
                raise UsageError(
                    f"{entry.name} is too large to be bundled on request",
                    why=f"{fmt.size_unit([size]).with_symbol(size)}, the most is "
                    f"{fmt.size_unit([LARGEST]).with_symbol(LARGEST)}",
                    fix="download the file, then: zoo bundle FILE",
                )
            try:
                self._made[entry.sha256] = self._archive(entry, path)
            except OSError as error:
                place = Path(tempfile.gettempdir())
                raise cannot_write(place, error, fix="set TMPDIR to another folder") from error
            return self._made[entry.sha256]

    def _archive(self, entry: FileEntry, path: Path) -> Path:
        self._folder = self._folder or tempfile.TemporaryDirectory(prefix="zoo-bundles-")
        while len(self._made) >= _MOST:
            self._made.pop(next(iter(self._made))).unlink(missing_ok=True)
        archive = Path(self._folder.name) / f"{entry.sha256[:12]}.zip"
        with tempfile.TemporaryDirectory(prefix="zoo-bundle-") as place:
            folder = Path(place) / entry.name.rpartition(".")[0]
            made = bundle(path, output=folder, registry=self._registry)
            with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
                for name in made.files:
                    packed.write(folder / name, f"{folder.name}/{name}")
        return archive
