"""A plugin brings a kind of input of its own; nothing outside the room asks which kind it is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from makers import manifest

from zoo.artifacts.artifact import manifest_text, parse_manifest
from zoo.common.errors import BadFile, Unsupported
from zoo.contracts import ImagePreprocessing, InputKind, Preprocessing, Split
from zoo.contracts.preprocessing import Sample, SampleList
from zoo.data.preprocessing.inputs import kind_of, labels_for, read_inputs
from zoo.data.samples.reading import find_samples, read_samples

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class VolumePreprocessing(Preprocessing):
    """A cube of densities."""

    input_name: ClassVar[str] = "densities"
    dtype: ClassVar[str] = "float32"

    side: int
    kind: str = "volume"

    @property
    def input_shape(self) -> tuple[int, ...]:
        return (self.side,) * 3

    @property
    def axes(self) -> tuple[str, ...]:
        return ("depth", "height", "width")

    @property
    def value_range(self) -> tuple[float, float]:
        return (0.0, 1.0)

    def describe(self) -> dict[str, str]:
        return {"input": f"a cube of {self.side} voxels"}

    def inputs(self) -> InputKind[VolumePreprocessing]:
        return Volumes(self)


class Volumes(InputKind[VolumePreprocessing]):
    """Cubes, cut to size."""

    def read(self, split: Split, index: int) -> Any:
        side = self.own.side
        return split.read(index)[:side, :side, :side]


CUBES = Split(
    labels=np.array([0, 1, 0], np.int64),
    read=lambda index: np.full((5, 5, 5), index, np.float32),
    content_hash="0",
)


def test_examples_are_read_by_the_plugins_own_code() -> None:
    found = read_inputs(CUBES, VolumePreprocessing(side=4))
    assert found.shape == (3, 4, 4, 4)
    assert found[2].max() == 2.0
    assert labels_for(CUBES, VolumePreprocessing(side=4)) is CUBES.labels


def test_samples_are_read_by_the_plugins_own_code_or_refused() -> None:
    with pytest.raises(Unsupported, match=r"of the kind 'volume'.*\n.*Volumes has no samples\(\)"):
        find_samples(VolumePreprocessing(side=4), ("a.vol",), "")

    class Named(Volumes):
        def samples(self, given: str, data: str = "") -> SampleList:
            return SampleList(samples=[Sample(name=given, read=lambda: CUBES.read(2))])

    @dataclass(frozen=True, kw_only=True)
    class Stored(VolumePreprocessing):
        def inputs(self) -> Any:
            return Named(self)

    found = find_samples(Stored(side=4), ("a.vol",), "")
    inputs, good, bad = read_samples(found.samples, Stored(side=4), [0])
    assert (inputs.shape, inputs.max(), good, bad) == ((1, 4, 4, 4), 2.0, [0], [])


def test_synthetic_examples_are_made_without_a_line_for_the_kind() -> None:
    own = kind_of(VolumePreprocessing(side=4))
    values, _ = own.synthetic_examples(CUBES.labels, 2, np.random.default_rng(0), 0)
    assert values.shape == (3, 4, 4, 4)


def test_a_manifest_keeps_the_kind() -> None:
    text = manifest_text(manifest(preprocessing=VolumePreprocessing(side=4)))
    assert json.loads(text)["preprocessing"] == {"side": 4, "kind": "volume"}
    assert parse_manifest(text, Path("x")).preprocessing == VolumePreprocessing(side=4)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"kind": "smell"}, "no kind of input 'smell'"), ({"side": "wide"}, "side")],
)
def test_what_no_kind_can_read_is_refused(changes: dict[str, Any], problem: str) -> None:
    told = json.loads(manifest_text(manifest(preprocessing=VolumePreprocessing(side=4))))
    told["preprocessing"].update(changes)
    with pytest.raises(BadFile) as caught:
        parse_manifest(json.dumps(told), Path("x"))
    assert problem in (caught.value.why or "")


def test_a_record_without_a_reader_says_so() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Mute(VolumePreprocessing):
        def inputs(self) -> Any:
            return Preprocessing.inputs(self)

    with pytest.raises(NotImplementedError, match=r"Mute has no inputs\(\)"):
        read_inputs(CUBES, Mute(side=4))


def test_the_built_in_kinds_are_known() -> None:
    assert {"image", "series", "tokens", "latent"} <= set(Preprocessing.kinds)
    assert Preprocessing.kinds["image"] is ImagePreprocessing


def test_nothing_outside_the_room_asks_for_a_kind() -> None:
    asks = re.compile(r"isinstance\([^)]*(Image|Series|Token|Latent)Preprocessing")
    own = ("zoo/contracts/preprocessing/", "zoo/data/preprocessing/")
    found = [
        path.relative_to(ROOT).as_posix()
        for room in ("zoo", "exporters", "devices", "plugins")
        for path in (ROOT / room).rglob("*.py")
        if asks.search(path.read_text(encoding="utf-8"))
    ]
    assert [name for name in found if not name.startswith(own)] == []
