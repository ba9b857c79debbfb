"""Environments of latencies: what many records have in common, once and under a name of its own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

#: What differs from one measurement to the next on an unchanged machine; stays with the record.
_OWN = ("processes", "mhz")


def shared_part(environment: object) -> dict[str, Any]:
    """What other measurements on the same machine with the same software have too.

    Nothing of what is no environment: a record is what somebody has written.
    """
    if not isinstance(environment, Mapping):
        return {}
    return {key: value for key, value in environment.items() if key not in _OWN}


def environment_name(shared: Mapping[str, Any]) -> str:
    """A name for a shared part: the same for the same content."""
    content = json.dumps(shared, sort_keys=True, default=str).encode("utf-8", "backslashreplace")
    return hashlib.sha256(content).hexdigest()[:12]
