"""Libraries that report their use to their makers: switched off before their first import.

ONNX Runtime starts an uploader, a database and an identifier of the machine when it is imported;
OpenVINO looks up an analytics service. Beside what they send, both take time in the process that is
timed. `devices/agent` does the same on every device, without this package.
"""

from __future__ import annotations

import os
import sys
from typing import Any

#: Variables by which libraries are switched off, inherited by every child process.
VARIABLES = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
}
#: Modules that do nothing but report, for libraries that have no variable and do without them.
MODULES = ("openvino_telemetry",)


def switch_off() -> None:
    """Sets the variables, whatever they were; libraries that are imported later read them."""
    os.environ.update(VARIABLES)


def switch_off_modules() -> None:
    """Makes `MODULES` unimportable in this process; only for processes that are the zoo's own."""
    blocked: dict[str, Any] = dict.fromkeys(MODULES)
    sys.modules.update(blocked)
