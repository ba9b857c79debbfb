"""What ``import zoo`` offers stays what it is, whatever else is imported."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import zoo, zoo.models.building, zoo.doctor
from zoo import doctor, models
assert [row.name for row in zoo.models("lenet5")] == [row.name for row in models("lenet5")]
assert all(callable(getattr(zoo, name)) for name in zoo.__all__)
assert callable(zoo.doctor) and callable(doctor)
assert zoo.models.building.build_network
"""


def test_submodules_take_no_function_s_name() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
