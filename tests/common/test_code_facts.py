"""What texts say of other code, kept by their content."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from zoo.common import code_facts
from zoo.common.code_facts import CodeFacts, FactMemory, ImportedName
from zoo.common.code_fingerprint import SourceTree

TEXT = """
from __future__ import annotations
import numpy, zoo.data
from . import beside
from ..room.inner import x as y
TABLE = Path(__file__).with_name("table.toml")
if TYPE_CHECKING:
    import typed
else:
    import untyped
def f():
    try:
        call("core.child:work")
    except E:
        import lazy
"""


def test_what_a_text_says() -> None:
    assert CodeFacts.of(TEXT) == CodeFacts(
        references=("core.child",),
        beside=("table.toml",),
        imports=(
            ImportedName(0, "__future__.annotations", "__future__"),
            ImportedName(0, "numpy", "numpy"),
            ImportedName(0, "zoo.data", "zoo.data"),
            ImportedName(1, "beside", ""),
            ImportedName(2, "room.inner.x", "room.inner"),
            ImportedName(0, "untyped", "untyped"),
            ImportedName(0, "lazy", "lazy"),
        ),
    )


@pytest.mark.parametrize("text", ["import {{ name }}", "x = '\0'", "print 'x'"])
def test_a_text_that_is_no_python_imports_nothing(text: str) -> None:
    assert CodeFacts.of(text).imports == ()


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were parsed."""
    heard = list[str]()
    real = ast.parse
    monkeypatch.setattr(code_facts.ast, "parse", lambda text: heard.append(text) or real(text))
    return heard


def test_a_text_is_parsed_once_and_its_facts_last(tmp_path: Path, parsed: list[str]) -> None:
    path = tmp_path / "code" / "facts.json"
    first = FactMemory(path)
    facts = first.of(TEXT.encode())
    assert first.of(TEXT.encode()) == facts
    first.keep()
    assert FactMemory(path).of(TEXT.encode()) == facts
    assert parsed == [TEXT]
    FactMemory(path).of(b"import other")
    assert parsed == [TEXT, "import other"]


def test_what_is_known_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    memory = FactMemory(path)
    memory.of(b"import one")
    memory.keep()
    path.unlink()
    memory.of(b"import one")
    memory.keep()
    assert not path.exists()


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"a": [[], []]}', '{"a": [1, 2, 3]}'])
def test_a_damaged_memory_is_made_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(damage)
    memory = FactMemory(path)
    assert memory.of(TEXT.encode()) == CodeFacts.of(TEXT)
    memory.keep()
    assert len(json.loads(path.read_text())) == 1


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    memory = FactMemory(tmp_path / "file" / "facts.json")
    assert memory.of(TEXT.encode()) == CodeFacts.of(TEXT)
    memory.keep()


def test_old_facts_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code_facts, "_MOST", 2)
    path = tmp_path / "facts.json"
    memory = FactMemory(path)
    for name in "abc":
        memory.of(f"import {name}".encode())
    memory.keep()
    kept = [facts[2][0][1] for facts in json.loads(path.read_text()).values()]
    assert kept == ["b", "c"]


def test_a_tree_with_a_memory_has_the_fingerprints_of_one_without(tmp_path: Path) -> None:
    """Also when a file changes: what is kept is known by content, and not by name."""
    package = tmp_path / "core"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "top.py").write_text("import core.one")
    for name in ("one", "two"):
        (package / f"{name}.py").touch()
    roots, memory = {"core": package}, tmp_path / "facts.json"
    found = []
    for text in ("import core.one", "import core.one, core.two", "import core.one"):
        (package / "top.py").write_text(text)
        trees = (SourceTree(roots), SourceTree(roots, memory), SourceTree(roots, memory))
        assert len({tree.fingerprint(["core.top"]) for tree in trees}) == 1
        found.append(trees[-1].fingerprint(["core.top"]))
    assert found[0] == found[2] != found[1]
