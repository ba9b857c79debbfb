"""Options and small helpers that several commands share."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from zoo.registry import Registry

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of ``zoo`` itself."""

    plugins: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    no_plugins: bool = False
    debug: bool = False

    def registry(self) -> Registry:
        """Discovers plugins."""
        from zoo.registry import PluginSettings, load_registry

        return load_registry(
            PluginSettings(paths=self.plugins, without=self.without, installed=not self.no_plugins)
        )


def _complete(kind: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    def complete(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from zoo.models.checkpoints import model_ids

        root = ctx.find_root().params
        registry = Settings(plugins=tuple(root.get("plugins") or ())).registry()
        names = {
            "model": lambda: list(model_ids(registry)),
            "dataset": lambda: [p.name + (":" if p.argument else "") for p in registry.datasets],
            "format": lambda: registry.exporters.names(),
            "device": lambda: _devices(registry),
            "target": lambda: registry.targets.names(),
        }[kind]()
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]

    return complete


def _devices(registry: Registry) -> list[str]:
    from zoo.common.errors import ZooError
    from zoo.execution.devices_file import read_entries

    try:
        known = [n for kind in registry.devices if kind.known is not None for n in kind.known()]
        return [*registry.devices.names(), *known, *read_entries()]
    except ZooError:  # a file that is not TOML; the command itself will say so
        return registry.devices.names()


complete_model = _complete("model")
complete_dataset = _complete("dataset")
complete_format = _complete("format")
complete_device = _complete("device")
complete_target = _complete("target")


def examples(*commands: str) -> str:
    """The end of a command's help: each example on a line of its own, never wrapped."""
    heading = "Example:" if len(commands) == 1 else "Examples:"
    return "\b\n" + "\n".join([heading, *(f"  {command}" for command in commands)])


def json_option(function: Function) -> Function:
    """``--json``: results as JSON on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


#: Help of an option that takes any dataset.
DATASETS = (
    "Dataset: digits, fashion_mnist, row by row digits_rows, fashion_mnist_rows; your own by "
    "folder:PATH (images), npz:PATH, csv:PATH, text:PATH, conll:PATH; others' by keras:NAME, "
    "hf:NAME, aeon:NAME."
)


def data_option(*, required: bool, help: str) -> Callable[[Function], Function]:
    """``--data DATASET``."""
    return click.option(
        "--data",
        required=required,
        metavar="DATASET",
        shell_complete=complete_dataset,
        help=help,
    )


def store_option(function: Function) -> Function:
    """``--store URL``."""
    return click.option(
        "--store", metavar="URL", help="Database of results [default: the user's own]."
    )(function)


def retry_option(function: Function) -> Function:
    """``--retry``."""
    return click.option(
        "--retry", is_flag=True, help="Try again conversions that crashed or were impossible."
    )(function)


def export_options(function: Function) -> Function:
    """What is written and what it must keep; unset options leave the recipe's value."""
    options = [
        click.option(
            "--format",
            "formats",
            multiple=True,
            metavar="NAME",
            shell_complete=complete_format,
            help="tflite, onnx; may be repeated or comma-separated [all].",
        ),
        click.option(
            "--precision",
            "precisions",
            multiple=True,
            metavar="NAME",
            help="float32, float16, dynamic-int8, int8, int16x8; may be repeated or "
            "comma-separated [float32, int8].",
        ),
        click.option(
            "--recurrent",
            metavar="FORM",
            help="Recurrent layers in files: fused, unrolled, while [auto].",
        ),
        click.option(
            "--target",
            metavar="NAME",
            shell_complete=complete_target,
            help="The processor that files are for: mcu, npu, browser, arm64, …; auto: this "
            "machine's [auto].",
        ),
        click.option(
            "--calibration-samples", type=int, help="Real inputs that set integer ranges [256]."
        ),
        click.option("--calibration-split", metavar="SPLIT", help="train or validation [train]."),
        click.option(
            "--calibration-method",
            metavar="NAME",
            help="minmax, percentile, entropy, mse, moving-average; auto: the one that errs least "
            "on other inputs [auto].",
        ),
        click.option(
            "--keep-float",
            "keep",
            multiple=True,
            metavar="LAYER",
            help="A layer that stays in float in int8 files; may be repeated or comma-separated.",
        ),
        click.option(
            "--no-repair",
            "repair",
            flag_value="none",
            default=None,
            help="Leave int8 files that lose more than --max-drop as they are, instead of keeping "
            "their worst layers in float.",
        ),
        click.option(
            "--export-option",
            "export_options",
            multiple=True,
            metavar="FORMAT.KEY=VALUE",
            help="An option that one format alone has, such as onnx.opset=18.",
        ),
        click.option(
            "--time-limit", type=float, help="Seconds that one conversion may take [1800]."
        ),
        click.option(
            "--memory-limit",
            type=float,
            help="Gigabytes that one conversion may use [three quarters of this machine's].",
        ),
        click.option(
            "--qat",
            is_flag=True,
            default=None,
            help="Train the network to be quantized, for int8 files; with --max-drop only where "
            "calibration loses more.",
        ),
        click.option("--qat-epochs", type=int, help="Passes over the training data for --qat [3]."),
        click.option(
            "--max-drop",
            type=float,
            help="Points of accuracy a file may lose, or per cent by which a distance may rise "
            "[by precision].",
        ),
    ]
    return functools.reduce(lambda f, option: option(f), reversed(options), function)


def training_options(function: Function) -> Function:
    """Everything about training; unset options leave the recipe's value."""
    options = [
        click.option("--epochs", type=int, help="Most passes over the training data [15]."),
        click.option("--learning-rate", type=float, help="Peak learning rate [0.001]."),
        click.option("--batch-size", type=int, help="Examples per step [32]."),
        click.option(
            "--freeze",
            metavar="PART",
            help="none; backbone: train the new head alone; gradual: thaw layers epoch by epoch, "
            "from the head down [none].",
        ),
        click.option(
            "--groups", type=int, help="Groups of layers for gradual and --rate-factor [4]."
        ),
        click.option(
            "--rate-factor",
            type=float,
            help="Each group learns so much slower than the one above [2.6 with gradual, else 1].",
        ),
        click.option(
            "--input-size",
            metavar="SIZE",
            help="Another size of images: 48, or HEIGHTxWIDTH [that of the pretraining].",
        ),
        click.option(
            "--channels", type=int, help="1: grey, 3: RGB images [those of the pretraining]."
        ),
        click.option(
            "--augment",
            multiple=True,
            metavar="NAME",
            help="rotate, shift, crop, flip, erase; may be repeated or comma-separated.",
        ),
        click.option("--dropout", type=float, help="Dropout before the head, 0 to 1."),
        click.option("--weight-decay", type=float, help="As in AdamW [0.01]."),
        click.option("--label-smoothing", type=float, help="0 to 1 [0]."),
        click.option(
            "--patience", type=int, help="Stop after so many epochs without progress; 0: never [5]."
        ),
        click.option(
            "--from-scratch", is_flag=True, default=None, help="Start from random weights."
        ),
        click.option(
            "--jit",
            metavar="WHEN",
            help="auto, on, off: let XLA compile the training; auto tries, if it is long [auto].",
        ),
        click.option("--seed", type=int, help="Of everything random [0]."),
        click.option(
            "--set",
            "hyperparameters",
            multiple=True,
            metavar="KEY=VALUE",
            help="A hyper-parameter of the network, such as activation=relu.",
        ),
        click.option(
            "--task-option",
            "task_options",
            multiple=True,
            metavar="KEY=VALUE",
            help="A training option that the model's task alone has, such as loss=hinge.",
        ),
        click.option(
            "--recipe", type=click.Path(), help="TOML file; options on the command line win."
        ),
    ]
    return functools.reduce(lambda f, option: option(f), reversed(options), function)


def print_json(value: Any) -> None:
    """JSON on standard output; NaN and infinity, which JSON lacks, become null."""
    click.echo(json.dumps(_finite(value), indent=1, default=str))


def _finite(value: Any) -> Any:
    if isinstance(value, float) and value - value != 0.0:
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def split_commas(values: tuple[str, ...]) -> tuple[str, ...]:
    """``("a,b", "c")`` → ``("a", "b", "c")``."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())
