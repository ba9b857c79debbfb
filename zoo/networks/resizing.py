"""Pretrained networks for images of another size, or with another number of channels.

Nothing is approximated: a network for RGB computes of a grey image what it computed of the same
image repeated in three channels, and one for grey computes of an RGB image whose channels are
equal as it answered that image in grey; up to the rounding of float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from zoo.common.errors import UsageError, ZooError
from zoo.common.optional_imports import require
from zoo.contracts import Architecture, ImagePreprocessing, Preprocessing, Variant
from zoo.contracts.training import Training
from zoo.networks.building import build_network, variable_names
from zoo.networks.card import Card
from zoo.networks.checkpoints import Checkpoint
from zoo.networks.weights import (
    is_head,
    load_into,
    load_network,
    needs_head,
    read_tensors,
    verify,
)

#: ITU-R 601-2 luma, as pixels are converted to grey.
_LUMA = (0.299, 0.587, 0.114)


def check_resizing(variant: Variant, training: Training) -> None:
    """Refuses options of image size and channels for a network without image input.

    Raises:
        UsageError: Names the option.
    """
    preprocessing = variant.preprocessing
    if preprocessing.resizable:
        return
    for option, value in (("input_size", training.input_size), ("channels", training.channels)):
        if value is not None:
            raise UsageError(
                f"{option} is of images, and {variant.name!r} takes none",
                why=f"its input is {preprocessing.describe()['input']}",
                fix=f"leave out --{option.replace('_', '-')}",
            )


def resized_preprocessing(preprocessing: Any, training: Training) -> Any:
    """The preprocessing with the requested size and channels, for random weights.

    Mean and deviation become those of grey, or are repeated.
    """
    preprocessing = _resized(preprocessing, training)
    channels = training.channels
    if channels is None or channels == preprocessing.channels:
        return preprocessing
    mean, std = preprocessing.mean, preprocessing.std
    if channels == 1 and len(mean) == 3:
        mean, std = (
            (sum(share * value for share, value in zip(_LUMA, values, strict=True)),)
            for values in (mean, std)
        )
    elif channels == 3 and len(mean) == 1:
        mean, std = mean * 3, std * 3
    return replace(preprocessing, channels=channels, mean=mean, std=std)


def build_resized(
    architecture: Architecture,
    variant: Variant,
    classes: int,
    hyperparameters: Mapping[str, Any],
    preprocessing: Preprocessing,
) -> Any:
    """`build_network`, with an error in terms of the size that the user chose.

    Raises:
        UsageError: The images are too small for its layers, or of a form that it does not take.
    """
    own = variant.preprocessing
    if not preprocessing.resizable or _size(preprocessing) == _size(own):
        return build_network(architecture, variant, classes, hyperparameters, preprocessing)
    size = _size(preprocessing)
    try:
        network = build_network(architecture, variant, classes, hyperparameters, preprocessing)
    except ZooError as error:
        raise UsageError(
            f"{variant.name!r} cannot be built for images of {size}",
            why=error.why or error.what,
            fix=f"choose another size; its own is {_size(variant.preprocessing)}",
        ) from error
    for layer in network.layers:
        shapes = getattr(layer, "output", None)
        if 0 in (getattr(shapes, "shape", None) or ()):
            raise UsageError(
                f"images of {size} are too small for {variant.name!r}",
                why=f"nothing is left of them behind the layer {layer.name!r}",
                fix=f"choose a larger size; its own is {_size(variant.preprocessing)}",
            )
    return network


def load_resized(
    checkpoint: Checkpoint,
    *,
    classes: tuple[str, ...],
    hyperparameters: dict[str, Any],
    training: Training,
) -> tuple[Any, Card, bool, Any]:
    """Loads a checkpoint's network for images of another size or with other channels.

    Args:
        checkpoint: From `zoo.networks.checkpoints.resolve`.
        classes: Class names.
        hyperparameters: Override those on the card.
        training: Brings `input_size` and `channels`; without them this is `load_network`.

    Returns:
        The Keras model, the card, whether the head is new, and the preprocessing.

    Raises:
        UsageError: The network cannot take such images; names the layer and the shapes.
    """
    card = checkpoint.card()
    before = card.preprocessing or checkpoint.variant.preprocessing
    sized = _resized(before, training)
    if sized == before and (training.channels is None or training.channels == sized.channels):
        loaded = load_network(checkpoint, classes=classes, hyperparameters=hyperparameters)
        return (*loaded, before)
    verify(checkpoint, card.sha256)
    new_head = needs_head(checkpoint, card, classes)
    given = {**card.hyperparameters, **hyperparameters}

    def build(preprocessing: Preprocessing) -> Any:
        return build_resized(
            checkpoint.architecture, checkpoint.variant, len(classes), given, preprocessing
        )

    tensors = read_tensors(checkpoint.path)
    network, after = build(sized), sized
    channels = training.channels or sized.channels
    if channels != sized.channels:
        network, after = _with_channels(build, network, sized, channels, tensors)
    _check_fit(network, tensors, checkpoint.model_id, after, skip_head=new_head)
    load_into(network, tensors, checkpoint.model_id, skip_head=new_head, card=checkpoint.card_path)
    return network, card, new_head, after


def _with_channels(
    build: Callable[[Preprocessing], Any],
    network: Any,
    before: ImagePreprocessing,
    channels: int,
    tensors: dict[str, Any],
) -> tuple[Any, ImagePreprocessing]:
    """The network for other channels; changes the kernels among `tensors` where it must."""
    if channels == 3 and len(before.mean) == 3:  # it repeated grey, and now need not
        return network, replace(before, channels=3)
    first = first_convolutions(network)
    if channels == 3:
        if not first:
            raise UsageError(
                f"{network.name!r} cannot take three channels",
                why="it does not begin with a plain convolution, whose kernel could be spread",
                fix="leave out --channels: colour images are converted to grey",
            )
        for name in _kernels(network, first):
            tensors[name] = np.repeat(tensors[name] / np.float32(3), 3, axis=2)
        after = replace(before, channels=3, mean=before.mean * 3, std=before.std * 3)
        return build(after), after
    if not first or not _is_foldable(before, first):
        return network, replace(before, channels=1)
    _fold(network, first, before, tensors)
    mean, std = _grey_moments(before)
    after = replace(before, channels=1, mean=(mean,), std=(std,))
    return build(after), after


def _grey_moments(before: ImagePreprocessing) -> tuple[float, float]:
    return _exact_mean(before.mean), _exact_mean(before.std)


def _exact_mean(values: tuple[float, ...]) -> float:
    """The mean; of equal values exactly their value."""
    return values[0] if len(set(values)) == 1 else sum(values) / len(values)


def _is_foldable(before: ImagePreprocessing, first: list[Any]) -> bool:
    """Whether one channel can stand for three exactly.

    With unequal means the normalized channels of a grey pixel differ by a constant. A bias takes
    that up, but not beside the border: zeros are padded behind the normalization.
    """
    if len(set(before.mean)) == 1:
        return True
    return all(
        layer.padding == "valid" and layer.use_bias and not padded for layer, padded in first
    )


def _fold(
    network: Any, first: list[Any], before: ImagePreprocessing, tensors: dict[str, Any]
) -> None:
    """Sums kernels over the channels, in the units of the one that remains."""
    mean, std = _grey_moments(before)
    factors = np.array([std / own for own in before.std])
    offsets = np.array([(mean - m) / s for m, s in zip(before.mean, before.std, strict=True)])
    names = {id(variable): name for name, variable in variable_names(network).items()}
    for layer, _ in first:
        kernel = tensors[names[id(layer.kernel)]].astype(np.float64)
        if np.any(offsets):
            name = names[id(layer.bias)]
            shift = np.einsum("hwcf,c->f", kernel, offsets)
            tensors[name] = (tensors[name] + shift).astype(np.float32)
        folded = np.einsum("hwcf,c->hwf", kernel, factors)[:, :, np.newaxis]
        tensors[names[id(layer.kernel)]] = folded.astype(np.float32)


def _kernels(network: Any, first: list[Any]) -> list[str]:
    kernels = {id(layer.kernel) for layer, _ in first}
    return [name for name, variable in variable_names(network).items() if id(variable) in kernels]


def first_convolutions(network: Any) -> list[Any]:
    """The convolutions that take the input, each with whether zeros are padded before it.

    Returns:
        Empty when anything but a plain convolution takes it.
    """
    layers = require("keras.layers")
    reached = {id(network.inputs[0]): False}
    found = []
    for layer in network.layers:
        # All that it takes, in each of its calls: a sum may take the input beside others.
        given = [one for node in layer._inbound_nodes for one in node.input_tensors]
        if isinstance(layer, layers.InputLayer) or not any(id(one) in reached for one in given):
            continue
        if len(given) == 1 and type(layer) is layers.ZeroPadding2D:
            reached[id(layer.output)] = True
        elif len(given) == 1 and type(layer) is layers.Conv2D and layer.groups == 1:
            found.append((layer, reached[id(given[0])]))
        else:
            return []
    return found


def _check_fit(
    network: Any,
    tensors: dict[str, Any],
    origin: str,
    preprocessing: ImagePreprocessing,
    *,
    skip_head: bool,
) -> None:
    """Refuses sizes that a layer with a fixed number of inputs rules out; names the layer."""
    for name, variable in variable_names(network).items():
        if name not in tensors or (skip_head and is_head(name)):
            continue
        has, needed = tuple(tensors[name].shape), tuple(variable.shape)
        if has != needed:
            raise UsageError(
                f"{origin} cannot take images of {_size(preprocessing)}: "
                f"its layer {name.split('/')[0]!r} is made for another size",
                why=f"the weights {name!r} have shape {has}, and {needed} would be needed",
                fix="choose a network that averages over all positions before its dense layers, "
                "or train this one with --from-scratch",
            )


def _resized(preprocessing: Any, training: Training) -> Any:
    if training.input_size is None:
        return preprocessing
    height, width = training.input_size
    return replace(preprocessing, height=height, width=width)


def _size(preprocessing: Any) -> str:
    return "×".join(str(side) for side in preprocessing.input_shape)
