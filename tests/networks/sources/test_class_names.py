"""Class names in a network's own file, beside those of the data and of the user."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import UsageError
from zoo.contracts.dataset import SPLITS, Dataset, Split
from zoo.contracts.outputs import LABELS, TARGETS
from zoo.networks.sources.class_names import columns_of, name_classes
from zoo.networks.sources.references import Opening

_SPLIT = Split(labels=np.zeros(1, np.int64), read=lambda _: np.zeros(1, "f4"), content_hash="")
_DATA = Dataset(
    name="pets", classes=("cat", "dog"), splits=dict.fromkeys(SPLITS, _SPLIT), content_hash=""
)


def named(own: tuple[str, ...], **how: object) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
    return name_classes(Opening(data="pets", **how), own, _DATA, 2, "net.tflite")


def test_names_in_the_file_give_the_order() -> None:
    assert named(("dog", "cat")) == (
        ("dog", "cat"), False, ("its outputs were put into the order of the data",),
    )  # fmt: skip
    assert named(("cat", "dog")) == (("cat", "dog"), False, ())
    classes, new, (told,) = name_classes(
        Opening(data="pets"), ("cow", "dog", "hen", "cat"), _DATA, 4, "net"
    )
    assert (classes, new) == (("cow", "dog", "hen", "cat"), False)
    assert "left out: cow, hen" in told
    assert named(("cow", "hen"), trained=True)[:2] == (("cow", "hen"), True)


@pytest.mark.parametrize("own", [("cat", "dog", "cow"), ("cat", "cat")])
def test_names_that_fit_no_output_are_told(own: tuple[str, ...]) -> None:
    classes, new, noted = named(own)
    assert (classes, new) == (("cat", "dog"), False)
    assert f"it names {len(own)} classes for 2 outputs" in noted[0]


def test_outputs_are_called_as_the_task_calls_them() -> None:
    for reading, things in ((TARGETS, "targets"), (LABELS, "labels"), ("", "classes")):
        told = name_classes(Opening(data="pets"), (), _DATA, 2, "net", reading)[2]
        assert told == (f"its 2 outputs are taken for the {things} cat, dog",)
        with pytest.raises(UsageError, match=f"net has 3 outputs, and pets has 2 {things}"):
            name_classes(Opening(data="pets"), (), _DATA, 3, "net", reading)
    assert columns_of(TARGETS, 1) == "1 target"


def test_other_names_in_the_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"pets has other classes than net\.tflite") as caught:
        named(("cat", "cow"))
    assert "--classes FILE" in str(caught.value)
    (tmp_path / "names.txt").write_text("dog\ncat\n")
    assert named(("cat", "cow"), classes=str(tmp_path / "names.txt"))[0] == ("dog", "cat")
