"""What a foreign network's input can be, and the usual normalizations of examples for it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from zoo.common.errors import Unsupported, UsageError
from zoo.contracts import (
    Dataset,
    ForeignTensor,
    ImagePreprocessing,
    OpenedNetwork,
    Preprocessing,
    SeriesPreprocessing,
)
from zoo.data.preprocessing.inputs import fitted
from zoo.networks.sources.statement import STATED, InputStatement, pixel_scale

#: The task of a network by the kind of its input.
IMAGES, SERIES = "image-classification", "sequence-classification"
#: The name of the way of series that no number changes.
AS_THEY_ARE = "as they are"
#: Usual normalizations of pixels, scale, mean, std: their name, and whether of three channels only.
_USUAL: tuple[tuple[str, float, tuple[float, ...], tuple[float, ...]], ...] = (
    ("0..255", 1.0, (0.0,), (1.0,)),
    ("0..1", 1 / 255, (0.0,), (1.0,)),
    ("-1..1", 1 / 127.5, (1.0,), (1.0,)),
    ("ImageNet's mean and std", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ("ImageNet's mean of pixels", 1.0, (123.68, 116.779, 103.939), (1.0, 1.0, 1.0)),
)


@dataclass(frozen=True, kw_only=True)
class InputCandidate:
    """A way in which examples may be normalized for a network.

    Attributes:
        name: For tables.
        preprocessing: Of channels in the order red, green, blue.
        bgr: Whether the network takes blue, green, red.
    """

    name: str
    preprocessing: Preprocessing
    bgr: bool = False


@dataclass(frozen=True, kw_only=True)
class InputPlan:
    """What a network takes, as far as its shape tells.

    Attributes:
        task: Name of the task.
        kind: The task of networks that classify such inputs: which kind they are of.
        shape: Of one normalized input, all sides fixed.
        own_shape: Of the network's own input, where another shape must be brought to it.
        candidates: The usual ways, or the one that was stated.
        known: How the normalization and the order of channels are known without data, ``stated``,
            ``in its metadata`` or ``in its graph``; empty where they are not.
        open: Whether nothing at all is known of the normalization of pixels.
    """

    task: str
    kind: str
    shape: tuple[int, ...]
    own_shape: tuple[int, ...]
    candidates: tuple[InputCandidate, ...]
    known: str
    open: bool = False


def plan_input(
    tensor: ForeignTensor,
    statement: InputStatement,
    dataset: Dataset,
    tasks: tuple[str, ...],
    origin: str,
    heads: tuple[str, ...] = (),
) -> InputPlan:
    """Finds what a network takes.

    Args:
        tensor: Its input.
        statement: What the user says of it.
        dataset: Whose examples it is to take.
        tasks: Names of the tasks that the dataset serves.
        origin: Names the file in messages.
        heads: Those among them that take networks of images and series.

    Raises:
        Unsupported: No images and no series.
        UsageError: Its size is free, or what was stated does not fit it.
    """
    example = dataset.splits["train"].read(0)
    sides = tensor.shape[1:]
    if tensor.dtype in ("string", "object") or example.dtype.kind in "US":
        raise Unsupported(
            f"{origin} takes text, which cannot be brought in",
            why="which word has which number is not in the network"
            if tensor.dtype not in ("string", "object")
            else "files for devices take numbers, and the words would stay behind",
            fix="train one of the zoo's own: `zoo list` shows those for sequences",
        )
    if IMAGES in tasks:
        return plan_images(sides, statement, origin)
    if SERIES in tasks:
        return _of_series(sides, statement, dataset, origin)
    if heads and example.dtype == np.uint8:
        return replace(plan_images(sides, statement, origin), task=heads[0])
    if heads:
        return replace(_of_series(sides, statement, dataset, origin), task=heads[0])
    raise Unsupported(
        f"{origin} cannot be judged on {dataset.name}",
        why=f"that serves {', '.join(tasks)}; networks from elsewhere classify images or series",
        fix="name a dataset of images or series with classes",
    )


def plan_images(sides: tuple[int | None, ...], statement: InputStatement, origin: str) -> InputPlan:
    """The same for sides, without the batch, that must be those of images."""
    size, channels = _image_size(sides, statement, origin)
    image = (*size, channels)
    own = tuple(side or real for side, real in zip(sides, image, strict=False))
    if math.prod(own) != math.prod(image):
        raise UsageError(
            f"{origin} takes inputs of shape {sides}, which are no images of "
            f"{size[0]}×{size[1]} with {channels} channels",
            fix="correct the size in --input",
        )
    orders = [statement.order] if statement.order else ["rgb", "bgr"]
    if channels == 1:
        if statement.order in ("rgb", "bgr"):
            raise UsageError(
                f"{origin} takes one channel, and --input says {statement.order}", fix="say grey"
            )
        orders = ["grey"]
    elif statement.order == "grey":
        raise UsageError(f"{origin} takes three channels, and --input says grey", fix="say rgb")
    base = ImagePreprocessing(
        height=size[0],
        width=size[1],
        channels=channels,
        mean=(0.0,) * channels,
        std=(1.0,) * channels,
        resize=statement.resize or "stretch",
        crop_share=statement.crop_share,
        interpolation=statement.interpolation or "bilinear",
    )
    usual = _USUAL
    if statement.normalization is not None:
        usual = (("stated", pixel_scale(statement), *statement.normalization[1:]),)
    candidates = [
        candidate
        for name, scale, mean, std in usual
        for order in orders
        if (candidate := image_candidate(base, name, order, (scale, mean, std), origin))
    ]
    return InputPlan(
        task=IMAGES,
        kind=IMAGES,
        shape=image,
        own_shape=own,
        candidates=tuple(candidates),
        known=statement.known if statement.normalization is not None and len(orders) == 1 else "",
        open=statement.normalization is None,
    )


def image_candidate(
    base: ImagePreprocessing,
    name: str,
    order: str,
    moments: tuple[float, tuple[float, ...], tuple[float, ...]],
    origin: str,
) -> InputCandidate | None:
    """A way with these scale, mean and deviation; None where they are of other channels."""
    scale, mean, std = moments
    channels = base.channels
    if len(mean) not in (1, channels):
        if name != "stated":
            return None  # those of three channels are no usual ones of grey
        raise UsageError(
            f"--input gives {len(mean)} means, and {origin} takes {channels} channels",
            fix="give one, or one for each channel",
        )
    mean, std = (values * channels if len(values) == 1 else values for values in (mean, std))
    bgr = order == "bgr"
    if bgr and name == "stated":  # in the order that the network takes
        mean, std = mean[::-1], std[::-1]
    return InputCandidate(
        name=f"{name}, {order}",
        preprocessing=replace(base, scale=scale, mean=mean, std=std),
        bgr=bgr,
    )


def _image_size(
    sides: tuple[int | None, ...], statement: InputStatement, origin: str
) -> tuple[tuple[int, int], int]:
    """(height, width) and channels."""
    channels: int | None = 1
    if len(sides) == 3:
        channels = sides[2] or (1 if statement.order == "grey" else 3)
    elif len(sides) == 1:
        channels = 3 if statement.order in ("rgb", "bgr") else 1
    if len(sides) not in (1, 2, 3) or channels not in (1, 3):
        first = len(sides) == 3 and sides[0] in (1, 3)
        raise Unsupported(
            f"{origin} takes inputs of shape {sides}, which are no images",
            why="channels come first there" if first else "images have one or three channels, last",
            fix="save it with data_format='channels_last'" if first else "use data of its kind",
        )
    given = statement.size
    fixed = sides[:2] if len(sides) > 1 else (None, None)
    if given is None and None in fixed:
        raise UsageError(
            f"{origin} takes inputs of shape {sides}: the size of its images is not in it",
            fix="say it: --input 224x224, as HEIGHTxWIDTH"
            + ("; with rgb for three channels" if len(sides) == 1 else ""),
        )
    size = tuple(side or (given or (0, 0))[place] for place, side in enumerate(fixed))
    if given is not None and size != given:
        raise UsageError(
            f"{origin} takes images of {size[0]}×{size[1]}, and --input says {given[0]}x{given[1]}",
            fix="leave the size out",
        )
    return (size[0], size[1]), channels


def _of_series(
    sides: tuple[int | None, ...], statement: InputStatement, dataset: Dataset, origin: str
) -> InputPlan:
    steps, channels = dataset.splits["train"].read(0).shape
    row = sides == (steps * channels,)
    if not row and (len(sides) != 2 or sides[1] not in (None, channels)):
        raise Unsupported(
            f"{origin} takes inputs of shape {sides}, and {dataset.name} has series of "
            f"{steps} steps with {channels} channels",
            why="a network for series takes (steps, channels), or all of their numbers in a row",
            fix="use data of its own",
        )
    of_images = (statement.size, statement.layout, statement.order, statement.span)
    if any((*of_images, statement.resize, statement.interpolation)):
        raise UsageError(f"{origin} takes series: --input has words for images", fix="leave them")
    shape = (steps if row else sides[0] or steps, channels)
    plain = SeriesPreprocessing(steps=shape[0], channels=channels, names=dataset.channels)
    if statement.normalization is not None:
        scale, mean, std = statement.normalization
        spread = [v * channels if len(v) == 1 else v for v in (mean, std)]
        # Series have no scale of their own, as pixels have.
        moments = [tuple(value / (scale or 1.0) for value in values) for values in spread]
        found = [("stated", replace(plain, mean=moments[0], std=moments[1]))]
    else:
        as_is = replace(plain, mean=(0.0,) * channels, std=(1.0,) * channels)
        measured = cast("SeriesPreprocessing", fitted(plain, dataset))
        found = [(AS_THEY_ARE, as_is)]
        found.append(("mean 0 and deviation 1 of the training split", measured))
    return InputPlan(
        task=SERIES,
        kind=SERIES,
        shape=shape,
        own_shape=(steps * channels,) if row else shape,
        candidates=tuple(InputCandidate(name=name, preprocessing=one) for name, one in found),
        known=statement.known if statement.normalization is not None else "",
    )


def check_layout(opened: OpenedNetwork, layout: str | None, origin: str) -> None:
    """Refuses a stated order of axes that is not that of the file.

    It is read from the file: with the right word nothing is done.

    Args:
        opened: For inputs of one shape, channels last.
        layout: Of an `InputStatement`.
        origin: Names the file in messages.

    Raises:
        UsageError: The file has the other order.
    """
    given = getattr(opened, "as_given", None) if layout else None
    if given is None or len(given.inputs) != 1:
        return
    own, last = given.inputs[0].shape[1:], opened.inputs[0].shape[1:]
    found = "nhwc" if own == last else "nchw"
    if found != layout:
        raise UsageError(
            f"--input says {layout}, and {origin} has its channels "
            + ("last" if found == "nhwc" else "first"),
            why=f"its input {given.inputs[0].name} is {own}, beside the batch",
            fix=f"say {found}, or leave it out: the order of axes is read from the file",
        )


def with_range(plan: InputPlan, found: tuple[float, float] | None, origin: str) -> InputPlan:
    """The plan, its ways only those that bring the range that the network's own graph begins with.

    Args:
        plan: From the shape and from what was stated.
        found: From `zoo.networks.sources.graph.range_in_graph`.
        origin: Names the file in messages.
    """
    if found is None or plan.kind != IMAGES:
        return plan
    fitting = [
        way
        for way in plan.candidates
        if np.allclose(_range_of(way.preprocessing), found, atol=1e-3)
    ]
    if not fitting and plan.known:
        raise UsageError(
            f"{origin} normalizes its inputs itself, from {found[0]:g} to {found[1]:g}, and "
            f"{'--input' if plan.known == STATED else 'its metadata'} says otherwise",
            why="they would be normalized twice",
            fix=f"say {found[0]:g}..{found[1]:g}"
            + (", or leave it out" if plan.known == STATED else ": --input"),
        )
    known = plan.known or ("in its graph" if len(fitting) == 1 else "")
    if not fitting:
        return plan
    return replace(plan, candidates=tuple(fitting), known=known, open=False)


def _range_of(preprocessing: Preprocessing) -> tuple[float, float]:
    """What pixels from 0 to 255 are brought to."""
    affine = preprocessing.affine()
    if affine is None:
        return preprocessing.value_range
    lows, highs = affine[1], [f * 255 + o for f, o in zip(*affine, strict=True)]
    same = len(set(lows)) == 1 and len(set(highs)) == 1
    return (lows[0], highs[0]) if same else (math.nan, math.nan)


def usual_beside(plan: InputPlan) -> Iterator[InputCandidate]:
    """The usual ways, with which a stated one is compared."""
    (stated,) = plan.candidates
    if plan.kind != IMAGES:
        return
    own = cast("ImagePreprocessing", stated.preprocessing)
    statement = InputStatement(
        resize=own.resize, crop_share=own.crop_share, interpolation=own.interpolation
    )
    for candidate in plan_images(plan.shape, statement, "").candidates:
        if candidate.preprocessing != own or candidate.bgr != stated.bgr:
            yield candidate


def turned(values: Any, bgr: bool) -> Any:
    """Normalized inputs with their channels in the order that the network takes."""
    return np.ascontiguousarray(values[..., ::-1]) if bgr else values
