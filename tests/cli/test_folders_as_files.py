"""The folder of a run or an export where files are taken: all its files, or a question which."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from digit_files import with_manifest
from short_timing import short_timing as short_timing

from zoo import evaluate
from zoo.common.errors import UsageError
from zoo.results.records import as_plain
from zoo.results.store import Store


@pytest.fixture
def folder(judged_file: Path) -> Path:
    """Two files that passed, one that was rejected, and what else a run leaves."""
    made = Path("runs/tiny.digits-0")
    made.mkdir(parents=True)
    for name in ("a.onnx", "b.onnx", "c.onnx.rejected"):
        shutil.copy(judged_file, made / name)
    (made / "report.html").write_text("<!doctype html>")
    return made


def test_every_file_is_inspected_and_verified(folder, altered_file, zoo):
    shown = zoo("inspect", folder)
    assert shown.code == 0
    assert [line.split()[1] for line in shown.out.splitlines() if line.startswith("file ")] == [
        f"{folder}/a.onnx",
        f"{folder}/b.onnx",
    ]
    plain = zoo("inspect", folder, "--json").json
    assert [Path(one["file"]).name for one in plain] == ["a.onnx", "b.onnx"]
    verified = zoo("verify", f"{folder}/", "--json")
    assert [Path(one["file"]).name for one in verified.json] == ["a.onnx", "b.onnx"]
    assert verified.code == (0 if all(one["passed"] for one in verified.json) else 1)
    shutil.copy(altered_file, folder / "b.onnx")
    assert f"ALTERED {folder}/b.onnx" in zoo("inspect", folder).err
    again = zoo("verify", folder, "--json")
    assert [one["passed"] for one in again.json][1] is False
    assert again.code == 1


def test_every_file_is_evaluated(folder, zoo):
    typed = zoo("evaluate", folder, "--data", "digits", "--allow-weak", "--json")
    assert [one["subject"] for one in typed.json] == ["a.onnx", "b.onnx"]
    assert typed.json[0]["metrics"] == typed.json[1]["metrics"]
    alone = zoo("evaluate", folder / "a.onnx", "--data", "digits", "--allow-weak", "--json")
    assert alone.json["metrics"] == typed.json[0]["metrics"]
    with pytest.raises(UsageError, match="holds 2 files, and one is evaluated at a time"):
        evaluate(folder)


@pytest.mark.parametrize(
    ("command", "named"),
    [(["inspect"], "file"), (["evaluate", "--data", "digits", "--allow-weak"], "subject")],
)
def test_a_damaged_file_costs_its_own_result_alone(folder, zoo, command, named):
    (folder / "a.onnx").write_bytes((folder / "a.onnx").read_bytes()[:300])
    typed = zoo(command[0], folder, *command[1:], "--json")
    first, second = typed.json
    assert first["file"] == f"{folder}/a.onnx"
    assert set(first["error"]) == {"type", "what", "why", "fix"}
    assert Path(second[named]).name == "b.onnx"
    assert (typed.code, typed.err.count("error: ")) == (2, 0)
    shown = zoo(command[0], folder, *command[1:])
    assert shown.code == 2
    assert shown.err.startswith(f"error: {folder}/a.onnx")
    assert "b.onnx" in shown.out
    alone = zoo(command[0], folder / "a.onnx", *command[1:], "--json")
    assert (alone.code, alone.json["error"]["what"]) == (2, first["error"]["what"])


def recorded(kind: str) -> list[dict[str, Any]]:
    store = Store(writes=False)
    found = [as_plain(stored.record) for stored in store.records(kind=kind)]
    store.close()
    return found


def test_a_damaged_file_is_a_row_of_bench_and_of_explain(folder, zoo):
    (folder / "a.onnx").write_bytes((folder / "a.onnx").read_bytes()[:300])
    typed = zoo("bench", folder, "--tier", "brief", "--budget", "p50<=1s", "--json")
    assert typed.code == 1
    assert [(Path(one["file"]).name, one["error"] is None) for one in typed.json] == [
        ("b.onnx", True),
        ("a.onnx", False),
    ]
    assert typed.json[1]["error"]["what"].startswith(f"{folder}/a.onnx")
    shutil.copy(folder / "b.onnx", folder / "c.onnx")
    with_manifest(folder / "b.onnx", precision="int8")
    explained = zoo("explain", folder, "--runs", "0", "--samples", "8", "--json")
    assert explained.code == 2
    first, second = explained.json
    assert first["error"]["what"].startswith(f"{folder}/a.onnx")
    assert Path(second["twin"]["path"]).name == "c.onnx"
    assert [(one["step"], one["status"]) for one in recorded("explain")] == [
        ("explain b.onnx", "passed")
    ]
    alone = zoo("bench", folder / "a.onnx", folder / "b.onnx")
    assert (alone.code, alone.out) == (2, "")
    for name in ("b", "c"):
        (folder / f"{name}.onnx").unlink()
    for command in ("bench", "explain"):
        typed = zoo(command, folder)
        assert (typed.code, typed.out) == (2, "")
        assert f"{folder}/a.onnx" in typed.err


def test_one_file_is_asked_for_where_one_is_taken(folder, zoo):
    for words in (["bundle", folder], ["compare", folder, folder / "a.onnx"]):
        typed = zoo(*words)
        assert typed.code == 2
        assert f"{folder} holds 2 files" in typed.err
        assert f"name one: {folder}/a.onnx, {folder}/b.onnx" in typed.err
    typed = zoo("explain", folder)
    assert (typed.code, "holds float32 files alone" in typed.err) == (2, True)
    for name in ("a", "b"):
        with_manifest(folder / f"{name}.onnx", precision="int8")
    typed = zoo("explain", folder, "--html", "why.html")
    assert typed.code == 2
    assert "holds 2 files, and --html is for one" in typed.err


def test_a_folder_without_files_names_those_that_have_some(folder, zoo):
    typed = zoo("inspect", "runs")
    assert typed.code == 2
    assert "runs holds no exported files" in typed.err
    assert f"fix: name one of {folder}" in typed.err
    for path in folder.iterdir():
        path.unlink()
    assert "fix: name a file, or the folder of a run" in zoo("bench", "runs").err


def test_files_of_a_folder_take_the_place_of_its_name(folder):
    from zoo.artifacts.files_of_folder import expanded_folders, most_precise_file
    from zoo.registry import load_registry

    registry = load_registry()
    named = ["lenet5", str(folder), "gone.onnx"]
    files = [str(folder / "a.onnx"), str(folder / "b.onnx")]
    assert expanded_folders(registry, named) == ["lenet5", *files, "gone.onnx"]
    with_manifest(folder / "a.onnx", precision="int8")
    assert most_precise_file(registry, folder) == folder / "b.onnx"
