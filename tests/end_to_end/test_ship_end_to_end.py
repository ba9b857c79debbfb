"""One real run from weights to proven files, and everything that is promised of it.

LeNet-5 is fine-tuned on scanned digits for two epochs once; most tests look at that run, or repeat
it with a change and see what is done again.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import zoo
from zoo.artifacts.artifact import open_artifact
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "onnxruntime", "tf2onnx", "sklearn", "jinja2"):
    pytest.importorskip(module)

SHIP = ("ship", "lenet5", "--data", "digits", "--epochs", "2")
CELLS = [(f, p) for f in ("onnx", "tflite") for p in ("float32", "int8")]
FILES = [f"lenet5.digits.{p}.{f}" for f, p in CELLS]
STEPS = {
    *("finetune", "evaluate keras"),
    *(f"{kind} {f} {p}" for kind in ("export", "gate") for f, p in CELLS),
    *(f"bench {f} {p} host" for f, p in CELLS),
}

#: Exporters that go wrong in different ways, in one file that ``--plugin`` takes.
ODD = '''
import os, signal, time
from dataclasses import replace
from pathlib import Path

import zoo
from zoo.exporters import tflite
from zoo.exporters.tflite.export import export


def garbled(request):
    """Exports other weights than it was given."""
    import numpy as np
    random = np.random.default_rng(0)
    for variable in request.model.trainable_variables:
        variable.assign(random.normal(size=variable.shape))
    export(request)


def crash(request):
    os.kill(os.getpid(), signal.SIGSEGV)


def refuse(request):
    raise RuntimeError("this converter does not like Mondays")


def idle(request):
    pass


def hang(request):
    Path(os.environ["HANGS"]).write_text(str(os.getpid()))
    time.sleep(600)


@zoo.hookimpl
def zoo_exporters():
    (real,) = tflite.zoo_exporters()
    for export in (garbled, crash, refuse, idle, hang):
        name = export.__name__
        mine = {"name": name, "suffix": f".{name}", "export": export}
        yield replace(real, precisions=("float32",), mixes=(), **mine)
'''


@dataclass(frozen=True)
class Typed:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def done(self) -> set[str]:
        """The steps that were done, rather than found."""
        return set(re.findall(r"^[✓✗] (.+?)  \d", self.err, re.MULTILINE)) - {"report"}


@dataclass(frozen=True)
class Place:
    """A home, a folder in which commands are typed, and one for their temporary files."""

    home: Path
    folder: Path

    @property
    def temporary(self) -> Path:
        # The path of a socket has room for 100 letters, and pytest's folders are long.
        name = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        folder = Path(tempfile.gettempdir(), f"ship-{name}")
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def environment(self) -> dict[str, str]:
        own = {"ZOO_HOME": str(self.home), "TMPDIR": str(self.temporary)}
        return {**os.environ, **own, "ZOO_OFFLINE": "1"}

    def python(self, *arguments: str | Path) -> Typed:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return Typed(done.returncode, done.stdout, done.stderr)

    def zoo(self, *arguments: str | Path) -> Typed:
        return self.python("-m", "zoo", *arguments)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def contents(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("folder")
    (folder / "odd.py").write_text(ODD, encoding="utf-8")
    found = Place(home=tmp_path_factory.mktemp("home"), folder=folder)
    yield found
    # Of all commands of this file, those that failed or were interrupted included.
    assert list(found.temporary.iterdir()) == []


@dataclass(frozen=True)
class Shipped:
    """The run that most tests look at."""

    typed: Typed
    folder: Path

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        steps = json.loads((self.folder / "records.json").read_text(encoding="utf-8"))
        return {step["step"]: step for step in steps}


@pytest.fixture(scope="module")
def shipped(place: Place) -> Shipped:
    typed = place.zoo(*SHIP, "--output", "my runs")
    assert typed.code == 0, typed.err
    (folder,) = (place.folder / "my runs").iterdir()
    return Shipped(typed, folder)


@pytest.fixture(autouse=True)
def in_place(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Functions called in this process see what the commands see."""
    monkeypatch.setenv("ZOO_HOME", str(place.home))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.chdir(place.folder)


