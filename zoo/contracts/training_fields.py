"""Recipe fields of training, calibration and quantization-aware training."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from zoo.contracts.accelerators import read_accelerators
from zoo.contracts.declaration import (
    EMPTY,
    Fields,
    Option,
    OwnOptions,
    Reader,
    Real,
    Rule,
    Share,
    Switch,
    Whole,
)
from zoo.contracts.search_space import Choices, Interval

Augmentation = Literal[
    "rotate", "shift", "crop", "zoom", "scale", "flip", "colour", "color", "erase"
]
Freeze = Literal["none", "backbone", "gradual"]
Jit = Literal["auto", "on", "off"]
Optimizer = Literal["adamw", "sgd"]
Schedule = Literal["cosine", "constant"]
ClassWeights = Literal["none", "balanced"]
Method = Literal["auto", "minmax", "percentile", "entropy", "mse", "moving-average"]
Side = Annotated[Whole, Rule(ge=1, le=8192)]


def _sides(value: Any) -> Any:
    """``48`` and ``"48x64"`` mean (48, 48) and (48, 64); validation judges the rest."""
    if isinstance(value, int) and not isinstance(value, bool):
        return (value, value)
    if not isinstance(value, str):
        return value
    parts = [part.strip() for part in value.lower().replace("×", "x").split("x")]
    if len(parts) > 2 or not all(part.isdecimal() and len(part) < 6 for part in parts):
        raise ValueError("must be a size such as 48, or HEIGHTxWIDTH such as 48x64")
    return (int(parts[0]), int(parts[-1]))


def _one_or_three(value: Any) -> Any:
    if isinstance(value, int) and value not in (1, 3):
        raise ValueError("must be 1 (grey) or 3 (RGB)")
    return value


class TrainingFields(Fields):
    """How a network is fine-tuned."""

    epochs: Annotated[
        Whole,
        Rule(ge=0, le=100_000),
        Option("Maximum number of epochs", more="0 keeps the weights as they are"),
    ] = 15
    share: Annotated[
        Real,
        Rule(gt=0, le=1),
        Option(
            "Share of the training split to learn from, above 0 to 1",
            more="drawn by the seed, class by class; a smaller share is part of a larger one",
        ),
    ] = 1.0
    learning_rate: Annotated[
        Real,
        Rule(gt=0, le=10),
        Option("Peak learning rate", more="linear warm-up over a tenth, then as the schedule says"),
        Interval(1e-4, 1e-2, log=True),
    ] = 0.001
    optimizer: Annotated[
        Optimizer,
        Option(
            "Optimizer: {choices}",
            more="sgd has Nesterov momentum of 0.9, and needs larger learning rates",
            metavar="NAME",
        ),
        Choices(("adamw", "sgd")),
    ] = "adamw"
    schedule: Annotated[
        Schedule,
        Option(
            "Learning rate after the warm-up: {choices}",
            more="cosine falls to zero in the last step",
            metavar="NAME",
        ),
        Choices(("cosine", "constant")),
    ] = "cosine"
    batch_size: Annotated[
        Annotated[Whole, Rule(ge=1, le=65_536)] | None,
        Option(
            "Examples per step",
            default="32, fewer where an epoch would have fewer than ten steps",
            example=32,
        ),
        Choices((16, 32, 64)),
    ] = None
    freeze: Annotated[
        Freeze,
        Option(
            "Layers to freeze: none; backbone: train only the new head, or all behind the backbone "
            "of a detector or mask network; gradual: unfreeze layer groups epoch by epoch, head "
            "first",
            more="gradual is that of Howard & Ruder 2018",
            metavar="PART",
        ),
    ] = "none"
    groups: Annotated[
        Whole,
        Rule(ge=2, le=1000),
        Option(
            "Number of layer groups for gradual and {rate_factor}",
            more="the head is the first; fewer where the network has fewer layers, or gradual "
            "fewer epochs",
        ),
    ] = 4
    rate_factor: Annotated[
        Annotated[Real, Rule(ge=1, le=100)] | None,
        Option(
            "Learning-rate divisor from one layer group to the next",
            default="2.6 with gradual, else 1",
            example=1.0,
        ),
    ] = None
    input_size: Annotated[
        Annotated[tuple[Side, Side], Reader(_sides)] | None,
        Option(
            "Image size: 48, or HEIGHTxWIDTH",
            default="that of the pretraining",
            metavar="SIZE",
            example="28x28",
        ),
    ] = None
    channels: Annotated[
        Annotated[Whole, Reader(_one_or_three)] | None,
        Option(
            "Image channels: 1 (grey) or 3 (RGB)", default="those of the pretraining", example=1
        ),
    ] = None
    augment: Annotated[
        tuple[Augmentation, ...],
        Option(
            "Random augmentations of training images: {choices}",
            default="none",
            metavar="NAME",
            example=["shift"],
        ),
        Choices(((), ("shift",), ("shift", "rotate", "zoom"))),
    ] = ()
    dropout: Annotated[
        Share | None,
        Option("Dropout before the head, 0 to 1", default="the network's own", example=0.1),
        Interval(0.0, 0.5),
    ] = None
    weight_decay: Annotated[
        Real,
        Rule(ge=0, le=10),
        Option("Weight decay, as in AdamW", more="decoupled (Loshchilov & Hutter 2019)"),
        Interval(1e-4, 0.1, log=True),
    ] = 0.01
    label_smoothing: Annotated[
        Share,
        Option(
            "Label smoothing: share of the target spread over all classes, 0 to 1",
            more="of a discriminator, what is real counts for so much less",
        ),
        Interval(0.0, 0.2),
    ] = 0.0
    class_weights: Annotated[
        ClassWeights,
        Option(
            "Class weights in the loss: none; balanced: inverse to the frequency of the class",
            metavar="HOW",
        ),
    ] = "none"
    patience: Annotated[
        Whole,
        Rule(ge=0),
        Option(
            "Stop after this many epochs without improvement; 0: never",
            more="no training is stopped in its first 300 steps",
        ),
    ] = 5
    from_scratch: Annotated[
        Switch, Option("Train from random weights instead of pretrained ones")
    ] = False
    backbone: Annotated[
        str | None,
        Option(
            "Weights that the backbone of a detector or mask network begins with: imagenet, a "
            "model id, or a .safetensors file",
            more="a new head is trained on them",
            default="published ones, for networks without weights of their own",
            metavar="WEIGHTS",
            completes="model",
            example="mobilenet_v2.keras_in1k",
        ),
    ] = None
    jit: Annotated[
        Jit,
        Option(
            "Compile the training by XLA: {choices}; auto: try it on long trainings",
            metavar="WHEN",
        ),
    ] = "auto"
    accelerators: Annotated[
        Annotated[tuple[str, ...], Reader(read_accelerators)],
        Option(
            "Accelerators to divide each batch among: gpu:0, gpu:1, …",
            more="weights are the same within rounding, however many there are",
            default="the first GPU, else the processor",
            metavar="NAME",
            completes="accelerator",
            example=["gpu:0", "gpu:1"],
            decides=False,
        ),
    ] = ()
    task: Annotated[
        OwnOptions,
        Option(
            "Training option of the model's task, such as loss=hinge",
            flag="--task-option",
            metavar="KEY=VALUE",
            typed="loss=hinge",
            merged=True,
        ),
    ] = EMPTY


class CalibrationFields(Fields):
    """The real inputs that integer files are calibrated on."""

    samples: Annotated[
        Whole,
        Rule(ge=1, le=100_000),
        Option(
            "Number of inputs for calibration of integer ranges",
            more="drawn class by class in turn",
            keyword="calibration_samples",
        ),
    ] = 256
    split: Annotated[
        Literal["train", "validation"],
        Option(
            "Split to draw calibration inputs from: {choices}",
            keyword="calibration_split",
            metavar="SPLIT",
        ),
    ] = "train"
    method: Annotated[
        Method,
        Option(
            "Calibration method: {choices}; auto: the one with the smallest error on held-out "
            "inputs",
            keyword="calibration_method",
            metavar="NAME",
        ),
    ] = "auto"


_ALONE = "as it is, it fits most networks; a recipe can change it"


class QatFields(Fields):
    """Quantization-aware training, for int8 files."""

    enabled: Annotated[
        Switch,
        Option(
            "Quantization-aware training for int8 files; with {max_drop} only where calibration "
            "loses more",
            keyword="qat",
        ),
    ] = False
    epochs: Annotated[
        Whole,
        Rule(ge=1, le=1000),
        Option("Epochs of {qat}", keyword="qat_epochs"),
    ] = 3
    learning_rate: Annotated[
        Real,
        Rule(gt=0, le=1),
        Option(
            "Peak learning rate",
            more="linear warm-up over a tenth, then a cosine to zero",
            no_flag=_ALONE,
        ),
    ] = 0.001
    batch_size: Annotated[
        Annotated[Whole, Rule(ge=1, le=65_536)] | None,
        Option(
            "Examples per step",
            default="64, fewer where an epoch would have fewer than ten steps",
            example=64,
            no_flag=_ALONE,
        ),
    ] = None
    augment: Annotated[
        tuple[Augmentation, ...],
        Option("Random augmentations of training images: {choices}", no_flag=_ALONE),
    ] = ()
