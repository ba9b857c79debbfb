"""Every record refuses what cannot be used, when it is made, and says which field is wrong."""

from __future__ import annotations

import dataclasses
import math

import pytest
from makers import (
    architecture,
    dataset,
    device,
    exporter,
    official,
    preprocessing,
    provider,
    split,
    task,
    variant,
)

from zoo.contracts import Output, Preprocessing
from zoo.contracts.checks import InvalidRecord

MAKERS = (architecture, dataset, device, exporter, preprocessing, provider, split, task, variant)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_valid_record_is_frozen(make):
    record = make()
    first = dataclasses.fields(record)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(record, first, "other")


@pytest.mark.parametrize("make", [architecture, device, exporter, provider, task, variant])
@pytest.mark.parametrize("name", ["", "Tiny", "9lives", "a.b", "a/b", "a b", "a\n", "é", "-a", 7])
def test_names_are_plain_words(make, name):
    with pytest.raises(InvalidRecord, match=r"name .* is not usable"):
        make(name=name)


@pytest.mark.parametrize(
    ("make", "changes", "problem"),
    [
        (variant, {"classes": 0}, "tiny8: classes must be positive"),
        (variant, {"parameters": 0}, "parameters must be positive"),
        (variant, {"multiply_adds": -1}, "multiply_adds must be positive"),
        (architecture, {"build": "build"}, "build must be callable"),
        (architecture, {"variants": ()}, "has no variants"),
        (architecture, {"variants": (variant(), variant())}, "variants named twice: tiny8"),
        (device, {"driver": None}, "driver must be callable"),
        (device, {"options": 3}, "options of a DeviceKind are the type parameter of its driver"),
        (device, {"arena": 3}, "arena must be callable or None"),
        (device, {"runtimes": ("litert",)}, r"write class Driver\(zoo.DeviceDriver\)"),
        (exporter, {"suffix": "stone"}, "suffix must begin with a dot"),
        (exporter, {"precisions": ("float32", "int3")}, "unknown precisions: int3"),
        (exporter, {"precisions": ()}, "claims no precision"),
        (exporter, {"runtimes": ()}, "names no runtime"),
        (exporter, {"inspect": None}, "inspect must be callable"),
        (exporter, {"export": None}, "export must be callable"),
        (preprocessing, {"height": 0}, "height and width must be positive"),
        (preprocessing, {"width": -1}, "height and width must be positive"),
        (preprocessing, {"channels": 4}, "channels must be 1 or 3, not 4"),
        (preprocessing, {"resize": "squash"}, "unknown resize rule 'squash'"),
        (preprocessing, {"interpolation": "area"}, "unknown interpolation 'area'"),
        (preprocessing, {"mean": (0.1, 0.2)}, "mean has 2 values for 1 channels"),
        (preprocessing, {"channels": 3}, "mean has 1 values for 3 channels"),
        (preprocessing, {"std": (0.0,)}, "must be > 0"),
        (preprocessing, {"scale": 0.0}, "must be > 0"),
        (preprocessing, {"crop_share": 0.0, "resize": "crop"}, "crop_share must be above 0"),
        (preprocessing, {"crop_share": 1.1, "resize": "crop"}, "at most 1"),
        (preprocessing, {"crop_share": 0.9}, "belongs to the resize rule 'crop'"),
        (architecture, {"sources": (official(variant="other"),)}, "weights of no variant: other"),
        (architecture, {"sources": (official(), official())}, "weights named twice: tiny8.in1k"),
        (preprocessing, {"scale": math.nan}, "scale"),
        (preprocessing, {"scale": math.inf}, "finite"),
        (preprocessing, {"mean": (math.nan,)}, "finite"),
        (preprocessing, {"std": (math.inf,)}, "finite"),
        (provider, {"tasks": ()}, "names no task"),
        (provider, {"open": None}, "open must be callable"),
        (provider, {"fingerprint": None}, "fingerprint must be callable"),
        (task, {"min_parity_inputs": 0}, "min_parity_inputs must be positive"),
        (task, {"outputs": ()}, "names no output"),
        (task, {"outputs": (Output(name="a"), Output(name="a"))}, "outputs named twice: a, a"),
        (task, {"max_drop": {"int3": 1.0}}, "max_drop has unknown precisions: int3"),
        (split, {"labels": 0}, "the first axis of labels must be the example"),
        (split, {"dtype": "int32"}, "labels must be int64"),
        (split, {"dtype": "float64"}, "labels must be int64"),
        (dataset, {"classes": ()}, "needs at least one class"),
        (dataset, {"classes": ("a", "b", "a")}, "classes named twice: a"),
        (dataset, {"classes": ("a", "b")}, "run from 0 to 2, but there are 2 classes"),
        (dataset, {"splits": {"train": split()}}, "splits must be train, validation, test"),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_wrong_field_is_refused(make, changes, problem):
    with pytest.raises(InvalidRecord, match=problem):
        make(**changes)


@pytest.mark.parametrize(("labels", "problem"), [([], "the test split is empty"), ([-1], "-1")])
def test_labels_of_every_split_are_checked(labels, problem):
    splits = {"train": split(), "validation": split(), "test": split(labels)}
    with pytest.raises(InvalidRecord, match=problem):
        dataset(splits=splits)


def test_affine_is_the_formula():
    record = preprocessing(channels=3, scale=0.5, mean=(1.0, 2.0, 3.0), std=(1.0, 2.0, 4.0))
    factors, offsets = record.affine()
    pixel = 10.0
    expected = [(pixel * 0.5 - m) / s for m, s in zip(record.mean, record.std, strict=True)]
    assert [pixel * f + o for f, o in zip(factors, offsets, strict=True)] == expected
    assert record.input_shape == (8, 8, 3)


def test_large_means_are_subtracted_first():
    assert preprocessing(channels=1, scale=1 / 255, mean=(0.5,), std=(0.2,)).centre() is None
    record = preprocessing(channels=1, mean=(101_325.03,), std=(3.0,), scale=1.0)
    centres, rest = record.centre()
    # A number of float32, and what is left of the mean.
    assert centres == (101_325.03125,)
    assert rest == pytest.approx((0.00125 / 3,), rel=1e-3)


def test_variant_by_name():
    family = architecture(variants=(variant(), variant(name="tiny9")))
    assert family.variant("tiny9") is family.variants[1]


def test_integer_share():
    from makers import contents

    assert contents(integer_operators=3, float_operators=1).integer_share == 0.75
    assert contents(integer_operators=0, float_operators=0).integer_share == 0.0


def test_a_kind_of_preprocessing_that_leaves_something_out_cannot_be_made():
    class Incomplete(Preprocessing):
        @property
        def input_shape(self) -> tuple[int, ...]:
            return (1,)

    with pytest.raises(TypeError, match=r"describe.*value_range"):
        Incomplete()
