"""The agent as a folder, which Pythons of this machine run, and as one file for other machines."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from zoo.common.files import write_bytes
from zoo.common.paths import cache_folder

#: The agent's source folder.
AGENT = Path(__file__).parents[1] / "agent"
#: ZIP knows no earlier date: equal sources give equal bytes.
_DATE = (1980, 1, 1, 0, 0, 0)
_PLAIN_FILE = 0o100644 << 16


def agent_sources() -> dict[str, Path]:
    """The files that are the agent, by their names from its folder, in the order of these."""
    names = ["__main__.py", *(p.relative_to(AGENT) for p in (AGENT / "zoo_agent").rglob("*.py"))]
    return {Path(name).as_posix(): AGENT / name for name in sorted(map(str, names))}


def agent_archive() -> Path:
    """The agent as one file in the cache, ``agent-<its SHA-256>.pyz``."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, path in agent_sources().items():
            member = zipfile.ZipInfo(name, _DATE)
            member.create_system, member.external_attr = 3, _PLAIN_FILE
            archive.writestr(member, path.read_bytes())
    data = packed.getvalue()
    there = cache_folder() / "agent" / f"agent-{hashlib.sha256(data).hexdigest()}.pyz"
    if not there.is_file() or there.read_bytes() != data:
        write_bytes(there, data)
    return there
