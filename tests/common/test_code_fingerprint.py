"""A fingerprint changes with every line that a module can reach, and with no other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from zoo.common.code_fingerprint import SourceTree

FILES = {
    "core/__init__.py": "",
    "core/top.py": "from core.room import inner\ndef f():\n    import core.lazy\n",
    "core/room/__init__.py": "from .above import x",
    "core/room/inner.py": "from . import beside\nfrom .. import upper as u\n",
    "core/room/above.py": "",
    "core/room/beside.py": "TABLE = Path(__file__).with_name('table.toml')\n",
    "core/room/table.toml": "a = 1",
    "core/room/other.toml": "a = 1",
    "core/upper.py": "call('core.child:work')",
    "core/child.py": "try:\n    x\nexcept E:\n    from core.handler import x\n",
    "core/handler.py": "match a:\n    case 1:\n        from core import package\n",
    "core/package/__init__.py": "RUN = Path(__file__).parents[1] / 'program'\n",
    "core/program/__main__.py": "",
    "core/program/deep/part.py": "",
    "core/lazy.py": "import core.circle",
    "core/circle.py": "import core.lazy, os",
    "core/typed.py": "",
    "core/stranger.py": "if TYPE_CHECKING:\n  import core.typed\nelse:\n  import core.untyped\n",
    "core/untyped.py": "'core.typed is only named'",
}
REACHED = {name for name in FILES if not name.endswith(("other.toml", "typed.py", "stranger.py"))}


@dataclass
class Source:
    """A plugin as the registry knows it."""

    source_file: str | None
    version: str = "1"


@pytest.fixture
def tree(tmp_path: Path):
    """Writes files; returns what makes a new tree of them."""

    def write(files: dict[str, str]) -> Path:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path

    write(FILES)
    return write


def code(folder: Path, *modules: str, plugins: tuple[Source, ...] = ()) -> str:
    return SourceTree({"core": folder / "core"}).fingerprint(modules, plugins)


@pytest.mark.parametrize("name", sorted(FILES))
def test_what_is_reached_and_nothing_else_changes_it(tree, name: str) -> None:
    folder = tree({})
    before = code(folder, "core.top")
    tree({name: FILES[name] + "\n# another line"})
    assert (code(folder, "core.top") != before) == (name in REACHED)


def test_only_type_checkers_see_imports_for_them(tree) -> None:
    folder = tree({})
    before = code(folder, "core.stranger")
    tree({"core/typed.py": "x = 1"})
    assert code(folder, "core.stranger") == before
    tree({"core/untyped.py": "x = 1"})
    assert code(folder, "core.stranger") != before


def test_the_same_code_elsewhere_is_the_same(tree, tmp_path: Path) -> None:
    before = code(tree({}), "core.top")
    (tmp_path / "core").rename(tmp_path / "moved")
    moved = SourceTree({"core": tmp_path / "moved"})
    assert moved.fingerprint(["core.top"]) == before


def test_a_module_that_nobody_has(tree) -> None:
    with pytest.raises(LookupError, match=r"there is no module core\.absent"):
        code(tree({}), "core.absent")


PLUGIN = {
    "plugins/tiny/__init__.py": "from core import upper\ndef hook():\n    from tiny import work\n",
    "plugins/tiny/second.py": "x = 1",
    "plugins/tiny/data/rows.toml": "a = 1",
    "plugins/tiny/inner/hook.py": "x = 1",
    "plugins/lone.py": "import helper, numpy\nfrom core import lazy\n",
    "plugins/helper.py": "x = 1",
    "plugins/unused.py": "x = 1",
}


@pytest.mark.parametrize(
    ("source", "decides"),
    [
        ("tiny", {"tiny", "core/upper.py", "core/child.py"}),
        ("tiny/inner/hook.py", {"tiny", "core/upper.py", "core/child.py"}),
        ("lone.py", {"lone.py", "helper.py", "core/lazy.py", "core/circle.py"}),
    ],
)
def test_plugins_from_elsewhere(tree, source: str, decides: set[str]) -> None:
    """A package counts as a whole, wherever in it the hook is; a lone file with its neighbours."""
    folder = tree(PLUGIN)
    tree({"plugins/tiny/inner/__init__.py": ""})
    plugins = (Source(str(folder / "plugins" / source)),)
    for name, text in {**FILES, **PLUGIN}.items():
        before = code(folder, plugins=plugins)
        tree({name: text + "\n# another line"})
        short = name.removeprefix("plugins/")
        decided = any(short == d or short.startswith(f"{d}/") for d in decides)
        if decided or name.startswith("plugins/"):
            assert (code(folder, plugins=plugins) != before) == decided, name


def test_the_version_of_a_plugin_from_elsewhere_counts(tree) -> None:
    folder = tree(PLUGIN)
    there, here = str(folder / "plugins" / "tiny"), str(folder / "core" / "package")
    first, second = (code(folder, plugins=(Source(there, v),)) for v in "12")
    assert first != second
    # The product's own code says enough.
    first, second = (code(folder, plugins=(Source(here, v),)) for v in "12")
    assert first == second


def test_a_package_of_the_product_counts_as_a_whole(tree) -> None:
    folder = tree({"core/package/second.py": "x = 1", "core/package/rows.toml": "a = 1"})
    for source in ("core/package", "core/package/__init__.py"):
        plugins = (Source(str(folder / source)),)
        for name in ("second.py", "rows.toml"):
            before = code(folder, plugins=plugins)
            tree({f"core/package/{name}": f"y = '{source}'"})
            assert code(folder, plugins=plugins) != before


def test_compiled_code_and_plugins_without_a_file_do_not_count(tree) -> None:
    folder = tree(PLUGIN)
    plugins = (Source(str(folder / "plugins" / "tiny")), Source(None))
    before = code(folder, plugins=plugins)
    tree({"plugins/tiny/__pycache__/second.cpython-311.pyc": "compiled"})
    assert code(folder, plugins=plugins) == before


def test_a_file_that_is_no_python_counts_by_its_text(tree) -> None:
    folder = tree({"plugins/odd/__init__.py": "", "plugins/odd/made.py": "{{ name }} = ("})
    plugins = (Source(str(folder / "plugins" / "odd")),)
    before = code(folder, plugins=plugins)
    tree({"plugins/odd/made.py": "{{ name }} = [("})
    assert code(folder, plugins=plugins) != before


def test_every_file_of_a_package_is_part_of_the_key(tmp_path):
    def key_of(**files: str) -> str:
        folder = tmp_path / str(len(list(tmp_path.iterdir()))) / "package"
        (folder / "inner").mkdir(parents=True)
        for name, text in files.items():
            (folder / name.replace("__", "/")).write_text(text)
        plugin = SimpleNamespace(source_file=str(folder), version="1")
        return SourceTree({}).fingerprint([], [plugin])

    base = {"top.py": "1", "inner__rows.toml": "2"}
    assert key_of(**base) == key_of(**base, **{"inner__top.cpython-311.pyc": "compiled"})
    assert key_of(**base) != key_of(**{**base, "inner__rows.toml": "3"})
    assert key_of(**base) != key_of(**base, more="")
    assert key_of(**base) != key_of(**{"other.py": "1", "inner__rows.toml": "2"})
