"""Passwords and control characters never reach a terminal, a report or a lock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import Zoo

from zoo.artifacts.bundle import bundle
from zoo.cli.options import as_json_text
from zoo.common import terminal
from zoo.common.downloads import digests_of
from zoo.common.errors import UsageError
from zoo.common.paths import cache_folder
from zoo.common.shown_text import without_passwords
from zoo.devices.local.transport import LocalTransport
from zoo.networks.published import locate
from zoo.networks.published.pins import pinned, pins_path
from zoo.pipeline.recipe import make_recipe

SECRET = "hunter2"


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg://me:hunter2@127.0.0.1:1/base",
        "postgresql+psycopg://:hunter2@127.0.0.1:1/base",
        "postgresql+psycopg://me:p@hunter2@127.0.0.1:1/base",
        "postgresql+psycopg://127.0.0.1:1/base?user=me&password=hunter2",
        "nosuch://me:hunter2@host/base",
    ],
)
@pytest.mark.parametrize("words", [(), ("--json",), ("--debug",)])
def test_the_password_of_a_store_is_not_shown(
    address: str, words: tuple[str, ...], zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = zoo("compare", "run-1", "run-2", *words, "--store", address)
    monkeypatch.setenv("ZOO_STORE", address)
    named = zoo("compare", "run-1", "run-2", *words)
    for typed in (given, named):
        assert typed.code != 0
        assert "store" in typed.out + typed.err
        assert SECRET not in typed.out + typed.err


def test_text_without_an_address_stays() -> None:
    for text in ("see https://host/a:b@c", "sqlite:////home/me/a.sqlite", "a:b@c", "17:03 me@host"):
        assert without_passwords(text) == text


def test_a_name_that_would_steer_a_terminal(tmp_path: Path) -> None:
    name = "a\x1b]0;owned\x07\r\u202eb.onnx"
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "inspect", name],
        cwd=tmp_path,
        env={**os.environ, "ZOO_HOME": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    shown = (done.stdout + done.stderr).decode()
    assert "a\\x1b]0;owned" in shown
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(shown)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://hunter2hunter2@host/a.pth", "https://***@host/a.pth"),
        ("https://me:hunter2@host/a.pth?x=1", "https://me:***@host/a.pth?x=1"),
        ("https://host/a?access_token=hunter2&x=1", "https://host/a?access_token=***&x=1"),
        ("https://host/a?X-Amz-Signature=hunter2", "https://host/a?X-Amz-Signature=***"),
        ("https://host/a?sig=hunter2&api_key=hunter2", "https://host/a?sig=***&api_key=***"),
        ("https://host/a?signature=hunter2", "https://host/a?signature=***"),
        ("net?signature=hunter2hunter2hunter2hunter2", "net?signature=***"),
        ("zoo ship 'net?signature=serving_default'", None),
        ("Authorization: Bearer hunter2hunter2hunter2", "Authorization: Bearer ***"),
        ("token hf_hunter2hunter2hunter2", "token hf_***"),
        ("github_pat_hunter2hunter2hunter2", "github_pat_***"),
        ("ssh://pi@host:22", "ssh://pi@host:22"),
        ("csv:a.csv?window=50&label=key", "csv:a.csv?window=50&label=key"),
        ("the bearer characteristics of basic operators", None),
    ],
)
def test_access_tokens_of_addresses_are_hidden(
    text: str, shown: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """In everything that is written, whoever writes it."""
    shown = shown or text
    assert without_passwords(text) == shown
    with terminal.guarded():
        print(text)
        terminal.echo(text)
        terminal.echo_lines(as_json_text({"a": text}))
        terminal.console().print(text, soft_wrap=True)
    written = capsys.readouterr().out
    assert (SECRET in written) == (SECRET in shown)
    assert written.count(shown) == 4


def test_a_card_and_the_pins_hold_no_password(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    file = tmp_path / "a.pth"
    file.write_bytes(b"a")
    url = "https://me:hunter2@host/a.pth?token=hunter2"

    def found(*_: object) -> Any:
        return file, digests_of(file), False

    monkeypatch.setitem(locate._SCHEMES, "https", found)
    assert locate.locate(url, "", lambda event: None).url == "https://me:***@host/a.pth?token=***"
    assert SECRET not in pins_path().read_text()
    assert pinned(url)


def test_names_that_are_not_utf8(tmp_path: Path, zoo: Any, plain_file: Path) -> None:
    """Each works, or an error names it."""
    odd = plain_file.rename(os.fsdecode(b"a\xff.onnx"))
    typed = zoo("inspect", odd)
    assert typed.code == 0
    assert "a\\udcff.onnx" in typed.out
    assert zoo("inspect", odd, "--json").json["file"] == str(odd)
    transport = LocalTransport()
    with pytest.raises(UsageError, match="a name that is not UTF-8"):
        transport.put(odd)
    folder = Path(os.fsdecode(b"f\xff"))
    folder.mkdir()
    odd.rename(folder / "b.onnx")
    os.chdir(folder)  # own_folders comes back from anywhere
    assert transport.put(Path("b.onnx")) == "b.onnx"
    os.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"folder:ph.* is not a name in UTF-8"):
        make_recipe({"model": "lenet5", "data": "folder:ph\udcff"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "getfilesystemencoding", lambda: "iso8859-1")
        with pytest.raises(UsageError, match=r"set LC_ALL=C\.UTF-8 .* as iso8859-1"):
            make_recipe({"model": "lenet5", "data": "folder:ph\udcff"})
    os.environ["ZOO_HOME"] = str(folder)
    with pytest.raises(UsageError, match=r"edgezoo cannot keep files in .*f"):
        cache_folder()
    with pytest.raises(UsageError, match="no bundle can be made in"):
        bundle("b.onnx", output=folder)
