"""The exact path from a raw example to the network's input, as data: one record per kind."""

from zoo.contracts.preprocessing.base import CarriedState, Normalization, Preprocessing
from zoo.contracts.preprocessing.images import ImagePreprocessing, Interpolation, Layout, Resize
from zoo.contracts.preprocessing.input_kind import (
    Coverage,
    InputKind,
    Sample,
    SampleList,
    class_patterns,
)
from zoo.contracts.preprocessing.latents import LatentPreprocessing
from zoo.contracts.preprocessing.parts import PartPreprocessing
from zoo.contracts.preprocessing.series import SeriesPreprocessing
from zoo.contracts.preprocessing.sounds import SoundPreprocessing
from zoo.contracts.preprocessing.steps import SteppedPreprocessing
from zoo.contracts.preprocessing.tensors import TensorPreprocessing, TensorsPreprocessing
from zoo.contracts.preprocessing.tokens import FIRST_WORD, PADDING, UNKNOWN, TokenPreprocessing
from zoo.contracts.preprocessing.waveforms import WaveformPreprocessing

__all__ = [
    "FIRST_WORD",
    "PADDING",
    "UNKNOWN",
    "CarriedState",
    "Coverage",
    "ImagePreprocessing",
    "InputKind",
    "Interpolation",
    "LatentPreprocessing",
    "Layout",
    "Normalization",
    "PartPreprocessing",
    "Preprocessing",
    "Resize",
    "Sample",
    "SampleList",
    "SeriesPreprocessing",
    "SoundPreprocessing",
    "SteppedPreprocessing",
    "TensorPreprocessing",
    "TensorsPreprocessing",
    "TokenPreprocessing",
    "WaveformPreprocessing",
    "class_patterns",
]