def test_run_does_each_step_once_and_says_nothing_else(shipped: Shipped) -> None:
    """No library's chatter, no warnings: a line for each epoch, the training's end, each step."""
    assert shipped.typed.done == STEPS
    lines = shipped.typed.err.splitlines()
    assert len(lines) == len(STEPS) + len(["report"]) + 2 + 1
    one = r"(✓ [a-z0-9 ]+  [\d.]+ s|  finetune: (epoch [12]/2  loss|training ended after) .*)$"
    for line in lines:
        assert re.match(one, line), line


def test_folder_holds_the_files_and_nothing_else(shipped: Shipped) -> None:
    assert {path.name for path in shipped.folder.iterdir()} == {
        *FILES,
        *("lenet5.digits.safetensors", "lenet5.digits.toml"),
        *("records.json", "recipe.toml", "report.html"),
    }


def test_records_are_complete(shipped: Shipped) -> None:
    assert set(shipped.records) == STEPS
    assert {step["status"] for step in shipped.records.values()} == {"passed"}
    assert all(step["result"] for step in shipped.records.values())


@pytest.mark.parametrize(("format", "precision"), CELLS)
def test_file_manifest_and_records_agree(
    format: str, precision: str, shipped: Shipped, place: Place
) -> None:
    file = shipped.folder / f"lenet5.digits.{precision}.{format}"
    exported = shipped.records[f"export {format} {precision}"]["result"]
    judged = shipped.records[f"gate {format} {precision}"]["result"]
    timed = shipped.records[f"bench {format} {precision} host"]["result"]
    artifact = open_artifact(load_registry(), file)
    manifest = artifact.manifest
    assert manifest is not None
    assert manifest.payload_sha256 == artifact.contents.payload_sha256
    assert manifest.payload_sha256 == exported["contents"]["payload_sha256"]
    assert judged["sha256"] == timed["sha256"] == sha256(file)
    assert judged["bytes"] == file.stat().st_size
    assert manifest.weights_sha256 == sha256(shipped.folder / "lenet5.digits.safetensors")
    assert manifest.classes == tuple("0123456789")
    assert (manifest.format, manifest.precision) == (format, precision)
    assert (manifest.calibration is not None) == (precision == "int8")
    gate = manifest.gate
    assert gate is not None
    assert gate.passed
    assert all(check.passed for check in gate.checks)
    (metric,) = gate.metrics
    (recorded,) = judged["evaluation"]["metrics"]
    assert (metric.value, metric.count) == (recorded["value"], recorded["count"])
    if precision == "int8":
        assert artifact.contents.integer_operators > 0
        # ONNX files normalize in float: ONNX Runtime's integers would be slower there.
        islands = ("Mul", "Add") if format == "onnx" else ()
        assert artifact.contents.float_islands == islands
        assert artifact.contents.float_operators == len(islands)
    typed = place.zoo("evaluate", file, "--json")
    assert (typed.code, typed.err) == (0, "")
    (again,) = json.loads(typed.out)["metrics"]
    assert again == recorded


def test_int8_tflite_takes_raw_pixels(shipped: Shipped) -> None:
    (pixels,) = open_artifact(
        load_registry(), shipped.folder / "lenet5.digits.int8.tflite"
    ).contents.inputs
    assert (pixels.dtype, pixels.scale, pixels.zero_point) == ("uint8", 1.0, 0)


def test_card_tells_the_measured_accuracy(shipped: Shipped) -> None:
    from zoo.networks.card import read_card

    card = read_card(shipped.folder / "lenet5.digits.toml")
    (metric,) = shipped.records["evaluate keras"]["result"]["metrics"]
    assert card.accuracy is not None
    assert card.accuracy.value == pytest.approx(metric["value"], abs=1e-6)
    assert card.accuracy.count == metric["count"]
    assert card.sha256 == sha256(shipped.folder / "lenet5.digits.safetensors")
    assert card.parent == "lenet5.fashion_mnist"


def test_table_tells_what_the_records_say(shipped: Shipped) -> None:
    for format, precision in CELLS:
        judged = shipped.records[f"gate {format} {precision}"]["result"]
        (row,) = [r for r in shipped.typed.out.splitlines() if r.startswith(judged["file"])]
        assert row.endswith("passed")
        accuracy = 100 * judged["evaluation"]["metrics"][0]["value"]
        assert f" {accuracy:.1f} " in row


