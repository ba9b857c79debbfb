"""Discovery of plugins: where they are found, and that a broken one costs its row alone."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest
from makers import (
    architecture,
    device,
    executor,
    exporter,
    plugin_text,
    provider,
    registry_with,
    runtime,
    source,
    target,
    task,
    tracker,
    variant,
)
from plugin_sites import install as install
from plugin_sites import row, write_package
from plugin_sites import site as site

from zoo.common.errors import UnknownName, UsageError
from zoo.common.versions import said_by
from zoo.registry import BUILT_IN_PACKAGES, PluginSettings, load_registry


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


def test_distribution_whose_metadata_cannot_be_read():
    """As `importlib_metadata`, once it is imported, has it of one that was removed by half."""

    class Removed(PathDistribution):
        @property
        def name(self):
            raise FileNotFoundError("no package metadata was found")

    assert said_by(Removed(Path("gone")), "name") is None
    assert said_by(None, "version") is None


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


def test_one_module_under_two_entry_points(site, install):
    install("zoo-tiny", "tiny", plugin_text("tiny"))
    entries = next(site.glob("*.dist-info")) / "entry_points.txt"
    module = entries.read_text().split()[-1]
    entries.write_text(f"[zoo]\ntiny = {module}\nagain = {module}\n")
    registry = load_registry()
    assert registry.variant("tiny8")
    assert "zoo-tiny:tiny" in row(registry, "again").problem


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
        ("zoo_trackers", tracker, "trackers"),
        ("zoo_executors", executor, "executors"),
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


def test_foreign_networks_of_one_name_follow_each_other():
    """As in `zoo compare old/net.keras new/net.pt2`; a plugin's model keeps its name."""
    sources = [source(name=name) for name in ("keras", "torch")]
    registry = registry_with("zoo_sources", *sources)
    for came in (*sources, sources[0]):
        network = architecture(name="net", variants=(variant(name="net"),))
        registry.adopt(network, came.name)
        assert registry.variant("net")[0] is registry.architectures.get("net") is network
        assert registry.variant_plugin("net") is registry.sources.provider(came.name)
    models = registry_with("zoo_architectures", architecture(variants=(variant(name="tiny"),)))
    models.sources.add("keras", sources[0], registry.sources.provider("keras"))
    models.adopt(architecture(variants=(variant(name="tiny"),)), "keras")
    with pytest.raises(UsageError, match="'tiny' is provided twice"):
        models.variant("tiny")
