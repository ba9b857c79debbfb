"""Passwords and control characters never reach a terminal, a report or a lock."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.common.shown_text import without_passwords

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
    address: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    variables = {**os.environ, "ZOO_HOME": str(tmp_path), "ZOO_STORE": address}
    command = [sys.executable, "-m", "zoo", "compare", "--last", *words]
    for more, given in ((["--store", address], dict(os.environ)), ([], variables)):
        environment = {**given, "ZOO_HOME": str(tmp_path)}
        done = subprocess.run(
            [*command, *more],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        assert SECRET not in done.stdout + done.stderr


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
