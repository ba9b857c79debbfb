"""Devices by name: files, kinds, mistakes, secrets."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from device_kinds import kind_of
from hypothesis import given
from hypothesis import strategies as st
from makers import exporter
from pydantic import BaseModel, ConfigDict

from zoo.common.errors import UnknownName, UsageError, ZooError
from zoo.contracts import DeviceKind
from zoo.contracts.plugin import Plugin
from zoo.execution.device import Device
from zoo.execution.devices import add_device, device_named, known_devices, remove_device, runtime_on
from zoo.execution.devices_file import Entry, add_entry, read_file, refuse_secrets, remove_entry
from zoo.execution.trust import digest_of, trust
from zoo.registry import PluginSettings, Registry


class BoardOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    wire: str
    speed: int = 9600


class PhoneOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    serial: str | None = None


def kind(name: str, options: type[BaseModel] | None, **changes: object) -> DeviceKind:
    return kind_of(name, options=options, **changes)


@pytest.fixture
def registry() -> Registry:
    made = Registry(PluginSettings())
    kinds = (
        kind("here", None, local=True),
        kind("board", BoardOptions),
        kind("phone", PhoneOptions),
    )
    for each in kinds:
        plugin = Plugin(name=each.name, origin="local", distribution="d", version="1")
        made.devices.add(each.name, each, plugin)
    return made


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return folder


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    trust(file, digest_of(text))


def test_kinds_without_options_are_devices(registry: Registry) -> None:
    assert device_named(registry, None).name == "here"
    assert device_named(registry, "here").options == {}
    assert device_named(registry, "phone").options == {"serial": None}
    with pytest.raises(UsageError, match="zoo devices add NAME board wire=…"):
        device_named(registry, "board")


def test_an_entry_of_the_project_hides_the_users_own(
    registry: Registry, project: Path, tmp_path: Path
) -> None:
    write(project / "devices.toml", '[desk]\nkind = "board"\nwire = "near"\n')
    own = tmp_path / "home" / "config" / "devices.toml"
    write(
        own, '[desk]\nkind = "board"\nwire = "far"\n[lab]\nkind = "board"\nwire = "x"\nspeed = 5\n'
    )
    desk, lab = device_named(registry, "desk"), device_named(registry, "lab")
    assert (desk.options, desk.source) == (
        {"wire": "near", "speed": 9600},
        project / "devices.toml",
    )
    assert (lab.options, lab.source) == ({"wire": "x", "speed": 5}, own)
    assert desk.address == "speed=9600, wire=near"
    assert list(known_devices(registry)) == ["here", "phone", "desk", "lab"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[desk]\nkind = "bord"\nwire = "a"', "did you mean 'board'"),
        ('[desk]\nwire = "a"', "desk has no kind"),
        ("[desk]\nkind = 3", "desk has no kind"),
        ('[desk]\nkind = "board"', "wire: is required"),
        ('[desk]\nkind = "board"\nwire = "a"\nspeeed = 3', "did you mean 'speed'"),
        ('[desk]\nkind = "board"\nwire = "a"\nspeed = "fast"', "speed: must be a"),
        ('[desk]\nkind = "here"\nwire = "a"', "has no options of its own"),
        ('[Desk]\nkind = "board"\nwire = "a"', "name 'Desk' is not usable"),
        ('[phone]\nkind = "board"\nwire = "a"', "'phone' is the name of a kind"),
        ('[desk]\nkind = "board"\nwire = "a"\npassword = "hunter2"', "looks like a secret"),
    ],
)
def test_an_entry_that_cannot_be_used_costs_itself_alone(
    registry: Registry, project: Path, text: str, message: str
) -> None:
    write(project / "devices.toml", f'{text}\n[good]\nkind = "board"\nwire = "b"\n')
    name = text[1 : text.index("]")]
    with pytest.raises(UsageError, match=message):
        device_named(registry, name)
    assert isinstance(known_devices(registry)[name], ZooError)
    assert device_named(registry, "good").options["wire"] == "b"


@pytest.mark.parametrize(
    ("text", "message"),
    [("[desk", "is not TOML"), ('kind = "board"', "is outside"), ("x" * 9, "is not TOML")],
)
def test_a_file_that_cannot_be_read(
    registry: Registry, project: Path, text: str, message: str
) -> None:
    write(project / "devices.toml", text)
    with pytest.raises(UsageError, match=message):
        device_named(registry, "desk")


def test_a_misspelt_device(registry: Registry, project: Path) -> None:
    write(project / "devices.toml", '[desk]\nkind = "board"\nwire = "b"\n')
    with pytest.raises(UnknownName, match="did you mean 'desk'"):
        device_named(registry, "deks")


@pytest.mark.parametrize(
    ("key", "value", "secret"),
    [
        ("password", "x", True),
        ("Passphrase", "x", True),
        ("sudo_password", "x", True),
        ("api-key", "x", True),
        ("auth_token", "x", True),
        ("identity", "-----BEGIN OPENSSH PRIVATE KEY-----", True),
        ("identity", "~/.ssh/id_ed25519", False),
        ("compass", "x", False),
        ("monkey", "x", False),
        ("pinned", "x", False),
    ],
)
def test_secrets_are_refused_and_never_told(key: str, value: str, secret: bool) -> None:
    entry = Entry(name="desk", values={"kind": "board", key: value}, file=Path("devices.toml"))
    if not secret:
        refuse_secrets(entry)
        return
    with pytest.raises(UsageError, match="looks like a secret") as refusal:
        refuse_secrets(entry)
    assert "BEGIN" not in str(refusal.value)


def test_adding_and_removing_keeps_the_other_lines(
    registry: Registry, project: Path, tmp_path: Path
) -> None:
    file = project / "devices.toml"
    write(file, '# ours\n[first]\nkind = "board"\nwire = "a"  # the blue one')
    added = add_device(registry, "desk", "board", {"wire": "b", "speed": "5"}, project=True)
    assert added.options == {"wire": "b", "speed": 5}
    assert tomllib.loads(file.read_text())["desk"] == {"kind": "board", "wire": "b", "speed": 5}
    assert "# the blue one" in file.read_text()
    with pytest.raises(UsageError, match="already names 'desk'"):
        add_device(registry, "desk", "board", {"wire": "c"}, project=True)
    own = add_device(registry, "desk", "board", {"wire": "c"}).source
    assert own == tmp_path / "home" / "config" / "devices.toml"
    assert device_named(registry, "desk").options["wire"] == "b"
    assert [remove_device("desk"), remove_device("desk")] == [file, own]
    assert file.read_text() == '# ours\n[first]\nkind = "board"\nwire = "a"  # the blue one\n'
    with pytest.raises(UnknownName, match="did you mean 'first'"):
        remove_device("frist")


@pytest.mark.parametrize("wrong", [{"wire": "b", "colour": "red"}, {}, {"wire": "b", "pin": "1"}])
def test_nothing_is_added_that_cannot_be_used(
    registry: Registry, project: Path, wrong: dict[str, str]
) -> None:
    with pytest.raises(UsageError):
        add_device(registry, "desk", "board", wrong, project=True)
    assert not (project / "devices.toml").exists()


NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,8}", fullmatch=True)
TABLES = st.dictionaries(
    NAMES, st.dictionaries(NAMES, st.text(max_size=20) | st.integers(-9, 9), max_size=3), max_size=5
)


@given(tables=TABLES, name=NAMES, values=st.dictionaries(NAMES, st.text(max_size=20), max_size=3))
def test_a_device_comes_and_goes_whatever_the_others_are(
    tmp_path_factory: pytest.TempPathFactory,
    tables: dict[str, dict[str, object]],
    name: str,
    values: dict[str, str],
) -> None:
    file = tmp_path_factory.mktemp("folder") / "devices.toml"
    tables.pop(name, None)
    for other, options in tables.items():
        add_entry(file, other, options)
    add_entry(file, name, values)
    assert {n: dict(e.values) for n, e in read_file(file).items()} == {**tables, name: values}
    remove_entry(file, name)
    assert {n: dict(e.values) for n, e in read_file(file).items()} == tables


def test_removing_one_that_is_written_in_another_way(project: Path) -> None:
    """Dotted keys and inline tables have no heading to cut at."""
    file = project / "devices.toml"
    write(file, 'desk.kind = "board"\ndesk.wire = "[a]"\nlab = {kind = "board"}\n')
    remove_entry(file, "desk")
    assert tomllib.loads(file.read_text()) == {"lab": {"kind": "board"}}


def test_a_heading_inside_a_text_is_none(project: Path) -> None:
    file = project / "devices.toml"
    write(file, '[lab]\nwire = """\n[desk]\n"""\n[desk]\nkind = "board"\n')
    remove_entry(file, "desk")
    assert tomllib.loads(file.read_text()) == {"lab": {"wire": "[desk]\n"}}


def test_a_runtime_that_is_missing_there() -> None:
    device = Device(name="desk", kind=kind("board", BoardOptions), options={"wire": "a"})
    format = exporter(runtimes=("litert", "fake"))
    assert runtime_on(format, device) == "fake"
    with pytest.raises(ZooError, match=r"'desk' cannot run .* a runtime is missing there") as error:
        runtime_on(exporter(runtimes=("litert",)), device)
    assert "pip install" not in str(error.value), "nothing is to be installed here"
    assert "the device has fake" in str(error.value)


@pytest.mark.parametrize(
    ("brought", "fix"),
    [
        (("litert", "onnxruntime"), "type: zoo devices setup desk"),
        (
            ("onnxruntime",),
            "install one there by hand; zoo devices setup desk brings onnxruntime alone, and none "
            "for tflite files",
        ),
        ((), "install one there, in the Python that devices.toml names for it"),
    ],
)
def test_a_setup_is_named_only_where_it_brings_the_runtime(
    brought: tuple[str, ...], fix: str
) -> None:
    methods = {"setup": lambda driver, tell: "ready", "setup_runtimes": lambda driver: brought}
    device = Device(name="desk", kind=kind_of(methods=methods))
    with pytest.raises(ZooError, match="a runtime is missing there") as error:
        runtime_on(exporter(name="tflite", runtimes=("litert",)), device)
    assert error.value.fix == fix


def test_what_a_setup_brings_is_asked_of_kinds_that_have_one() -> None:
    declared = {"setup_runtimes": lambda driver: ("litert",)}
    assert Device(name="desk", kind=kind_of(methods=declared)).setup_runtimes == ()
    methods = {"setup": lambda driver, tell: "ready", "setup_runtimes": lambda driver: [1]}
    with pytest.raises(ZooError, match="tell which runtimes its setup brings"):
        _ = Device(name="desk", kind=kind_of(methods=methods)).setup_runtimes
