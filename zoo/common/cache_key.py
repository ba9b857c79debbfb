"""Content addresses of steps: equal keys mean equal inputs, parameters, code and tools."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from zoo.common.versions import versions_of


def step_key(
    kind: str,
    parameters: Mapping[str, Any],
    *,
    needs: Iterable[str] = (),
    code: str = "",
    distributions: Iterable[str] = (),
) -> str:
    """SHA-256 over everything that decides a step's result.

    Args:
        kind: Kind of step.
        parameters: JSON-compatible.
        needs: Keys of the steps whose results it reads.
        code: Fingerprint of the code that decides the result.
        distributions: Installed tools whose versions decide it.
    """
    content = {
        "kind": kind,
        "parameters": parameters,
        "needs": sorted(needs),
        "code": code,
        "versions": {k: v for k, v in versions_of(distributions).items() if k != "edgezoo"},
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
