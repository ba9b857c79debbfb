"""A devices.toml that came with somebody's project: nothing in it is believed or carried out."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.common.errors import UsageError, ZooError
from zoo.common.shown_text import printable
from zoo.execution.devices import device_named, known_devices
from zoo.execution.devices_file import Entry, allow_project, read_file, refuse_secrets
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return folder / "devices.toml"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('["../../etc/passwd"]\nkind = "ssh"\nhost = "a"', "is not usable"),
        ('["-oProxyCommand=id"]\nkind = "ssh"\nhost = "a"', "is not usable"),
        ('["a b;id"]\nkind = "ssh"\nhost = "a"', "is not usable"),
        ('[desk]\nkind = "../../../bin/sh"', "unknown kind of device"),
        ('[desk]\nkind = ["ssh"]', "has no kind"),
        ('[desk]\nkind = "ssh"\nhost = "-oProxyCommand=touch owned"', "host: must be"),
        ('[desk]\nkind = "ssh"\nhost = "a`id`"', "host: must be"),
        ('[desk]\nkind = "ssh"\nhost = "a\\nb"', "host: must be"),
        ('[desk]\nkind = "ssh"\nhost = "a"\nport = "22; id"', "port: "),
        ('[desk]\nkind = "ssh"\nhost = "a"\nport = 1e99', "port: "),
        ('[desk]\nkind = "ssh"\nhost = "a"\nport = true', "port: "),
        ('[desk]\nkind = "ssh"\nhost = "a"\nfolder = "../../root"', "folder: "),
        ('[desk]\nkind = "ssh"\nhost = "a"\npython = "sh -c id"', "python: must be"),
        ('[desk]\nkind = "ssh"\nhost = "a"\nidentity = "$(id)"', "identity: must be"),
        ('[desk]\nkind = "ssh"\nhost = "a"\ncpus = 240', "cpus: "),
        ('[desk]\nkind = "ssh"\nhost = 1979-05-27', "host: "),
        ('[desk]\nkind = "adb"\nfolder = "a/$(id)"', "folder: "),
        ('[desk]\nkind = "adb"\nbenchmark_folder = "/data/$(id)"', "benchmark_folder: "),
        ('[desk]\nkind = "adb"\nbenchmark_model = 7', "benchmark_model: "),
        ('[desk]\nkind = "adb"\nserver = "evil.example"', "server: "),
        ('[desk]\nkind = "ssh"\nhost = "pi:hunter2@pi4.local"', "looks like a secret"),
        ('[desk]\nkind = "ssh"\nhost = "a"\n[desk.more]\npassword = "hunter2"', "a secret"),
    ],
)
def test_one_entry_is_refused_and_the_others_work(project: Path, table: str, message: str) -> None:
    project.write_text(f'{table}\n[good]\nkind = "ssh"\nhost = "b"\n')
    allow_project()
    found = known_devices(REGISTRY)
    (error,) = [device for device in found.values() if isinstance(device, ZooError)]
    assert message in str(error)
    assert "hunter2" not in str(error)
    assert device_named(REGISTRY, "good").options["host"] == "b"


@pytest.mark.parametrize("size", [1_000_001, 50_000_000])
def test_a_huge_file(project: Path, size: int) -> None:
    with project.open("wb") as file:
        file.truncate(size)
    with pytest.raises(UsageError, match="too large for a file of devices"):
        read_file(project)


def test_a_pipe_is_not_waited_for(project: Path) -> None:
    os.mkfifo(project)
    with pytest.raises(UsageError, match="is not a file"):
        read_file(project)


def test_a_folder(project: Path) -> None:
    project.mkdir()
    with pytest.raises(UsageError, match="is not a file"):
        read_file(project)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00", b"a = " + b"[" * 5000, b"[a]\n[a]\n", b"a" * 900_000]
)
def test_what_is_no_toml(project: Path, content: bytes) -> None:
    project.write_bytes(content)
    with pytest.raises(UsageError, match=r"cannot be read|is not TOML"):
        read_file(project)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(values=st.dictionaries(st.text(max_size=12), JSON, max_size=4))
def test_whatever_an_entry_holds(values: dict[str, object]) -> None:
    try:
        refuse_secrets(Entry(name="desk", values=values, file=Path("devices.toml")))
    except UsageError as error:
        assert "looks like a secret" in error.what  # noqa: PT017


@given(st.text())
def test_a_terminal_is_not_steered(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    assert {unicodedata.category(c) for c in shown} & {"Cc", "Cs", "Zl", "Zp"} == set()