def test_next_commands_can_be_typed(shipped: Shipped, place: Place) -> None:
    """They are quoted: the folder has a space in its name."""
    commands = re.findall(r"^(?:next)? +(zoo .*)$", shipped.typed.out, re.MULTILINE)
    assert [shlex.split(command)[1] for command in commands] == ["inspect", "bench", "evaluate"]
    for command in commands:
        assert (place.folder / shlex.split(command)[2]).is_file()
    assert place.zoo(*shlex.split(commands[0])[1:]).code == 0


def test_report_needs_nothing_else(shipped: Shipped) -> None:
    page = (shipped.folder / "report.html").read_text(encoding="utf-8")
    assert all(name in page for name in FILES)
    assert re.findall(r"""(?:src|href)\s*=\s*["'](?!data:|#)[^"']*""", page) == []
    assert "<script" not in page
    assert "@import" not in page
    assert not re.search(r"url\((?!['\"]?(?:data:|#))", page)


def test_store_holds_each_step_and_each_sample(shipped: Shipped, place: Place) -> None:
    from zoo.results.measurements import Samples
    from zoo.results.store import Store

    store = Store(f"sqlite:///{place.home / 'data' / 'records.sqlite'}")
    stored = {found.record.step: found.record for found in store.records(run=shipped.folder.name)}
    assert set(stored) == STEPS
    for name, record in stored.items():
        assert record.key == shipped.records[name]["key"]
        if record.kind == "bench":
            samples = np.concatenate(Samples.decode(store.samples(record.key)).processes)
            assert record.result is not None
            assert len(samples) == record.result["runs"]
            # Of an even number the lower middle one: a percentile is always a sample.
            median = np.quantile(samples, 0.5, method="inverted_cdf")
            assert median / 1e6 == pytest.approx(record.result["p50_ms"])
    store.close()


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
    assert sorted(path.name for path in run.files) == sorted(FILES)
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


@pytest.fixture(scope="module")
def troubled(shipped: Shipped, place: Place) -> Shipped:
    """The same weights, shipped in formats that go wrong."""
    formats = ("--format", "garbled,crash,refuse,idle,tflite", "--precision", "float32")
    typed = place.zoo("--plugin", "odd.py", *SHIP, *formats, "--output", "troubled")
    (folder,) = (place.folder / "troubled").iterdir()
    return Shipped(typed, folder)


def test_trouble_is_told_and_costs_its_format_alone(troubled: Shipped) -> None:
    assert troubled.typed.code == 1
    assert "Traceback" not in troubled.typed.err + troubled.typed.out
    status = {name: step["status"] for name, step in troubled.records.items()}
    assert status["gate garbled float32"] == "rejected"
    assert [status[f"export {name} float32"] for name in ("crash", "refuse", "idle")] == [
        "failed"
    ] * 3
    assert [status[f"gate {name} float32"] for name in ("crash", "refuse", "idle")] == [
        "skipped"
    ] * 3
    assert status["bench garbled float32 host"] == "skipped"
    assert status["bench tflite float32 host"] == "passed"
    for said in (
        r"rejected  lenet5.digits.float32.garbled.rejected: parity: the file chooses another class",
        r"accuracy: loses \d\d\.\d\d points, and chance does not explain it",
        r"failed    lenet5.digits.float32.crash: export died by SIGSEGV; why: native code",
        r"failed    lenet5.digits.float32.refuse: the plugin 'odd' failed: "
        r"RuntimeError: this converter does not like Mon",
        r"failed    lenet5.digits.float32.idle: the exporter 'idle' wrote no file",
        r"^lenet5.digits.float32.tflite .* passed$",
    ):
        assert re.search(said, troubled.typed.out, re.MULTILINE), said
    page = (troubled.folder / "report.html").read_text(encoding="utf-8")
    assert "chance does not explain it" in page
    assert "SIGSEGV" in page


def test_rejected_file_says_so_itself(troubled: Shipped, place: Place) -> None:
    names = {path.name for path in troubled.folder.iterdir()}
    assert "lenet5.digits.float32.garbled.rejected" in names
    assert "lenet5.digits.float32.garbled" not in names
    assert "lenet5.digits.float32.tflite" in names
    file = troubled.folder / "lenet5.digits.float32.garbled.rejected"
    typed = place.zoo("--plugin", "odd.py", "inspect", file)
    assert typed.code == 0
    assert re.search(r"^gate +REJECTED in litert", typed.out, re.MULTILINE)
    assert re.search(r"^  -- parity ", typed.out, re.MULTILINE)


