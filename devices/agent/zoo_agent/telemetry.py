"""Runtimes that report their use to their makers: switched off before any of them is imported.

As `zoo.common.telemetry`, which the agent cannot import.
"""

from __future__ import annotations

import os
import sys

from .common import Json

VARIABLES = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
}
#: Modules that do nothing but report, for runtimes that have no variable and do without them.
MODULES = ("openvino_telemetry",)


def switch_off() -> None:
    """For this process and its children."""
    os.environ.update(VARIABLES)
    blocked: Json = dict.fromkeys(MODULES)
    sys.modules.update(blocked)
