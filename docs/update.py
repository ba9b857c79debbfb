"""Renews README.md and recipes.md: outputs of commands run for real, tables of what is declared.

    python docs/update.py            # everything
    python docs/update.py tables     # the tables alone, from records, cards and fields of recipes

A block between ``<!-- begin NAME -->`` and ``<!-- end NAME -->`` belongs to this program.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.contracts.declaration import RecipeField, fields_of
from zoo.networks.checkpoints import Checkpoint, packaged
from zoo.pipeline.recipe_fields import TABLES, recipe_fields
from zoo.registry import PluginSettings, load_registry

README = Path(__file__).parents[1] / "README.md"
RECIPES = Path(__file__).with_name("recipes.md")
#: Where comments begin in the recipe of the guide, and where lines end.
_COMMENT, _WIDTH = 30, 100


def main() -> None:
    """Runs everything in an empty folder with an empty cache, or renews the tables alone."""
    if sys.argv[1:] not in ([], ["tables"]):
        raise SystemExit("usage: python docs/update.py [tables]")
    text = README.read_text(encoding="utf-8")
    if not sys.argv[1:]:
        text = with_outputs(text)
    text = replace(text, "families", families_table())
    README.write_text(replace(text, "weights", weights_table()), encoding="utf-8")
    text = replace(RECIPES.read_text(encoding="utf-8"), "recipe", recipe_block())
    RECIPES.write_text(replace(text, "names", names_table()), encoding="utf-8")


def with_outputs(text: str) -> str:
    """The text with the outputs of the commands that it shows."""
    with tempfile.TemporaryDirectory() as folder:
        shipped = output(["ship", "lenet5", "--data", "digits"], folder)
        file = next(Path(folder).glob("runs/*/lenet5.digits.int8.tflite")).relative_to(folder)
        text = replace(text, "ship", f"```\n$ zoo ship lenet5 --data digits\n{shipped}\n```")
        inspected = output(["inspect", str(file)], folder)
        # The digits in a run's name change with whatever changes a result, so with each version.
        typed = re.sub(r"-[0-9a-f]{8}/", "-*/", str(file))
        return replace(text, "inspect", f"```\n$ zoo inspect {typed}\n{inspected}\n```")


def output(arguments: Sequence[str], folder: str) -> str:
    """Standard output of a zoo command."""
    environment = {**os.environ, "ZOO_HOME": f"{folder}/home"}
    command = [sys.executable, "-m", "zoo", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip("\n")


def families_table() -> str:
    """The architectures, from their records."""
    rows = ["| family | variants | tasks |", "|---|---|---|"]
    for architecture in load_registry(PluginSettings(installed=False)).architectures:
        names = ", ".join(f"`{variant.name}`" for variant in architecture.variants)
        tasks = ", ".join(dict.fromkeys(variant.task for variant in architecture.variants))
        rows.append(f"| `{architecture.name}` | {names} | {tasks} |")
    return "\n".join(rows)


def weights_table() -> str:
    """The packaged checkpoints, from their cards."""
    registry = load_registry(PluginSettings(installed=False))
    rows = ["| model | parameters | quality on the test split | 95 % interval | size |"]
    rows.append("|---|---|---|---|---|")
    for architecture, variant in registry.variants():
        for path in packaged(architecture, variant).values():
            found = Checkpoint(architecture=architecture, variant=variant, path=path)
            accuracy = found.card().accuracy
            if accuracy is None:
                raise SystemExit(f"{found.model_id} has no measured accuracy on its card")
            quality = f"{accuracy.value:.2%} of {accuracy.count:,}"
            interval = f"{accuracy.low:.2%} – {accuracy.high:.2%}"
            if not accuracy.metric.endswith("accuracy"):
                quality = f"{accuracy.metric} {accuracy.value:.4g} from {accuracy.count:,}"
                interval = f"{accuracy.low:.4g} – {accuracy.high:.4g}"
            rows.append(
                f"| `{found.model_id}` | {variant.parameters:,} | {quality} | {interval} | "
                f"{path.stat().st_size / 1000:.0f} kB |"
            )
    return "\n".join(rows)


def recipe_block() -> str:
    """A recipe with every key, each with what it means."""
    lines = ["```toml"]
    for table, declared in TABLES:
        fields = fields_of(table, declared)
        if table:
            lines += ["", *commented(f"[{table}]", declared.__doc__ or "")]
        for field in sorted(fields, key=lambda field: field.is_table):
            lines += key_of(field)
    return "\n".join([*lines, "```"])


def key_of(field: RecipeField) -> Iterator[str]:
    """The lines of one key, or of one table whose keys belong to others."""
    value = field.default if field.option.example is None else field.option.example
    names = {f.keyword: f.path for f in recipe_fields() if f.keyword is not None}
    words = field.described(names, default=False)
    if field.option.example is not None and field.option.default is not None:
        words += f"; left out: {field.option.default}"
    if not field.is_table:
        yield from commented(f"{field.name} = {toml(value)}", words)
        return
    yield ""
    yield from commented(f"[{field.path}]", words)
    for key, inner in value.items():
        yield f"{key} = {toml(inner)}"


def toml(value: Any) -> str:
    """A value as recipes have it on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml(part) for part in value) + "]"
    return json.dumps(value)


def commented(line: str, words: str) -> Iterator[str]:
    """A line with a comment, which goes on below itself where it is long."""
    first, *more = textwrap.wrap(words.rstrip("."), _WIDTH - _COMMENT - 2, break_on_hyphens=False)
    yield f"{line:<{_COMMENT}}# {first}" if len(line) < _COMMENT else f"{line}  # {first}"
    for words in more:
        yield f"{'':<{_COMMENT}}# {words}"


def names_table() -> str:
    """Each key of a recipe, on the command line and from Python."""
    rows = ["| recipe | command line | Python |", "|---|---|---|"]
    for field in recipe_fields():
        flag = f"`{field.flag}`" if field.flag else f"none: {field.option.no_flag}"
        off = "=False" if field.option.value else ""
        rows.append(
            f"| `{field.path}` | {flag} | {f'`{field.keyword}{off}`' if field.keyword else ''} |"
        )
    return "\n".join(rows)


def replace(text: str, name: str, content: str) -> str:
    """Puts `content` between the marks of a block."""
    pattern = rf"(<!-- begin {name} -->\n).*?(\n<!-- end {name} -->)"
    changed, count = re.subn(
        pattern, lambda m: m.group(1) + content + m.group(2), text, flags=re.DOTALL
    )
    if count != 1:
        raise SystemExit(f"the page has {count} blocks {name!r}")
    return changed


if __name__ == "__main__":
    main()
