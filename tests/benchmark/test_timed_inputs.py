"""What a file is timed with: shapes of sizes that it leaves open, samples, and indices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from free_sizes import image_reader, resizable_tflite, state_keeper, token_reader, token_tflite
from makers import manifest

from zoo.artifacts.artifact import Artifact, open_artifact
from zoo.artifacts.golden_samples import Golden, GoldenArrays, make_golden
from zoo.benchmark.timed_inputs import open_samples, parse_shapes, timed_inputs
from zoo.common.errors import BadData, UsageError, ZooError
from zoo.common.named_arrays import joined
from zoo.registry import Registry, load_registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def files(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artifact]:
    folder = tmp_path_factory.mktemp("free")
    (folder / "net.tflite").write_bytes(resizable_tflite())
    (folder / "ids.tflite").write_bytes(token_tflite())
    made = {
        "image": image_reader(folder / "image.onnx"),
        "ids": token_reader(folder / "ids.onnx"),
        "masked": token_reader(folder / "masked.onnx", masked=True),
        "state": state_keeper(folder / "state.onnx"),
        "net": folder / "net.tflite",
        "words": folder / "ids.tflite",
    }
    return {name: open_artifact(registry, path) for name, path in made.items()}


def test_texts_are_shapes_of_inputs() -> None:
    given = ("x=1x3x48x320", "x=1x3x48x640", "a:0=2X2", "3x4")
    assert parse_shapes(given) == {
        "x": [(1, 3, 48, 320), (1, 3, 48, 640)],
        "a:0": [(2, 2)],
        "": [(3, 4)],
    }
    for wrong in ("x", "x=", "x=1x0", "x=1x-1", "x=1xA", "x=1.5x2", "x=99999x99999x99999"):
        with pytest.raises(UsageError, match="is no shape of an input"):
            parse_shapes((wrong,))


def test_each_shape_is_a_row(files: dict[str, Artifact]) -> None:
    given = parse_shapes(("x=1x3x48x320", "x=2x3x48x640"))
    (rows,) = timed_inputs([files["image"]], given, None)
    assert [row.shapes for row in rows] == [{"x": (1, 3, 48, 320)}, {"x": (2, 3, 48, 640)}]
    # The only input needs no name, and TFLite files have the names of their signatures.
    for name, text in (("image", "1x3x8x8"), ("net", "1x8x9x3"), ("net", "x=1x8x9x3")):
        ((row,),) = timed_inputs([files[name]], parse_shapes((text,)), None)
        assert row.sides == [[int(s) for s in text.rpartition("=")[2].split("x")]]


def test_inputs_that_are_not_named_follow(files: dict[str, Artifact]) -> None:
    given = parse_shapes(("ids=3x7",))
    ((row,),) = timed_inputs([files["ids"]], given, None)
    assert (row.shapes, row.limits) == ({"ids": (3, 7)}, (50,))
    # A file of which the batch alone is open is timed with one, as ever.
    ((row,),) = timed_inputs([files["ids"]], {}, None)
    assert (row.shapes, row.limits) == ({}, (50,))
    ((row,),) = timed_inputs([files["words"]], {}, None)
    assert row.limits == (50,)
    shared = parse_shapes(("x=1x4", "h=2x1x4", "x=5x4", "h=2x5x4"))
    (rows,) = timed_inputs([files["state"]], shared, None)
    assert [row.sides for row in rows] == [[[1, 4], [2, 1, 4]], [[5, 4], [2, 5, 4]]]


@pytest.mark.parametrize(
    ("name", "shapes", "what", "rest"),
    [
        ("image", (), "leaves sizes of its inputs open: x", "--shape x=1x3xCxD"),
        ("net", (), "leaves sizes of its inputs open: x", "--shape x=1xBxCx3"),
        ("state", ("x=1x4",), "leaves sizes of its inputs open", "--shape h=2xBx4"),
        ("image", ("y=1x3x8x8",), "no input is called 'y'", "image.onnx takes x"),
        ("masked", ("mas=1x7",), "no input is called 'mas'", "did you mean 'mask'"),
        ("image", ("x=1x4x8x8",), "cannot take x as 1x4x8x8", "x ?×3×?×?"),
        ("image", ("x=3x8x8",), "cannot take x as 3x8x8", "with the batch"),
        ("masked", ("1x7",), "has 2 inputs: --shape must name one", "takes ids"),
        ("masked", ("ids=1x7", "mask=1x7"), "takes whole numbers as mask", "--data npz:FILE"),
        ("state", ("x=1x4", "x=2x4", "h=2x1x4", "h=2x2x4", "h=2x3x4"), "different", "as many"),
    ],
)
def test_what_is_missing_is_named(
    files: dict[str, Artifact], name: str, shapes: tuple[str, ...], what: str, rest: str
) -> None:
    with pytest.raises(UsageError) as caught:
        timed_inputs([files[name]], parse_shapes(shapes), None)
    error = caught.value
    assert what in error.what
    assert rest in f"{error.what} {error.why} {error.fix}"


def stored(folder: Path, **arrays: Any) -> str:
    np.savez(folder / "samples.npz", **arrays)
    return f"npz:{folder / 'samples.npz'}"


def test_sizes_and_numbers_come_from_samples(
    registry: Registry, files: dict[str, Artifact], tmp_path: Path
) -> None:
    images = np.random.default_rng(0).random((20, 3, 5, 6))
    samples = open_samples(registry, stored(tmp_path, whatever=images), 1)
    ((row,),) = timed_inputs([files["image"]], {}, samples)
    assert row.shapes == {"x": (1, 3, 5, 6)}
    assert row.samples is not None
    assert any((row.samples[0][0] == image.astype(np.float32)).all() for image in images)
    ids, mask = np.arange(140).reshape(20, 7) % 50, np.ones((20, 7), np.int8)
    samples = open_samples(registry, stored(tmp_path, ids=ids, mask=mask), 3)
    ((row,),) = timed_inputs([files["masked"]], {}, samples, 3)
    assert row.samples is not None
    assert row.shapes == {}
    assert [(v.shape, v.dtype) for v in row.samples] == [((3, 7), np.int64)] * 2
    state = {"x": np.random.default_rng(1).random((20, 1, 4)), "h": np.zeros((20, 2, 1, 4))}
    samples = open_samples(registry, stored(tmp_path, **state), 1)
    ((row,),) = timed_inputs([files["state"]], {}, samples)
    assert row.shapes == {"x": (1, 4), "h": (2, 1, 4)}


def test_samples_that_do_not_fit_are_refused(
    registry: Registry, files: dict[str, Artifact], tmp_path: Path
) -> None:
    random = np.random.default_rng(0).random
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("masked", {"ids": random((20, 7)) * 50, "mask": random((20, 7))}, "no whole numbers"),
        (
            "masked",
            {"ids": np.zeros((20, 7), int), "masks": random((20, 7))},
            "no array for the input",
        ),
        ("image", {"x": random((20, 4, 5, 5))}, "have shape 4×5×5"),
        ("image", {"x": random((20, 3, 5))}, "have shape 3×5"),
    ]
    for name, arrays, what in cases:
        with pytest.raises(BadData, match=what):
            timed_inputs([files[name]], {}, open_samples(registry, stored(tmp_path, **arrays), 1))
    unfit: list[tuple[dict[str, Any], str]] = [
        ({"x": random((20, 2)), "y_": random((19, 2))}, "not about the same samples"),
        ({"x": random((2, 2))}, "3 are the fewest"),
        ({"x": np.full((20, 2), np.nan)}, "holds nan"),
        ({"x": np.array(["a"] * 20)}, "no array of samples"),
    ]
    for arrays, what in unfit:
        with pytest.raises(ZooError, match=what):
            open_samples(registry, stored(tmp_path, **arrays), 1)
    with pytest.raises(UsageError, match="files are not timed with digits"):
        open_samples(registry, "digits", 1)
    samples = open_samples(registry, stored(tmp_path, x=random((20, 3, 5, 6))), 1)
    for shapes, batch in (({"x": [(1, 3, 5, 6)]}, None), ({}, 2)):
        with pytest.raises(UsageError, match=r"--shape|--batch"):
            timed_inputs([files["image"]], shapes, samples, batch)


def test_whole_numbers_without_a_meaning_are_golden_ones(files: dict[str, Artifact]) -> None:
    """Random masks would be timed as nobody uses them, and zeros as nobody does, either."""
    ids, mask = np.arange(21).reshape(3, 7), np.eye(3, 7, dtype=np.int64)
    bare = Golden(
        dataset="npz:samples.npz/test",
        examples=(0, 1, 2),
        runtime="onnxruntime",
        runtime_version="1",
        processor="x",
        max_abs=0.0,
        tolerance="none",
    )
    arrays = GoldenArrays(inputs=joined({"ids": ids, "mask": mask}), outputs=np.zeros((3, 8)))
    golden, beside = make_golden(bare, arrays, "none")
    assert beside is None
    for name, given in (("masked", True), ("ids", False)):  # the latter chooses from a table
        artifact = replace(files[name], manifest=manifest(golden=golden))
        ((row,),) = timed_inputs([artifact], {}, None)
        assert (row.samples is not None) is given
        if row.samples is not None:
            for values, right in zip(row.samples, (ids, mask), strict=True):
                assert np.array_equal(values, right[:1])
