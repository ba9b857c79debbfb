"""list, info, plugins list and doctor: what they show, and plugins that are broken."""

from __future__ import annotations

import shutil
from pathlib import Path
from textwrap import dedent

import pytest

import zoo.plugins

WEIGHTS = Path(zoo.plugins.__file__).parent / "weights"

NETWORK = """
    import zoo
    @zoo.hookimpl
    def zoo_architectures():
        yield zoo.Architecture(
            name={name!r}, summary="one layer", source="here", build=lambda inputs, classes: inputs,
            variants=(zoo.Variant(
                name={name!r} + "8", classes=3, parameters=10, multiply_adds=20,
                preprocessing=zoo.ImagePreprocessing(height=8, width=8, channels=1)),))
"""


def plugin(path: str, text: str) -> str:
    Path(path).write_text(dedent(text))
    return path


def test_list(zoo):
    typed = zoo("list")
    assert (typed.code, typed.err) == (0, "")
    heading, *rows = typed.out.partition("\n\n")[0].splitlines()
    assert heading.split() == [
        *("model", "family", "task", "input", "parameters", "multiply-adds", "licence", "weights")
    ]
    names = [row.split()[0] for row in rows]
    assert names == sorted(names)
    (lenet,) = [row for row in rows if row.startswith("lenet5 ")]
    assert lenet.split() == [
        *("lenet5", "lenet", "image-classification", "28×28×1", "61.7", "k", "417", "k"),
        *("Apache-2.0", "fashion_mnist"),
    ]


def test_list_as_json(zoo):
    rows = zoo("list", "--json").json
    assert {row["name"] for row in rows} == {
        line.split()[0] for line in zoo("list").out.partition("\n\n")[0].splitlines()[1:]
    }
    (lenet,) = [row for row in rows if row["name"] == "lenet5"]
    assert lenet["parameters"] == 61_706
    assert lenet["input_shape"] == [28, 28, 1]
    assert lenet["weights"] == ["fashion_mnist"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("lenet5", {"lenet5"}),
        ("LENET5", None),
        ("lenet", {"lenet5"}),
        ("lenet?", {"lenet5"}),
        ("lenet5.*", {"lenet5"}),
        ("resnet[28]", {"resnet8"}),
        ("[", None),
        ("", None),
    ],
)
def test_list_takes_patterns(pattern, names, zoo):
    typed = zoo("list", pattern, "--json")
    if names is None:
        assert typed.code == 2
        assert "unknown model" in typed.json["error"]["what"]
    else:
        assert {row["name"] for row in typed.json} == names


def test_info(zoo):
    typed = zoo("info", "lenet5")
    assert (typed.code, typed.err) == (0, "")
    for text in (
        "61,706",
        "416,520",
        "LeCun",
        "(pixel × 0.00392157 − 0.286) / 0.353",
        "activation=",
    ):
        assert text in typed.out
    assert "weights lenet5.fashion_mnist" in typed.out
    assert "on 10,000 test examples of fashion_mnist" in typed.out
    assert zoo("info", "lenet").out == typed.out


def test_info_of_a_network_without_weights(zoo):
    plugin("mine.py", NETWORK.format(name="tiny"))
    shown = zoo("--plugin", "mine.py", "info", "tiny8").out
    assert "no packaged weights: zoo finetune tiny8 --from-scratch --data DATASET" in shown


def test_info_as_json(zoo):
    found = zoo("info", "lenet5", "--json").json
    assert found["preprocessing"]["mean"] == [0.286]
    assert found["plugin"]["name"] == "lenet"
    card = found["cards"]["lenet5.fashion_mnist"]
    assert len(card["classes"]) == 10
    assert 0.9 < card["accuracy"]["value"] < 1


def test_info_of_a_weights_file_shows_its_own_card(zoo):
    """Not the card of the packaged weights of that variant."""
    card = (WEIGHTS / "lenet5.fashion_mnist.toml").read_text(encoding="utf-8")
    Path("lenet5.mine.toml").write_text(
        card.replace('tag = "fashion_mnist"', 'tag = "mine"').replace("Trouser", "Slacks"),
        encoding="utf-8",
    )
    shutil.copy(WEIGHTS / "lenet5.fashion_mnist.safetensors", "lenet5.mine.safetensors")
    found = zoo("info", "lenet5.mine.safetensors", "--json").json
    assert list(found["cards"]) == ["lenet5.mine"]
    assert "Slacks" in found["cards"]["lenet5.mine"]["classes"]
    assert "weights lenet5.mine" in zoo("info", "lenet5.mine.safetensors").out


def test_plugins_list(zoo):
    typed = zoo("plugins", "list")
    assert (typed.code, typed.err) == (0, "")
    rows = {line.split()[0]: line for line in typed.out.splitlines()[1:]}
    assert "architecture lenet" in rows["lenet"]
    assert "format onnx" in rows["onnx"]
    assert "device host" in rows["local"]
    found = zoo("plugins", "list", "--json").json
    assert {row["name"] for row in found["plugins"]} == set(rows)
    assert all(row["problem"] is None for row in found["plugins"])
    assert found["conflicts"] == {}


