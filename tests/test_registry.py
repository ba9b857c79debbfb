"""Discovery of plugins: where they are found, and that a broken one costs its row alone."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from makers import (
    architecture,
    device,
    exporter,
    plugin_text,
    provider,
    registry_with,
    runtime,
    source,
    target,
    task,
    variant,
)

from zoo.common.errors import UnknownName, UsageError
from zoo.contracts.plugin import Plugin
from zoo.registry import BUILT_IN_PACKAGES, PluginSettings, Registry, load_registry

Install = Callable[..., None]
_COUNTER = itertools.count()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages; what it held is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(folder) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """Installs a distribution with one plugin, as a wheel lies in site-packages."""

    def make(
        distribution: str, entry: str, source: str, *, version: str = "1.0", metadata: bool = True
    ) -> None:
        # Each module has a name of its own: Python imports a name only once.
        module = f"installed_plugin_{next(_COUNTER)}"
        (site / f"{module}.py").write_text(source, encoding="utf-8")
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        if metadata:
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
            )
        (info / "entry_points.txt").write_text(f"[zoo]\n{entry} = {module}\n")
        importlib.invalidate_caches()

    return make


def row(registry: Registry, name: str, distribution: str | None = None) -> Plugin:
    found = [
        p for p in registry.plugins if p.name == name and distribution in (None, p.distribution)
    ]
    assert len(found) == 1
    return found[0]


def test_built_in_plugins_are_found_by_scan():
    registry = load_registry()
    assert {p.name for p in registry.plugins} >= {"lenet", "digits", "tflite", "onnx", "local"}
    assert {p.origin for p in registry.plugins} == {"built-in"}
    assert all(p.problem is None and p.provides for p in registry.plugins)
    assert row(registry, "lenet").provides == ["architecture lenet"]
    assert Path(registry.variant_plugin("lenet5").source_file).name == "lenet.py"
    assert [v.name for _, v in registry.variants()] == sorted(
        v.name for a in registry.architectures for v in a.variants
    )


def test_new_file_in_a_built_in_package_is_enough(tmp_path, monkeypatch):
    package = importlib.import_module("zoo.plugins")
    (tmp_path / "brand_new.py").write_text(
        plugin_text("brand-new")
        .replace("@zoo.hookimpl", "@hookimpl")
        .replace("import zoo", "import zoo\nfrom zoo import hookimpl")
    )
    (tmp_path / "helper.py").write_text("raise RuntimeError('helpers are never imported')")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "zoo.plugins.brand_new", raising=False)
    registry = load_registry()
    assert row(registry, "brand_new").origin == "built-in"
    assert "brand-new" in registry.architectures.names()
    assert not [p for p in registry.plugins if p.name == "helper"]
    monkeypatch.delitem(sys.modules, "zoo.plugins.brand_new")


#: A hook that yields a record from a neighbour, and a neighbour that no list may import.
PACKAGE = {
    "__init__.py": "import zoo\nfrom zoo import hookimpl\nfrom .records import RECORD\n"
    "@hookimpl\ndef HOOK():\n    yield RECORD\n",
    "heavy.py": "raise RuntimeError('not before it is used')",
}
RECORDS = {
    "zoo_architectures": plugin_text("packed"),
    "zoo_exporters": "from makers import exporter\nRECORD = exporter(name='packed')",
    "zoo_devices": "from makers import device\nRECORD = device(name='packed')",
}


def write_package(folder: Path, hook: str, **more: str) -> Path:
    """A plugin's package: its hook in ``__init__.py``, its record in a module beside it."""
    record = RECORDS[hook].replace("@zoo.hookimpl\n", "") + "\n"
    if hook == "zoo_architectures":
        record += "RECORD, = zoo_architectures()\n"
    folder.mkdir(parents=True)
    for name, text in {**PACKAGE, "records.py": record, **more}.items():
        (folder / name).write_text(text.replace("HOOK", hook), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("home", "hook", "names"),
    [
        ("zoo.plugins", "zoo_architectures", "architectures"),
        ("zoo.exporters", "zoo_exporters", "exporters"),
        ("zoo.devices", "zoo_devices", "devices"),
    ],
)
def test_a_built_in_plugin_may_be_a_package(site, monkeypatch, home, hook, names):
    package = importlib.import_module(home)
    folder = write_package(site / "boxed", hook)
    helper = write_package(site / "helpers", hook)
    (helper / "__init__.py").write_text('"""No plugin: raises.\n\n    @hookimpl\n"""\n1 / 0\n')
    broken = write_package(site / "torn", hook, **{"records.py": "1 / 0"})
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(site)])
    registry = load_registry()
    found = row(registry, "boxed")
    assert (found.origin, found.problem, found.source_file) == ("built-in", None, str(folder))
    assert "packed" in getattr(registry, names).names()
    assert not [p for p in registry.plugins if p.name == "helpers"]
    assert [p.name for p in registry.plugins if p.problem] == ["torn"]
    assert f"{broken / 'records.py'}, line 1" in row(registry, "torn").problem


