"""The same run again, by command, recipe and function: what is done anew, and what is not."""

from __future__ import annotations

import json

import pytest
from ship_commands import FILES, SHIP, STEPS, Place, Shipped, contents, sha256

import zoo

AGAIN = """
import json, sys
from multiprocessing import forkserver
from zoo.cli.main import main
try:
    main()
finally:
    heavy = {"tensorflow", "keras", "onnxruntime", "ai_edge_litert"} & set(sys.modules)
    print(json.dumps([sorted(heavy), forkserver._forkserver._forkserver_pid]))
"""


def test_same_command_again_does_nothing(shipped: Shipped, place: Place) -> None:
    before = contents(shipped.folder)
    typed = place.python("-c", AGAIN, *SHIP, "--output", "my runs")
    assert (typed.code, typed.err) == (0, "")
    *table, told = typed.out.splitlines()
    assert json.loads(told) == [[], None]
    assert table == shipped.typed.out.splitlines()
    assert contents(shipped.folder) == before


def test_recipe_makes_the_same_run(shipped: Shipped, place: Place) -> None:
    recipe = shipped.folder / "recipe.toml"
    typed = place.zoo("ship", "--recipe", recipe, "--output", "elsewhere", "--json")
    assert (typed.code, typed.err) == (0, "")
    told = json.loads(typed.out)
    assert told["run"] == shipped.folder.name
    assert told["passed"] is True
    assert [row["file"] for row in told["files"]] == FILES
    assert [row["verdict"] for row in told["files"]] == ["passed"] * 4
    assert {step["step"] for step in told["steps"]} == STEPS
    again = contents(place.folder / "elsewhere" / told["run"])
    before = contents(shipped.folder)
    assert {name: again[name] for name in before if name != "report.html"} == {
        name: digest for name, digest in before.items() if name != "report.html"
    }


def test_function_makes_the_same_run(shipped: Shipped) -> None:
    events: list[str] = []
    run = zoo.ship(
        "lenet5",
        "digits",
        epochs=2,
        output="by function",
        on_step=lambda step, event: events.append(event["event"]),
    )
    assert run.passed
    assert run.name == shipped.folder.name
    assert not run.changed
    assert sorted(file.name for file in run.files) == sorted(FILES)
    assert contents(run.folder)["lenet5.digits.safetensors"] == sha256(
        shipped.folder / "lenet5.digits.safetensors"
    )
    assert set(events) == {"start", "end"}


@pytest.mark.slow
def test_threads_change_benches_alone(shipped: Shipped, place: Place) -> None:
    cell = ("--format", "tflite", "--precision", "float32")
    assert place.zoo(*SHIP, *cell).done == set()
    typed = place.zoo(*SHIP, *cell, "--threads", "2")
    assert typed.code == 0
    assert typed.done == {"bench tflite float32 host"}


@pytest.mark.slow
def test_precision_changes_what_depends_on_it_alone(shipped: Shipped, place: Place) -> None:
    """Without its float32 twin, a file is judged anew; nothing is trained or converted."""
    typed = place.zoo(*SHIP, "--format", "tflite", "--precision", "int8")
    assert typed.code == 0
    assert typed.done == {"gate tflite int8", "bench tflite int8 host"}


SCRIPT = """
import json, os
from pathlib import Path

import zoo

with Path("times.txt").open("a") as file:
    file.write("once\\n")
done = []
run = zoo.ship(
    "lenet5", "digits", epochs=2, format=["tflite"], precision=["int8"], calibration_samples=64,
    output="scripted", report=False,
    on_step=lambda step, event: done.append(step) if event == {**event, "cached": False} else None,
)
os.chdir(run.folder)
(found,) = zoo.evaluate("lenet5.digits.safetensors").metrics
print(json.dumps({"passed": run.passed, "done": done, "accuracy": found.value}))
"""


@pytest.mark.slow
def test_script_without_a_main_guard(shipped: Shipped, place: Place) -> None:
    """Children neither run the script again nor lose its working folder."""
    (place.folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    typed = place.python("script.py")
    assert (typed.code, typed.err) == (0, "")
    told = json.loads(typed.out)
    assert told["passed"] is True
    assert told["done"] == ["export tflite int8", "gate tflite int8", "bench tflite int8 host"]
    (metric,) = shipped.records["evaluate keras"]["result"]["metrics"]
    assert told["accuracy"] == metric["value"]
    assert (place.folder / "times.txt").read_text(encoding="utf-8") == "once\n"