def test_local_plugin_is_found(zoo):
    plugin("mine.py", NETWORK.format(name="tiny"))
    assert "tiny8" in zoo("--plugin", "mine.py", "list").out
    assert "tiny8" in zoo("--plugin", ".", "list", "tiny").out
    assert zoo("list", "tiny8").code == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError"),
        ("this is no Python", "SyntaxError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        (
            "import zoo\n@zoo.hookimpl\ndef zoo_datasets():\n    yield 'photos'",
            "zoo_datasets must yield DatasetProvider records, but yielded a str",
        ),
        (NETWORK.format(name="Not A Name"), "Not A Name"),
    ],
    ids=["import", "syntax", "exit", "zero", "record", "name"],
)
def test_broken_plugin_costs_itself_alone(text, reason, zoo):
    plugin("broken.py", text)
    typed = zoo("--plugin", "broken.py", "plugins", "list")
    assert typed.code == 0
    (row,) = [line for line in typed.out.splitlines() if line.startswith("broken ")]
    assert "BROKEN" in row
    assert reason in row
    assert "Traceback" not in typed.err
    typed = zoo("--plugin", "broken.py", "list")
    assert (typed.code, typed.err) == (0, "")
    typed = zoo("--plugin", "broken.py", "doctor")
    assert typed.code == 1
    assert "zoo --without broken" in typed.out


def test_name_that_two_plugins_provide(zoo):
    plugin("again.py", NETWORK.format(name="lenet"))
    options = ("--plugin", "again.py")
    shown = zoo(*options, "plugins", "list").out
    assert "conflict: architecture lenet is provided by edgezoo" in shown
    typed = zoo(*options, "info", "lenet8")
    assert typed.code == 2
    assert "architecture 'lenet' is provided twice" in typed.err
    plugin("other.py", NETWORK.format(name="lenet").replace('"8"', '"5"'))
    typed = zoo("--plugin", "other.py", "info", "lenet5")
    assert typed.code == 2
    assert "'lenet5' is provided twice" in typed.err
    assert "zoo --without other" in typed.err
    assert zoo("--plugin", "other.py", "--without", "other", "info", "lenet5").code == 0


def test_plugin_that_is_switched_off(zoo):
    assert zoo("--without", "lenet", "info", "lenet5").code == 2
    typed = zoo("--without", "lenet", "plugins", "list")
    assert "switched off by --without" in typed.out
    assert zoo("--no-plugins", "info", "lenet5").code == 0


def test_doctor(zoo, monkeypatch):
    typed = zoo("doctor", "--json")
    parts = {row["part"] for row in typed.json}
    assert {"python", "package", "dataset", "device", "folder"} <= parts
    missing = [row for row in typed.json if not row["ok"]]
    assert typed.code == (1 if missing else 0)
    assert all(row["fix"] for row in missing)
    shown = zoo("doctor")
    assert shown.code == typed.code
    assert ("everything is there" in shown.out) == (not missing)
    assert len(shown.out.splitlines()) <= 1 + 4 * len(missing)
    listed = zoo("doctor", "--all").out
    assert all(row["name"] in listed for row in typed.json)


def test_doctor_finds_what_is_missing(zoo, monkeypatch):
    monkeypatch.setattr("zoo.diagnosis.installed", lambda module: module != "onnxruntime")
    Path("empty").mkdir()
    monkeypatch.setenv("ZOO_FASHION_MNIST", "empty")
    Path("file").touch()
    monkeypatch.setenv("ZOO_HOME", "file/home")
    typed = zoo("doctor")
    assert typed.code == 1
    for text in (
        'pip install "edgezoo[onnx]"',
        "put the files there, or unset ZOO_FASHION_MNIST",
        "set ZOO_HOME to a folder that can be written",
    ):
        assert text in typed.out
    assert "everything is there" not in typed.out
    wrong = {row["name"] for row in zoo("doctor", "--json").json if not row["ok"]}
    assert {"onnxruntime", "fashion_mnist", "cache", "data"} <= wrong


def test_what_plugins_print_is_no_part_of_json(zoo_process, tmp_path):
    """While they are imported, afterwards, from native code, and when the process ends."""
    loud = tmp_path / "loud.py"
    loud.write_text(
        "import atexit, os, zoo\n"
        "def say():\n"
        "    print('said')\n"
        "    os.write(1, b'written')\n"
        "say()\n"
        "atexit.register(say)\n"
        "def fingerprint(argument):\n"
        "    say()\n"
        "    raise SystemExit(0)\n"
        "@zoo.hookimpl\n"
        "def zoo_datasets():\n"
        "    say()\n"
        "    yield zoo.DatasetProvider(name='loud', summary='-', tasks=('loud',),\n"
        "                              open=fingerprint, fingerprint=fingerprint)\n"
    )
    typed = zoo_process("--plugin", loud, "data", "loud", "--json")
    assert typed.code == 1
    error = typed.json["error"]
    assert error["what"] == "the plugin 'loud' failed: SystemExit: 0"
    assert error["why"] == f"raised at {loud}, line 9, in fingerprint"
    assert typed.err.count("said") >= 3
    assert typed.err.count("written") >= 3
    typed = zoo_process("--plugin", loud, "data")
    assert typed.code == 0
    assert "said" not in typed.out.partition("loud")[0]