def test_rejection_is_remembered(troubled: Shipped, place: Place) -> None:
    options = ("--format", "garbled", "--precision", "float32")
    typed = place.zoo("--plugin", "odd.py", *SHIP, *options, "--output", "again")
    assert typed.code == 1
    assert typed.done == set()
    assert "garbled.rejected: parity" in typed.out


@pytest.mark.slow
def test_crash_is_remembered_until_a_retry(troubled: Shipped, place: Place) -> None:
    options = ("--format", "crash,idle", "--precision", "float32", "--output", "crashed")
    typed = place.zoo("--plugin", "odd.py", *SHIP, *options)
    assert typed.code == 1
    # What is no crash may go well another time.
    assert typed.done == {"export idle float32"}
    assert "died by SIGSEGV" in typed.out
    assert "--retry" in typed.out
    typed = place.zoo("--plugin", "odd.py", *SHIP, *options, "--retry")
    assert typed.done == {"export crash float32", "export idle float32"}


SCRIPT = """
import json, os
from pathlib import Path

import zoo

with Path("times.txt").open("a") as file:
    file.write("once\\n")
done = []
run = zoo.ship(
    "lenet5", "digits", epochs=2, formats=["tflite"], precisions=["int8"], calibration_samples=64,
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


def test_loaded_network_is_the_evaluated_one(shipped: Shipped) -> None:
    from zoo.data.digits import open_digits
    from zoo.data.preprocessing.inputs import read_inputs

    model = zoo.load(str(shipped.folder / "lenet5.digits.safetensors"))
    examples = open_digits(None).splits["test"]
    _, variant = load_registry().variant("lenet5")
    inputs = read_inputs(examples, variant.preprocessing, range(len(examples))).astype(np.float32)
    outputs = np.asarray(model(inputs, training=False))
    assert outputs.shape == (len(examples), 10)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
    (metric,) = shipped.records["evaluate keras"]["result"]["metrics"]
    assert float((outputs.argmax(axis=1) == examples.labels).mean()) == metric["value"]


def test_packaged_network_has_the_accuracy_on_its_card(place: Place) -> None:
    from zoo.data.readers.fashion_files import DEBIAN_FOLDER

    if not DEBIAN_FOLDER.is_dir():
        pytest.skip("needs the Debian package dataset-fashion-mnist")
    from zoo.data.fashion_mnist import open_fashion_mnist
    from zoo.data.preprocessing.inputs import read_inputs

    card = zoo.info("lenet5")["cards"]["lenet5.fashion_mnist"]
    examples = open_fashion_mnist(None).splits["test"]
    _, variant = load_registry().variant("lenet5")
    inputs = read_inputs(examples, variant.preprocessing, range(len(examples))).astype(np.float32)
    outputs = np.asarray(zoo.load("lenet5")(inputs, training=False))
    accuracy = float((outputs.argmax(axis=1) == examples.labels).mean())
    # Another processor may round another way.
    assert accuracy == pytest.approx(card["accuracy"]["value"], abs=2e-3)


def gone(processes: list[psutil.Process]) -> bool:
    _, left = psutil.wait_procs(processes, timeout=120)
    return not [p for p in left if p.status() != psutil.STATUS_ZOMBIE]


@contextmanager
def started(place: Place, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process group of its own, as a terminal starts it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zoo", *arguments],
        cwd=place.folder,
        env={**place.environment, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("number", "to_all", "code", "said"),
    [
        (signal.SIGINT, True, 130, "interrupted: finished steps are kept"),
        pytest.param(signal.SIGTERM, False, 143, "stopped: finished", marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, False, -signal.SIGKILL, "", marks=pytest.mark.slow),
    ],
    ids=["ctrl-c", "terminated", "killed"],
)
def test_end_in_the_middle_leaves_no_process_behind(
    number: int, to_all: bool, code: int, said: str, shipped: Shipped, place: Place, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    command = ("--plugin", "odd.py", *SHIP, "--format", "hang", "--precision", "float32")
    environment = {"HANGS": str(mark), "TMPDIR": str(tmp_path)}
    with started(place, *command, "--output", "ended", **environment) as process:
        while not (mark.exists() and mark.read_text(encoding="ascii")):
            assert process.poll() is None
            time.sleep(0.05)
        children = psutil.Process(process.pid).children(recursive=True)
        assert list(tmp_path.glob("zoo-step-*"))
        assert int(mark.read_text(encoding="ascii")) in [child.pid for child in children]
        if to_all:
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        assert process.wait(60) == code
        assert gone(children)
        err = process.stderr.read() if process.stderr else ""
    assert said in err
    assert "Traceback" not in err
    assert not (place.folder / "ended" / "lenet5.digits.float32.hang").exists()
    assert list(place.folder.glob("ended/*")) == []
    assert list(tmp_path.glob("zoo-*" if number == signal.SIGKILL else "[!m]*")) == []


def test_ctrl_c_while_libraries_load(place: Place, tmp_path: Path) -> None:
    """With --json, even this is JSON."""
    fresh = Place(home=tmp_path / "home", folder=tmp_path)
    with started(fresh, *SHIP, "--json") as process:
        while not psutil.Process(process.pid).children():
            assert process.poll() is None
            time.sleep(0.02)
        children = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["error"]["type"] == "Interrupted"
    assert err.strip() == ""
    assert gone(children)
    assert list(fresh.temporary.iterdir()) == []


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system that holds next to nothing."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("only root can make a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount")
def test_full_disk_is_a_sentence_and_no_half_file(
    shipped: Shipped, place: Place, tmp_path: Path
) -> None:
    whole = contents(shipped.folder)
    with small_disk(tmp_path / "disk", "500k") as disk:
        typed = place.zoo(*SHIP, "--output", disk)
        assert typed.code == 1
        assert "the disk is full" in typed.err
        assert "free some space and type the same command" in typed.err
        assert "Traceback" not in typed.err
        (folder,) = disk.iterdir()
        assert set(contents(folder).items()) < set(whole.items())
        as_json = place.zoo(*SHIP, "--output", disk, "--json")
        assert "the disk is full" in json.loads(as_json.out)["error"]["what"]


@pytest.mark.slow
def test_interrupted_training_goes_on_and_ends_the_same(place: Place, tmp_path: Path) -> None:
    """Also: one seed gives one set of weights, in any home."""
    command = ("finetune", "lenet5", "--data", "digits", "--epochs", "4", "--seed", "7")
    unbroken = Place(home=tmp_path / "unbroken", folder=place.folder)
    assert unbroken.zoo(*command, "--output", tmp_path / "whole").code == 0

    broken = Place(home=tmp_path / "broken", folder=place.folder)
    output = ("--output", str(tmp_path / "pieces"))
    with started(broken, *command, *output) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "epoch 2/4" in line:
                break
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from there" in err

    typed = broken.zoo(*command, *output)
    assert typed.code == 0
    went_on = int(re.findall(r"goes on after epoch (\d)", typed.err)[0])
    assert went_on >= 2
    epochs = [int(number) for number in re.findall(r"epoch (\d)/4", typed.err)]
    assert epochs == list(range(went_on + 1, 5))
    assert sha256(tmp_path / "pieces" / "lenet5.digits.safetensors") == sha256(
        tmp_path / "whole" / "lenet5.digits.safetensors"
    )
    assert list((tmp_path / "broken" / "cache" / "checkpoints").iterdir()) == []
    assert list(broken.temporary.iterdir()) == []


@pytest.mark.slow
def test_two_at_once_share_the_work(tmp_path: Path) -> None:
    """The same command in two terminals: both end well, and each step is recorded once."""
    place = Place(home=tmp_path / "home", folder=tmp_path)
    command = (*SHIP, "--format", "tflite")
    with started(place, *command) as one, started(place, *command) as two:
        told = [process.communicate(timeout=600) for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], told
    (folder,) = (tmp_path / "runs").iterdir()
    from zoo.results.store import Store

    store = Store(f"sqlite:///{tmp_path / 'home' / 'data' / 'records.sqlite'}")
    steps = [found.record.step for found in store.records(run=folder.name)]
    store.close()
    assert sorted(steps) == sorted({step for step in STEPS if "onnx" not in step})
