"""From raw images to network inputs, and the examples that calibrate a quantizer."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from zoo.common.errors import BadData, UsageError
from zoo.contracts.dataset import Split
from zoo.contracts.preprocessing import ImagePreprocessing
from zoo.data.preprocessing.calibration import (
    balanced_sample,
    calibration_inputs,
    with_other_classes,
)
from zoo.data.preprocessing.images import Images, crop_edges, to_pixels
from zoo.data.preprocessing.inputs import normalize, read_inputs


def wanted(height: int, width: int, channels: int, **options: object) -> ImagePreprocessing:
    per_channel = {"mean": (0.0,) * channels, "std": (1.0,) * channels}
    size = {"height": height, "width": width, "channels": channels}
    return ImagePreprocessing(**size, **per_channel | options)


def picture(height: int, width: int, channels: int, seed: int = 0) -> np.ndarray:
    shape = (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def split_of(images: list[np.ndarray], labels: list[int] | None = None) -> Split:
    numbers = np.array(labels if labels is not None else [0] * len(images), np.int64)
    return Split(labels=numbers, read=images.__getitem__, content_hash="")


def test_what_fits_is_left_alone():
    image = picture(5, 6, 3)
    assert to_pixels(image, wanted(5, 6, 3)) is image


def test_colour_to_grey_is_rec_601_luma():
    image = picture(9, 9, 3)
    luma = image.astype(float) @ [0.299, 0.587, 0.114]
    result = to_pixels(image, wanted(9, 9, 1))
    assert result.shape == (9, 9, 1)
    assert np.abs(result[..., 0] - luma).max() <= 0.51


def test_grey_to_colour_repeats():
    image = picture(4, 4, 1)
    assert np.array_equal(to_pixels(image, wanted(4, 4, 3)), np.repeat(image, 3, axis=2))


@pytest.mark.parametrize("name", ["nearest", "bilinear", "bicubic", "box", "lanczos"])
def test_stretch_is_pillows_resize(name):
    image = picture(11, 7, 3)
    expected = Image.fromarray(image).resize((20, 5), Image.Resampling[name.upper()])
    result = to_pixels(image, wanted(5, 20, 3, interpolation=name))
    assert np.array_equal(result, np.asarray(expected))


@pytest.mark.parametrize(("height", "width"), [(10, 30), (30, 10), (10, 11), (9, 9)])
def test_crop_is_pillows_fit(height, width):
    image = picture(height, width, 3)
    expected = ImageOps.fit(Image.fromarray(image), (8, 6), Image.Resampling.BILINEAR)
    result = to_pixels(image, wanted(6, 8, 3, resize="crop"))
    assert np.abs(result.astype(int) - np.asarray(expected)).max() <= 1


@pytest.mark.parametrize(("height", "width"), [(300, 451), (451, 300), (256, 256), (224, 224)])
def test_a_share_of_the_crop_is_resize_256_cut_224(height, width):
    """Up to half a pixel, by which the usual way rounds where it cuts."""
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([np.sin(x / 31 + i) + np.cos(y / 23 - i) for i in range(3)], -1)
    image = np.round(waves * 63 + 127).astype(np.uint8)
    scale = 256 / min(height, width)
    resized = Image.fromarray(image).resize(
        (round(width * scale), round(height * scale)), Image.Resampling.BILINEAR
    )
    left, top = ((n - 224) / 2 for n in resized.size)
    box = (round(left), round(top), round(left) + 224, round(top) + 224)
    expected = np.asarray(resized.crop(box)).astype(int)
    rule = wanted(224, 224, 3, resize="crop", crop_share=0.875)
    assert np.abs(to_pixels(image, rule) - expected).mean() <= 1.5
    whole = to_pixels(image, wanted(224, 224, 3, resize="crop"))
    assert np.abs(whole - expected).mean() > 3


@pytest.mark.parametrize(
    ("size", "target"), [((29, 5), (7, 1)), ((58, 63), (224, 224)), ((63, 58), (224, 224))]
)
def test_rounding_leaves_no_crop_outside_the_image(size, target):
    """These edges lay 2e-15 before the first pixel, which Pillow refuses."""
    for height, width in (size, size[::-1]):
        rule = wanted(*target, 3, resize="crop")
        assert to_pixels(picture(height, width, 3), rule).shape == (*target, 3)


@pytest.mark.parametrize("share", [1.0, 0.875, 0.9])
def test_every_crop_lies_within_its_image(share):
    """All sizes to 300 x 300, and 37 widths of all heights to 4,100: among them ones that rounding
    carried outside, for each of the usual targets and for some that are not square."""
    sides = (1, 3, 28, 32, 64, 96, 128, 160, 192, 224, 227, 240, 256, 260, 299, 300, 384, 512)
    small = np.arange(1, 301, dtype=np.float64)
    large = np.arange(1, 4101, dtype=np.float64)
    for target in [*((side, side) for side in sides), (7, 1), (320, 240), (1, 1000)]:
        for columns, heights in ((small, small), (large[58::111], large)):
            widths = columns[:, np.newaxis]
            for (low, high), whole in zip(
                crop_edges((widths, heights), target, share), (widths, heights), strict=True
            ):
                # Pillow keeps edges as float32.
                assert (low >= 0).all()
                assert (low.astype(np.float32) < high.astype(np.float32)).all()
                assert (high <= whole).all()


def test_a_crop_that_needs_no_bound_is_the_plain_formula():
    rng = np.random.default_rng(1)
    for width, height, share in zip(*rng.integers(1, 4101, (2, 500)), rng.random(500), strict=True):
        scale = min(width / 224, height / 160) * share
        left, top = (width - 224 * scale) / 2, (height - 160 * scale) / 2
        columns, rows = crop_edges((width, height), (224, 160), share)
        assert columns == (left, left + 224 * scale)
        assert rows == (top, top + 160 * scale)


def test_crop_cuts_the_centre():
    image = np.zeros((4, 12, 1), np.uint8)
    image[:, 4:8] = 200
    assert (to_pixels(image, wanted(4, 4, 1, resize="crop")) == 200).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_pad_keeps_the_aspect_ratio_and_fills_with_zeros(channels):
    image = np.full((10, 20, 3), 200, np.uint8)
    result = to_pixels(image, wanted(8, 8, channels, resize="pad"))
    assert result.shape == (8, 8, channels)
    assert (result[2:6] == 200).all()
    assert (result[:2] == 0).all()
    assert (result[6:] == 0).all()


@given(
    st.integers(1, 40),
    st.integers(1, 40),
    st.sampled_from([1, 3]),
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from([1, 3]),
    st.sampled_from(["stretch", "crop", "pad"]),
    st.sampled_from(["nearest", "bilinear", "bicubic", "box", "lanczos"]),
)
def test_every_size_and_rule(h, w, c, height, width, channels, resize, interpolation):
    rule = wanted(height, width, channels, resize=resize, interpolation=interpolation)
    result = to_pixels(picture(h, w, c), rule)
    assert result.shape == (height, width, channels)
    assert result.dtype == np.uint8
    if resize != "pad":
        flat = to_pixels(np.full((h, w, c), 77, np.uint8), rule)
        assert (flat == 77).all()


@pytest.mark.parametrize(
    ("image", "problem"),
    [
        (np.zeros((4, 4, 3), np.float32), "its type is float32"),
        (np.full((4, 4, 3), np.nan), "NaN or infinite"),
        (np.full((4, 4, 3), np.inf), "NaN or infinite"),
        (np.zeros((4, 4), np.uint8), "its shape is"),
        (np.zeros((4, 4, 4), np.uint8), "its shape is"),
        (np.zeros((0, 4, 3), np.uint8), "its shape is"),
    ],
)
def test_what_is_no_image_is_refused(image, problem):
    with pytest.raises(BadData, match=problem):
        to_pixels(image, wanted(4, 4, 3))
    split = split_of([picture(4, 4, 3), image])
    with pytest.raises(BadData, match=f"example 1 .*{problem}"):
        Images(wanted(4, 4, 3)).read(split, 1)
    with pytest.raises(BadData, match=f"example 1 .*{problem}"):
        read_inputs(split, wanted(4, 4, 3))
    with pytest.raises(BadData, match=problem):
        calibration_inputs(split, wanted(4, 4, 3), 2, 0)


def test_pixels_in_order_and_by_index():
    images = [picture(5 + i % 3, 6, 3, seed=i) for i in range(300)]
    rule = wanted(4, 4, 1)
    expected = np.stack([to_pixels(image, rule) for image in images])
    assert np.array_equal(read_inputs(split_of(images), rule), expected)
    chosen = [7, 7, 299, 0]
    assert np.array_equal(read_inputs(split_of(images), rule, chosen), expected[chosen])
    assert read_inputs(split_of(images), rule, []).shape == (0, 4, 4, 1)


def test_normalize_is_the_formula_in_float64():
    rule = wanted(2, 2, 3, scale=1 / 255, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    raw = picture(2, 2, 3)[None]
    expected = (raw / np.float64(255) - rule.mean) / rule.std
    result = normalize(raw, rule)
    assert result.dtype == np.float32
    assert np.array_equal(result, normalize(raw.astype(np.float32), rule))
    assert np.allclose(result, expected, rtol=0, atol=2e-7)


# --- calibration -------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=80), st.integers(1, 100), st.integers(0, 99)
)
def test_samples_are_balanced_and_without_replacement(labels, count, seed):
    numbers = np.array(labels, np.int64)
    chosen = balanced_sample(numbers, count, seed)
    assert len(chosen) == min(count, len(labels))
    assert len(set(chosen.tolist())) == len(chosen)
    assert np.array_equal(chosen, balanced_sample(numbers, count, seed))
    drawn = np.bincount(numbers[chosen], minlength=5)
    there = np.bincount(numbers, minlength=5)
    most = drawn.max()
    # Whoever gave less than the others by more than one has nothing left.
    assert all(d >= most - 1 or d == t for d, t in zip(drawn, there, strict=True))


def test_calibration_inputs_are_raw_and_hashed():
    images = [picture(4, 4, 3, seed=i) for i in range(20)]
    split = split_of(images, [i % 2 for i in range(20)])
    values, digest = calibration_inputs(split, wanted(4, 4, 3), 6, 1)
    assert values.dtype == np.float32
    assert values.shape == (6, 4, 4, 3)
    known = {image.tobytes() for image in images}
    assert {value.astype(np.uint8).tobytes() for value in values} <= known
    header = b"|u1 (6, 4, 4, 3)\n"
    assert digest == hashlib.sha256(header + values.astype(np.uint8).tobytes()).hexdigest()
    assert calibration_inputs(split, wanted(4, 4, 3), 6, 1)[1] == digest
    assert calibration_inputs(split, wanted(4, 4, 3), 6, 2)[1] != digest


def test_calibration_sees_the_classes_that_training_lacks():
    train = split_of([picture(4, 4, 3, seed=i) for i in range(9)], [0] * 9)
    odd = [picture(4, 4, 3, seed=i) for i in range(20, 26)]
    both = with_other_classes(train, split_of(odd, [0, 1, 0, 1, 1, 0]))
    assert both.labels.tolist() == [0] * 9 + [1] * 3
    read = [both.read(i).tobytes() for i in range(len(both))]
    assert read[:9] == [train.read(i).tobytes() for i in range(9)]
    assert read[9:] == [odd[i].tobytes() for i in (1, 3, 4)]
    values, _ = calibration_inputs(both, wanted(4, 4, 3), 6, 0)
    drawn = {value.astype(np.uint8).tobytes() for value in values}
    assert len(drawn & {*read[9:]}) == 3
    assert with_other_classes(train, split_of(odd, [0] * 6)) is train


def test_calibration_needs_examples():
    with pytest.raises(BadData, match="no examples to calibrate"):
        calibration_inputs(split_of([]), wanted(4, 4, 3), 6, 1)
    with pytest.raises(UsageError, match="0 calibration examples"):
        calibration_inputs(split_of([picture(4, 4, 3)]), wanted(4, 4, 3), 0, 1)
