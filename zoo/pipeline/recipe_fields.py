"""What a recipe says, table by table, declared once: keys, flags and keywords of all options."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Annotated, Literal

from zoo.contracts.declaration import (
    EMPTY,
    Fields,
    Finite,
    Option,
    OwnOptions,
    Real,
    RecipeField,
    Rule,
    Switch,
    Whole,
    fields_of,
)
from zoo.contracts.executor_fields import ExecutorFields
from zoo.contracts.precision import PRECISIONS
from zoo.contracts.source_fields import SourceFields
from zoo.contracts.training_fields import CalibrationFields, QatFields, TrainingFields
from zoo.pipeline.budget_fields import BudgetsFields


class RecipeFields(Fields):
    """What `zoo ship` runs."""

    model: Annotated[
        str,
        Option(
            "A variant (lenet5), a model id (lenet5.fashion_mnist), a .safetensors file, or a "
            "network from elsewhere (my.keras)",
            keyword="model",
            no_flag="it is the argument MODEL",
            example="lenet5",
        ),
    ]
    data: Annotated[
        str,
        Option(
            "Dataset: digits, fashion_mnist, or as rows digits_rows, fashion_mnist_rows; for "
            "anomalies fashion_mnist_one_class:KIND, digits_one_class:DIGIT, "
            "digits_columns_one_class:DIGIT; with boxes and masks fashion_scenes; sounds tones; "
            "bad and good pictures photographs?degrade=bicubic2; your own by folder:PATH (images), "
            "coco:PATH, yolo:PATH and voc:PATH (boxes), masks:PATH, pairs:PATH (bad and good "
            "pictures), wav:PATH (sounds), npz:PATH, csv:PATH, text:PATH, conll:PATH; public ones "
            "by keras:NAME, hf:NAME, aeon:NAME",
            metavar="DATASET",
            completes="dataset",
            example="digits",
        ),
    ]
    formats: Annotated[
        tuple[str, ...],
        Option(
            "tflite, onnx",
            flag="--format",
            default="all",
            metavar="NAME",
            completes="format",
            example=["tflite", "onnx"],
            unset_if_empty=True,
        ),
    ] = ()
    precisions: Annotated[
        tuple[str, ...],
        Rule(min_length=1),
        Option(
            ", ".join(p.name for p in PRECISIONS),
            flag="--precision",
            metavar="NAME",
            completes="precision",
            unset_if_empty=True,
        ),
    ] = tuple(precision.name for precision in PRECISIONS if precision.default)
    devices: Annotated[
        tuple[str, ...],
        Option(
            "Device to time files on",
            flag="--device",
            default="this machine",
            metavar="NAME",
            completes="device",
            example=["host"],
        ),
    ] = ()
    allow_leak: Annotated[
        Switch,
        Option(
            "Accept a dataset with examples that occur in two splits, with a note",
            more="figures say less then",
        ),
    ] = False
    seed: Annotated[
        Whole,
        Rule(ge=0, lt=2**31),
        Option("Random seed for training, splits and calibration"),
    ] = 0
    track: Annotated[
        tuple[str, ...],
        Option(
            "Tracker that records epochs, figures and verdicts: tensorboard:DIR, mlflow:URI",
            metavar="NAME:PLACE",
            completes="tracker",
            example=["tensorboard:logs"],
            default="none",
            unset_if_empty=True,
        ),
    ] = ()
    hyperparameters: Annotated[
        dict[str, bool | int | Finite | str | tuple[Whole | Real, ...]],
        Option(
            "A hyper-parameter of the network, such as activation=relu",
            more="a list of numbers stands for one value per stage",
            flag="--set",
            metavar="KEY=VALUE",
            example={"activation": "relu"},
            typed="activation=relu",
            unset_if_empty=True,
        ),
    ] = EMPTY


class ExportFields(Fields):
    """How files are written."""

    recurrent: Annotated[
        Literal["auto", "fused", "unrolled", "while"],
        Option("Form of recurrent layers in files: {choices}", metavar="FORM"),
    ] = "auto"
    target: Annotated[
        str,
        Option(
            "Target processor: mcu, npu, browser, arm64, …; auto: this machine's",
            metavar="NAME",
            completes="target",
        ),
    ] = "auto"
    keep: Annotated[
        tuple[str, ...],
        Option(
            "Layer to keep in float in int8 files",
            flag="--keep-float",
            metavar="LAYER",
            unset_if_empty=True,
        ),
    ] = ()
    repair: Annotated[
        Literal["auto", "none"],
        Option(
            "Disable the mixed-precision fallback for int8 files that exceed {max_drop}",
            flag="--no-repair",
            value="none",
            default="",
        ),
    ] = "auto"
    dynamic: Annotated[
        tuple[str, ...],
        Option(
            "Shape of an input with the batch, a capital letter for each side that stays free in "
            "the files, such as x=Nx3x48xW; the others are those of the data",
            more="see sources.md",
            metavar="[INPUT=]SHAPE",
            example=["x=Nx3x48xW"],
            default="no side is free",
            unset_if_empty=True,
        ),
    ] = ()
    end_to_end: Annotated[
        Switch,
        Option(
            "Prepare inputs and decode outputs in the file itself: a file for sounds takes "
            "waveforms, a detector's returns boxes"
        ),
    ] = False
    options: Annotated[
        dict[str, OwnOptions],
        Option(
            "An option of one format, such as onnx.opset=18",
            more="see precisions.md",
            flag="--export-option",
            metavar="FORMAT.KEY=VALUE",
            example={"onnx": {"opset": 17, "layout": "auto"}},
            typed="onnx.opset=18",
            merged=True,
        ),
    ] = EMPTY


class LimitsFields(Fields):
    """What one conversion may use; one that needs more is ended, and the others go on."""

    seconds: Annotated[
        Real,
        Rule(gt=0, le=604_800),
        Option("Time limit of one conversion, in seconds", keyword="time_limit"),
    ] = 1800.0
    memory_gb: Annotated[
        Annotated[Real, Rule(gt=0, le=100_000)] | None,
        Option(
            "Memory limit of one conversion, in gigabytes",
            keyword="memory_limit",
            default="three quarters of this machine's",
            example=8,
        ),
    ] = None


class GateFields(Fields):
    """What a file must pass."""

    max_drop: Annotated[
        Annotated[Real, Rule(ge=0, le=100)] | None,
        Option(
            "Maximum loss of accuracy of a file, in percentage points; of a distance, its maximum "
            "increase in per cent",
            default="by precision",
            example=1.0,
        ),
    ] = None
    parity_inputs: Annotated[
        Annotated[Whole, Rule(ge=1)] | None,
        Option(
            "Inputs that are compared one by one",
            default="the whole test split",
            no_flag="fewer inputs make the gate weaker: that belongs in a file that is kept",
            example=256,
        ),
    ] = None
    allow_weak: Annotated[
        bool,
        Option(
            "Exit with 0 even if the network itself is weak: no better than its baseline, never "
            "predicting a class, and so on",
            more="see gate.md",
        ),
    ] = False


class BenchFields(Fields):
    """How each file is timed."""

    tier: Annotated[
        str,
        Option(
            "Thoroughness of latency measurement: brief, smoke, quick, full, sustained",
            completes="tier",
        ),
    ] = "brief"
    threads: Annotated[Whole, Rule(ge=1, le=1024), Option("Threads of the runtime")] = 1
    profile: Annotated[
        bool,
        Option(
            "Also time each operator, for the report",
            no_flag="`zoo bench --profile` does so for files",
        ),
    ] = False


#: Tables of a recipe with their fields, in the order of the guide; those of its first lines have no
#: name.
TABLES: tuple[tuple[str, type[Fields]], ...] = (
    ("", RecipeFields),
    ("source", SourceFields),
    ("training", TrainingFields),
    ("export", ExportFields),
    ("calibration", CalibrationFields),
    ("limits", LimitsFields),
    ("qat", QatFields),
    ("gate", GateFields),
    ("bench", BenchFields),
    ("executor", ExecutorFields),
    ("", BudgetsFields),
)


#: What files are made from, and what they must keep: tables and single fields.
EXPORT = (
    "source",
    "formats",
    "precisions",
    "export",
    "calibration",
    "limits",
    "qat",
    "gate",
    "allow_leak",
    "track",
    "executor",
)
#: What says which files stand for a network, where files are taken.
NETWORK = ("source", "formats", "precisions", "allow_leak")
#: What weights are made from.
TRAINING = ("source", "training", "seed", "hyperparameters", "allow_leak", "track", "executor")
#: How files of a search are made and timed.
_FILES = ("export.target", "calibration.samples", "bench.tier", "bench.threads")
#: What a search within limits leaves to its user.
SEARCH = (*_FILES, "seed", "allow_leak", "source", "executor")
#: What a comparison of networks leaves to its user: how they are trained, and how files are made.
CHOICE = (*TRAINING, *_FILES)
#: All that can be given outside a recipe, but model and data.
WHOLE = (*EXPORT, "devices", "bench", "training", "seed", "hyperparameters")


@cache
def recipe_fields() -> tuple[RecipeField, ...]:
    """Everything that a recipe may say."""
    return tuple(f for table, fields in TABLES for f in fields_of(table, fields))


def select(paths: Iterable[str]) -> list[RecipeField]:
    """Fields that commands and functions have, by path (``seed``) or table (``training``)."""
    return [
        field
        for path in paths
        for field in recipe_fields()
        if path in (field.path, field.table) and field.flag is not None
    ]


@cache
def by_keyword() -> dict[str, RecipeField]:
    """Fields that can be given outside a recipe, by the keyword of Python and of click."""
    return {field.keyword: field for field in recipe_fields() if field.keyword is not None}
