"""A run that is interrupted, killed, out of disk space or started twice at once."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from ship_commands import SHIP, STEPS, Place, Shipped, contents, sha256

for module in ("tensorflow", "ai_edge_litert", "onnxruntime", "tf2onnx", "sklearn", "jinja2"):
    pytest.importorskip(module)


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
