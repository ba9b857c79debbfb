"""The laws of the house: rooms import downward, and the core knows no plugin by name."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
OUTER = ("plugins", "exporters", "devices")
MODULES = [path for folder in ("zoo", *OUTER) for path in sorted((ROOT / folder).rglob("*.py"))]
CORE = [path for path in MODULES if path.relative_to(ROOT).parts[0] == "zoo"]
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PROGRAMS = sorted((ROOT / "benchmarks").glob("*.py"))

#: Rooms from the ground up; each may import those before its row, and none of its own row.
FLOORS = (
    ("common",),
    ("contracts",),
    ("results",),
    ("hookspecs",),
    ("registry",),
    ("targets",),
    ("data",),
    ("networks",),
    ("tasks", "training", "artifacts"),
    ("execution",),
    ("benchmark", "analysis"),
    ("pipeline",),
    ("report", "testing"),
    ("server",),
    ("api", "diagnosis"),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
#: Imports that still point upward: file, module. The list may only shrink.
EXCEPTIONS: set[tuple[str, str]] = set()
#: ``zoo.room.module`` or ``zoo.room.module:function``, alone in a string.
MODULE_NAME = re.compile(r"(zoo\.([a-z_]+)(?:\.\w+)+)(?::\w+)?")
#: Files at the root of the core, and lines of a file, at most.
ROOT_FILES = 9
LINES = 360
#: Files that are still longer. The list may only shrink.
LONG: set[str] = set()


@functools.cache
def nodes(source: str) -> list[ast.AST]:
    """All nodes of a source, which several laws look through."""
    return list(ast.walk(ast.parse(source)))


def imported(source: str) -> list[str]:
    """Absolute modules that a source imports, lazily or for types alone included."""
    found = []
    for node in nodes(source):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            found += inner if node.module == "zoo" else [node.module]
    return found


def named(source: str) -> list[str]:
    """Modules of the core that a source names in a string: a worker imports them there."""
    texts = (
        node.value
        for node in nodes(source)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
    found = (MODULE_NAME.fullmatch(text) for text in texts)
    return [match[1] for match in found if match and match[2] not in OUTER]


def upward(source: str, room: str) -> list[str]:
    """Imports of rooms that do not lie below `room`, and modules of them named in strings."""
    names = [name.split(".") for name in imported(source) if name.startswith("zoo.")]
    # What the fork server imports early is a hint to it: the rooms below call nothing of it.
    names += [name.split(".") for name in named(source) if room != "common"]
    return [
        ".".join(name)
        for name in names
        if name[1] != room and FLOOR.get(name[1], len(FLOORS)) >= FLOOR[room]
    ]


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "zoo").with_suffix("").parts[0]


def breaches(paths: list[Path], found_in: Callable[[Path, str], Collection[str]]) -> dict[str, Any]:
    """What a law finds in files, by name: one test names all files that break it."""
    found = {p: found_in(p, p.read_text(encoding="utf-8")) for p in paths}
    return {path.relative_to(ROOT).as_posix(): each for path, each in found.items() if each}


def test_rooms_import_downward() -> None:
    def above(path: Path, source: str) -> list[str]:
        name = path.relative_to(ROOT).as_posix()
        return [m for m in upward(source, room_of(path)) if (name, m) not in EXCEPTIONS]

    # The public names are found in any room when they are asked for.
    assert breaches([p for p in CORE if p != ROOT / "zoo" / "__init__.py"], above) == {}


def test_every_exception_is_still_needed() -> None:
    for name, module in EXCEPTIONS:
        path = ROOT / name
        assert module in upward(path.read_text(encoding="utf-8"), room_of(path))
    assert all(len((ROOT / n).read_text("utf-8").splitlines()) > LINES for n in LONG)


def test_an_import_upward_would_be_noticed() -> None:
    assert upward("from zoo.pipeline import job", "data") == ["zoo.pipeline"]
    assert upward("def f():\n    from zoo import api", "report") == ["zoo.api"]
    assert upward("if TYPE_CHECKING:\n    import zoo.report.table", "testing")
    assert upward("from zoo.brand_new import x", "cli") == ["zoo.brand_new"]
    assert upward("call('zoo.pipeline.steps.export:export')", "networks") == [
        "zoo.pipeline.steps.export"
    ]
    assert upward("code_of(['zoo.pipeline.steps'])", "benchmark") == ["zoo.pipeline.steps"]
    assert not upward("call('zoo.networks.building:build')\nx = 'zoo.commands'", "pipeline")
    assert not upward("from zoo.data.opening import x\nfrom zoo.common import y", "networks")


def test_the_root_of_the_core_holds_few_files() -> None:
    assert len(list((ROOT / "zoo").glob("*.py"))) <= ROOT_FILES


def test_no_file_is_long() -> None:
    def rest(path: Path, source: str) -> list[str]:
        return source.splitlines()[LINES:]

    assert set(breaches([*MODULES, *TESTS, *PROGRAMS], rest)) <= LONG


def classes_used_twice(sources: Iterable[str]) -> set[str]:
    """Names of public classes that more than one source defines at its top."""
    found = Counter(
        node.name
        for source in sources
        for node in ast.parse(source).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    return {name for name, count in found.items() if count > 1}


def test_a_class_name_means_one_thing_in_the_core() -> None:
    assert classes_used_twice(path.read_text("utf-8") for path in CORE) == set()
    assert classes_used_twice(["class Timing: ...", "class Timing:\n    x = 1"]) == {"Timing"}


def test_every_folder_with_code_is_packaged() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {path.parent.relative_to(ROOT) for path in MODULES}
    parts = [f.parts if f.parts[0] == "zoo" else ("zoo", *f.parts) for f in folders]
    assert sorted(settings["tool"]["setuptools"]["packages"]) == sorted(map(".".join, parts))


def outward(source: str, folder: str) -> list[str]:
    """Modules that a file of `folder` must not import, as it names them."""
    others = [f"zoo.{name}" for name in OUTER if name != folder]
    found = imported(source)
    for node in nodes(source):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found += [f"{node.module}.{alias.name}" for alias in node.names]
    return [n for n in found if any(n == o or n.startswith(f"{o}.") for o in others)]


def test_arrows_point_inward() -> None:
    def others(path: Path, source: str) -> list[str]:
        return outward(source, path.relative_to(ROOT).parts[0])

    assert breaches(MODULES, others) == {}


def test_a_breach_would_be_noticed() -> None:
    assert outward("from zoo.plugins.lenet import build", "zoo")
    assert outward("from zoo import exporters", "zoo")
    assert outward("import zoo.devices.local.host", "plugins")
    assert not outward("from zoo.plugins import weights", "plugins")


def literals_compared(source: str) -> set[str]:
    """Text literals in the comparisons and match cases of a file."""
    found: set[str] = set()
    for node in nodes(source):
        if isinstance(node, (ast.Compare, ast.MatchValue)):
            found |= {
                inner.value
                for inner in ast.walk(node)
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
            }
    return found


def test_the_core_asks_for_no_plugin_format_or_device_by_name() -> None:
    names = {p.stem for folder in OUTER for p in (ROOT / folder).glob("*")} - {
        "__init__",
        "__pycache__",
    }
    names |= {"host", "gpu", "lenet5", "resnet8", "image-classification", "digits"}
    names |= {"fashion_mnist"}
    # Built-in datasets and tasks are plugins themselves.
    asking = [path for path in CORE if path.parent.name not in ("data", "tasks")]
    assert breaches(asking, lambda _, source: literals_compared(source) & names) == {}


def test_a_name_in_an_if_would_be_noticed() -> None:
    assert literals_compared("if exporter.name == 'tflite': pass") == {"tflite"}
    assert literals_compared("if name in ('onnx',): pass") == {"onnx"}


#: The one way to the terminal, and programs of their own, whose output a parent process reads.
WRITERS = {
    "zoo/common/terminal.py",
    "devices/microcontroller/reference_child.py",
    "devices/microcontroller/arena_child.py",
}


def written(source: str) -> list[str]:
    """What a source writes past `zoo.common.terminal`, or could write past it."""
    found = []
    for node in nodes(source):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.append(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module.split('.')[0]}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            found.append(node.func.id)
    names = {"print", "sys.__stdout__", "sys.__stderr__", "rich.print", "rich.Console"}
    names |= {f"click.{name}" for name in ("echo", "secho", "style", "progressbar", "pager")}
    names |= {f"logging.{name}" for name in ("StreamHandler", "basicConfig", "lastResort")}
    return [name for name in found if name in names or name.startswith(("tqdm.", "curses."))]


def test_one_place_writes_to_the_terminal() -> None:
    found = {}
    for path in MODULES:
        name = path.relative_to(ROOT).as_posix()
        source = path.read_text(encoding="utf-8")
        typed = "if TYPE_CHECKING:" in source  # names of types write nothing
        ways = [w for w in written(source) if not (typed and w == "rich.Console")]
        if ways and name not in WRITERS and not name.startswith("devices/agent/"):
            found[name] = ways
    assert found == {}


def test_another_writer_would_be_noticed() -> None:
    assert written("print('a')") == ["print"]
    assert written("import click\nclick.echo('a')") == ["click.echo"]
    assert written("from rich.console import Console\n") == ["rich.Console"]
    assert written("import sys\nsys.__stdout__.write('a')") == ["sys.__stdout__"]
    assert not written("from zoo.common import terminal\nterminal.echo('a')")
