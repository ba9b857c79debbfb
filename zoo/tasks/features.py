"""Image features of a packaged classifier: the input of its head.

Distances between real and generated images are taken there (Heusel et al. 2017). The judge is named
on the record that travels with the weights, so that a network and all its files are judged alike.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ZooError
from zoo.common.files import atomic_path, is_intact_zip, sha256_of
from zoo.common.optional_imports import require
from zoo.common.paths import cache_folder
from zoo.common.progress import Event
from zoo.common.worker import call
from zoo.contracts import ImagePreprocessing, LatentPreprocessing, Split
from zoo.networks.building import HEAD, normalization

if TYPE_CHECKING:
    from zoo.contracts.task import Array

_BATCH = 512
#: Luma of red, green and blue, ITU-R 601-2, as the preprocessing of images weighs them.
_LUMA = (0.299, 0.587, 0.114)
#: Samples whose features are held in memory.
_HELD = 8
_held: OrderedDict[str, Any] = OrderedDict()


def judge_files(judge: str) -> dict[str, str]:
    """SHA-256 of the files of the feature network, read anew each time.

    Raises:
        ZooError: There is no such judge.
    """
    checkpoint = _checkpoint(judge)
    files = {"weights": checkpoint.path, "card": checkpoint.card_path}
    return {f"{judge} {name}": sha256_of(path) for name, path in files.items()}


def real_features(split: Split, count: int, preprocessing: LatentPreprocessing) -> Array:
    """Features of a split's first `count` examples, float32, (count, features).

    They are kept in the cache folder: the data and the judge change seldom. A damaged file there
    is made anew.
    """
    import numpy as np

    from zoo.data.preprocessing.inputs import read_inputs

    card = _judge(preprocessing.judge)[1]
    key = f"{split.content_hash} {count} {card.sha256} {preprocessing.examples!r}"
    digest = hashlib.sha256(key.encode()).hexdigest()
    path = cache_folder() / "features" / f"{digest[:32]}.npz"
    if is_intact_zip(path):
        with np.load(path, allow_pickle=False) as kept:
            found: Array = kept["features"]
            return found
    features = features_of(
        read_inputs(split, preprocessing.examples, range(count)), preprocessing.judge
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, features=features)
    return features


def features_of(pixels: Array, judge: str) -> Array:
    """Features of images.

    Computed in a child process, unless TensorFlow is here already.

    Args:
        pixels: uint8, shape (images, height, width, 1 or 3); resized to what the judge takes.
        judge: Model id of a packaged classifier.

    Returns:
        float32, shape (images, features).
    """
    import numpy as np

    digest = hashlib.sha256(pixels.tobytes()).hexdigest() + judge + str(pixels.shape)
    if digest not in _held:
        if "tensorflow" in sys.modules:
            _held[digest] = _compute(pixels, judge)
        else:
            with tempfile.TemporaryDirectory(prefix="zoo-features-") as folder:
                source = Path(folder) / "pixels.npy"
                np.save(source, pixels)
                _held[digest] = call(
                    "zoo.tasks.features:compute", {"pixels": str(source), "judge": judge}
                )
    _held.move_to_end(digest)
    while len(_held) > _HELD:
        _held.popitem(last=False)
    found: Array = _held[digest]
    return found


def compute(*, pixels: str, judge: str, emit: Callable[[Event], None]) -> Any:
    """`features_of` on the array in a file; runs in a child process."""
    import numpy as np

    return _compute(np.load(pixels, allow_pickle=False), judge)


def _compute(pixels: Array, judge: str) -> Array:
    import numpy as np

    from zoo.data.preprocessing.images import to_pixels

    preprocessing = _judge(judge)[0]
    network = _network(judge)
    fitting = pixels
    if pixels.shape[1:] != preprocessing.image_shape:
        fitting = np.stack([to_pixels(image, preprocessing) for image in pixels])
    scale = normalization(preprocessing)
    chunks = [
        np.asarray(network(scale(fitting[i : i + _BATCH].astype(np.float32)), training=False))
        for i in range(0, len(fitting), _BATCH)
    ]
    return np.concatenate(chunks).astype(np.float32)


def judge_in_graph(preprocessing: LatentPreprocessing) -> Callable[[Any], Any]:
    """A function from images in [-1, 1], a Keras tensor, to features: for use while training.

    It resizes as TensorFlow does, not as Pillow does: good for choosing an epoch, while what is
    reported comes from `features_of`.
    """
    tf = require("tensorflow")
    own = _judge(preprocessing.judge)[0]
    network, scale = _network(preprocessing.judge), normalization(own)

    def features(images: Any) -> Any:
        pixels = (images + 1.0) * 127.5
        if own.channels == 1 and images.shape[-1] == 3:
            pixels = tf.reduce_sum(pixels * tf.constant(_LUMA), axis=-1, keepdims=True)
        if tuple(pixels.shape[1:3]) != (own.height, own.width):
            pixels = tf.image.resize(pixels, (own.height, own.width), antialias=True)
        if own.channels == 3 and pixels.shape[-1] == 1:
            pixels = tf.repeat(pixels, 3, axis=-1)
        return network(scale(pixels), training=False)

    return features


@lru_cache
def _checkpoint(judge: str) -> Any:
    from zoo.networks.checkpoints import resolve
    from zoo.registry import PluginSettings, load_registry

    checkpoint = resolve(load_registry(PluginSettings(installed=False)), judge)[2]
    if checkpoint is None:
        raise ZooError(
            f"the judge {judge!r} has no packaged weights",
            why="generated images are compared with real ones in its features",
            fix="name a packaged classifier in the variant's LatentPreprocessing",
        )
    return checkpoint


@lru_cache
def _judge(judge: str) -> tuple[ImagePreprocessing, Any]:
    """The feature network's preprocessing and card."""
    checkpoint = _checkpoint(judge)
    card = checkpoint.card()
    preprocessing = card.preprocessing or checkpoint.variant.preprocessing
    if preprocessing.shown_as != "picture":
        raise ZooError(f"the judge {judge!r} does not look at images")
    return preprocessing, card


@lru_cache
def _network(judge: str) -> Any:
    """The feature network: normalized images to the input of the head."""
    from zoo.networks.weights import load_network

    keras = require("keras")
    network = load_network(_checkpoint(judge))[0]
    return keras.Model(network.inputs, network.get_layer(HEAD).input)
