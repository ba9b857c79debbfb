"""A stranger's network, installed beside the zoo, goes the whole way."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from installing import install

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "zoo-squeezenet"
PAGE = ROOT / "docs" / "adding-a-model.md"


def test_it_is_short_and_what_the_page_shows() -> None:
    code = (EXAMPLE / "zoo_squeezenet.py").read_text(encoding="utf-8")
    assert len(code.splitlines()) <= 80
    shown = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code in shown


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    return install(EXAMPLE, folder / "site")


def zoo(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder = site.parent
    return subprocess.run(
        [sys.executable, "-m", "zoo", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(site), "ZOO_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_it_is_found(site) -> None:
    done = zoo(site, "plugins", "list")
    assert re.search(r"squeezenet +installed +zoo-squeezenet +0\.1\.0 +architecture", done.stdout)


@pytest.mark.slow
def test_it_passes_every_check(site) -> None:
    done = zoo(site, "plugins", "check", "squeezenet28")
    assert done.returncode == 0, done.stdout
    assert re.search(r"squeezenet28: (\d+) of \1 checks passed\n", done.stdout)


@pytest.mark.slow
def test_it_ships(site) -> None:
    asked = ("--from-scratch", "--epochs", "1", "--precision", "int8")
    done = zoo(site, "ship", "squeezenet28", "--data", "digits", *asked)
    assert done.returncode in (0, 1), done.stderr  # how well a file does is the gate's to say
    files = [
        path.name.removesuffix(".rejected")
        for path in sorted((site.parent / "runs").glob("*/squeezenet28.digits.*"))
        if path.name.removesuffix(".rejected").endswith((".tflite", ".onnx"))
    ]
    assert sorted(files) == [f"squeezenet28.digits.int8.{suffix}" for suffix in ("onnx", "tflite")]
