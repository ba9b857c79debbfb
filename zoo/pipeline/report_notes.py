"""Where reports of runs are: noted when they are written, for pages that link to them."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

from zoo.common.errors import ZooError
from zoo.common.files import write_text
from zoo.common.paths import cache_folder

#: The only name that a report of a run has.
REPORT = "report.html"


def note_report(run: str, report: Path) -> None:
    """Notes where the report of a run is; one that cannot be noted is only not linked."""
    told = json.dumps({"run": run, "report": str(report.resolve())})
    with contextlib.suppress(ZooError, OSError):
        _note(run).parent.mkdir(parents=True, exist_ok=True)
        write_text(_note(run), told)


def noted_report(run: str, most: int) -> Path | None:
    """The report of a run of up to `most` bytes, where it was noted to be; no link is followed."""
    try:
        told = json.loads(_note(run).read_text(encoding="utf-8"))
        path = Path(told["report"])
        ours = told["run"] == run and path.is_absolute() and path.name == REPORT
        whole = path.is_file() and path.resolve() == path and path.stat().st_size <= most
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return path if ours and whole else None


def _note(run: str) -> Path:
    name = hashlib.sha256(run.encode("utf-8", "backslashreplace")).hexdigest()
    return cache_folder() / "reports" / f"{name}.json"
