"""Completion: the scripts that shells load, and the words that they get."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SHELLS = {"bash": "complete", "zsh": "compdef", "fish": "complete"}


def complete(zoo_process, words: str, **options: str) -> list[str]:
    """The words that bash would offer after `words`."""
    count = len(words.split()) - (0 if words.endswith(" ") else 1)
    environment = {"_ZOO_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(count)}
    typed = zoo_process(environment={**environment, **options})
    assert typed.err == ""
    return [line.partition(",")[2] for line in typed.out.splitlines()]


@pytest.mark.parametrize("shell", SHELLS)
def test_script_of_each_shell(shell, zoo_process):
    if shell == "bash" and shutil.which("bash") is None:
        pytest.skip("click asks bash for its version")
    typed = zoo_process("completion", shell)
    assert typed.code == 0
    assert SHELLS[shell] in typed.out
    assert "_ZOO_COMPLETE" in typed.out
    program = shutil.which(shell)
    if program is not None:
        Path("script").write_text(typed.out)
        subprocess.run([program, "-n", "script"], check=True)


def test_commands_and_options(zoo_process):
    assert set(complete(zoo_process, "zoo in")) == {"info", "inspect"}
    offered = complete(zoo_process, "zoo ship lenet5 --pre")
    assert offered == ["--precision"]


def test_models_formats_and_datasets(zoo_process):
    assert "lenet5.fashion_mnist" in complete(zoo_process, "zoo evaluate lenet5.")
    assert complete(zoo_process, "zoo export lenet5 --format tf") == ["tflite"]
    assert complete(zoo_process, "zoo ship lenet5 --data npz") == ["npz:"]


def test_models_of_a_local_plugin(zoo_process):
    Path("mine.py").write_text(
        "import zoo\n@zoo.hookimpl\ndef zoo_architectures():\n"
        "    yield zoo.Architecture(name='tiny', summary='s', source='s', build=lambda i, c: i,\n"
        "        variants=(zoo.Variant(name='tiny8', classes=3, parameters=1, multiply_adds=1,\n"
        "            preprocessing=zoo.ImagePreprocessing(height=8, width=8, channels=1)),))\n"
    )
    assert complete(zoo_process, "zoo --plugin mine.py info tin") == ["tiny8"]


def test_broken_plugin_breaks_no_completion(zoo_process):
    Path("broken.py").write_text("1 / 0")
    assert "lenet5" in complete(zoo_process, "zoo --plugin broken.py info len")
