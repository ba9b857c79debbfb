"""Commands that documents show exist: each is parsed as when it is typed, and not carried out."""

from __future__ import annotations

import re
import shlex

import click
import pytest
from consoles import PAGES, ROOT, blocks, commands

from zoo.cli import main as cli
from zoo.common.errors import ZooError

BLOCKS = [block for page in PAGES for block in blocks(page)]
WITHOUT = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def parse(command: click.Command, words: list[str], parent: click.Context | None = None) -> None:
    context = command.make_context(command.name, list(words), parent=parent)
    if isinstance(command, click.Group):
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        _, inner, left = command.resolve_command(context, rest)
        assert inner is not None
        parse(inner, left, context)


def refused(typed: str) -> list[str]:
    """The commands of ours in what is typed that would not start, with the reason."""
    found = []
    for command in commands(f"$ {typed}"):
        for words in command.programs():
            try:
                if words[0] == "zoo":
                    parse(cli.zoo, words[1:])
            except (click.ClickException, ZooError) as error:
                found.append(f"{shlex.join(words)}: {error}")
    return found


@pytest.mark.parametrize("page", PAGES)
def test_commands_on_the_page_and_their_options_exist(page: str) -> None:
    for block in (block for block in BLOCKS if block.page == page):
        assert [r for command in block.commands for r in refused(command.typed)] == [], block.name


@pytest.mark.parametrize("page", PAGES)
def test_options_within_lines_of_text_exist(page: str) -> None:
    text = WITHOUT.sub("", (ROOT / page).read_text(encoding="utf-8"))
    assert unknown(text) == []


def unknown(text: str) -> list[str]:
    """Code of a text that names an option or a command that there is not; words may be missing."""
    found = []
    for typed in re.findall(r"`(zoo (?:[a-z-]+ ?)+[^`|>…\\]*)`", text):
        try:
            parse(cli.zoo, shlex.split(typed)[1:])
        except (click.MissingParameter, click.BadOptionUsage, click.BadParameter):
            continue
        except (click.ClickException, ZooError) as error:
            found.append(f"{typed}: {error}")
    return found


def test_blocks_of_all_pages_are_seen() -> None:
    ours = [w for b in BLOCKS for c in b.commands for w in c.programs() if w[0] == "zoo"]
    assert len(ours) > 100
    assert len({block.page for block in BLOCKS}) > 20
    for page in PAGES:
        shown = re.findall(r"^\$ ", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
        seen = [command for block in BLOCKS if block.page == page for command in block.commands]
        assert len(shown) == len(seen), page


@pytest.mark.parametrize(
    "typed",
    [
        "zoo ship lenet5 --dat digits extra",
        "echo x | zoo bench",
        "zoo lst > here.txt",
        "true && zoo weights get resnet18",
        "zoo export lenet5 \\\n    --precission int8",
    ],
)
def test_wrong_command_of_a_block_is_seen(typed: str) -> None:
    assert len(refused(typed)) == 1
    assert (
        refused("zoo export lenet5 --precision int8,float32 2>&1 | tail -1  # that isn't all") == []
    )


def test_wrong_option_within_a_line_is_seen() -> None:
    assert (
        len(unknown("Try `zoo bench --swift` or `zoo cash show`, not `zoo bench --profile`.")) == 2
    )
    assert unknown("`zoo inspect`, `zoo weights list|fetch`, `zoo completion fish > file`") == []


def test_command_goes_on_where_a_shell_reads_on() -> None:
    body = "$ a 'b\nc'\nout\n$ d <<'end'\n$ e\nend\n$ f \\\n  --g  # it's all\nmore\n\nlines\n"
    assert [(c.typed, c.printed) for c in commands(body)] == [
        ("a 'b\nc'", ("out",)),
        ("d <<'end'\n$ e\nend", ()),
        ("f \\\n  --g  # it's all", ("more", "", "lines")),
    ]
    with pytest.raises(ValueError, match="does not end"):
        commands("$ echo 'never\nclosed\n")
