"""What `run` answers is what the runtime itself computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import BIAS, WEIGHTS
