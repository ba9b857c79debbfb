"""What an unfinished bench has measured already: processes on disk, until everything is done."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.benchmark.process_result import ProcessResult
from zoo.common.files import write_bytes
from zoo.common.paths import cache_folder

#: Older processes are not put beside new ones: the machine has had another day since.
MOST_SECONDS = 24 * 3600.0
_PROCESS, _NOTE = "process", "json"


def environment_of(about: Mapping[str, Any], boot: str | None) -> str:
    """Stands for all that must be as it was, so that two processes may be put together.

    Args:
        about: The device and its software, as an agent tells them.
        boot: Names the start of the device; None where it tells none.
    """
    agent = about.get("agent")
    words = {
        key: about.get(key)
        for key in ("fingerprint", "os", "python", "numpy", "runtime", "runtime_version")
    }
    words["agent"] = agent.get("sha256") if isinstance(agent, Mapping) else None
    words["boot"] = boot
    words["affinity"], words["governor"] = about.get("affinity"), about.get("governor")
    return hashlib.sha256(json.dumps(words, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True)
class Journal:
    """Processes of unfinished benches, by candidate, environment and turn."""

    folder: Path = field(default_factory=lambda: cache_folder() / "bench")

    def keep(self, key: str, environment: str, turn: int, process: ProcessResult) -> None:
        """Writes one process down."""
        self._write(self._path(key, environment, str(turn), _PROCESS), process.encode())

    def kept(self, key: str, environment: str, turn: int) -> ProcessResult | None:
        """That process, if it was measured under the same circumstances not long ago."""
        content = self._read(self._path(key, environment, str(turn), _PROCESS))
        if content is not None:
            with suppress(ValueError):  # Damaged: it is measured again.
                return ProcessResult.decode(content)
        return None

    def note(self, key: str, environment: str, name: str, value: Any) -> None:
        """Writes down what else is known of a candidate; JSON-compatible."""
        self._write(self._path(key, environment, name, _NOTE), json.dumps(value).encode())

    def noted(self, key: str, environment: str, name: str) -> Any:
        """What was noted; None for nothing."""
        content = self._read(self._path(key, environment, name, _NOTE))
        if content is not None:
            with suppress(ValueError):
                return json.loads(content)
        return None

    def forget(self, keys: Iterable[str]) -> None:
        """Removes what was kept of candidates, and of all others what is too old."""
        wanted = {key[:32] for key in keys}
        if not self.folder.is_dir():
            return
        for path in self.folder.iterdir():
            if path.name[:32] in wanted or _age(path) > MOST_SECONDS:
                path.unlink(missing_ok=True)

    def _path(self, key: str, environment: str, name: str, kind: str) -> Path:
        return self.folder / f"{key[:32]}-{environment[:16]}.{name}.{kind}"

    def _write(self, path: Path, content: bytes) -> None:
        write_bytes(path, content)

    def _read(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes() if _age(path) <= MOST_SECONDS else None
        except OSError:
            return None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0