def test_an_installed_plugin_may_be_a_package(site, install):
    install("zoo-packed", "packed", "")
    folder = write_package(site / "zoo_packed", "zoo_architectures")
    entries = next(site.glob("*.dist-info")) / "entry_points.txt"
    entries.write_text("[zoo]\npacked = zoo_packed\n")
    registry = load_registry()
    assert registry.variant_plugin("packed8").source_file == str(folder)


def test_scanned_packages_exist():
    for name in BUILT_IN_PACKAGES:
        assert importlib.import_module(name).__path__


def test_installed_plugin(install):
    install("zoo-tiny", "tiny", plugin_text("tiny"), version="2.5")
    registry = load_registry()
    found = row(registry, "tiny")
    assert (found.origin, found.distribution, found.version) == ("installed", "zoo-tiny", "2.5")
    assert found.provides == ["architecture tiny"]
    assert registry.variant("tiny8")[0].name == "tiny"
    assert registry.variant("tiny")[1].name == "tiny8"


def test_installed_plugins_are_left_out_on_request(install):
    install("zoo-tiny", "tiny", plugin_text("tiny"))
    registry = load_registry(PluginSettings(installed=False))
    assert "tiny" not in registry.architectures.names()
    assert "lenet" in registry.architectures.names()


def test_distribution_without_metadata(install):
    install("zoo_tiny", "tiny", plugin_text("tiny"), metadata=False)
    registry = load_registry()
    assert "tiny" in registry.architectures.names()
    assert isinstance(row(registry, "tiny").distribution, str)
    assert isinstance(row(registry, "tiny").version, str)


