"""README and guides as a reader types them: in order, in an empty folder, with what they print."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from consoles import PAGES, blocks, files
from typed_pages import alike, differences, type_blocks

TYPED = [page for page in PAGES if any(block.reason is None for block in blocks(page))]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """An empty folder, and an environment in which `zoo` and `python3` are those of the tests."""
    folder, home = tmp_path_factory.mktemp("reader"), tmp_path_factory.mktemp("home")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return folder, {"PATH": path, "ZOO_HOME": str(home), "HOME": str(home), "COLUMNS": "200"}


@pytest.mark.slow
@pytest.mark.parametrize("page", TYPED)
def test_page_prints_what_it_shows(page: str, reader: tuple[Path, dict[str, str]]) -> None:
    folder, environment = reader
    for name, content in files(page).items():
        (folder / name).write_text(content, encoding="utf-8")
    run = [block for block in blocks(page) if block.reason is None]
    wrong = []
    for block, typed in type_blocks(run, folder, environment):
        if found := typed.differences():
            wrong.append("\n".join([f"{block.name}: {typed.command.typed}", *found]))
    assert wrong == [], "\n\n".join(wrong)


@pytest.mark.parametrize(
    ("shown", "got", "same"),
    [
        ("accuracy 99.64% on 274 examples", "accuracy 99.30% on 274 examples", True),
        ("accuracy 99.64% on 274 examples", "accuracy 88.10% on 274 examples", False),
        ("accuracy 99.64% on 274 examples", "accuracy 99.64% on 27 examples", False),
        ("classes  3: rest, walk", "classes  4: rest, walk", False),
        ("classes  3: rest, walk", "classes  3: rest, run", False),
        ("a.tflite  int8  74.3", "a.tflite   int8   74.5", True),
        ("a.tflite  int8  257", "a.tflite  float32  257", False),
        ("73,917 bytes", "73,880 bytes", True),
        ("73,917 bytes", "93,880 bytes", False),
        ("\u2713 finetune  200.7 s", "\u2713 finetune  3 s", True),
        ("\u2713 finetune  200.7 s", "\u2717 finetune  3 s  failed", False),
        ("runs/x-85716651/ 0ab12cd3\u2026", "runs/x-c9a4fe65/ ffab12cd\u2026", True),
    ],
)
def test_line_is_as_shown_within_what_may_differ(shown: str, got: str, same: bool) -> None:
    assert alike(shown, got, []) is same


def test_missing_and_further_lines_are_differences() -> None:
    table = ["file    p50 µs  kB", "a.onnx    ~17  12", "~ measured while the host was not quiet"]
    assert differences(table, ["file    p50 µs  kB", "a.onnx     3  12"]) == []
    assert len(differences(table, ["file    p50 µs  kB", "a.onnx     3  14"])) == 1
    assert len(differences(table, [])) == 2
    begun = [*table, "…"]
    assert differences(begun, ["file    p50 µs  kB", "a.onnx    ~36  12", "b"]) == []
    assert len(differences(begun, ["file    p50 µs  kB", "a.onnx    ~36  14", "b"])) == 1
    told = [
        "a.onnx is 1.5 × slower than its float32 twin (66 µs against 43 µs): on this host …",
        "a.onnx is slightly faster than its float32 twin (19.8 µs against 19.9 µs).",
        "Cannot tell which is faster, the file or its float32 twin: a.onnx (an interval …).",
        "2 measurements were noisy, the host was not quiet: a.onnx and b.onnx.",
    ]
    assert differences(["- one"], ["- one", *(f"- {line}" for line in told)]) == []
    assert differences(["- one", f"- {told[0]}"], ["- one"]) == []
    assert len(differences(["one"], ["one", "two"])) == 1
    assert differences(["…", "two", "…"], ["one", "two", "three"]) == []
    assert len(differences(["…", "two", "…"], ["one", "three"])) == 1


def test_shell_keeps_its_state_from_command_to_command(tmp_path: Path) -> None:
    page = (
        "```console\n$ mkdir in && cd in\n$ false\n$ echo $?\n1\n$ pwd | grep -o in$\nin\n```\n\n"
        "```console\n$ cat > x <<'end'\n$ y\nend\n$ cat x\n$ z\n```\n"
    )
    # What is printed and looks like a command is taken for one.
    typed = [typed for _, typed in type_blocks(blocks("page", page), tmp_path, {})]
    assert [len(one.differences()) for one in typed] == [0] * len(typed)
    assert typed[2].out == ("1",)
    assert typed[5].out == ("$ y",)
    assert typed[6].err[0].endswith("z: command not found")
    wrong = page.replace("\n1\n", "\n2\n")
    again = tmp_path / "again"
    again.mkdir()
    found = [t.differences() for _, t in type_blocks(blocks("page", wrong), again, {})]
    assert [len(one) for one in found] == [0, 0, 1, 0, 0, 0, 0]


def test_block_that_is_not_run_says_why() -> None:
    page = (
        "<!-- not run: a board -->\n```console\n$ a\n```\n\n```\n$ b\nc\n```\n\n"
        "<!-- begin x -->\n```\n$ d\n```\n"
    )
    assert [(b.reason, b.commands[0].typed) for b in blocks("page", page)] == [
        ("a board", "a"),
        (None, "b"),
        (None, "d"),
    ]
    assert {b.reason for b in blocks("page", "<!-- no block is run: hours -->\n" + page)} == {
        "a board",
        "hours",
    }
    assert files("README.md")["zoo_tiny.py"].startswith("# zoo_tiny.py\nimport")
