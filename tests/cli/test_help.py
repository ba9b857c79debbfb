"""Help is complete and true: every option described, defaults as they are, examples that parse."""

from __future__ import annotations

import inspect
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import zoo as package
from zoo.cli import main as cli


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its name as it is typed."""

    def below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield name, command
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name)
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                assert found is not None
                yield from below(f"{name} {inner}", found)

    yield from below("zoo", cli.zoo)


COMMANDS = dict(commands())


def examples(command: click.Command) -> list[str]:
    """The command lines at the end of a command's help."""
    return re.findall(r"^  (zoo.*)$", command.epilog or "", re.MULTILINE)


EXAMPLES = [line for command in COMMANDS.values() for line in examples(command)]


def test_all_commands_are_seen():
    assert {"zoo", "zoo plugins list", *(f"zoo {name}" for name in cli.COMMANDS)} <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_complete(name, zoo):
    typed = zoo(*name.split()[1:], "--help")
    assert typed.code == 0
    assert typed.err == ""
    command = COMMANDS[name]
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.name} is not described"
            assert max(parameter.opts, key=len) in typed.out
    assert examples(command), "no example"
    for line in examples(command):
        assert f"\n    {line}\n" in typed.out, "an example is wrapped"


@pytest.mark.parametrize("line", EXAMPLES)
def test_example_is_a_command(line):
    """Parsed as when it is typed, and not carried out."""
    words = shlex.split(line)[1:]
    if "--help" in words:
        words.remove("--help")
        assert words == [] or words[0] in cli.COMMANDS
        return
    parse(cli.zoo, words)


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    context = command.make_context(command.name, list(words), parent=parent)
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        _, inner, left = command.resolve_command(context, rest)
        assert inner is not None
        parse(inner, left, context)


@pytest.mark.parametrize("line", ["zoo ship lenet5 --dat digits extra", "zoo bench", "zoo lst"])
def test_the_parser_sees_a_wrong_example(line):
    from zoo.common.errors import ZooError

    with pytest.raises((click.UsageError, ZooError)):
        parse(cli.zoo, shlex.split(line)[1:])


def test_examples_name_what_exists():
    """Models and datasets of the examples are those of the zoo."""
    from zoo.networks.checkpoints import model_ids
    from zoo.networks.sources.available import named_networks
    from zoo.registry import load_registry

    registry = load_registry()
    known = {*model_ids(registry), *registry.architectures.names()}
    known |= {n for network in named_networks(registry) for n in (network.name, *network.also)}
    for line in EXAMPLES:
        words = shlex.split(line)
        if words[1] in ("ship", "finetune", "export", "info") and not words[2].startswith("-"):
            assert words[2] in known or words[2].endswith(".safetensors"), line
        if "--data" in words:
            assert words[words.index("--data") + 1].partition(":")[0] in registry.datasets.names()


@pytest.mark.parametrize("name", ["ship", "finetune", "export"])
def test_output_folder_of_command_and_function_are_one(name):
    (output,) = [p for p in COMMANDS[f"zoo {name}"].params if p.name == "output"]
    assert output.default == inspect.signature(getattr(package, name)).parameters["output"].default
    assert f"[{output.default}]" in output.help


def test_told_tier_of_bench_is_the_default():
    (tier,) = [p for p in COMMANDS["zoo bench"].params if p.name == "tier"]
    assert tier.default == inspect.signature(package.bench).parameters["tier"].default
    assert f"[{tier.default}]" in tier.help


def test_named_choices_are_all_there():
    from zoo.benchmark.tiers import TIERS
    from zoo.registry import load_registry

    told = {o: p.help for p in COMMANDS["zoo ship"].params for o in p.opts}
    for option, names in {
        "--tier": TIERS,
        "--format": load_registry().exporters.names(),
        "--data": load_registry().datasets.names(),
    }.items():
        for name in names:
            assert name in told[option], option


def test_messages_name_commands_that_exist():
    """Advice such as `zoo doctor` can be followed."""
    root = Path(cli.__file__).parents[1]
    text = "\n".join(path.read_text(encoding="utf-8") for path in root.rglob("*.py"))
    named = set(re.findall(r"`zoo ([a-z]+)[` ]", text))
    assert {"doctor", "list"} <= named
    assert named <= set(cli.COMMANDS)


def test_without_arguments_there_is_help(zoo):
    typed = zoo()
    assert typed.code == 2
    assert "Commands:" in typed.err
    assert "Example" in typed.err


#: What people write as they like: numbers, sizes, names of their own.
FREE = {
    *(
        "--input",
        "--input-size",
        "--state",
        "--dynamic",
        "--keep-float",
        "--export-option",
        "--task-option",
    ),
    *("--set", "--store", "--shape", "--threads", "--batch", "--budget", "--tag", "--from"),
    *(
        "--max-size",
        "--max-arena",
        "--max-download",
        "--max-latency",
        "--budget-time",
        "--width",
        "--prune",
    ),
    *("--space", "--objective"),
    *("--label", "--listen", "--name", "--revision"),
}


def test_shells_complete_each_option_whose_values_are_known():
    """With what fits the declaration, or with files; and arguments, but for names of one's own."""
    asked = []
    for name, command in COMMANDS.items():
        for option in command.params:
            if option.type is not click.STRING or getattr(option, "is_flag", False):
                continue  # numbers, files and choices are the library's own
            if isinstance(option, click.Option) and FREE & set(option.opts):
                continue
            if f"{name} {option.name}" in {"zoo devices add name", "zoo devices add options"}:
                continue
            if name == "zoo plugins new":
                continue
            asked.append(option)
            context = click.Context(command, parent=click.Context(cli.zoo))
            offered = option.shell_complete(context, "")
            # Nothing is in an empty cache, and a shell looks for files by itself.
            assert offered or option.name == "folders", f"{name}: {option.opts} offers nothing"
    assert len(asked) > 60


@pytest.mark.parametrize(
    ("command", "option", "typed", "offered"),
    [
        ("ship", "freeze", "g", ["gradual"]),
        ("ship", "augment", "flip,e", ["flip,erase"]),
        ("ship", "jit", "o", ["on", "off"]),
        ("explain", "split", "te", ["test"]),
        ("bench", "runtimes", "litert,onnxruntime-webg", ["litert,onnxruntime-webgpu"]),
        ("bench", "backends", "wasm,webn", ["wasm,webnn"]),
        ("compare", "runtime", "litert,", []),
        ("ship", "track", "ten", ["tensorboard:"]),
        ("devices add", "kind", "ss", ["ssh"]),
        ("plugins check", "skip", "export-onnx-float3", ["export-onnx-float32"]),
        ("sources setup", "name", "torchv", ["torchvision"]),
        ("cache clear", "folders", "st", ["steps"]),
    ],
)
def test_what_shells_offer(command, option, typed, offered, own_folders):
    (own_folders / "cache" / "steps").mkdir(parents=True)
    found = COMMANDS[f"zoo {command}"]
    (declared,) = [p for p in found.params if p.name == option]
    context = click.Context(found, parent=click.Context(cli.zoo))
    assert [item.value for item in declared.shell_complete(context, typed)] == offered


def test_version(zoo):
    from importlib.metadata import version

    assert zoo("--version").out == f"zoo, version {version('edgezoo')}\n"
    told = json.loads(zoo("version", "--json").out)
    assert (told["edgezoo"], told["numpy"]) == (version("edgezoo"), version("numpy"))
    assert zoo("version").out.splitlines()[0].split() == ["edgezoo", version("edgezoo")]