BROKEN = {
    "raises on import": ("raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
    "exits on import": ("raise SystemExit(3)", "SystemExit: 3"),
    "is not Python": ("def (:", "SyntaxError: "),
    "lacks a package": ("import a_package_that_nobody_has", "ModuleNotFoundError: "),
    "has a long message": ("raise RuntimeError('one\\ntwo\\n\\nthree')", "one two three"),
    "yields a wrong type": (
        "import zoo\n@zoo.hookimpl\ndef zoo_architectures():\n    yield 'tiny'",
        "zoo_architectures must yield Architecture records, but yielded a str",
    ),
    "yields another hook's record": (
        plugin_text("tiny").replace("def zoo_architectures", "def zoo_tasks"),
        "zoo_tasks must yield Task records, but yielded a Architecture",
    ),
    "yields an invalid record": (plugin_text("Tiny"), "variant name 'Tiny8' is not usable"),
    "yields nothing": (
        "import zoo\n@zoo.hookimpl\ndef zoo_architectures():\n    return None",
        "must yield Architecture records, but returned a NoneType",
    ),
    "misspells a hook": (
        plugin_text("tiny").replace("def zoo_architectures", "def zoo_achitectures"),
        "unknown hook 'zoo_achitectures'",
    ),
    "takes an argument that no hook gives": (
        plugin_text("tiny").replace("def zoo_architectures()", "def zoo_architectures(inputs)"),
        "inputs",
    ),
    "raises halfway": (
        plugin_text("tiny") + "    raise KeyError('halfway')",
        "KeyError: 'halfway'",
    ),
    "exits in the hook": (plugin_text("tiny") + "    import sys; sys.exit('bye')", "bye"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_plugin_costs_its_row_alone(install, how):
    source, reason = BROKEN[how]
    install("a-broken-one", "broken", source)
    install("b-good-one", "good", plugin_text("good"))
    registry = load_registry()
    broken = row(registry, "broken")
    assert reason in broken.problem
    assert "\n" not in broken.problem
    assert broken.provides == []
    assert [p for p in registry.plugins if p.problem] == [broken]
    assert registry.architectures.names() == sorted(
        {*load_registry(PluginSettings(installed=False)).architectures.names(), "good"}
    )
    with pytest.raises(UnknownName):
        registry.variant("tiny8")


def test_misspelt_hook_is_forgotten_before_the_next_plugin(tmp_path):
    bad, good = tmp_path / "bad.py", tmp_path / "good.py"
    bad.write_text(BROKEN["misspells a hook"][0])
    good.write_text(plugin_text("good"))
    registry = load_registry(PluginSettings(paths=(str(bad), str(good))))
    assert "zoo_achitectures" in row(registry, "bad").problem
    assert row(registry, "good").problem is None
    assert registry.variant("good8")


def test_interruption_is_not_a_broken_plugin(install):
    """Ctrl-C while a plugin is imported stops the command; its own KeyboardInterrupt does not."""
    install("own", "own", "raise KeyboardInterrupt")
    assert row(load_registry(), "own").problem.startswith("KeyboardInterrupt (")
    install("slow", "slow", "import os, signal\nos.kill(os.getpid(), signal.SIGINT)")
    with pytest.raises(KeyboardInterrupt):
        load_registry()


def test_reason_names_the_line_of_the_plugin(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text("x = 1\n\nx / 0\n")
    problem = row(load_registry(PluginSettings(paths=(str(file),))), "bad").problem
    assert problem == f"ZeroDivisionError: division by zero ({file}, line 3)"


def test_two_providers_of_one_name(install):
    install("zoo-left", "left", plugin_text("twin"), version="1.2")
    install("zoo-right", "right", plugin_text("twin"), version="3.4")
    registry = load_registry()
    with pytest.raises(UsageError) as caught:
        registry.architectures.get("twin")
    assert "zoo-left 1.2 (left)" in caught.value.what
    assert "zoo-right 3.4 (right)" in caught.value.what
    with pytest.raises(UsageError, match="model 'twin8' is provided twice"):
        registry.variant("twin8")
    with pytest.raises(UsageError):
        registry.architectures.provider("twin")
    assert "twin" in registry.architectures.names()
    assert list(registry.architectures.conflicts()) == ["twin"]
    assert "twin" not in [a.name for a in registry.architectures]
    assert "twin8" not in [v.name for _, v in registry.variants()]
    assert registry.variant("lenet5")[0].name == "lenet"
    word = caught.value.fix.split("--without ")[1].split()[0]
    assert load_registry(PluginSettings(without=(word,))).variant("twin8")


def test_two_families_with_one_variant_name(install):
    install("zoo-left", "left", plugin_text("lefty", variant="shared"))
    install("zoo-right", "right", plugin_text("righty", variant="shared"))
    registry = load_registry()
    assert registry.architectures.get("lefty")
    assert registry.architectures.get("righty")
    with pytest.raises(UsageError, match="provided twice"):
        registry.variant("shared")


def test_advice_works_when_both_plugins_have_one_name(install):
    """``--without NAME`` would switch both off, so the advice names the distribution too."""
    install("zoo-mine", "lenet", plugin_text("lenet", variant="lenet5"))
    with pytest.raises(UsageError) as caught:
        load_registry().variant("lenet5")
    word = caught.value.fix.split("--without ")[1].split()[0]
    assert word == "zoo-mine:lenet"
    registry = load_registry(PluginSettings(without=(word,)))
    assert registry.variant("lenet5")[1].parameters == 61_706
    assert row(registry, "lenet", "zoo-mine").problem == "switched off by --without"


def test_without(install):
    install("zoo-tiny", "tiny", "raise RuntimeError('is not even imported')")
    registry = load_registry(PluginSettings(without=("tiny", "onnx")))
    assert row(registry, "tiny").problem == "switched off by --without"
    assert "tflite" in registry.exporters.names()
    with pytest.raises(UnknownName, match="unknown format 'onnx'"):
        registry.exporters.get("onnx")


def test_without_a_name_that_nothing_has():
    with pytest.raises(UnknownName, match="unknown plugin 'lenett'") as caught:
        load_registry(PluginSettings(without=("lenett",)))
    assert caught.value.suggestions[0] == "lenet"


def test_local_file_and_folder(tmp_path):
    folder = tmp_path / "zoo_plugins"
    folder.mkdir()
    (folder / "one.py").write_text(plugin_text("one"))
    (folder / "two.py").write_text(plugin_text("two"))
    (folder / "notes.txt").write_text("not a plugin")
    registry = load_registry(PluginSettings(paths=(str(folder),)))
    assert registry.variant("one8")[0].name == "one"
    assert registry.variant("two8")[0].name == "two"
    assert row(registry, "one").distribution == str(folder / "one.py")
    assert registry.variant_plugin("one8").source_file == str(folder / "one.py")
    alone = load_registry(PluginSettings(paths=(str(folder / "two.py"),)))
    assert "one" not in alone.architectures.names()


@pytest.mark.parametrize("given", ["zoo_plugins", "zoo_plugins/packed", "."])
def test_local_package(tmp_path, monkeypatch, given):
    folder = write_package(tmp_path / "zoo_plugins" / "packed", "zoo_architectures")
    write_package(tmp_path / "zoo_plugins" / "helpers", "zoo_architectures", **{"__init__.py": ""})
    monkeypatch.chdir(folder if given == "." else tmp_path)
    registry = load_registry(PluginSettings(paths=(given,)))
    local = [p for p in registry.plugins if p.origin == "local"]
    assert [(p.name, p.problem) for p in local] == [("packed", None)]
    assert Path(registry.variant_plugin("packed8").source_file).resolve() == folder


def test_local_packages_of_one_name_keep_their_own_modules(tmp_path):
    """What a package imports only when it is used comes from its own folder."""
    late = {"__init__.py": PACKAGE["__init__.py"] + "def late():\n    from . import mark\n"}
    late["__init__.py"] += "    return mark.MARK\n"
    folders = [
        write_package(tmp_path / side / "packed", "zoo_architectures", **late, **{"mark.py": text})
        for side, text in (("left", "MARK = 1"), ("right", "MARK = 2"))
    ]
    registry = load_registry(PluginSettings(paths=tuple(map(str, folders))))
    modules = [
        module
        for folder in folders
        for module in sys.modules.values()
        if getattr(module, "__file__", None) == str(folder / "__init__.py")
    ]
    assert [module.late() for module in modules] == [1, 2]
    assert len(registry.architectures.conflicts()["packed"]) == 2


def test_local_package_is_read_anew(tmp_path):
    folder = write_package(tmp_path / "packed", "zoo_architectures")
    settings = PluginSettings(paths=(str(folder),))
    assert load_registry(settings).variant("packed8")
    records = folder / "records.py"
    records.write_text(records.read_text().replace("packed8", "packed99"))
    assert load_registry(settings).variant("packed99")


def test_broken_local_package_costs_its_row_alone(tmp_path):
    write_package(tmp_path / "a_torn", "zoo_architectures", **{"records.py": "1 / 0"})
    write_package(tmp_path / "b_late", "zoo_architectures", **{"records.py": "\xff = ("})
    write_package(tmp_path / "packed", "zoo_architectures")
    (tmp_path / "c_bytes").mkdir()
    (tmp_path / "c_bytes" / "__init__.py").write_bytes(b"@hookimpl\n\xff\xfe")
    (tmp_path / "d_torn.py").symlink_to("/proc/self/mem")  # a file whose text cannot be read
    registry = load_registry(PluginSettings(paths=(str(tmp_path),)))
    local = {p.name: p.problem for p in registry.plugins if p.origin == "local"}
    broken = ["a_torn", "b_late", "c_bytes", "d_torn"]
    assert [name for name, problem in local.items() if problem] == broken
    assert "ZeroDivisionError" in local["a_torn"]
    assert registry.variant("packed8")
    assert not [name for name in sys.modules if name.startswith("zoo_local_a_torn")]


def test_local_plugin_that_is_named_twice(tmp_path):
    file = tmp_path / "one.py"
    file.write_text(plugin_text("one"))
    registry = load_registry(PluginSettings(paths=(str(file), str(file))))
    rows = [p for p in registry.plugins if p.name == "one"]
    assert [p.problem is None for p in rows] == [True, False]
    assert "was found before" in rows[1].problem
    assert registry.variant("one8")


def test_one_module_under_two_entry_points(site, install):
    install("zoo-tiny", "tiny", plugin_text("tiny"))
    entries = next(site.glob("*.dist-info")) / "entry_points.txt"
    module = entries.read_text().split()[-1]
    entries.write_text(f"[zoo]\ntiny = {module}\nagain = {module}\n")
    registry = load_registry()
    assert registry.variant("tiny8")
    assert "zoo-tiny:tiny" in row(registry, "again").problem


def test_failed_import_leaves_no_module(tmp_path):
    file = tmp_path / "falls_over.py"
    file.write_text("raise RuntimeError('no')")
    load_registry(PluginSettings(paths=(str(file),)))
    assert "zoo_local_falls_over" not in sys.modules


#: How a plugin is unusable, and what its row, and an error for a name of its own, tell of it.
UNUSABLE = {
    "raises": ("1 / 0\n", "ZeroDivisionError: division by zero ({}, line 1)", "correct the line"),
    "lacks a package": ("import nosuch", "No module named 'nosuch'", "provides 'nosuch'"),
    "has a helper beside it": ("import helper", "No module named 'helper'", "make its folder"),
    "imports relatively": ("from .helper import x", "no known parent", "make its folder a package"),
    "has bad syntax": ("def f(:", "SyntaxError: invalid syntax ({}, line 1)", "correct the line"),
    "lacks the mark": ("def zoo_tasks(): yield 1", "write @zoo.hookimpl above it", "correct that"),
    "has no hook": ("x = 1", "it has no hook", "correct that in the plugin"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3 ({}, line 1)", "correct the line"),
    "recurs": ("def f(): f()\nf()", "RecursionError: ", "correct the line"),
    "is cancelled": ("import asyncio\nraise asyncio.CancelledError", "CancelledError (", "line"),
}


@pytest.mark.parametrize("how", UNUSABLE)
def test_an_unknown_name_tells_of_plugins_that_are_not_used(tmp_path, how):
    source, problem, fix = UNUSABLE[how]
    (tmp_path / "helper.py").write_text("x = 1\n")
    file = tmp_path / "mine.py"
    file.write_text(source)
    registry = load_registry(PluginSettings(paths=(str(file),), installed=False))
    assert problem.format(file) in row(registry, "mine").problem
    for names in (registry.tasks, registry.datasets, registry.devices):
        with pytest.raises(UnknownName) as error:
            names.get("mine28")
        assert error.value.why == f"the plugin 'mine' is not used: {row(registry, 'mine').problem}"
        assert fix in error.value.fix
        assert error.value.fix.endswith("`zoo plugins list` shows all plugins")
    with pytest.raises(UnknownName) as error:
        registry.variant("lenet4")
    assert error.value.fix.startswith("did you mean 'lenet5'")
    assert fix in error.value.fix


def test_an_unknown_name_tells_of_the_likest_plugin_first(tmp_path):
    for name in ("a", "b", "c", "d", "tiny"):
        (tmp_path / f"{name}.py").write_text("def zoo_tasks(): pass")
    (tmp_path / "helper.py").write_text("raise ValueError('no plugin: never imported')")
    registry = load_registry(PluginSettings(paths=(str(tmp_path),), installed=False))
    assert {p.name for p in registry.plugins if p.origin == "local"} == {*"abcd", "tiny"}
    with pytest.raises(UnknownName) as error:
        registry.variant("tiny8")
    first, _, _, more = error.value.why.split("; ")
    assert first.startswith("the plugin 'tiny' is not used: ")
    assert more == "and 2 other plugins are not used"
    (tmp_path / "idle.py").write_text("import zoo\n@zoo.hookimpl\ndef zoo_tasks(): return ()")
    idle = PluginSettings(paths=(str(tmp_path / "idle.py"),), without=("lenet",), installed=False)
    with pytest.raises(UnknownName) as error:
        load_registry(idle).variant("lenet5")
    assert error.value.why == (
        "the plugin 'lenet' is not used: switched off by --without; "
        "the plugin 'idle' provides nothing"
    )
    assert error.value.fix.startswith(
        "leave --without out; `zoo plugins list` shows all plugins; or"
    )


@pytest.mark.parametrize("name", ["missing.py", "missing", "empty_folder"])
def test_missing_local_plugin(tmp_path, name):
    (tmp_path / "empty_folder").mkdir()
    with pytest.raises(UsageError, match=name) as caught:
        load_registry(PluginSettings(paths=(str(tmp_path / name),)))
    assert caught.value.fix


def test_local_file_that_is_not_python(tmp_path):
    file = tmp_path / "plugin.txt"
    file.write_text(plugin_text("tiny"))
    registry = load_registry(PluginSettings(paths=(str(file),)))
    assert "is not a Python file" in row(registry, "plugin").problem


@pytest.mark.parametrize(
    ("hook", "make", "names"),
    [
        ("zoo_architectures", architecture, "architectures"),
        ("zoo_tasks", task, "tasks"),
        ("zoo_datasets", provider, "datasets"),
        ("zoo_exporters", exporter, "exporters"),
        ("zoo_targets", target, "targets"),
        ("zoo_runtimes", runtime, "runtimes"),
        ("zoo_devices", device, "devices"),
        ("zoo_sources", source, "sources"),
    ],
)
def test_every_hook_reaches_its_names(hook, make, names):
    record = make(name="brought-by-a-plugin")
    registry = registry_with(hook, record)
    assert getattr(registry, names).get(record.name) is record
    assert getattr(registry, names).provider(record.name).name == "p0"


def test_family_with_several_variants_is_no_model():
    registry = registry_with(
        "zoo_architectures", architecture(variants=(variant(), variant(name="tiny9")))
    )
    with pytest.raises(UsageError, match="'tiny' is a family") as caught:
        registry.variant("tiny")
    assert caught.value.fix == "choose a variant: tiny8, tiny9"


def test_file_belongs_to_the_longest_suffix():
    plain = exporter(name="plain", suffix=".bin")
    packed = exporter(name="packed", suffix=".packed.bin")
    registry = registry_with("zoo_exporters", plain, packed)
    assert registry.exporter_for(Path("a.bin")) is plain
    assert registry.exporter_for(Path("a.packed.bin")) is packed
    assert registry.exporter_for(Path("a.packed.bin.rejected")) is packed
    assert registry.exporter_for(Path("a.other")) is None


def test_suffix_with_two_providers():
    registry = registry_with(
        "zoo_exporters", exporter(name="one"), exporter(name="two"), exporter(name="x", suffix=".x")
    )
    with pytest.raises(UsageError, match=r"the suffix '.stone' is provided twice: by d 1 \(p0\)"):
        registry.exporter_for(Path("a.stone"))
    assert registry.exporter_for(Path("a.x")).name == "x"
