"""What ``import zoo`` offers stays what it is, whatever else is imported."""

from __future__ import annotations

from pathlib import Path

import zoo
import zoo.networks.building


def test_no_submodule_takes_the_name_of_something_public() -> None:
    here = {path.stem for path in Path(zoo.__file__).parent.iterdir()}
    assert here & (set(zoo.__all__) - {"testing"}) == set()


def test_public_functions_are_functions() -> None:
    import zoo.diagnosis

    assert [row.name for row in zoo.models("lenet5")] == ["lenet5"]
    assert callable(zoo.doctor)
