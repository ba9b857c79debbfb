"""The documentation site: references name all that the program has, links lead somewhere."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

import zoo as package
from zoo import hookspecs
from zoo.cli import main as cli

ROOT = Path(__file__).parents[2]
HOOKS = [name for name in vars(hookspecs) if name.startswith("zoo_")]
#: mkdocs has an environment of its own, which `make site` makes.
MKDOCS = next(
    filter(
        None,
        (
            shutil.which("mkdocs", path=str(folder))
            for folder in (ROOT / ".venv-docs/bin", Path(sys.executable).parent)
        ),
    ),
    None,
)


def program(name: str) -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(ROOT / "tools" / "site" / f"{name}.py")))


PAGES, REFERENCES = program("pages"), program("references")
COMMANDS_PAGE = REFERENCES.commands_page()


def commands() -> Iterator[tuple[str, click.Command]]:
    def below(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
        yield name, command
        if isinstance(command, click.Group):
            context = click.Context(command, info_name=name)
            for inner in command.list_commands(context):
                found = command.get_command(context, inner)
                assert found is not None
                yield from below(f"{name} {inner}", found)

    for name in cli.COMMANDS:
        found = cli.zoo.get_command(click.Context(cli.zoo), name)
        assert found is not None
        yield from below(f"zoo {name}", found)


@pytest.mark.parametrize(("name", "command"), [*commands()], ids=lambda value: str(value))
def test_each_command_is_on_the_page_with_all_its_options(name: str, command: click.Command):
    _, heading, after = COMMANDS_PAGE.partition(f"# {name}\n")
    assert heading, f"{name} has no heading"
    section = re.split(r"^##", after, maxsplit=1, flags=re.MULTILINE)[0]
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert all(f"`{flag}" in section or f", {flag}" in section for flag in parameter.opts)
        elif isinstance(parameter, click.Argument):
            assert parameter.make_metavar(click.Context(command)) in section
    assert "```console\n$ zoo " in section, "no example"


def test_default_of_an_option_has_a_column_of_its_own():
    section = COMMANDS_PAGE.partition("## zoo bench\n")[2].partition("\n## ")[0]
    assert (
        "| `--threads COUNT` | Threads of the runtime; may be repeated or comma-separated. | 1 |"
        in (section)
    )
    fetch = COMMANDS_PAGE.partition("### zoo weights fetch\n")[2]
    assert fetch.lstrip().startswith("```\nzoo weights fetch [OPTIONS]")


def test_each_hook_and_public_name_is_on_its_page():
    hooks = REFERENCES.hooks_page()
    assert [*re.findall("^## (.*)$", hooks, re.MULTILINE)] == HOOKS
    assert "::\n" not in hooks, "a literal block of a docstring is not one of Markdown"
    assert hooks.count("```") % 2 == 0
    shown = set(re.findall("^::: zoo[.](.*)$", REFERENCES.python_page(), re.MULTILINE))
    assert shown == {*package.__all__} - {"__version__", "hookimpl"}


@pytest.mark.parametrize(
    ("source", "link", "address", "shown"),
    [
        ("README.md", "[gate](docs/gate.md#why)", None, "[gate](gate.md#why)"),
        ("docs/gate.md", "[`start`](../README.md)", None, "[`start`](index.md)"),
        ("docs/gate.md", "[it](../setup.py)", None, "it"),
        ("docs/gate.md", "[it](../setup.py)", "https://e.org/x", "[it](https://e.org/x/setup.py)"),
        ("docs/gate.md", "[a](#b) [c](https://e.org)", None, "[a](#b) [c](https://e.org)"),
        ("docs/gate.md", "`[x](gone.md)`", None, "`[x](gone.md)`"),
        ("docs/gate.md", "```\n[x](gone.md)\n```", None, "```\n[x](gone.md)\n```"),
    ],
)
def test_link_leads_to_a_page_or_into_the_repository(source, link, address, shown):
    assert PAGES.relinked(link, source, PAGES.sources(), ROOT, address) == shown


@pytest.mark.parametrize("target", ["gone.md", "../gone.py", "../../outside.md", "gone.md#part"])
def test_link_to_nothing_is_an_error_that_names_it(target):
    with pytest.raises(PAGES.BrokenLink, match=f"docs/gate.md links to {target.split('#')[0]}"):
        PAGES.relinked(f"[it]({target})", "docs/gate.md", PAGES.sources(), ROOT, None)


def test_each_page_has_a_place_in_the_navigation():
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    navigation = re.findall(r"^ +- .+: (\S+\.md)$", text.partition("\nnav:")[2], re.MULTILINE)
    references = {name for name, _ in REFERENCES.references()}
    assert {*navigation} == {*PAGES.sources().values(), *references}
    assert len(navigation) == len({*navigation})


@pytest.mark.skipif(MKDOCS is None, reason="mkdocs is not installed (make site)")
def test_site_builds_and_a_broken_link_is_all_that_stops_it(tmp_path):
    for name in (*PAGES.OUTSIDE, "mkdocs.yml", "pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("docs", "tools"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("site_*"))
    shutil.rmtree(tmp_path / "docs" / "site", ignore_errors=True)
    for name in ("zoo", "examples", "plugins", "tests", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    page = tmp_path / "docs" / "gate.md"
    page.write_text(page.read_text(encoding="utf-8") + "\n[It](qat.md#nothing-of-that-name)\n")
    done = subprocess.run(
        [str(MKDOCS), "build", "--strict"],
        cwd=tmp_path,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr
    assert re.findall("WARNING.*", done.stderr) == [
        "WARNING -  Doc file 'gate.md' contains a link 'qat.md#nothing-of-that-name', "
        "but the doc 'qat.md' does not contain an anchor '#nothing-of-that-name'."
    ]
    site = tmp_path / "docs" / "site"
    hooks = (site / "reference" / "hooks.html").read_text(encoding="utf-8")
    assert all(f'id="{hook}"' in hooks for hook in HOOKS)
    typed = (site / "reference" / "commands.html").read_text(encoding="utf-8")
    assert all(f'id="{name.replace(" ", "-")}"' in typed for name, _ in commands())
    names = (site / "reference" / "python.html").read_text(encoding="utf-8")
    public = {*package.__all__} - {"__version__", "hookimpl"}
    assert {name for name in public if f'doc-heading">{name}' not in plain(names)} == set()
    for made in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|img|link|iframe)[^>]+(?:src|href)="(https?://[^"]+)"', made.read_text()
        )
        assert loaded == [], made


def plain(html: str) -> str:
    """The page with headings of names alone."""
    return re.sub(
        r'<h3 id="[^"]*" class="doc doc-heading">.*?<span class="doc doc-object-name[^>]*>([^<]*)',
        r'doc-heading">\1',
        html,
        flags=re.DOTALL,
    )
